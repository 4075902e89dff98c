"""One request from parsed head to written answer: the WSGI environment, and an answer in one send.

gunicorn builds both for every server it supports and spends a good part of the time of a short request on
reading settings, formatting the date, and a second system call for the body. What is done here is the same
for HTTP/1.1 over TCP, TLS and unix sockets; parsing and header checks stay gunicorn's.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any

from gunicorn import util
from gunicorn.http.wsgi import Response, base_environ, proxy_environ

from gateway.worker.reading import PlainRequest

# Headers that say the same in most answers; not those that carry a length, a cookie or a connection.
_REPEATED = frozenset(
    {
        "access-control-allow-credentials",
        "access-control-allow-origin",
        "cache-control",
        "content-type",
        "vary",
        "x-content-type-options",
    }
)
_HARMLESS_REMEMBERED = 256
Harmless = set[tuple[str, str]]


class Environment:
    """Makes WSGI environments; everything that is the same for all requests of a worker is made once."""

    def __init__(self, cfg: Any, environ: Mapping[str, str] = os.environ) -> None:
        self._fixed = {**base_environ(cfg), "wsgi.multithread": True}
        self._script_name = environ.get("SCRIPT_NAME", "")

    def of(self, request: Any, sock: Any, *, client: Any, server: Any) -> dict[str, Any]:
        """The environment of one request; repeated headers are joined, as RFC 9110 5.3 has it."""
        environ = self._fixed.copy()
        environ["wsgi.input"] = request.body
        environ["gunicorn.socket"] = sock
        environ["wsgi.url_scheme"] = request.scheme
        environ["REQUEST_METHOD"] = request.method
        environ["QUERY_STRING"] = request.query
        environ["RAW_URI"] = request.uri
        if isinstance(request, PlainRequest):
            environ["SERVER_PROTOCOL"] = "HTTP/1.1"
            environ.update(request.variables)
            script_name = self._script_name
        else:
            environ["SERVER_PROTOCOL"] = f"HTTP/{request.version[0]}.{request.version[1]}"
            script_name = self._add_headers(environ, request.headers) or self._script_name
        path = request.path
        if script_name and path.startswith(script_name):
            path = path[len(script_name) :]
        environ["SCRIPT_NAME"] = script_name
        environ["PATH_INFO"] = util.unquote_to_wsgi_str(path) if "%" in path else path
        _add_addresses(environ, client, server)
        if request.proxy_protocol_info:
            environ.update(proxy_environ(request))
        return environ

    def _add_headers(self, environ: dict[str, Any], headers: list[tuple[str, str]]) -> str:
        """Header fields as HTTP_*; returns the SCRIPT_NAME that a trusted proxy sent, if any."""
        script_name = ""
        for name, value in headers:
            if name == "CONTENT-TYPE":
                environ["CONTENT_TYPE"] = value
            elif name == "CONTENT-LENGTH":
                environ["CONTENT_LENGTH"] = value
            else:
                key = "HTTP_" + name.replace("-", "_")
                environ[key] = f"{environ[key]},{value}" if key in environ else value
                if name == "SCRIPT_NAME":
                    script_name = value
        return script_name


def _add_addresses(environ: dict[str, Any], client: Any, server: Any) -> None:
    if isinstance(client, tuple):
        environ["REMOTE_ADDR"] = client[0]
        environ["REMOTE_PORT"] = str(client[1])
    else:  # a unix socket's peer has no name
        environ["REMOTE_ADDR"] = client.decode() if isinstance(client, bytes) else str(client)
    if isinstance(server, tuple):
        environ["SERVER_NAME"] = server[0]
        environ["SERVER_PORT"] = str(server[1])
    else:
        name, _, port = environ.get("HTTP_HOST", "localhost").rpartition(":")
        environ["SERVER_NAME"] = name or port
        environ["SERVER_PORT"] = port if name else "80"


class DateHeader:
    """The Date header's value, formatted once a second."""

    def __init__(self) -> None:
        self._second = 0
        self._text = ""

    def now(self) -> str:
        """The current time as HTTP wants it."""
        second = int(time.time())
        if second != self._second:
            self._text = formatdate(second, usegmt=True)
            self._second = second
        return self._text


class Answer(Response):
    """gunicorn's response whose head waits for the first piece of the body, so that both leave together."""

    def __init__(self, request: Any, sock: Any, cfg: Any, *, date: DateHeader, harmless: Harmless) -> None:
        """`harmless` is what the worker's answers have found out about headers so far."""
        super().__init__(request, sock, cfg)
        self._date = date
        self._harmless = harmless
        self._head = b""

    def process_headers(self, headers: list[tuple[str, str]]) -> None:
        """Check and take over the application's headers (gunicorn's checks, most of them once per worker)."""
        for header in headers:
            if header in self._harmless:
                self.headers.append(header)
                continue
            before = len(self.headers)
            super().process_headers([header])
            unchanged = self.headers[before:] == [header]
            if unchanged and header[0].lower() in _REPEATED and len(self._harmless) < _HARMLESS_REMEMBERED:
                self._harmless.add(header)

    def is_chunked(self) -> bool:
        return self.response_length is None and super().is_chunked()

    def default_headers(self) -> list[str]:
        connection = "upgrade" if self.upgrade else "close" if self.should_close() else "keep-alive"
        major, minor = self.req.version[:2]
        lines = [
            f"HTTP/{major}.{minor} {self.status}\r\n",
            f"Date: {self._date.now()}\r\n",
            f"Connection: {connection}\r\n",
        ]
        if self.chunked:
            lines.append("Transfer-Encoding: chunked\r\n")
        return lines

    def send_headers(self) -> None:
        if not self.headers_sent:
            lines = self.default_headers()
            lines.extend([f"{name}: {value}\r\n" for name, value in self.headers])
            lines.append("\r\n")
            self._head = "".join(lines).encode("latin-1")
            self.headers_sent = True

    def write(self, arg: bytes) -> None:
        super().write(arg)
        self._send_head()  # a piece that carries no body bytes must not hold the head back

    def _emit_body(self, data: bytes) -> None:
        head, self._head = self._head, b""
        if self.chunked:
            data = b"%X\r\n%b\r\n" % (len(data), data)
        data = head + data
        sent = self.sock.send(data)  # `sendall` asks the kernel for its buffer size first
        if sent < len(data):
            self.sock.sendall(data[sent:])

    def close(self) -> None:
        self.send_headers()
        self._send_head()
        if self.chunked:
            self.sock.sendall(b"0\r\n\r\n")

    def _send_head(self) -> None:
        head, self._head = self._head, b""
        if head:
            self.sock.sendall(head)
