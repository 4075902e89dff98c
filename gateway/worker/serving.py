"""The gunicorn worker class: gunicorn's gevent worker with deadlines, a cap per address and our graceful
stop.

Theory of operation
-------------------
*Connections.* The event loop accepts them and waits for their first bytes (`accepting`); then one greenlet
per connection serves it to its end (`conversation`).

*Deadlines.* Every connection carries its phase and one absolute deadline (`connection`). The `_patrol`
greenlet looks at all of them twice a second and cuts off who is overdue: its greenlet sees the end of the
stream and cleans up as after any other hang-up. Half-sent heads and bodies get 408, idle connections and
readers that do not read just lose theirs. Held polls and websockets have no deadline here.

*Graceful stop.* SIGTERM, and SIGHUP for the worker that is retired: (1) close the listeners, (2) run the
application's `drain()` in a greenlet: it answers held polls, closes websockets with 1001 and flushes, (3)
serve what still arrives on open connections with `Connection: close`, (4) stop reading from connections that
have been waiting for a request for LINGER seconds; bytes that arrived before are still served, so nobody's
request is lost, (5) leave with exit code 0 when drain has returned and no connection is left, or when the
time is up. SIGQUIT and SIGINT do the same within QUICK_STOP seconds.
"""

from __future__ import annotations

import gc
import socket
import sys
import time
from functools import partial
from typing import Any

import gevent
import structlog
from gevent import Greenlet
from gevent.event import Event
from gevent.pool import Group
from gunicorn import util
from gunicorn.sock import ssl_context
from gunicorn.workers.ggevent import GeventWorker

from gateway.worker.accepting import Listener, Starts, reserve_descriptors
from gateway.worker.addresses import AddressBook
from gateway.worker.application import count_slow_client, drain, limits_from, urgent_requests
from gateway.worker.connection import Connection, Phase
from gateway.worker.conversation import Conversation

# How late a deadline may be noticed; a look at 20,000 connections takes about a millisecond.
PATROL_INTERVAL = 0.5
# gunicorn's master kills a worker that has not told within `timeout` that it lives; once a second is enough.
HEARTBEAT = 1.0
# During a stop, how long a connection may still be waiting for its next request.
LINGER = 1.0
# How often the stop looks whether everything has ended.
STOP_POLL = 0.05
# How long connections that outlive the stop may take to clean up.
KILL_PATIENCE = 1.0
# Descriptors that are no client's: files, the store, outgoing connections, the event loop.
OTHER_DESCRIPTORS = 1_000
# gunicorn's master kills workers 2 s after SIGQUIT, and at graceful_timeout after SIGTERM: be gone before.
QUICK_STOP = 1.5
MASTER_MARGIN = 1.0
# How long the event loop keeps the interpreter from the thread that flushes the store. Python's 5 ms would be
# added to every commit under load: the median of 1,500 chat messages/s fell from 240 ms to 2 ms.
SWITCH_INTERVAL = 0.0005

# Rarer collections of the young generation: a request makes hundreds of containers and hardly a cycle;
# with Python's 700 the collector took 15 % of a chat message. What exists after loading is never looked at.
GC_THRESHOLD = (20_000, 20, 20)

_WAITING_FOR_REQUEST = (Phase.IDLE, Phase.HEAD)

# A held connection whose peer vanished without a word is noticed after 60 + 4 * 15 s.
_TCP_KEEPALIVE = ((socket.TCP_KEEPIDLE, 60), (socket.TCP_KEEPINTVL, 15), (socket.TCP_KEEPCNT, 4))

logger = structlog.get_logger("gateway.worker")


