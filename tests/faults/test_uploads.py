"""Uploads under fire against a real gunicorn: huge, cut off, slow, killed, and a disk that is full.

Whatever happens to an upload, either its file is there with its event, or nothing is left of it
(targets/reliability.md 4.5, R15, R16).
"""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import os
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from support.clients import SERVICE, Agent, Rest
from support.gateway import QUIET, RunningGateway
from support.waiting import eventually

BODY_TIMEOUT = 1
CAP = 48 * 2**20
INI = (
    f"{QUIET}[client-file-transfer]\nupload-max-file-size={CAP}\nupload-max-total-size={CAP * 4}\n"
    "upload-max-files=100\ndownload-attempts=100\ndisk_reserve=0\n"
)
PDF = b"%PDF-1.7\n" + bytes(range(256)) * 4000
HEAD = b'--limit\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n%PDF-1.7\n'
PIECE = b"x" * 65_536


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """A gateway with large files allowed and a short deadline for bodies."""
    ini = INI.replace("enabled=false\n", f"enabled=false\nbody_timeout={BODY_TIMEOUT}\n", 1)
    with RunningGateway(tmp_path_factory.mktemp("uploads"), ini) as running:
        yield running


def contents(gateway: RunningGateway) -> list[Path]:
    """Everything in the file directory, half uploads included."""
    return [path for path in (gateway.data_dir / "files").rglob("*") if path.is_file()]


def upload(customer: Rest, content: bytes = PDF) -> requests.Response:
    """An ordinary upload."""
    path = f"{customer.base}/{customer.chat_id}/file"
    return customer.http.post(path, data=customer.identity, files={"file": ("a.pdf", content)}, timeout=60)


class RawUpload:
    """An upload over a bare socket, as slow, long and broken as the test wants it."""

    def __init__(self, customer: Rest, gateway: RunningGateway, framing: str) -> None:
        self.sock = socket.create_connection(("127.0.0.1", gateway.port), timeout=30)
        self._chunked = "chunked" in framing
        self.sent = 0
        path = f"/genesys/2/chat/{SERVICE}/{customer.chat_id}/file"
        head = (
            f"POST {path} HTTP/1.1\r\nHost: gateway\r\n{framing}\r\n"
            "Content-Type: multipart/form-data; boundary=limit\r\n\r\n"
        )
        self.sock.sendall(head.encode())
        fields = "".join(
            f'--limit\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in customer.identity.items()
        )
        self.send(fields.encode() + HEAD)

    def send(self, data: bytes) -> None:
        self.sock.sendall(b"%X\r\n%b\r\n" % (len(data), data) if self._chunked else data)
        self.sent += len(data)

    def send_until_refused(self, most: int) -> None:
        """Go on until the gateway no longer reads."""
        try:
            while self.sent < most:
                self.send(PIECE)
        except OSError:
            pass

    def answer(self) -> bytes:
        """What came back until the end of the connection."""
        found = b""
        try:
            while piece := self.sock.recv(65_536):
                found += piece
        except OSError:
            pass
        self.sock.close()
        return found


