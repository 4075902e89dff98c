"""Whole connections are divided into requests as gunicorn divides them, however their bytes arrive.

This is what request smuggling lives from: two readers that disagree about where one request ends.
"""

from types import SimpleNamespace

import pytest
from gunicorn.config import Config
from gunicorn.http.errors import ParseException
from gunicorn.http.parser import RequestParser
from hypothesis import given
from hypothesis import strategies as st

from gateway.worker.answering import Environment
from gateway.worker.application import DefaultLimits
from gateway.worker.connection import Connection
from gateway.worker.reading import UNREAD_BODY, Recognition, Requests

CLIENT, PROXY, SERVER = ("203.0.113.9", 40_000), ("127.0.0.1", 40_000), ("192.0.2.1", 8080)
INNER = b"GET /inner HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"

_TARGETS = [
    *[
        b"/",
        b"/a/b?c=d",
        b"/a?b?c",
        b"//x/y",
        b"/%00",
        b"/%2e%2e/x",
        b"/%zz",
        b"/a;b",
        b"/[",
        b"/\\",
        b"/a:80",
    ],
    *[
        b"http://x/y",
        b"*",
        b"x:80",
        b"/a#b",
        b"/\xe4",
        b"/a b",
        b"",
        b"/" + b"x" * 4_000,
        b"/" + b"x" * 8_300,
    ],
]
_FIELDS = [
    *[b"Content-Length: %d\r\n" % length for length in (0, 3, len(INNER), 40)],
    *[
        b"Content-Length: " + value + b"\r\n"
        for value in (b"03", b"+3", b"0x3", b"3, 3", b"3 3", b"\xb2", b"")
    ],
    *[b"Content-Length : 3\r\n", b"content-length:3\r\n", b"Content_Length: 3\r\n", b"Content-Length: 3\n"],
    *[
        CHUNKED,
        b"transfer-encoding: xchunked\r\n",
        b"Transfer-Encoding: identity\r\n",
        b"Transfer_Encoding: chunked\r\n",
    ],
    *[
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Transfer-Encoding:\x0bchunked\r\n",
        b"Transfer-Encoding : chunked\r\n",
    ],
    *[b"Host: x\r\n", b"Host: y\r\n", b"Host x\r\n", b" folded\r\n", b"\tfolded\r\n", b": nameless\r\n"],
    *[b"Connection: close\r\n", b"Connection: Keep-Alive, close\r\n", b"Connection: keep-alive\r\n"],
    *[b"Expect: 100-continue\r\n", b"Expect: more\r\n", b"Upgrade: websocket\r\n", b"TE: trailers\r\n"],
    *[b"X-Forwarded-Proto: https\r\n", b"X-Forwarded-Ssl: on\r\n", b"X-Forwarded-Protocol: plain\r\n"],
    *[
        b"Script-Name: /a\r\n",
        b"SCRIPT_NAME: /a\r\n",
        b"Path-Info: /p\r\n",
        b"PATH_INFO: /p\r\n",
        b"X_Y: z\r\n",
    ],
    *[
        b"X-A: a\x00b\r\n",
        b"X-A: a\rb\r\n",
        b"X-A: a\nb\r\n",
        b"X-A: \xc3\xa4\r\n",
        b"X-\xe4: a\r\n",
        b"X-A: a\x7f\r\n",
    ],
    *[
        b"X-A: " + b"y" * 4_000 + b"\r\n",
        b"X-A: " + b"y" * 8_200 + b"\r\n",
        b"X-A: 1\r\n",
        b"x-a: 2\r\n",
        b"\r",
    ],
]
_BODIES = [
    b"",
    b"abc",
    INNER,
    b"0\r\n\r\n",
    b"3\r\nabc\r\n0\r\n\r\n",
    b"3\nabc\n0\n\n",
    b"\r\n",
    b"\n",
    b"\x00",
]

_requests = st.builds(
    lambda method, target, version, fields, end, body: b"".join(
        [method, b" ", target, b" ", version, b"\r\n", *fields, end, body]
    ),
    st.sampled_from([b"GET", b"POST", b"HEAD", b"OPTIONS", b"CONNECT", b"PRI", b"get", b" GET", b"\r\nGET"]),
    st.sampled_from(_TARGETS),
    st.sampled_from([b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"HTTP/1.1 ", b"http/1.1"]),
    st.lists(st.sampled_from(_FIELDS), max_size=4),
    st.sampled_from([b"\r\n", b"\n", b"\r\n\r\n"]),
    st.sampled_from(_BODIES),
)
# Mostly requests that are understood, or hardly anything would be read after the first one.
_sound = st.builds(
    lambda method, target, fields, body: (
        b"%b %b HTTP/1.1\r\nHost: x\r\n%bContent-Length: %d\r\n\r\n%b"
        % (method, target, b"".join(fields), len(body), body)
    ),
    st.sampled_from([b"GET", b"POST", b"HEAD"]),
    st.sampled_from(_TARGETS[:11]),
    st.lists(st.sampled_from(_FIELDS[-4:-2] + [b"X-B: 1\r\n", b"X-Forwarded-Proto: https\r\n"]), max_size=2),
    st.sampled_from(_BODIES),
)


