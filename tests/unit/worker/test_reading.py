"""Plain requests are read as gunicorn's own parser reads them; whatever is peculiar is left to gunicorn."""

import io
import socket
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
from gateway.worker.reading import PlainRequest, Recognition, Requests

CLIENT, PROXY, SERVER = ("203.0.113.9", 40_000), ("127.0.0.1", 40_000), ("192.0.2.1", 8080)
PLAIN = [
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /a/b?c=d&e HTTP/1.1\r\nHost: x\r\nCookie: a=b; c=d\r\nX-Some-Thing:  \t v w \r\n\r\n",
    b"GET /a%20b%2Fc%ff?%41 HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n",
    b"POST /x HTTP/1.1\r\nhost: x\r\nCONTENT-TYPE: text/plain\r\nContent-Length: 5\r\n\r\nhello",
    b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: Close\r\n\r\n",
    b"OPTIONS /x HTTP/1.1\r\nHost: x\r\nOrigin: http://\xe4.example\r\n\r\n",
    b"GET /x HTTP/1.1\r\nHost: x\r\nX-Forwarded-Proto: https\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n",
]
PECULIAR = [
    b"GET /x HTTP/1.0\r\nHost: x\r\n\r\n",
    b"GET http://x/x HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET //x HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /x#y HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /\xe4 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"HEAD /x HTTP/1.1\r\nHost: x\r\n\r\n",
    b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\r\nGET /x HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /x HTTP/1.1\nHost: x\n\n",
    b"GET /x HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    b"GET /x HTTP/1.1\r\nHost: x\r\nAccept: a\r\nAccept: b\r\n\r\n",
    b"GET /x HTTP/1.1\r\nHost: x\r\nX_Forwarded_For: y\r\n\r\n",
    b"GET /x HTTP/1.1\r\nHost: x\r\nX-A: 1\r\n folded\r\n\r\n",
    b"GET /x HTTP/1.1\r\nHost : x\r\n\r\n",
    b"GET /x HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc",
    b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: \xb3\r\n\r\nabc",
    b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: -3\r\n\r\nabc",
    b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\nabc",
    b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc",
    b"GET /x HTTP/1.1\r\nHost: x\r\nX-Forwarded-Proto: https\r\nX-Forwarded-SSL: off\r\n\r\n",
    b"GET /x HTTP/1.1\r\nHost: x\r\nX-A: a\x00b\r\n\r\n",
    b"GET /x HTTP/1.1\r\nHost: x\r\n",
]


@pytest.fixture(scope="module")
def cfg():
    return Config()


def connected(data, cfg):
    """A connection on which these bytes have arrived, and then the end."""
    ours, peer = socket.socketpair()
    peer.sendall(data)
    peer.close()
    shaped = SimpleNamespace(recv=ours.recv, _sock=ours)
    return Connection(shaped, limits=DefaultLimits(), keepalive=75, clock=lambda: 0.0, encrypted=False)


def as_gunicorn(data, cfg, client):
    """What gunicorn alone makes of it: environment, body, whether to close; or the error's class."""
    connection = connected(data, cfg)
    parser = RequestParser(cfg, connection.sock, client)
    parser.unreader = connection
    try:
        return seen(next(parser), connection, cfg, client)
    except (ParseException, StopIteration, OSError) as error:
        return type(error)


def as_we(data, cfg, client):
    """What our reader makes of it, in the same form."""
    connection = connected(data, cfg)
    requests = Requests(cfg, Recognition(cfg), connection, client)
    try:
        return seen(requests.next(), connection, cfg, client)
    except (ParseException, StopIteration, OSError) as error:
        return type(error)


def seen(request, connection, cfg, client):
    environ = Environment(cfg, {}).of(request, connection.sock, client=client, server=SERVER)
    for name in ("wsgi.input", "gunicorn.socket", "wsgi.errors"):
        environ.pop(name)
    return environ, request.body.read(), request.should_close()


def is_plain(data, cfg, client=PROXY):
    requests = Requests(cfg, Recognition(cfg), connected(data, cfg), client)
    try:
        return isinstance(requests.next(), PlainRequest)
    except (ParseException, StopIteration, OSError):
        return False


