"""The code blocks of docs/push.md verify what the gateway signs, and nothing else (spec/push.md 10.2.1)."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import UTC, datetime
from typing import Any

import pytest

from docs import markdown

PAGE = markdown.text("push.md")
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"
BODY = '{"message":{"chatEnded":false,"nextPosition":17},"deviceId":"d1"}'
SIGNATURE = "v1,wicDRND0/NX1DHFSaTzclK1Wv76L3yQUhTXNnF8sW98="
HEADERS = {
    "webhook-id": "msg_00020aEQFW6V0029_c1_16",
    "webhook-timestamp": "1568662361",
    "webhook-signature": SIGNATURE,
}
# What differs from the vector, and whether it is genuine.
CASES = {
    "the vector": ({}, 0, True),
    "two signatures": ({"webhook-signature": f"v1,AAAA {SIGNATURE}"}, 0, True),
    "five minutes late": ({}, 299, True),
    "too late": ({}, 301, False),
    "too early": ({}, -301, False),
    "another id": ({"webhook-id": "msg_1"}, 0, False),
    "another time": ({"webhook-timestamp": "1568662362"}, 0, False),
    "another signature": ({"webhook-signature": SIGNATURE.replace("wic", "wid")}, 0, False),
    "no signature": ({"webhook-signature": ""}, 0, False),
    "another body": ({"body": BODY.replace("17", "18")}, 0, False),
}


def case(name: str) -> tuple[dict[str, str], str, int, bool]:
    """Headers, body, the receiver's time, and whether it is genuine."""
    changes, skew, genuine = CASES[name]
    headers = HEADERS | changes
    return headers, headers.pop("body", BODY), 1_568_662_361 + skew, genuine


@pytest.mark.parametrize("name", CASES)
def test_python(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The block with the package standardwebhooks."""
    (block,) = markdown.blocks(PAGE, "python")
    headers, body, now_s, genuine = case(name)
    namespace: dict[str, Any] = {}
    exec(block, namespace)  # noqa: S102 - it is our own manual

    class Then(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.fromtimestamp(now_s, tz or UTC)

    monkeypatch.setattr("standardwebhooks.webhooks.datetime", Then)
    assert genuine == namespace["is_genuine"](SECRET, headers, body)


@pytest.mark.parametrize("name", CASES)
def test_javascript(name: str) -> None:
    """The block with node:crypto."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is needed")
    (block,) = markdown.blocks(PAGE, "javascript")
    headers, body, now_s, genuine = case(name)
    arguments = ", ".join(json.dumps(value) for value in (SECRET, headers, body, now_s))
    script = f"{block}\nconsole.log(isGenuine({arguments}));"
    done = subprocess.run([node, "-e", script], capture_output=True, text=True, timeout=30, check=True)
    assert str(genuine).lower() == done.stdout.strip()