def memory_peak_kib(pid: int) -> int:
    """The most that the process ever had in memory (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1])


@pytest.mark.parametrize("framing", [f"Content-Length: {10 * 2**30}", "Transfer-Encoding: chunked"])
def test_ten_gigabytes_are_refused_at_the_cap(gateway: RunningGateway, framing: str) -> None:
    """400 with 202 (never the whole stream), nothing on the disk, and the gateway goes on."""
    before = contents(gateway)
    customer = Rest(gateway.url)
    stream = RawUpload(customer, gateway, framing)
    stream.send_until_refused(10 * 2**30)
    answer = stream.answer()
    assert CAP + 32 * 2**20 > stream.sent
    assert b"HTTP/1.1 400" == answer[:12]
    assert b'"code":202' in answer
    assert before == contents(gateway)
    assert 0 == upload(customer).json()["statusCode"]


def test_a_file_is_never_in_memory(gateway: RunningGateway) -> None:
    """40 MiB there and back cost the worker less than 16 MiB."""
    customer = Rest(gateway.url)
    file_id = upload(customer).json()["userData"]["file-id"]  # everything is loaded now
    (worker,) = gateway.worker_pids()
    before = memory_peak_kib(worker)
    content = PDF + os.urandom(40 * 2**20)
    answer = upload(customer, content).json()
    assert 0 == answer["statusCode"]
    file_id = answer["userData"]["file-id"]
    found = customer.post(f"file/{file_id}/download")
    assert content == found.content
    assert 16 * 1024 > memory_peak_kib(worker) - before


def test_a_connection_that_breaks_leaves_nothing(gateway: RunningGateway) -> None:
    """Cut in the middle of the file: no event, no half file."""
    before = set(contents(gateway))
    customer = Rest(gateway.url)
    stream = RawUpload(customer, gateway, f"Content-Length: {20 * 2**20}")
    stream.send_until_refused(4 * 2**20)
    eventually(lambda: set(contents(gateway)) != before, what="the upload has reached the disk")
    stream.sock.close()
    eventually(lambda: set(contents(gateway)) == before, what="the half file is gone")
    assert 1 == len(customer.events())


def test_an_upload_that_stalls_is_cut_off(gateway: RunningGateway) -> None:
    """The deadline of bodies holds for files too, and the half file is gone; others are served meanwhile."""
    before = set(contents(gateway))
    customer = Rest(gateway.url)
    stream = RawUpload(customer, gateway, f"Content-Length: {20 * 2**20}")
    stream.send_until_refused(2**20)
    assert 0 == customer.send("meanwhile")["statusCode"]
    assert b"HTTP/1.1 4" == stream.answer()[:10]
    eventually(lambda: set(contents(gateway)) == before, what="the half file is gone")


def test_kill_during_an_upload(gateway: RunningGateway) -> None:
    """SIGKILL in the middle: what was acknowledged is there byte for byte, the rest never was."""
    customer = Rest(gateway.url)
    file_id = upload(customer).json()["userData"]["file-id"]
    before = set(contents(gateway))
    stream = RawUpload(customer, gateway, f"Content-Length: {20 * 2**20}")
    stream.send_until_refused(4 * 2**20)
    eventually(lambda: set(contents(gateway)) != before, what="the upload has reached the disk")
    gateway.kill()
    assert set(contents(gateway)) != before  # nobody had the time to clean up
    orphan = gateway.data_dir / "files" / "AB" / ("AB" * 16)
    orphan.parent.mkdir(exist_ok=True)
    orphan.write_bytes(b"complete, but its row was never written")
    gateway.start()
    eventually(lambda: set(contents(gateway)) == before, what="the rubbish is swept away")
    assert ["ParticipantJoined", "FileUploaded"] == [event["type"] for event in customer.events()]
    assert PDF == customer.post(f"file/{file_id}/download").content
    used = customer.call("file/limits")["messages"][0]["userData"]
    assert ("1", "1") == (used["used-upload-max-files"], used["used-download-attempts"])


def test_agents_and_customers_exchange_files(gateway: RunningGateway) -> None:
    """Through the whole stack: an agent's upload reaches the customer, and the other way round."""
    customer = Rest(gateway.url)
    agent = Agent(gateway.url, gateway.token("agent", "Files"))
    agent.accept(customer.chat_id)
    files = f"{agent.base}/chats/{customer.chat_id}/files"
    sent = agent.http.post(files, files={"file": ("b.pdf", PDF)}, timeout=30)
    assert 200 == sent.status_code, sent.text
    assert PDF == customer.post(f"file/{sent.json()['file']['fileId']}/download").content
    file_id = upload(customer).json()["userData"]["file-id"]
    assert PDF == agent.http.get(f"{files}/{file_id}", timeout=30).content


def test_the_scan_runs_in_the_worker(tmp_path: Path) -> None:
    """A real command under gevent: what it refuses is deleted for everybody, what it hangs on is too."""
    scanner = tmp_path / "scan.sh"
    scanner.write_text('#!/bin/sh\ngrep -q virus "$1" && exit 1\ngrep -q hang "$1" && sleep 600\nexit 0\n')
    scanner.chmod(0o700)
    ini = f"{INI}upload_scan_cmd={scanner}\nupload_scan_timeout=1\n"
    with RunningGateway(tmp_path, ini) as running:
        customer = Rest(running.url)
        clean, virus, hang = [
            upload(customer, PDF + tail).json()["userData"]["file-id"] for tail in (b"", b"virus", b"hang")
        ]
        statuses = {clean: 200, virus: 404, hang: 404}
        for file_id, status in statuses.items():
            eventually(
                lambda file_id=file_id, status=status: (
                    customer.post(f"file/{file_id}/download").status_code == status
                ),
                what="the verdict",
            )
        deleted = [event for event in customer.events() if event["type"] == "FileDeleted"]
        assert {virus, hang} == {event["userData"]["file-id"] for event in deleted}
        assert {"External"} == {event["from"]["type"] for event in deleted}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A tmpfs of 4 MiB, for root only."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a tmpfs")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_full_disk_is_temporary_trouble(small_disk: Path, tmp_path: Path) -> None:
    """statusCode 1 and nothing left behind; chats go on; with space again uploads work."""
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"\0" * (3 * 2**20 + 2**19))
    with RunningGateway(tmp_path, f"{INI}directory={small_disk}/files\n") as running:
        customer = Rest(running.url)
        full = upload(customer)
        assert (200, 1) == (full.status_code, full.json()["statusCode"])
        assert [] == [path for path in (small_disk / "files").rglob("*") if path.is_file()]
        assert 0 == customer.send("still here")["statusCode"]
        ballast.unlink()
        assert 0 == upload(customer).json()["statusCode"]