@pytest.mark.parametrize("client", [CLIENT, PROXY])
@pytest.mark.parametrize("data", PLAIN)
def test_a_plain_request_is_read_as_gunicorn_reads_it(data, client, cfg):
    """It is recognised, and environment, body and the end of the connection are gunicorn's."""
    assert is_plain(data, cfg, client)
    assert as_gunicorn(data, cfg, client) == as_we(data, cfg, client)


@pytest.mark.parametrize("data", PECULIAR)
def test_a_peculiar_request_is_left_to_gunicorn(data, cfg):
    """It is not recognised, so it is served or refused exactly as gunicorn does."""
    assert not is_plain(data, cfg)
    assert as_gunicorn(data, cfg, PROXY) == as_we(data, cfg, PROXY)


_PIECES = [
    *[
        b"GET ",
        b"POST ",
        b"/x",
        b"/",
        b"?",
        b"#",
        b" HTTP/1.1",
        b" HTTP/1.0",
        b"\r\n",
        b"\n",
        b"\r",
        b" ",
        b":",
    ],
    *[b"Host: x\r\n", b"Content-Length: 3\r\n", b"Content-Length: 03\r\n", b"Transfer-Encoding: chunked\r\n"],
    *[b"Connection: close\r\n", b"X_Y: z\r\n", b"X-Y: z\r\n", b"X-Forwarded-Proto: https\r\n", b"\r\n\r\n"],
    *[
        b"Expect: 100-continue\r\n",
        b"abc",
        b"0\r\n\r\n",
        b"\x00",
        b"\x7f",
        b"\xff",
        b"\t",
        b"%zz",
        b"Host: y\r\n",
    ],
]


@given(
    pieces=st.lists(st.sampled_from(_PIECES), max_size=8),
    head=st.sampled_from([b"", b"GET /x HTTP/1.1\r\n", b"POST /x HTTP/1.1\r\nHost: x\r\n"]),
    client=st.sampled_from([CLIENT, PROXY]),
)
def test_no_bytes_are_read_differently_than_by_gunicorn(pieces, head, client):
    """Any mixture of pieces of requests is understood, or refused, as by gunicorn's parser alone."""
    data, cfg = head + b"".join(pieces), Config()

    assert as_gunicorn(data, cfg, client) == as_we(data, cfg, client)


def test_pipelined_requests_are_read_one_after_another(cfg):
    """Bytes behind one request are the beginning of the next, whoever reads that."""
    data = PLAIN[3] + PECULIAR[5] + PLAIN[1] + PLAIN[3]
    requests = Requests(cfg, Recognition(cfg), connected(data, cfg), CLIENT)
    found = []
    for _ in range(4):
        request = requests.next()
        found.append((request.method, request.path, request.body.read()))

    assert [
        ("POST", "/x", b"hello"),
        ("HEAD", "/x", b""),
        ("GET", "/a/b", b""),
        ("POST", "/x", b"hello"),
    ] == found


def test_a_body_that_nobody_reads_is_never_taken_for_a_request(cfg):
    """Whether it has come with its head or follows, an unread body is dropped before the next request."""
    inner = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    length = len(inner) + 20_000
    head = b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % length
    small = b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(inner)
    data = small + inner + head + inner + b"x" * 20_000 + PLAIN[0]
    requests = Requests(cfg, Recognition(cfg), connected(data, cfg), CLIENT)

    assert ["/x", "/x", "/"] == [requests.next().path for _ in range(3)]


def test_after_close_nothing_more_is_read(cfg):
    """A client that has announced its last request gets no answer to another one."""
    requests = Requests(cfg, Recognition(cfg), connected(PLAIN[4] + PLAIN[0], cfg), CLIENT)
    requests.next()
    with pytest.raises(StopIteration):
        requests.next()


def test_the_names_of_headers_are_remembered_within_bounds(cfg):
    """Inventing header names does not fill the memory."""
    recognition = Recognition(cfg)
    for number in range(2_000):
        data = b"GET / HTTP/1.1\r\nHost: x\r\nX-%d: y\r\n\r\n" % number
        request = recognition.recognise(data, connected(b"", cfg), trusted=False)
        assert isinstance(request.body, io.BytesIO)

    assert len(recognition._variables) <= 512
