"""Slow, silent and greedy clients against a real gunicorn with our worker and settings (R16, R19).

The application is a few lines written here, so that what is tested is the worker alone. Deadlines are short.
"""

import http.client
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

CONFIG = Path(__file__).parents[2] / "gunicorn.conf.py"
HEADER, BODY, WRITE, HELD = 0.8, 0.8, 0.8, 2.5
PATIENCE = 15

APPLICATION = f"""
import os, threading, time
from types import SimpleNamespace
from gunicorn.workers.base_async import ALREADY_HANDLED
from gateway.observe.metrics import Metrics
from gateway.worker.application import DefaultLimits

draining = threading.Event()
served = []

def park(environ):
    sock, connection = environ["gunicorn.socket"], environ["gateway.connection"]
    def answer():
        time.sleep({HELD})
        sock.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 6\\r\\n\\r\\nparked")
        connection.answered()
    threading.Thread(target=answer, daemon=True).start()
    return ALREADY_HANDLED

def spin():
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        pass
    return b"spun"

def drain():
    open("drained", "w").close()
    draining.set()

routes = {{
    "/ok": lambda environ: b"ok",
    "/pid": lambda environ: str(os.getpid()).encode(),
    "/body": lambda environ: b"%d" % len(environ["wsgi.input"].read()),
    "/unread": lambda environ: b"refused",
    "/big": lambda environ: b"x" * (32 << 20),
    "/held": lambda environ: time.sleep({HELD}) or b"held",
    "/drained": lambda environ: draining.wait(60) and b"drained",
    "/parked": park,
    "/spin": lambda environ: spin(),
    "/served": lambda environ: b"%d" % len(served),
    "/metrics": lambda environ: app.gateway.metrics.render(),
}}

def app(environ, start_response):
    answer = routes[environ["PATH_INFO"]](environ)
    served.append(1)
    if answer is ALREADY_HANDLED:
        return answer
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(answer)))])
    return [answer]

limits = DefaultLimits(header_timeout_s={HEADER}, body_timeout_s={BODY}, write_timeout_s={WRITE})
app.gateway = SimpleNamespace(
    settings=SimpleNamespace(current=SimpleNamespace(limits=limits)), metrics=Metrics(), drain=drain
)
"""


class Server:
    """A gunicorn process on a free port in its own directory."""

    def __init__(self, directory, *arguments, tls=None):
        self.tls = tls
        self.directory = directory
        (directory / "slow_app.py").write_text(APPLICATION)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.output = (directory / "log").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "-c", CONFIG, "slow_app:app", "-b", f"127.0.0.1:{self.port}"]
            + list(arguments),
            cwd=directory,
            env={**os.environ, "DATA_DIR": str(directory / "data")},
            stdout=self.output,
            stderr=subprocess.STDOUT,
        )
        self.wait_for(self.is_up)

    def is_up(self):
        try:
            return self.get("/ok") == b"ok"
        except OSError:
            return False

    def wait_for(self, condition):
        """Return the first true value of `condition()`; fail with the log if there is none in time."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if found := condition():
                return found
            time.sleep(0.02)
        return pytest.fail((self.directory / "log").read_text())

    def connect(self, sent=b""):
        """A connected socket that has sent these bytes."""
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        sock.sendall(sent)
        return sock

    def get(self, path):
        """The body of a successful GET on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        if self.tls is not None:
            connection.sock = self.tls.wrap_socket(self.connect(), server_hostname="127.0.0.1")
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            assert answer.status == 200
            return answer.read()
        finally:
            connection.close()

    def closed(self, reason):
        """How many slow clients were closed for this reason."""
        prefix = f'slow_clients_closed_total{{reason="{reason}"}} '
        lines = self.get("/metrics").decode().splitlines()
        return sum(float(line.removeprefix(prefix)) for line in lines if line.startswith(prefix))

    def stop(self, number=signal.SIGTERM):
        """Send the signal and return the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(PATIENCE)
        self.output.close()
        return status


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One server for all tests that do not stop it."""
    running = Server(tmp_path_factory.mktemp("slow"))
    yield running
    running.stop()


@pytest.fixture
def own_server(tmp_path):
    """A server that the test may stop."""
    running = Server(tmp_path)
    yield running
    running.stop()


def read_to_end(sock):
    """Everything until the peer closes; a reset counts as closed."""
    received = b""
    try:
        while piece := sock.recv(65536):
            received += piece
    except ConnectionResetError:
        pass
    sock.close()
    return received


def test_half_a_head_is_closed_with_408(server):
    """A request head that does not become complete ends at its deadline."""
    assert read_to_end(server.connect(b"GET /ok HTTP/1.1\r\nHost: x\r\n")).startswith(b"HTTP/1.1 408 ")


def test_a_silent_connection_is_closed_without_a_word(server):
    """A connection that never sends anything ends at the deadline of the head."""
    assert read_to_end(server.connect()) == b""


def test_half_a_body_is_closed_with_408_and_never_taken_for_whole(server):
    """A body that stops half-way ends at its deadline; the application does not answer for it."""
    head = b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"

    assert read_to_end(server.connect(head + b"half")).startswith(b"HTTP/1.1 408 ")


def test_half_a_body_that_nobody_reads_is_closed_after_the_answer(server):
    """An early answer is not followed by a second one when the rest of the body never comes."""
    head = b"POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"
    answer = read_to_end(server.connect(head + b"half"))

    assert answer.endswith(b"\r\n\r\nrefused")
    assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command to make a certificate")
