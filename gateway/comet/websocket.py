"""The websocket transport: flask-sock upgrades, then one greenlet per socket reads frames (spec/bayeux.md 7).

Theory of operation. The upgrade passes through Flask and flask-sock (`install`), whose view only hands the
socket out and ends, so that no Flask context lives as long as the connection. From then on `serve` owns the
reading side with a `FrameReader`, and a `SocketOutbox` owns the writing side. permessage-deflate is never
negotiated: it costs 102 KB per socket and opens a door for inflation bombs.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog
from flask import Flask, request
from flask_sock import Sock

from gateway.bayeux import Peer, Session
from gateway.comet import frames
from gateway.comet.batch import BadBatch, decode
from gateway.comet.exchange import Exchange, Result
from gateway.comet.hub import Hub
from gateway.comet.receiving import receiver
from gateway.comet.sockets import SocketOutbox
from gateway.comet.ws_reader import CLOSE, PING, TEXT, FrameReader, Incoming, close_code
from gateway.config.views import CometdSettings
from gateway.observe.metrics import Metrics

# Where the flask-sock view leaves the upgraded socket for the WSGI layer.
SOCKET_KEY = "gateway.websocket"
# A socket on which nobody shakes hands is closed after this; a real client does so at once.
NO_SESSION_TIMEOUT_S = 30.0
# After a disconnect the client closes; one that does not (the official one in Node) is closed after this.
GOODBYE_TIMEOUT_S = 1.0
_READ_SIZE = 16_384
# After our close frame: how long to wait for the peer's end, and how much of an oversize message to take.
LINGER_S, LINGER_READS = 1.0, 64

CLOSE_NORMAL, CLOSE_GOING_AWAY, CLOSE_PROTOCOL = 1000, 1001, 1002
CLOSE_UNSUPPORTED, CLOSE_INVALID, CLOSE_INTERNAL = 1003, 1007, 1011

log = structlog.get_logger(__name__)


class _NoThread:
    """Stands in for the reader thread that simple-websocket would start: the gateway reads itself."""

    name = ""

    def __init__(self, target: Callable[[], None]) -> None:
        pass

    def start(self) -> None:
        """Start nothing."""


def install(app: Flask, path: str) -> None:
    """Let flask-sock do the upgrade on `path` and everything below it."""
    app.config["SOCK_SERVER_OPTIONS"] = {"thread_class": _NoThread}
    sock = Sock(app)

    def hand_out(ws: Any, rest: str = "") -> None:
        request.environ[SOCKET_KEY] = ws.sock
        ws.connected = False  # flask-sock must not close what others go on with

    sock.route(path)(hand_out)
    sock.route(path + "/", endpoint="websocket_slash")(hand_out)
    sock.route(path + "/<path:rest>", endpoint="websocket_below")(hand_out)


class Connection:
    """One websocket: the `channel` of the session that it is bound to."""

    def __init__(
        self,
        sock: socket.socket,
        peer: Peer,
        *,
        exchange: Exchange,
        hub: Hub,
        settings: CometdSettings,
        metrics: Metrics,
    ) -> None:
        self._sock = sock
        self._peer = peer
        self._exchange = exchange
        self._hub = hub
        self._metrics = metrics
        self._unbound_until = 0.0
        self._reader = FrameReader(settings.ws_max_message_size_bytes)
        self._outbox = SocketOutbox(
            sock,
            max_frames=settings.max_queue_events,
            max_bytes=settings.max_queue_bytes,
            on_dead=self._dead,
            on_drained=self._drained,
        )

    # --- what the hub uses ------------------------------------------------------------------------------

    @property
    def clear(self) -> bool:
        """Whether the peer keeps up; if not, only bounded things may be queued."""
        return self._outbox.clear

    def put(self, frame: bytes) -> bool:
        """Write one whole frame; False when the socket is gone."""
        return self._outbox.put(frame)

    def close(self, code: int, reason: str) -> None:
        """Close with a code, behind everything that is already queued."""
        self._outbox.close_after(frames.ws_close(code, reason))

    def _dead(self, reason: str) -> None:
        if reason == "outbox":
            self._metrics.bound("slow_clients_closed_total", "outbox").inc()
            log.info("slow_reader_closed", peer=self._peer.origin)
        self._release()

    def _drained(self) -> None:
        session = self._peer.bound
        if session is not None:
            self._hub.drained(session, self)

    def _release(self) -> None:
        session = self._peer.bound
        if session is not None:
            self._hub.unbind(session, self)

    # --- reading ------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Read until the peer or the server closes; the caller closes the socket afterwards."""
        self._metrics.websocket_connections.inc()
        self._without_session(NO_SESSION_TIMEOUT_S)
        incoming = receiver(self._sock)
        try:
            while self._outbox.open:
                data = incoming.recv(_READ_SIZE)
                if self._peer.bound is None and time.monotonic() > self._unbound_until:
                    raise TimeoutError  # pings alone do not keep a socket open
                if not self._received(data):
                    self._linger()
                    break
        except TimeoutError:
            self.close(CLOSE_NORMAL, "idle")
        except OSError as error:
            log.debug("websocket_ended", reason=type(error).__name__)
        finally:
            incoming.close()
            self._outbox.abort()
            self._release()
            self._metrics.websocket_connections.dec()

    def _without_session(self, patience_s: float) -> None:
        """The socket serves no session; it has so long to get one, or for the peer to close it."""
        self._unbound_until = time.monotonic() + patience_s
        self._sock.settimeout(patience_s)

    def _refuse(self, code: int, reason: str) -> None:
        """Say goodbye from the reading side: the connection ends after `_linger`, which needs it open."""
        self._outbox.put(frames.ws_close(code, reason), exempt=True)

    def _linger(self) -> None:
        """Read on for a moment: closing with unread data would reset the peer and lose the close frame."""
        self._release()
        self._sock.settimeout(LINGER_S)
        with suppress(OSError):
            for _ in range(LINGER_READS):
                if not self._sock.recv(_READ_SIZE):
                    return

    def _received(self, data: bytes) -> bool:
        """Deal with what has arrived; False when the connection is over."""
        if not data:
            return False
        for item in self._reader.feed(data):
            if not self._one(item):
                return False
        broken = self._reader.broken
        if broken is not None:
            self._refuse(broken.code, str(broken))
        return broken is None

    def _one(self, item: Incoming) -> bool:
        if item.opcode == TEXT:
            return self._message(item.payload)
        if item.opcode == PING:
            self._outbox.put(frames.ws_frame(frames.OP_PONG, item.payload))
        elif item.opcode == CLOSE:
            self._refuse(close_code(item.payload), "")
            return False
        return True

    def _message(self, text: bytes) -> bool:
        try:
            batch = decode(text)
        except BadBatch as error:
            self._refuse(CLOSE_INVALID if str(error) == "not JSON" else CLOSE_PROTOCOL, str(error))
            return False
        try:
            result = self._exchange.process(batch, self._peer, met=self._bind)
        except Exception:  # noqa: BLE001 - the last wall before a client; the trace stays in the log
            log.exception("bayeux_frame_failed")
            self._refuse(CLOSE_INTERNAL, "")
            return False
        self._answer(result)
        return True

    def _bind(self, session: Session) -> None:
        """A handshake, or a known client id on a fresh socket, makes the session this socket's.

        Called before the outcome is carried out: what an earlier socket was owed must be back in the session.
        """
        old = self._peer.bound
        if session is old or session.closed:
            return
        if old is not None:
            self._hub.unbind(old, self)
        self._peer.bound = session
        self._hub.bind(session, self)
        # No timeout: a silent session expires (`sweeper`), and a timer per read would cost 8 us a message.
        self._sock.settimeout(None)

    def _answer(self, result: Result) -> None:
        """One frame for all replies; it is exempt from the outbox limit, its author is reading."""
        session = self._peer.bound
        with self._hub.lock:
            messages = [*result.messages, *self._exchange.join(result, session)]
            if not messages or self._outbox.put(frames.ws_text(frames.array(messages)), exempt=True):
                self._exchange.written(result)
            else:
                self._exchange.failed(result)
            if session is not None:
                self._hub.wake(session)
        if result.closed is not None and result.closed is session:
            self._peer.bound = None
            self._without_session(GOODBYE_TIMEOUT_S)


class WebSockets:
    """All websockets of this node, so that a stop can close them."""

    def __init__(self, exchange: Exchange, hub: Hub, *, metrics: Metrics) -> None:
        self._exchange = exchange
        self._hub = hub
        self._metrics = metrics
        self._open: set[Connection] = set()
        self._lock = threading.Lock()  # guards _open

    def serve(self, sock: socket.socket, peer: Peer, settings: CometdSettings) -> None:
        """Serve one upgraded socket until it ends."""
        connection = Connection(
            sock, peer, exchange=self._exchange, hub=self._hub, settings=settings, metrics=self._metrics
        )
        with self._lock:
            self._open.add(connection)
        try:
            connection.run()
        finally:
            with self._lock:
                self._open.discard(connection)

    def close_all(self) -> None:
        """Graceful stop: every websocket gets 1001 and is closed."""
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            connection.close(CLOSE_GOING_AWAY, "going away")
