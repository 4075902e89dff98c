"""The index of open chats agrees with a recount, whatever happens in which order."""

from __future__ import annotations

import random
from dataclasses import replace

from unit.chat.engine import ALICE, Engine

from gateway.chat.decision import Decision
from gateway.chat.lines import Lines
from gateway.model.placement import Placement
from gateway.model.session import ChatState


def test_positions_and_loads_agree_with_a_recount() -> None:
    """300 random starts, accepts, leaves, moves to another queue and ends; after each, everything fits."""
    engine, lines, dice = Engine(), Lines(), random.Random(3)
    engine.bus.subscribe(lambda done: lines.put(done.session, now_ms=done.session.last_utc_ms))
    chats: list[str] = []

    def move(session):
        place = Placement(dice.choice(("t:a", "t:b")), dice.randrange(1000))
        return Decision(profile=replace(session.profile, placement=place))

    for _ in range(300):
        engine.clock.advance(1)
        act = dice.randrange(5)
        if act == 0 or not chats:
            chats.append(engine.start().session.id)
            continue
        chat = dice.choice(chats)
        session = engine.store.session(chat)
        if act == 1 and session.state is ChatState.WAITING:
            engine.agents.accept(ALICE, chat)
        elif act == 2 and session.state is ChatState.ACTIVE:
            engine.agents.leave(ALICE, chat)
        elif act == 3:
            engine.ledger.change(chat, move)
        elif act == 4 and session.state is not ChatState.ENDED:
            engine.agents.close(replace(ALICE, role="admin"), chat)
        agree(engine, lines, chats)


def agree(engine: Engine, lines: Lines, chats: list[str]) -> None:
    """Compare with the store."""
    sessions = [engine.store.session(chat) for chat in chats]
    waiting = [session for session in sessions if session.state is ChatState.WAITING]
    waiting.sort(key=lambda one: (one.profile.place.since_ms, one.profile.created_ms, one.id))
    queues: dict[str, list[str]] = {}
    for session in waiting:
        queues.setdefault(session.profile.place.queue, []).append(session.id)
    assert queues == lines.queues()
    for line in queues.values():
        found = [place[0] for place in map(lines.position, line) if place]
        assert list(range(1, len(line) + 1)) == found
    active = {session.id for session in sessions if session.state is ChatState.ACTIVE}
    assert active == lines.served("Alice")
