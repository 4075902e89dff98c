"""A model of the engine: any sequence of messages of several clients over polls and websockets.

After every step: replies have the shape of the protocol, each session has what its own client did,
nothing of another's, at most one connect is held, polls of a browser are counted exactly, and who
subscribed gets the broadcast. Deliveries are the subject of `tests/unit/comet/test_any_history.py`.
"""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule
from unit.bayeux.bayeux_server import TYPES, WALL_MS, Server, socket_peer

from gateway.bayeux import BroadcastPublish, Connect, Held, Peer, Reply, ServicePublish, Session
from gateway.bayeux.options import LONG_POLLING, WEBSOCKET

PATTERNS = ["/news", "/news/*", "/news/**", "/service/x", "/meta/x", "/forbidden", "//", 7]
BROWSERS = ["blue", "green"]
LIMIT = 2  # held polls of one browser


class Known:
    """What the model believes of one session."""

    def __init__(self, session: Session, browser: str | None) -> None:
        self.session = session
        self.browser = browser
        self.subscriptions: set[str] = set()
        self.connects = 0
        self.held: Held | None = None


class Engine(RuleBasedStateMachine):
    """Clients of several browsers against one engine."""

    clients = Bundle("clients")

    @initialize()
    def begin(self) -> None:
        self.server = Server(max_sessions_per_browser=LIMIT, max_subscriptions=3)
        self.known: dict[str, Known] = {}

    # --- helpers ----------------------------------------------------------------------------------------

    def _say(self, known: Known, channel: Any, *, peer: Peer | None = None, **members: Any) -> Any:
        message = {"id": "7", "channel": channel, "clientId": known.session.id, **members}
        peer = peer or Peer(LONG_POLLING, browser=known.browser)
        outcome = self.server.machine.receive(message, peer, now=self.server.now, wall_ms=WALL_MS)
        if isinstance(outcome, Reply):
            check(outcome.reply, channel)
        return outcome

    # --- steps ------------------------------------------------------------------------------------------

    @rule(target=clients, browser=st.sampled_from(BROWSERS), socket=st.booleans())
    def handshake(self, browser: str, socket: bool) -> Known:
        peer = socket_peer() if socket else Peer(LONG_POLLING, browser=browser)
        message = {"id": "1", "channel": "/meta/handshake", "supportedConnectionTypes": TYPES}
        outcome = self.server.say(message, peer)
        assert isinstance(outcome, Reply)
        check(outcome.reply, "/meta/handshake")
        assert outcome.session is not None
        assert outcome.reply["clientId"] not in self.known
        known = Known(outcome.session, None if socket else browser)
        self.known[outcome.session.id] = known
        return known

    @rule(known=clients, hold=st.booleans())
    def connect(self, known: Known, hold: bool) -> None:
        if known.session.closed:
            assert self._say(known, "/meta/connect").reply["error"] == "402::Unknown client"
            return
        others = [other for other in self.known.values() if other is not known and other.held is not None]
        crowded = sum(other.browser == known.browser for other in others) >= LIMIT
        peer = Peer(LONG_POLLING, browser=known.browser) if known.browser else socket_peer(known.session)
        outcome = self._say(known, "/meta/connect", peer=peer, connectionType="long-polling")
        assert isinstance(outcome, Connect)
        known.connects += 1
        assert outcome.superseded is known.held
        assert (outcome.hold_s > 0) is (known.connects > 1 and not (crowded and known.browser is not None))
        machine = self.server.machine
        if hold and outcome.hold_s > 0:
            machine.hold(known.session, outcome.held)
            known.held = outcome.held
            return
        known.held = None
        self._finish(known, outcome.held)

    @rule(known=clients)
    def held_connect_ends(self, known: Known) -> None:
        if known.held is not None:
            held, known.held = known.held, None
            self._finish(known, held)

    def _finish(self, known: Known, held: Held) -> None:
        machine = self.server.machine
        reply = machine.finish_connect(known.session, held, batch=0, now=self.server.now)
        check(reply, "/meta/connect")
        assert reply.get("advice", {}).get("reconnect") != "handshake"
        machine.replied(known.session, self.server.now)

    @rule(known=clients, names=st.lists(st.sampled_from(PATTERNS), max_size=3), undo=st.booleans())
    def subscription(self, known: Known, names: list[Any], undo: bool) -> None:
        channel = "/meta/unsubscribe" if undo else "/meta/subscribe"
        reply = self._say(known, channel, subscription=names).reply
        if reply["successful"]:
            assert reply["subscription"] == names
            wanted = {name for name in names if not name.startswith("/service/")}
            known.subscriptions = known.subscriptions - wanted if undo else known.subscriptions | wanted

    @rule(
        known=clients,
        channel=st.sampled_from(["/news", "/news/a", "/service/x", "/other", "/meta/y", "/news/*"]),
    )
    def publish(self, known: Known, channel: str) -> None:
        outcome = self._say(known, channel, data=1, advice={"reconnect": "none"})
        if isinstance(outcome, Reply):
            assert outcome.reply["successful"] is False
            return
        assert isinstance(outcome, BroadcastPublish | ServicePublish)
        check(outcome.ack, channel)
        assert "data" not in outcome.ack
        if isinstance(outcome, BroadcastPublish):
            fits = {"/news": {"/news"}, "/news/a": {"/news/*", "/news/**"}}[channel]
            expected = {one.session.id for one in self.known.values() if one.subscriptions & fits}
            assert {session.id for session in outcome.recipients} == expected
            assert len(outcome.recipients) == len(expected)
            assert set(outcome.event) == {"channel", "data"}

    @rule(known=consumes(clients))
    def disconnect(self, known: Known) -> None:
        closed = known.session.closed
        outcome = self._say(known, "/meta/disconnect")
        assert outcome.reply["successful"] is not closed
        if not closed:
            assert outcome.released is known.held
            self._over(known)

    @rule(
        known=clients,
        thief=st.sampled_from([*BROWSERS, "red"]),
        channel=st.sampled_from(["/meta/connect", "/news"]),
    )
    def a_stolen_id(self, known: Known, thief: str, channel: str) -> None:
        if thief == known.browser or known.browser is None:
            return
        reply = self._say(known, channel, peer=Peer(LONG_POLLING, browser=thief), data=1).reply
        assert reply["error"] == "402::Unknown client"

    @rule(known=clients, other=clients)
    def another_id_on_a_bound_socket(self, known: Known, other: Known) -> None:
        if known.session.closed or known is other:
            return
        reply = self._say(
            other, "/meta/subscribe", peer=socket_peer(known.session), subscription="/news"
        ).reply
        assert reply["error"] == "402::Unknown client"

    @rule(seconds=st.sampled_from([1, 31, 80]))
    def time_passes(self, seconds: int) -> None:
        self.server.now += seconds
        for session in self.server.machine.due(self.server.now):
            known = self.known[session.id]
            if session.held is not None:
                assert session.held.transport == WEBSOCKET
                known.held = None
                self._finish(known, session.held)
            else:
                self.server.machine.remove(session)
                self._over(known)

    def _over(self, known: Known) -> None:
        if known.held is not None:
            self.server.machine.uncount(known.held)
        known.held, known.subscriptions = None, set()

    # --- what always holds ------------------------------------------------------------------------------

    @invariant()
    def sessions_are_as_their_clients_left_them(self) -> None:
        machine = getattr(self, "server", None) and self.server.machine
        if not machine:
            return
        living = {id_ for id_, known in self.known.items() if not known.session.closed}
        assert set(machine.sessions) == living
        for id_ in living:
            known = self.known[id_]
            assert known.session.subscriptions == known.subscriptions
            assert known.session.held is known.held
            assert known.session.connects == known.connects
            # Held by a poll, or on the way out of this world: never neither.
            assert known.held is not None or known.session.expires is not None

    @invariant()
    def polls_are_counted_exactly(self) -> None:
        if not hasattr(self, "server"):
            return
        held = [known.browser for known in self.known.values() if known.held is not None and known.browser]
        assert {name: held.count(name) for name in set(held)} == self.server.machine._held_by_browser

    @invariant()
    def nothing_is_kept_of_the_dead(self) -> None:
        if not hasattr(self, "server"):
            return
        subscribed = {session.id for group in self.server.machine._subscribers.values() for session in group}
        assert subscribed <= set(self.server.machine.sessions)


def check(reply: dict[str, Any], channel: Any) -> None:
    """The schema of a reply (spec/bayeux.md 1 and 2)."""
    assert isinstance(reply["successful"], bool)
    assert reply["successful"] is ("error" not in reply)
    assert reply["id"] in ("1", "7")
    assert "data" not in reply
    if isinstance(channel, str) and reply["successful"]:
        assert reply["channel"] == channel
    if "error" in reply:
        code, _, text = reply["error"].split(":", 2)
        assert code.isdigit()
        assert len(code) == 3
        assert text
        assert "clientId" not in reply
    if "advice" in reply:
        assert reply["advice"]["reconnect"] in ("retry", "handshake", "none")
        assert reply["successful"] is False or reply["advice"]["reconnect"] != "handshake"
        assert channel in ("/meta/handshake", "/meta/connect")


TestEngine = Engine.TestCase
TestEngine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None, derandomize=True)
