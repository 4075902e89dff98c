"""R12 with figures: five good receivers at 50 events a second each, alone and beside every bad one.

The whole gateway under gunicorn; good and bad receivers are processes of their own. Printed, never judged:
how long the good ones' notifications took, from the agent's request to the POST.
"""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from bench.push import Sink, running_sink
from support.clients import Agent, Rest
from support.gateway import ROOT, RunningGateway
from unit.push.test_bad_receivers import OUTCOMES

SCALE = int(os.environ.get("FAULT_SCALE", "1"))
GOOD, EVENTS, PER_SECOND = 5, 250 * SCALE, 250
BAD = [mode for mode in OUTCOMES if mode != "ok"]
# Three at once in the lane of each, more while it is slow.
CHATS_PER_BAD, ROWS_PER_CHAT = 1, 3
GROWTH_KB = 32 * 1024
SERVE_BAD = """
import sys
from support.bad_receivers import BadReceivers
with BadReceivers() as bad:
    print(bad.url("x"), flush=True)
    sys.stdin.read()
    print(bad.hits["target"], flush=True)
"""


@contextmanager
def bad_receivers() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The bad receivers' address without the mode, and their process."""
    command = [sys.executable, "-c", SERVE_BAD]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT / "tests", **pipes) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip().removesuffix("x"), process
        finally:
            process.kill()


class Desk:
    """An agent, and customers with devices."""

    def __init__(self, gateway: RunningGateway) -> None:
        self.url = gateway.url
        self.agent = Agent(gateway.url, gateway.token("agent", "Alice"))

    def chat(self, provider: str) -> str:
        keys = {
            "GCTI_Chat_PushSubscribe": "true",
            "GCTI_GMS_NodeGroup": "any",
            "GCTI_GMS_PushDeviceId": "device",
            "GCTI_GMS_PushDeviceType": "customhttp",
            "GCTI_GMS_PushProvider": provider,
        }
        chat = Rest(self.url, **{f"userData[{key}]": value for key, value in keys.items()})
        self.agent.accept(chat.chat_id)
        return chat.chat_id

    def say(self, chat_id: str) -> None:
        self.agent.send(chat_id, f"t={time.monotonic_ns()};")

    def paced(self, chats: Sequence[str], sink: Sink) -> tuple[float, float]:
        """EVENTS messages in turn at PER_SECOND; p50 and p99 in ms of their notifications, none missing."""
        sink.figures()
        begun = time.monotonic()
        for number in range(EVENTS):
            time.sleep(max(0.0, begun + number / PER_SECOND - time.monotonic()))
            self.say(chats[number % len(chats)])
        found = sorted(sink.latencies_ms(EVENTS))
        return found[len(found) // 2], found[len(found) * 99 // 100]


def resident_kb(gateway: RunningGateway) -> int:
    """Memory of the workers."""
    texts = [Path(f"/proc/{pid}/status").read_text() for pid in gateway.worker_pids()]
    return sum(int(text.split("VmRSS:")[1].split()[0]) for text in texts)


def configuration(sink: Sink, bad: str) -> str:
    """A provider for each receiver."""
    urls = {f"good{n}": f"{sink.url}/good{n}" for n in range(GOOD)} | {mode: bad + mode for mode in BAD}
    providers = "".join(f"[push.provider.{name}]\ncustomhttp.url={url}\n" for name, url in urls.items())
    head = "[limits]\nenabled=false\n[log]\nlevel=error\n[chat]\npush_notification_include_payload=true\n"
    return f"{head}[push]\npushEnabled=comet,customhttp\n{providers}"


def test_good_receivers_get_everything_beside_bad_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """None of theirs is missing or late for ever; memory stays within 32 MiB; no redirect is followed."""
    with (
        running_sink() as sink,
        bad_receivers() as (bad, process),
        RunningGateway(tmp_path, configuration(sink, bad)) as gateway,
    ):
        desk = Desk(gateway)
        good = [desk.chat(f"good{n}") for n in range(GOOD)]
        desk.paced(good, sink)  # warm
        alone = desk.paced(good, sink)
        before_kb = resident_kb(gateway)
        for mode in BAD:
            for _ in range(CHATS_PER_BAD):
                chat = desk.chat(mode)
                for _ in range(ROWS_PER_CHAT - 1):
                    desk.say(chat)
        beside = desk.paced(good, sink)
        growth_kb = resident_kb(gateway) - before_kb
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        target_hits = int(process.stdout.readline())
    with capsys.disabled():
        print(f"\nR12: {GOOD} good receivers, {len(BAD)} bad ones; memory +{growth_kb} KiB")
        for name, (p50, p99) in (("alone", alone), ("beside", beside)):
            print(f"  {name}: p50 {p50:.1f} ms, p99 {p99:.1f} ms")
    assert (0, True) == (target_hits, growth_kb <= GROWTH_KB)
