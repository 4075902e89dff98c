"""The Bayeux server: sessions, subscriptions, and one handler per meta channel.

Theory of operation. `receive` takes one decoded message and returns one outcome (`outcomes.py`); messages of
one batch are handed in one after the other. Sessions live in `sessions`; an agenda (a heap with at most a few
entries per session) tells which sessions have something due: a held websocket connect or their expiry.
Nothing here blocks, logs, or knows a transport. The only caller is `comet/`, which holds one lock around
every call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from gateway.bayeux import channels, errors, extensions, messages
from gateway.bayeux.agenda import Agenda
from gateway.bayeux.options import CROWDED_BROWSER, WEBSOCKET, Options, Peer, Policy
from gateway.bayeux.outcomes import BroadcastPublish, Connect, Message, Outcome, Reply, ServicePublish
from gateway.bayeux.session import Held, Session

VERSION = "1.0"
HANDSHAKE, _CONNECT = "/meta/handshake", "/meta/connect"
_HANDSHAKE_ADVICE = {"reconnect": "handshake", "interval": 0}
_NO_ADVICE = {"reconnect": "none", "interval": 0}


class Machine:
    """All Bayeux sessions of one node."""

    def __init__(self, options: Options, policy: Policy, *, new_id: Callable[[], str]) -> None:
        self.options = options
        self.sessions: dict[str, Session] = {}
        self._policy = policy
        self._new_id = new_id
        self._subscribers: dict[str, set[Session]] = {}
        self._held_by_browser: dict[str, int] = {}
        self._agenda = Agenda()
        self._handlers: dict[str, Callable[[Message, Session, Peer, float, int], Outcome]] = {
            _CONNECT: self._connect,
            "/meta/disconnect": self._disconnect,
            "/meta/subscribe": self._subscribe,
            "/meta/unsubscribe": self._unsubscribe,
        }

    # --- messages -------------------------------------------------------------------------------------

    def receive(self, message: Message, peer: Peer, *, now: float, wall_ms: int) -> Outcome:
        """Process one message. `now` is monotonic seconds, `wall_ms` Unix milliseconds (timesync)."""
        channel = message.get("channel")
        identifier = message.get("id")
        if identifier is not None and not messages.is_id(identifier):
            return Reply(messages.failure({"channel": channel}, errors.MESSAGE_ID_INVALID))
        if channel is None:
            return Reply(messages.failure(message, errors.CHANNEL_MISSING))
        if not channels.is_channel(channel) and not channels.is_pattern(channel):
            return Reply(messages.failure(message, errors.CHANNEL_INVALID))
        if channel == HANDSHAKE:
            return self._handshake(message, peer, now, wall_ms)
        session = self._find(message, peer)
        if session is None:
            return Reply(self._unknown(message))
        handler = self._handlers.get(channel)
        if handler is not None:
            outcome = handler(message, session, peer, now, wall_ms)
            if isinstance(outcome, Reply):
                extensions.add_timesync(outcome.reply, extensions.timesync_request(message, wall_ms), 0.0)
        else:
            outcome = self._publish(message, session)
        if channel != _CONNECT and not session.closed and session.held is None:
            # An ordinary message is a sign of life too (spec/bayeux.md 9, #650).
            self.schedule_expiry(
                session, max(session.expires or 0.0, now + self.options.max_interval_ms / 1000)
            )
        return outcome

    def _find(self, message: Message, peer: Peer) -> Session | None:
        """The live session that this peer may speak for; binds a browser on its first use (decision 6)."""
        client_id = message.get("clientId")
        bound = peer.bound
        if bound is not None and not bound.closed:
            return bound if client_id is None or client_id == bound.id else None
        session = self.sessions.get(client_id) if isinstance(client_id, str) else None
        if session is None:
            return None
        if session.browser_bound and peer.browser != session.browser:
            return None
        if peer.browser is not None and not session.browser_bound:
            if peer.browser != session.browser:
                return None
            session.browser_bound = True
        return session

    def _unknown(self, message: Message) -> Message:
        """402; connects are told to handshake again (spec/chat-api-v2.md 7.1)."""
        reply = messages.failure(message, self.options.unknown_client)
        if message["channel"] == _CONNECT:
            reply["advice"] = dict(_HANDSHAKE_ADVICE)
        return reply

    # --- handshake ------------------------------------------------------------------------------------

    def _handshake(self, message: Message, peer: Peer, now: float, wall_ms: int) -> Outcome:
        reply: Message = messages.reply(message)
        refusal = self._handshake_refusal(message, peer)
        if refusal is not None:
            return Reply({**messages.failure(message, refusal), "advice": dict(_NO_ADVICE)})
        session = Session(
            id=self._new_id(),
            transport=peer.transport,
            origin=peer.origin,
            browser=peer.browser or peer.new_browser,
            browser_bound=peer.browser is not None,
            ack=extensions.ack_requested(message),
            created=now,
            gateway_ext=extensions.member(message, "gateway") is True,
            principal=peer.principal,
        )
        self.adopt(session, now)
        reply.update(
            successful=True,
            clientId=session.id,
            version=VERSION,
            minimumVersion=VERSION,
            supportedConnectionTypes=list(self.options.connection_types),
            advice=self._retry_advice(),
        )
        if session.ack:
            reply["ext"] = {"ack": True}
        extensions.add_timesync(reply, extensions.timesync_request(message, wall_ms), 0.0)
        return Reply(reply, session, opened=True)

    def _handshake_refusal(self, message: Message, peer: Peer) -> str | None:
        if not peer.alone:
            return errors.HANDSHAKE_NOT_ALONE
        if peer.denied or not self._policy.can_handshake(peer):
            return errors.HANDSHAKE_DENIED
        offered = message.get("supportedConnectionTypes")
        if offered is None:
            return None
        names = [name for name in offered if isinstance(name, str)] if isinstance(offered, list) else []
        if set(names) & set(self.options.connection_types):
            return None
        return errors.no_common_transport("-".join(names)[:64])

    def adopt(self, session: Session, now: float) -> None:
        """Make a session known: a fresh one, or one restored from the store."""
        self.sessions[session.id] = session
        # From the handshake on: a client that vanishes before its first connect must not leak (#1716).
        self.schedule_expiry(session, now + self._idle_seconds())

    # --- connect --------------------------------------------------------------------------------------

    def _connect(self, message: Message, session: Session, peer: Peer, now: float, wall_ms: int) -> Outcome:
        superseded, session.held = session.held, None
        self.uncount(superseded)
        session.connects += 1
        session.expires = None
        if session.restored:
            session.go_on_after(extensions.ack_batch(message, extensions.MAX_BATCH))
        if session.ack:
            session.memo["confirmed"] = session.confirm(extensions.ack_batch(message, session.batch))
        elif session.channel is None or peer.bound is session:
            session.memo["confirmed"] = session.confirm(None)
        else:
            # From another connection than the session's websocket: it says nothing about what went into that.
            session.rewind_all()
        advice = message.get("advice")
        held = Held(
            reply={**messages.reply(message), "successful": True},
            received=now,
            deadline=now,
            transport=peer.transport,
            advise=isinstance(advice, dict),
            timesync=extensions.timesync_request(message, wall_ms),
            browser=session.browser,
        )
        hold_s = self._hold_seconds(session, held, advice) if peer.alone and session.connects > 1 else 0.0
        held.deadline = now + hold_s
        return Connect(session, held, hold_s, superseded)

    def _hold_seconds(self, session: Session, held: Held, advice: object) -> float:
        timeout_ms: float = self.options.timeout_ms
        wanted = advice.get("timeout") if isinstance(advice, dict) else None
        if isinstance(wanted, (int, float)) and not isinstance(wanted, bool) and wanted >= 0:
            timeout_ms = min(timeout_ms, wanted)
        if timeout_ms > 0 and held.transport != WEBSOCKET and self._crowded(session):
            interval_ms = self.options.multi_session_interval_ms
            held.reply["successful"] = interval_ms > 0
            held.reply["advice"] = {
                # Without a pause between its polls the client would ask again at once, for ever.
                "reconnect": "retry" if interval_ms > 0 else "none",
                "interval": interval_ms,
                "multiple-clients": True,
            }
            held.advise = False
            return 0.0
        return timeout_ms / 1000

    def _crowded(self, session: Session) -> bool:
        """Whether this browser already holds as many polls as it may (spec/bayeux.md 8)."""
        if session.browser is None or not session.browser_bound:
            return False
        limit = self.options.max_sessions_per_browser
        limit = CROWDED_BROWSER - 1 if limit < 0 else limit
        return self._held_by_browser.get(session.browser, 0) >= limit

    def hold(self, session: Session, held: Held) -> None:
        """Park a connect; websockets are watched by the agenda, HTTP requests by their own waiter."""
        session.held = held
        if held.transport == WEBSOCKET:
            self._agenda.put(session, held.deadline)
        elif held.browser is not None:
            held.counted = True
            self._held_by_browser[held.browser] = self._held_by_browser.get(held.browser, 0) + 1

    def uncount(self, held: Held | None) -> None:
        """A parked poll ended, however it ended (#131, #247: never forget one)."""
        if held is None or not held.counted or held.browser is None:
            return
        held.counted = False
        left = self._held_by_browser.get(held.browser, 0) - 1
        if left > 0:
            self._held_by_browser[held.browser] = left
        else:
            self._held_by_browser.pop(held.browser, None)

    def finish_connect(self, session: Session, held: Held, *, batch: int, now: float) -> Message:
        """The reply to a connect that ends now; the caller adds the delivery's frames before it."""
        if session.held is held:
            session.held = None
        self.uncount(held)
        reply = held.reply
        if session.closed:
            reply["advice"] = dict(_NO_ADVICE)
            return reply
        if held.advise:
            reply["advice"] = self._retry_advice()
        if session.ack:
            reply.setdefault("ext", {})["ack"] = batch
        extensions.add_timesync(reply, held.timesync, now - held.received)
        return reply

    def replied(self, session: Session, now: float) -> None:
        """A connect reply was written (or could not be): the client has this long to come back (#256)."""
        if not session.closed and session.held is None:
            self.schedule_expiry(session, now + self._idle_seconds())

    # --- disconnect, subscribe, unsubscribe, publish ---------------------------------------------------

    def _disconnect(
        self, message: Message, session: Session, _peer: Peer, _now: float, _wall_ms: int
    ) -> Outcome:
        released = session.held
        self.remove(session)
        return Reply({**messages.reply(message), "successful": True}, session, released, closed=True)

    def _subscribe(
        self, message: Message, session: Session, _peer: Peer, _now: float, _wall_ms: int
    ) -> Outcome:
        names = messages.subscriptions(message)
        if isinstance(names, str):
            return Reply(messages.failure(message, names), session)
        wanted = {name for name in names if not channels.is_service(name)}
        if len(session.subscriptions | wanted) > self.options.max_subscriptions:
            return Reply(messages.failure(message, errors.TOO_MANY_SUBSCRIPTIONS), session)
        for name in names:
            if channels.is_meta(name) or not self._policy.can_subscribe(session, name):
                return Reply(messages.failure(message, errors.subscribe_denied(name)), session)
        self.subscribe_restored(session, wanted)
        return Reply(
            {**messages.reply(message), "successful": True, "subscription": message["subscription"]}, session
        )

    def _unsubscribe(
        self, message: Message, session: Session, _peer: Peer, _now: float, _wall_ms: int
    ) -> Outcome:
        names = messages.subscriptions(message)
        if isinstance(names, str):
            return Reply(messages.failure(message, names), session)
        for name in names:
            self._drop_subscription(session, name)
        return Reply(
            {**messages.reply(message), "successful": True, "subscription": message["subscription"]}, session
        )

    def _publish(self, message: Message, session: Session) -> Outcome:
        channel = message["channel"]
        if channels.is_meta(channel) or channel.endswith("*"):  # else it is a channel: `receive` has looked
            return Reply(messages.failure(message, errors.CHANNEL_INVALID), session)
        if not self._policy.can_publish(session, channel):
            return Reply(messages.failure(message, errors.publish_denied(channel)), session)
        ack = {**messages.reply(message), "successful": True}
        if channels.is_service(channel):
            return ServicePublish(session, channel, message.get("data"), ack)
        # Only these members travel: a publisher must not speak with the server's voice (`advice`, `error`).
        event: Message = {name: message[name] for name in ("channel", "data", "ext") if name in message}
        event.setdefault("data", None)
        return BroadcastPublish(session, self._recipients(channel), event, ack)

    def _recipients(self, channel: str) -> list[Session]:
        found: dict[str, Session] = {}
        for pattern in channels.expand(channel):
            for session in self._subscribers.get(pattern, ()):
                found[session.id] = session
        return list(found.values())

    def subscribe_restored(self, session: Session, names: Iterable[str]) -> None:
        """Give a session restored from the store its broadcast subscriptions back."""
        for name in names:
            session.subscriptions.add(name)
            self._subscribers.setdefault(name, set()).add(session)

    # --- end of a session -------------------------------------------------------------------------------

    def remove(self, session: Session) -> None:
        """Forget a session; its held connect is left for the caller to complete."""
        session.closed = True
        self.sessions.pop(session.id, None)
        for name in list(session.subscriptions):
            self._drop_subscription(session, name)

    def _drop_subscription(self, session: Session, name: str) -> None:
        session.subscriptions.discard(name)
        members = self._subscribers.get(name)
        if members is not None:
            members.discard(session)
            if not members:
                del self._subscribers[name]

    # --- time -------------------------------------------------------------------------------------------

    def schedule_expiry(self, session: Session, when: float) -> None:
        """The session ends at `when` unless it shows life before."""
        session.expires = when
        self._agenda.put(session, when)

    def due(self, now: float) -> list[Session]:
        """Sessions whose held websocket connect or whose life is over; look at `held` and `expires`."""
        return self._agenda.due(now)

    def _idle_seconds(self) -> float:
        return (self.options.interval_ms + self.options.max_interval_ms) / 1000

    def _retry_advice(self) -> dict[str, Any]:
        return {
            "reconnect": "retry",
            "interval": self.options.interval_ms,
            "timeout": self.options.timeout_ms,
        }