class GatewayWorker(GeventWorker):
    """gunicorn's gevent worker with what it lacks; see the module's theory of operation."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # All that are open, with the name under which their address is counted.
        self._connections: dict[Connection, str | None] = {}
        trusted = self.cfg.forwarded_allow_networks()
        self._addresses = AddressBook(trusted, trust_all="*" in self.cfg.forwarded_allow_ips)
        self._tls: Any = None
        self._listeners: list[Listener] = []
        self._quick = False

    def load_wsgi(self) -> None:
        """Load the application and what serves it."""
        super().load_wsgi()
        self._urgent = urgent_requests(self.app)
        self._conversation = Conversation(self.cfg, self.wsgi, alive=lambda: self.alive)

    def run(self) -> None:
        """Serve until told to stop, then stop gracefully (gunicorn calls this once, after the fork)."""
        sys.setswitchinterval(SWITCH_INTERVAL)
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLD)
        reserve_descriptors(self.worker_connections + OTHER_DESCRIPTORS)
        self._stopping = Event()
        self._conversations = Group()
        self._tls = ssl_context(self.cfg) if self.cfg.is_ssl else None
        self._starts = Starts(self._begin, loop=gevent.get_hub().loop, clock=time.monotonic)
        self._listeners = [self._listen(sock) for sock in self.sockets]
        patrol = gevent.spawn(self._patrol)
        while self.alive:
            self.notify()
            self._stopping.wait(HEARTBEAT)
        self._stop()
        patrol.kill()

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM: begin the graceful stop."""
        super().handle_exit(sig, frame)
        self._wake_up()

    def handle_quit(self, sig: int, frame: Any) -> None:
        """SIGQUIT, SIGINT: begin the quick stop, or shorten a graceful one."""
        self._quick = True
        self.alive = False
        self._wake_up()

    def _welcome(self, server: Any, client: Any, address: Any) -> None:
        """Take in an accepted connection (in the event loop): no greenlet until its first bytes are here."""
        limits = limits_from(self.app)
        key = self._addresses.key(address) if limits.enabled else None
        if not self._addresses.admit(key, limits.max_connections_per_address):
            count_slow_client(self.app, "address")
            logger.debug("connection_refused", reason="too many connections", peer=key)
            client.close()
            return
        connection = Connection(
            client,
            limits=limits,
            keepalive=self.cfg.keepalive,
            clock=time.monotonic,
            encrypted=self._tls is not None,
        )
        self._connections[connection] = key
        self._listen_to(connection, server, address)

    def _listen_to(self, connection: Connection, server: Any, address: Any) -> None:
        """Start a connection that has begun to speak, drop one that is over (in the event loop)."""
        first = connection.first_bytes()
        if first is None:
            connection.when_readable(self._listen_to, connection, server, address)
        elif first or connection.encrypted:
            self._starts.put((connection, server, address), urgent=first.startswith(self._urgent))
        else:
            self._goodbye(connection)

    def _begin(self, parties: tuple[Connection, Any, Any]) -> None:
        conversation = Greenlet(self._converse, *parties)
        self._conversations.add(conversation)
        conversation.switch()

    def _converse(self, connection: Connection, server: Any, address: Any) -> None:
        """Serve one connection to its end (runs in its own greenlet)."""
        try:
            if self._tls is not None:
                connection.encrypt(self._tls)
            self._conversation.serve(connection, client=address, server=server)
        except (OSError, StopIteration) as end:
            logger.debug("connection_ended", reason=type(end).__name__)
        finally:
            self._goodbye(connection)

    def _goodbye(self, connection: Connection) -> None:
        was_full = self._full()
        self._addresses.release(self._connections.pop(connection))
        util.close(connection.sock)
        if was_full:
            for listener in self._listeners:
                listener.go_on()

    def _full(self) -> bool:
        return len(self._connections) >= self.worker_connections

    def _listen(self, sock: Any) -> Listener:
        if sock.family != socket.AF_UNIX:
            _detect_dead_peers(sock)
        name = sock.getsockname()
        listener = Listener(sock, newcomer=partial(self._welcome, name), full=self._full)
        listener.start()
        return listener

    def _patrol(self) -> None:
        """Cut off whoever is overdue, for as long as the worker runs."""
        while True:
            gevent.sleep(PATROL_INTERVAL)
            now = time.monotonic()
            overdue = [one for one in self._connections if one.deadline <= now]
            for connection in overdue:
                if connection.phase is not Phase.IDLE:
                    count_slow_client(self.app, connection.phase.value)
                    logger.debug("slow_client_closed", phase=connection.phase.value)
                connection.cut_off()

    def _stop(self) -> None:
        started = time.monotonic()
        for listener in self._listeners:
            listener.close()
        draining = gevent.spawn(drain, self.app)
        while time.monotonic() - started < self._stop_budget():
            self.notify()
            if draining.ready() and not self._connections:
                break
            self._release_waiting(drained=draining.ready())
            gevent.sleep(STOP_POLL)
        else:
            logger.warning("stop_cut_short", connections=len(self._connections), drained=draining.ready())
        if self._quick:
            self.cfg.worker_int(self)
        draining.kill()
        self._conversations.kill(timeout=KILL_PATIENCE)

    def _stop_budget(self) -> float:
        return QUICK_STOP if self._quick else max(0.0, self.cfg.graceful_timeout - MASTER_MARGIN)

    def _release_waiting(self, *, drained: bool) -> None:
        """Stop reading from connections that wait for a request; once drained, from parked ones too."""
        latest = time.monotonic() - (0.0 if self._quick else LINGER)
        for connection in list(self._connections):
            waiting = connection.phase in _WAITING_FOR_REQUEST and connection.since <= latest
            if waiting or (drained and connection.phase is Phase.PARKED):
                connection.stop_reading()

    def _wake_up(self) -> None:
        # A signal may come while the application is still loading; `run` then never waits.
        stopping = getattr(self, "_stopping", None)
        if stopping is not None:
            stopping.set()


def _detect_dead_peers(listener: Any) -> None:
    """Let the kernel probe silent peers; accepted sockets inherit it, so it costs nothing per connection."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _TCP_KEEPALIVE:
        listener.setsockopt(socket.IPPROTO_TCP, option, value)
