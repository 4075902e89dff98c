"""Reading requests: the ordinary ones at once, everything else through gunicorn's parser.

gunicorn builds a request in about 60 us: it asks its settings one by one and judges each header by all of its
policies. `PlainRequest` covers the request that could not be misunderstood by anybody, in 10 us: HTTP/1.1, a
path, no header twice, none with an underscore, and none of those that a policy exists for (transfer codings,
expectations, upgrades). Whatever is not plainly so is left to gunicorn, from the first byte: this module
refuses nothing, answers nothing, and both use the same C parser with the same limits. So what gunicorn
refuses stays refused, and a proxy in front can never read a request differently than we do.
"""

from __future__ import annotations

import io
import re
from typing import Any

from gunicorn.http.body import Body, LengthReader
from gunicorn.http.message import Request
from gunicorn.http.parser import RequestParser

from gateway.worker.connection import Connection

try:
    import gunicorn_h1c
except ImportError:  # no compiled extension for this platform
    gunicorn_h1c = None

# Of a body that the application did not read (an early 413), so much is read and dropped to keep the
# connection.
UNREAD_BODY = 8 * 1024 * 1024
_PIECE = 65_536

_METHODS = {name.encode(): name for name in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")}
# A path and perhaps a query; what else RFC 9112 3.2 allows is rare.
_TARGET = re.compile(rb"/(?!/)[\x21\x22\x24-\x7e]*")
# Headers that decide where a request ends or how it is answered, beside those that are read here.
_PECULIAR = frozenset({"HTTP_TRANSFER_ENCODING", "HTTP_EXPECT", "HTTP_UPGRADE", "HTTP_TE", "HTTP_TRAILER"})
_WITHOUT_PREFIX = {"HTTP_CONTENT_TYPE": "CONTENT_TYPE", "HTTP_CONTENT_LENGTH": "CONTENT_LENGTH"}
# Header names are remembered as clients write them; more than these would be somebody's game.
_NAMES_REMEMBERED = 512
# Longer numbers are nobody's body.
_LENGTH_DIGITS = 15
# The C parser's highest limit of the request line.
_LONGEST_LINE = 8190


class PlainRequest:
    """A request without peculiarities; has what `Answer` and `Environment` want of gunicorn's."""

    __slots__ = ("body", "close", "method", "path", "query", "scheme", "uri", "variables")

    version = (1, 1)
    headers = ()
    proxy_protocol_info = None
    _expected_100_continue = False

    method: str
    uri: str
    path: str
    query: str
    scheme: str
    close: bool
    body: Any
    # The headers as CGI variables.
    variables: dict[str, str]

    def should_close(self) -> bool:
        """Whether the client wants the connection closed after the answer."""
        return self.close

    def finish(self) -> bool:
        """Drop what the application has not read of the body; False: it is too much, or broken."""
        body = self.body
        if isinstance(body, io.BytesIO):
            return True
        if body.failed:
            return False
        dropped = 0
        while piece := body.read(_PIECE):
            dropped += len(piece)
            if dropped >= UNREAD_BODY:
                return False
        return True


class Recognition:
    """Recognises plain requests; one per worker."""

    def __init__(self, cfg: Any) -> None:
        limits = (cfg.limit_request_line, cfg.limit_request_fields, cfg.limit_request_field_size)
        unusual = cfg.permit_unconventional_http_method or cfg.permit_unconventional_http_version
        compatible = cfg.permit_obsolete_folding or cfg.strip_header_spaces or cfg.casefold_http_method
        self._possible = (
            gunicorn_h1c is not None
            and cfg.http_parser != "python"
            and cfg.proxy_protocol == "off"
            and min(limits) > 0
            and not (unusual or compatible)
        )
        self._limits = {
            "limit_request_line": min(limits[0], _LONGEST_LINE),
            "limit_request_fields": limits[1],
            "limit_request_field_size": limits[2],
        }
        self._scheme = "https" if cfg.is_ssl else "http"
        self._secure = {_variable(name): value for name, value in cfg.secure_scheme_headers.items()}
        self._variables: dict[bytes, str | None] = {}

    def recognise(self, data: bytes, connection: Connection, *, trusted: bool) -> PlainRequest | None:
        """The request at the beginning of `data`, which is all that has arrived; None if it is not plain.

        What follows its head is given back to the connection. `trusted`: the peer may say that its client
        speaks https.
        """
        if not self._possible:
            return None
        try:
            parsed = gunicorn_h1c.parse_request(data, **self._limits)
        except (gunicorn_h1c.IncompleteError, gunicorn_h1c.ParseError):
            return None
        end = parsed["consumed"]
        if data[:1] == b"\r" or data.count(b"\n", 0, end) != data.count(b"\r\n", 0, end):
            return None
        method, target = _METHODS.get(parsed["method"]), parsed["path"]
        if method is None or parsed["minor_version"] != 1 or not _TARGET.fullmatch(target):
            return None
        request = PlainRequest()
        variables = self._read_headers(parsed["headers"])
        if variables is None or not self._set_scheme(request, variables, trusted=trusted):
            return None
        length = variables.get("CONTENT_LENGTH", "0")
        if not (length.isascii() and length.isdigit() and len(length) <= _LENGTH_DIGITS):
            return None
        request.method, request.variables = method, variables
        request.uri = target.decode("ascii")
        request.path, _, request.query = request.uri.partition("?")
        request.close = variables.get("HTTP_CONNECTION", "").strip(" \t").lower() == "close"
        request.body = _body(data, end, int(length), connection)
        return request

    def _read_headers(self, headers: list[tuple[bytes, bytes]]) -> dict[str, str] | None:
        found: dict[str, str] = {}
        for name, value in headers:
            variable = self._variables.get(name, "")
            if not variable:
                if variable is None:
                    return None
                variable = self._remember(name)
                if variable is None:
                    return None
            if variable in found:
                return None
            found[variable] = value.decode("latin-1")
        return found

    def _remember(self, name: bytes) -> str | None:
        variable: str | None = _variable(name.decode("latin-1"))
        if variable in _PECULIAR or b"_" in name or not name:  # no name: a folded line
            variable = None
        else:
            variable = _WITHOUT_PREFIX.get(variable or "", variable)
        if len(self._variables) < _NAMES_REMEMBERED:
            self._variables[name] = variable
        return variable

    def _set_scheme(self, request: PlainRequest, variables: dict[str, str], *, trusted: bool) -> bool:
        """What a trusted proxy says in one header; False when it says it in several."""
        request.scheme = self._scheme
        said = self._secure.keys() & variables.keys() if trusted else ()
        for name in said:
            request.scheme = "https" if variables[name] == self._secure[name] else "http"
        return len(said) < 2


class Requests:
    """The requests of one connection, one after another."""

    def __init__(self, cfg: Any, recognition: Recognition, connection: Connection, client: Any) -> None:
        self._recognition = recognition
        self._connection = connection
        self._parser: Any = None  # made for the first request that is not plain
        self._client = client
        self._cfg = cfg
        self._trusted = Request._peer_is_trusted_proxy(_Peer(cfg, client))
        self._proxy_info: Any = None
        self._current: Any = None

    def next(self) -> Any:
        """Wait for the next request; StopIteration or NoMoreData at the end of the connection."""
        last = self._current
        if last is not None and (last.should_close() or not self.finish()):
            raise StopIteration
        data = self._connection.read()
        plain = self._recognition.recognise(data, self._connection, trusted=self._trusted)
        if plain is not None:
            self._current = plain
            return plain
        self._connection.unread(data)
        if self._parser is None:
            self._parser = RequestParser(self._cfg, self._connection.sock, self._client)
            self._parser.unreader = self._connection
        self._parser.mesg = None  # it has been finished
        request = self._current = next(self._parser)
        # The PROXY line comes once, before the first request, and is meant for all.
        self._proxy_info = request.proxy_protocol_info = request.proxy_protocol_info or self._proxy_info
        return request

    def finish(self) -> bool:
        """Drop what the application has not read of the body; False: the connection cannot go on."""
        if isinstance(self._current, PlainRequest):
            return self._current.finish()
        return bool(self._parser.finish_body(max_bytes=UNREAD_BODY))


class _Peer:
    """What gunicorn wants to know to judge whether a peer is a proxy."""

    def __init__(self, cfg: Any, address: Any) -> None:
        self.cfg = cfg
        self.peer_addr = address


def _variable(name: str) -> str:
    return "HTTP_" + name.upper().replace("-", "_")


def _body(data: bytes, start: int, length: int, connection: Connection) -> Any:
    end = start + length
    if len(data) > end:
        connection.unread(data[end:])
    if len(data) >= end:
        return io.BytesIO(data[start:end])
    connection.unread(data[start:])
    return Body(LengthReader(connection, length))
