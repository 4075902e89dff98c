"""The gunicorn worker class: gunicorn's gevent worker with deadlines, a cap per address and our graceful
stop.

Theory of operation
-------------------
*Connections.* One greenlet per connection runs `handle`: parse a request, run the application, wait for the
next. It is our own loop, because gunicorn's has no deadline for a started request and never yields on a busy
keep-alive connection: when the next request is already in the socket, gevent's `recv` returns without
switching, so a client that is faster than the worker keeps it until it pauses. Ours yields after each answer
(32 closed-loop clients on one core: slowest request 20 ms instead of 100 ms to seconds). HTTP/1.1 only;
HTTP/2 belongs to the proxy in front.

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
import ssl
import sys
import time
from functools import partial
from http import HTTPStatus
from typing import Any

import gevent
import structlog
from gevent.event import Event
from gevent.pool import Pool
from gevent.server import StreamServer
from gunicorn import util
from gunicorn.http.errors import NoMoreData
from gunicorn.http.parser import RequestParser
from gunicorn.sock import ssl_context
from gunicorn.workers.base_async import ALREADY_HANDLED
from gunicorn.workers.ggevent import GeventWorker

from gateway.worker.addresses import AddressBook
from gateway.worker.answering import Answer, DateHeader, Environment
from gateway.worker.application import count_slow_client, drain, limits_from
from gateway.worker.body import ChunkedBody
from gateway.worker.connection import Connection, PacedAnswer, Phase
from gateway.worker.refusals import refuse, status_of

# How late a deadline may be noticed; a look at 20,000 connections takes about a millisecond.
PATROL_INTERVAL = 0.5
# gunicorn's master kills a worker that has not told within `timeout` that it lives; once a second is enough.
HEARTBEAT = 1.0
# During a stop, how long a connection may still be waiting for its next request.
LINGER = 1.0
# How often the stop looks whether everything has ended.
STOP_POLL = 0.05
# gunicorn's master kills workers 2 s after SIGQUIT, and at graceful_timeout after SIGTERM: be gone before.
QUICK_STOP = 1.5
MASTER_MARGIN = 1.0
# Of a body that the application did not read (an early 413), so much is read and dropped to keep the
# connection.
UNREAD_BODY = 8 * 1024 * 1024

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
        self._connections: dict[Any, Connection] = {}
        trusted = self.cfg.forwarded_allow_networks()
        self._addresses = AddressBook(trusted, trust_all="*" in self.cfg.forwarded_allow_ips)
        self._quick = False
        self._date = DateHeader()

    def load_wsgi(self) -> None:
        """Load the application and put the connection's deadlines around its calls."""
        super().load_wsgi()
        self._environment = Environment(self.cfg)
        self._application, self.wsgi = self.wsgi, self._call_application

    def run(self) -> None:
        """Serve until told to stop, then stop gracefully (gunicorn calls this once, after the fork)."""
        sys.setswitchinterval(SWITCH_INTERVAL)
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLD)
        self._stopping = Event()
        servers = [self._listen(sock) for sock in self.sockets]
        patrol = gevent.spawn(self._patrol)
        while self.alive:
            self.notify()
            self._stopping.wait(HEARTBEAT)
        self._stop(servers)
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

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve one connection from accept to close (runs in its own greenlet)."""
        limits = limits_from(self.app)
        key = self._addresses.key(addr) if limits.enabled else None
        if not self._addresses.admit(key, limits.max_connections_per_address):
            count_slow_client(self.app, "address")
            logger.debug("connection_refused", reason="too many connections", peer=key)
            return
        encrypted = isinstance(client, ssl.SSLSocket)
        self._connections[client] = connection = Connection(
            client,
            limits=limits,
            keepalive=self.cfg.keepalive,
            clock=time.monotonic,
            encrypted=encrypted,
        )
        try:
            if encrypted:
                client.do_handshake()
            self._serve(listener.getsockname(), client, addr, connection)
        except (OSError, StopIteration) as end:
            logger.debug("connection_ended", reason=type(end).__name__)
        finally:
            del self._connections[client]
            self._addresses.release(key)
            util.close(client)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> bool | None:
        """Run the application for one request and write its answer.

        False: somebody else writes the answer (ALREADY_HANDLED). StopIteration: the connection is done with.
        """
        if req._expected_100_continue:
            sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        environ = self._environment.of(req, sock, client=addr, server=listener_name)
        answer = Answer(req, sock, self.cfg, date=self._date)
        if not self.alive or not self.cfg.keepalive:
            answer.force_close()
        pieces = self.wsgi(environ, answer.start_response)
        if pieces is ALREADY_HANDLED:
            return False
        try:
            for piece in pieces:
                answer.write(piece)
            answer.close()
        except Exception as error:
            if not answer.headers_sent or isinstance(error, OSError):
                raise
            # A second answer on the same socket would corrupt the first: end the connection instead.
            logger.exception("answer_broken_off", path=req.path)
            raise StopIteration from error
        finally:
            close = getattr(pieces, "close", None)
            if close is not None:
                close()
        if answer.should_close():
            raise StopIteration
        return True

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer a request that could not be parsed or served, unless it has become a websocket."""
        status = status_of(exc)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            logger.error("request_failed", path=getattr(req, "path", None), exc_info=exc)
        else:
            logger.info("request_refused", status=status.value, reason=type(exc).__name__)
        if not any(name == "UPGRADE" for name, _ in getattr(req, "headers", ())):
            refuse(client, status)

    def _serve(self, listener_name: Any, client: Any, addr: Any, connection: Connection) -> None:
        """Serve request after request; leaves by an exception when the connection has ended."""
        parser = RequestParser(self.cfg, client, addr)
        parser.unreader = connection
        proxy_info = None
        while True:
            request = None
            try:
                request = next(parser)
                # The PROXY line comes once, before the first request, and is meant for all.
                proxy_info = request.proxy_protocol_info = request.proxy_protocol_info or proxy_info
                connection.run_application()
                done = self.handle_request(listener_name, request, client, addr)
                if done is False:
                    connection.park()
                elif parser.finish_body(max_bytes=UNREAD_BODY) and self.cfg.keepalive:
                    connection.await_request()
                else:
                    return
            except (ConnectionError, StopIteration, NoMoreData):
                raise
            except Exception as error:
                if isinstance(error, OSError) and connection.phase is not Phase.APPLICATION:
                    raise  # the peer's socket failed, not the application
                self.handle_error(request, client, addr, error)
                return
            gevent.sleep(0)  # let the other connections run, see the module's docstring

    def _call_application(self, environ: dict[str, Any], start_response: Any) -> Any:
        connection = self._connections[environ["gunicorn.socket"]]
        environ["gateway.connection"] = connection
        if "HTTP_TRANSFER_ENCODING" in environ:
            environ["wsgi.input"] = ChunkedBody(environ["wsgi.input"])
        answer = self._application(environ, start_response)
        if answer is ALREADY_HANDLED:
            return answer
        return PacedAnswer(answer, connection)

    def _listen(self, sock: Any) -> StreamServer:
        sock.setblocking(1)
        if sock.family != socket.AF_UNIX:
            _detect_dead_peers(sock)
        tls = {}
        if self.cfg.is_ssl:
            # The handshake is done in `handle`, under the deadline of the head.
            tls = {"ssl_context": ssl_context(self.cfg), "do_handshake_on_connect": False}
        pool = Pool(self.worker_connections)
        server = StreamServer(sock, handle=partial(self.handle, sock), spawn=pool, **tls)
        if self.cfg.workers > 1:
            server.max_accept = 1
        server.start()
        return server

    def _patrol(self) -> None:
        """Cut off whoever is overdue, for as long as the worker runs."""
        while True:
            gevent.sleep(PATROL_INTERVAL)
            now = time.monotonic()
            overdue = [one for one in self._connections.values() if one.deadline <= now]
            for connection in overdue:
                if connection.phase is not Phase.IDLE:
                    count_slow_client(self.app, connection.phase.value)
                    logger.debug("slow_client_closed", phase=connection.phase.value)
                connection.cut_off()

    def _stop(self, servers: list[StreamServer]) -> None:
        started = time.monotonic()
        for server in servers:
            server.close()
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
        for server in servers:
            server.stop(timeout=0)

    def _stop_budget(self) -> float:
        return QUICK_STOP if self._quick else max(0.0, self.cfg.graceful_timeout - MASTER_MARGIN)

    def _release_waiting(self, *, drained: bool) -> None:
        """Stop reading from connections that wait for a request; once drained, from parked ones too."""
        latest = time.monotonic() - (0.0 if self._quick else LINGER)
        for connection in list(self._connections.values()):
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
