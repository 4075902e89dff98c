"""One HTTP POST whose socket is ours: the peer is judged before a byte is sent, the total time is kept.

Theory of operation. requests and urllib3 do the HTTP; an `Exchange` opens their socket. It resolves the
host, refuses addresses that are not allowed, connects, and keeps a duplicate of the descriptor. A timer
shuts that duplicate down when the total time is over, which ends whatever read is under way: a receiver
that drips one byte after the other never trips a read timeout. (Name resolution alone is bounded by the
system's resolver, not here.)

There is no `requests.Session` on purpose: the adapter by itself follows no redirect, reads no proxy
variable or netrc and keeps no cookie, while a session with `allow_redirects=False` still reads all of a
redirect's body. Each POST has a connection of its own: a receiver that closes an idle one at the wrong
moment would otherwise cost a notification that is tried only once. Called by `customhttp`.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from gateway.clock import Clock

JudgeAddress = Callable[[str], bool]


class AddressRefused(OSError):
    """The receiver's address is not one that pushes may go to."""


class Exchange:
    """The socket of one attempt; a context manager that bounds the time between enter and exit."""

    def __init__(self, may_connect: JudgeAddress, *, connect_s: float, total_s: float, clock: Clock) -> None:
        self._may_connect = may_connect
        self._connect_s = connect_s
        self._total_s = total_s
        self._clock = clock
        self._deadline = clock.monotonic() + total_s
        self._guard = threading.Lock()  # guards _handle and expired: the timer runs in its own thread
        self._handle: socket.socket | None = None
        self._timer = threading.Timer(total_s, self._expire)
        self._timer.daemon = True
        self.expired = False

    def __enter__(self) -> Exchange:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._guard:
            if self._handle is not None:
                self._handle.close()
                self._handle = None

    def connect(self, host: str, port: int) -> socket.socket:
        """A connected socket. Raises AddressRefused, or OSError of the last address that was tried."""
        failure: OSError = AddressRefused()
        for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            if not self._may_connect(str(address[0])):
                continue
            try:
                return self._open(socket.socket(family, kind, protocol), address)
            except AddressRefused:
                raise
            except OSError as error:
                failure = error
        raise failure

    def _open(self, sock: socket.socket, address: Any) -> socket.socket:
        try:
            sock.settimeout(min(self._connect_s, self._remaining()))
            sock.connect(address)
            # What the kernel says we are talking to is the last word, whatever stands in `address`.
            if not self._may_connect(sock.getpeername()[0]):
                raise AddressRefused
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._keep_handle(sock)
        except BaseException:
            sock.close()
            raise
        return sock

    def _remaining(self) -> float:
        remaining = self._deadline - self._clock.monotonic()
        if remaining <= 0 or self.expired:
            raise TimeoutError
        return remaining

    def _keep_handle(self, sock: socket.socket) -> None:
        with self._guard:
            if self.expired:
                raise TimeoutError
            # A duplicate, because TLS takes the descriptor away from `sock`.
            self._handle = sock.dup()

    def _expire(self) -> None:
        with self._guard:
            self.expired = True
            if self._handle is not None:
                with contextlib.suppress(OSError):  # the peer may have been faster
                    self._handle.shutdown(socket.SHUT_RDWR)


class _Connection(HTTPConnection):
    def __init__(self, *args: Any, exchange: Exchange, **options: Any) -> None:
        super().__init__(*args, **options)
        self._exchange = exchange

    def _new_conn(self) -> socket.socket:
        return self._exchange.connect(self._dns_host, self.port)


class _TlsConnection(HTTPSConnection):
    def __init__(self, *args: Any, exchange: Exchange, **options: Any) -> None:
        super().__init__(*args, **options)
        self._exchange = exchange

    def _new_conn(self) -> socket.socket:
        return self._exchange.connect(self._dns_host, self.port)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class ExchangeAdapter(HTTPAdapter):
    """requests' adapter for one POST, on the socket of an Exchange and with a ready TLS context."""

    def __init__(self, exchange: Exchange, tls: ssl.SSLContext) -> None:
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)
        self._exchange = exchange
        self._tls = tls
        self._pool: HTTPConnectionPool | None = None

    def get_connection_with_tls_context(
        self, request: PreparedRequest, verify: Any, proxies: Any = None, cert: Any = None
    ) -> HTTPConnectionPool:
        """The pool of the one connection; `verify`, `proxies` and `cert` have no say."""
        parts = urlsplit(str(request.url))
        host = parts.hostname or ""
        if parts.scheme == "https":
            self._pool = _TlsPool(host, parts.port, exchange=self._exchange, ssl_context=self._tls)
        else:
            self._pool = _Pool(host, parts.port, exchange=self._exchange)
        return self._pool

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Nothing to do: the TLS context is ready; loading certificates per POST would cost milliseconds."""

    def close(self) -> None:
        super().close()
        if self._pool is not None:
            self._pool.close()


def tls_context(*, verify: bool, ca_file: str) -> ssl.SSLContext:
    """A client context of TLS 1.2 or newer. OSError when `ca_file` cannot be used."""
    context = ssl.create_default_context(cafile=ca_file or DEFAULT_CA_BUNDLE_PATH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