def test_the_deadlines_hold_for_encrypted_connections(tmp_path):
    """With TLS, silence and half a handshake end at the deadline of the head; requests are answered."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    words = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        f"-subj /CN=gateway -addext subjectAltName=IP:127.0.0.1 -keyout {key} -out {certificate}"
    )
    subprocess.run(words.split(), check=True, capture_output=True)
    tls = ssl.create_default_context(cafile=certificate)
    running = Server(tmp_path, "--certfile", certificate, "--keyfile", key, tls=tls)
    peers = [running.connect(sent) for sent in (b"", b"\x16\x03\x01", b"GET /ok HTTP/1.1\r\n\r\n")]
    answer = running.get("/body")
    ends = [read_to_end(peer) for peer in peers]
    running.stop()

    assert b"0" == answer
    assert not any(end.startswith(b"HTTP") for end in ends)


def test_many_half_open_requests_do_not_delay_others(server):
    """With 500 half-sent heads open, requests are answered, and all 500 are closed and counted."""
    before = server.closed("header")
    with ExitStack() as stack:
        slow = [stack.enter_context(server.connect(b"POST /body HTTP/1.1\r\n")) for _ in range(500)]
        answers = [server.get("/ok") for _ in range(20)]
        still_open = server.closed("header") == before
        ends = [read_to_end(sock) for sock in slow]

    assert answers == [b"ok"] * 20
    assert still_open
    assert all(end.startswith(b"HTTP/1.1 408 ") for end in ends)
    assert server.closed("header") - before == 500


def test_a_reader_that_does_not_read_is_cut_off(server):
    """A client that takes an answer byte by byte loses the connection at the write deadline."""
    before = server.closed("write")
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.settimeout(PATIENCE)
    sock.connect(("127.0.0.1", server.port))
    sock.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
    server.wait_for(lambda: sock.recv(1) and server.closed("write") > before)

    assert len(read_to_end(sock)) < 32 << 20


@pytest.mark.parametrize("path", ["/held", "/parked"])
def test_held_requests_are_not_cut(server, path):
    """A request held several deadlines long is answered, and its connection serves the next one."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    connection.request("GET", path)
    held = connection.getresponse().read()
    same = connection.sock
    connection.request("GET", "/ok")
    after = connection.getresponse().read()
    assert connection.sock is same
    connection.close()

    assert [path[1:].encode(), b"ok"] == [held, after]


def test_a_busy_connection_does_not_starve_others(server):
    """Requests that queue up on one connection take turns with those of another."""
    queued = b"GET /spin HTTP/1.1\r\nHost: x\r\n\r\n" + b"GET /ok HTTP/1.1\r\nHost: x\r\n\r\n" * 300
    before = int(server.get("/served"))
    greedy = server.connect(queued)
    turns = int(server.get("/served")) - before
    greedy.close()

    assert turns < 100


def test_unparsable_requests_get_a_problem_document(server):
    """What is not HTTP is answered with 400 and JSON, never HTML."""
    answer = read_to_end(server.connect(b"nonsense\r\n\r\n"))

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in answer


def test_broken_chunks_are_the_clients_mistake(server):
    """A chunk size that is none is answered with 400, good chunks are read."""
    head = b"POST /body HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"

    assert read_to_end(server.connect(head + b"zz\r\nhello\r\n")).startswith(b"HTTP/1.1 400 ")
    assert read_to_end(server.connect(head + b"5\r\nhello\r\n0\r\n\r\n")).endswith(b"\r\n\r\n5")


def test_sigterm_drains_answers_held_requests_and_exits_with_0(own_server):
    """A stop runs drain(), answers what is held and does not wait for idle connections."""
    idle = own_server.connect(b"GET /ok HTTP/1.1\r\nHost: x\r\n\r\n")
    while not idle.recv(1000).endswith(b"ok"):
        pass
    held = own_server.connect(b"GET /drained HTTP/1.1\r\nHost: x\r\n\r\n")
    own_server.get("/ok")
    status = own_server.stop()

    assert status == 0
    assert (own_server.directory / "drained").exists()
    assert read_to_end(held).endswith(b"drained")
    assert read_to_end(idle) == b""
    assert "stop_cut_short" not in (own_server.directory / "log").read_text()


def test_sigint_stops_quickly_and_drains_too(own_server):
    """Ctrl-C takes the same way in less time: even an endless request does not hold it up."""
    held = own_server.connect(b"GET /drained HTTP/1.1\r\nHost: x\r\n\r\n")
    own_server.get("/ok")
    status = own_server.stop(signal.SIGINT)

    assert status == 0
    assert read_to_end(held).endswith(b"drained")


def test_sighup_replaces_the_worker_without_a_failed_request(own_server):
    """During a reload every request is answered, on new connections and on a kept one."""
    first = own_server.get("/pid")
    kept = http.client.HTTPConnection("127.0.0.1", own_server.port, timeout=PATIENCE)
    failures, pids = [], set()
    finished = threading.Event()

    def keep_asking():
        while not finished.is_set():
            try:
                kept.request("GET", "/pid")
                pids.add(kept.getresponse().read())
            except OSError as error:
                failures.append(error)

    asking = threading.Thread(target=keep_asking)
    asking.start()
    try:
        own_server.process.send_signal(signal.SIGHUP)
        own_server.wait_for(lambda: own_server.get("/pid") != first)
        own_server.wait_for(lambda: not Path(f"/proc/{int(first)}").exists())
        own_server.wait_for(lambda: len(pids) > 1)
    finally:
        finished.set()
        asking.join()
        kept.close()

    assert failures == []
