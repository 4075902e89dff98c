"""The commands of the README work: they run in their order against a real gateway."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from docs.markdown import ROOT
from support.gateway import RunningGateway, free_port
from support.waiting import eventually

from docs import markdown

README = (ROOT / "README.md").read_text(encoding="utf-8")
# Everything that fails ends the script, an HTTP error too.
PRELUDE = 'set -euo pipefail\ncurl() { command curl --fail-with-body "$@"; echo; }\n'


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """examples/receiver.py on a free port, and the file that it prints to."""
    port, output = free_port(), tmp_path / "received.jsonl"
    with output.open("wb") as file:
        process = subprocess.Popen([sys.executable, "examples/receiver.py", str(port)], cwd=ROOT, stdout=file)
    yield port, output
    process.terminate()
    process.wait(timeout=10)


@pytest.fixture
def gateway(tmp_path: Path, receiver: tuple[int, Path]) -> Iterator[RunningGateway]:
    """A gateway with examples/genesys.ini, whose receiver is the one of this test."""
    ini = (ROOT / "examples/genesys.ini").read_text(encoding="utf-8")
    with RunningGateway(tmp_path, ini.replace("9999", str(receiver[0]))) as running:
        yield running


def test_readme_shows_the_sample_configuration() -> None:
    """The ini block of the README is examples/genesys.ini without its comments."""
    sample = (ROOT / "examples/genesys.ini").read_text(encoding="utf-8")
    without_comments = [line for line in sample.splitlines() if not line.startswith("#")]
    assert without_comments == markdown.blocks(README, "ini")[0].splitlines()


def test_curl_commands_run(gateway: RunningGateway, receiver: tuple[int, Path]) -> None:
    """Every shell block succeeds, and the receiver gets the notification that the README shows."""
    if shutil.which("curl") is None or shutil.which("bash") is None:
        pytest.skip("curl and bash are needed")
    script = PRELUDE + "\n".join(markdown.blocks(README, "sh"))
    script = script.replace("http://127.0.0.1:8080", gateway.url)
    script = script.replace(".venv/bin/gateway", f"{sys.executable} -m gateway.cli")
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=ROOT,
        env=gateway.env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert 0 == done.returncode, done.stdout + done.stderr
    assert '"successful":false' not in done.stdout
    assert '"statusCode":2' not in done.stdout
    assert {"Is anybody there?", "Hello Ann", "Hello"} <= set(texts(done.stdout))
    assert shape(json.loads(documented_notification())) == shape(received(receiver[1]))


def texts(output: str) -> Iterator[str]:
    """The texts of all messages in the answers that the script printed."""
    for line in filter(None, output.splitlines()):
        waiting = [json.loads(line)]
        while waiting:
            value = waiting.pop()
            if isinstance(value, dict):
                if value.get("type") == "Message":
                    yield value["text"]
                waiting += value.values()
            elif isinstance(value, list):
                waiting += value


def documented_notification() -> str:
    """The JSON block of the README."""
    (block,) = markdown.blocks(README, "json")
    return block


def received(output: Path) -> dict[str, object]:
    """The first notification that the receiver printed, as it came in the body."""
    line = eventually(lambda: output.read_text().partition("\n")[0], what="a notification")
    printed = json.loads(line)
    return {"message": printed["message"], "deviceId": printed["deviceId"]}


def shape(value: object) -> object:
    """A JSON value with its times left out: they differ from run to run."""
    if isinstance(value, dict):
        return {name: None if name == "utcTime" else shape(member) for name, member in value.items()}
    return [shape(member) for member in value] if isinstance(value, list) else value


@pytest.mark.npm
def test_cometd_example_runs(gateway: RunningGateway, tmp_path: Path) -> None:
    """examples/cometd/chat.mjs holds a whole chat with the official client."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are needed")
    folder = tmp_path / "cometd"
    shutil.copytree(ROOT / "examples/cometd", folder, ignore=shutil.ignore_patterns("node_modules"))
    installed = subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    if installed.returncode != 0:
        pytest.skip(f"npm install failed: {installed.stderr[-200:]}")
    command = ["node", "chat.mjs", f"{gateway.url}/genesys/cometd"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=30, check=False)
    expected = [
        "1 Ann: ParticipantJoined",
        "2 Ann: Message Hello from CometD",
        "3 Ann: ParticipantLeft",
        "chat ended",
    ]
    assert expected == done.stdout.splitlines(), done.stderr