def arriving(pieces):
    """A connection on which these pieces arrive one by one, and then the end."""
    waiting = [piece for piece in pieces if piece]

    def recv(size):
        piece = waiting.pop(0) if waiting else b""
        if len(piece) > size:
            waiting.insert(0, piece[size:])
        return piece[:size]

    sock = SimpleNamespace(recv=recv)
    return Connection(sock, limits=DefaultLimits(), keepalive=75, clock=lambda: 0.0, encrypted=False)


def division(following, connection, cfg, *, client, read):
    """What is understood on the connection: (environment, body, closing) of each request, then how it ends.

    `read`: whether the application reads the bodies.
    """
    found = []
    try:
        while True:
            request = following()
            environ = Environment(cfg, {}).of(request, connection.sock, client=client, server=SERVER)
            for name in ("wsgi.input", "gunicorn.socket", "wsgi.errors"):
                environ.pop(name)
            connection.run_application()
            body = request.body.read() if read else None
            found.append((environ, body, request.should_close()))
            connection.await_request()
    except (ParseException, StopIteration, OSError) as end:
        return found, type(end)


def of_gunicorn(pieces, cfg, *, client, read):
    connection = arriving(pieces)
    parser = RequestParser(cfg, connection.sock, client)
    parser.unreader = connection

    def following():
        # As `Requests.next` treats what nobody has read: too much or broken ends the connection.
        if parser.mesg and (parser.mesg.should_close() or not parser.finish_body(max_bytes=UNREAD_BODY)):
            raise StopIteration
        parser.mesg = None
        return next(parser)

    return division(following, connection, cfg, client=client, read=read)


def of_ours(pieces, cfg, *, client, read, recognition=None):
    connection = arriving(pieces)
    requests = Requests(cfg, recognition or Recognition(cfg), connection, client)
    return division(requests.next, connection, cfg, client=client, read=read)


def cut(data, places):
    """`data` in pieces, cut at these places (modulo its length)."""
    at = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[begin:end] for begin, end in zip(at, at[1:], strict=False)]


@given(
    stream=st.lists(st.one_of(_sound, _sound, _requests), min_size=1, max_size=4).map(b"".join),
    places=st.lists(st.integers(0, 20_000), max_size=4),
    client=st.sampled_from([CLIENT, PROXY]),
    read=st.booleans(),
)
def test_no_connection_is_divided_differently_than_by_gunicorn(stream, places, client, read):
    """Requests, bodies, the end: all as by gunicorn's parser, wherever the network cuts the stream."""
    cfg, pieces = Config(), cut(stream, places)

    assert of_gunicorn(pieces, cfg, client=client, read=read) == of_ours(
        pieces, cfg, client=client, read=read
    )


@pytest.mark.parametrize("field", _FIELDS)
def test_no_single_field_hides_a_request(field):
    """Each peculiar field between two others, before a body that looks like a request."""
    data = b"POST /x HTTP/1.1\r\nHost: x\r\n%bX-Z: 1\r\nContent-Length: %d\r\n\r\n%b" % (
        field,
        len(INNER),
        INNER,
    )
    cfg, pieces = Config(), [data + INNER]

    assert of_gunicorn(pieces, cfg, client=PROXY, read=False) == of_ours(
        pieces, cfg, client=PROXY, read=False
    )


class Careless(Recognition):
    """Takes a request with Transfer-Encoding for a plain one: the negative control."""

    def _remember(self, name):
        if name.lower() == b"transfer-encoding":
            return "HTTP_TRANSFER_ENCODING"
        return super()._remember(name)


def test_a_careless_reader_would_be_caught():
    """A reader that overlooks Transfer-Encoding finds a request in a body, and the comparison shows it."""
    smuggled = b"1f\r\n" + INNER + b"\r\n0\r\n\r\n"
    pieces = [b"POST /x HTTP/1.1\r\nHost: x\r\n" + CHUNKED + b"\r\n" + smuggled]
    cfg = Config()
    careless = of_ours(pieces, cfg, client=CLIENT, read=True, recognition=Careless(cfg))

    assert of_gunicorn(pieces, cfg, client=CLIENT, read=True) != careless
