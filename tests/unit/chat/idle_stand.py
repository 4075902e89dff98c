"""Configuration and steps of the tests of idle control."""

from __future__ import annotations

from typing import Any

import orjson
from unit.chat.engine import Engine

from gateway.chat.customers import Party

ON = "[inactivity-control]\nenabled=true\n"
TEXTS = "message-alert=still there?\nmessage-alert2=last call\nmessage-close=closed\n"
ASYNC = {"GCTI_Chat_AsyncMode": "true"}
CANCEL = {"purpose": "cancel-idle-timer"}


def quiet(engine: Engine, seconds: int) -> None:
    """Nobody does anything for so long; idle control looks every second, as in production."""
    for _ in range(seconds):
        engine.clock.advance(1)
        engine.idle.sweep()


def later(engine: Engine, seconds: float) -> None:
    """The same in one step, for waits of days."""
    engine.clock.advance(seconds)
    engine.idle.sweep()


def wires(engine: Engine, party: Party) -> list[dict[str, Any]]:
    """What idle control wrote, and how customers left."""
    shown = [orjson.loads(event.wire) for event in engine.store.events(party.session.id, 1, limit=1000)]
    return [wire for wire in shown if wire["type"] in ("IdleAlert", "IdleClose", "ParticipantLeft")]


def types(engine: Engine, party: Party) -> list[str]:
    return [wire["type"] for wire in wires(engine, party)]


def cancel(engine: Engine, party: Party) -> None:
    engine.customers.notice(party, None, event_attributes=CANCEL, message_type=None)
