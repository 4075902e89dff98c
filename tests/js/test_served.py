"""What browsers get is the program that is in the repository."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from support import npm

from gateway.api.assets import BUNDLED, EMBEDDED, ENTRY, VERSION_PLACEHOLDER, Assets
from gateway.api.bundle import bundle
from gateway.api.pages import static_directory

pytestmark = pytest.mark.npm

HERE = Path(__file__).parent
STATIC = static_directory()
SCRIPTS = sorted(path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*.js"))


def written(name: str) -> str:
    """The script as it would be without being made small."""
    if name == BUNDLED:
        return bundle(name, lambda path: (STATIC / path).read_text(encoding="utf-8"))
    text = (STATIC / name).read_text(encoding="utf-8")
    return text.replace(VERSION_PLACEHOLDER, Assets(STATIC).version()) if name == ENTRY else text


def compare(pairs: list[dict[str, str]]) -> subprocess.CompletedProcess[str]:
    """Let a parser say whether each pair is the same program."""
    command = ["node", str(HERE / "same_program.mjs")]
    folder = npm.packages(HERE)
    return subprocess.run(
        command, cwd=folder, input=json.dumps(pairs), capture_output=True, text=True, timeout=60
    )


def test_every_script_is_served_as_the_same_program() -> None:
    """With or without its comments each script parses to the same syntax tree; the widget's are smaller."""
    assets = Assets(STATIC)
    pairs = []
    for name in SCRIPTS:
        asset = assets.get(name)
        assert asset is not None
        pairs.append({"name": name, "written": written(name), "served": asset.body.decode()})
    done = compare(pairs)
    assert done.returncode == 0, done.stderr
    smaller = [pair["name"] for pair in pairs if len(pair["served"]) < len(pair["written"])]
    assert smaller == [name for name in SCRIPTS if name.startswith(EMBEDDED)]


@pytest.mark.parametrize("served", ["const a = `x y`;", "const a = `x  y`; b;", "const a = `x  y`"[:-1]])
def test_another_program_is_noticed(served: str) -> None:
    """A changed text, a statement more, and a literal without its end do not pass for the same program."""
    assert compare([{"name": "x", "written": "const a = `x  y`;", "served": served}]).returncode != 0


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_can_be_started(name: str, tmp_path: Path) -> None:
    """node's own check finds no fault of syntax in what is served."""
    asset = Assets(STATIC).get(name)
    assert asset is not None
    path = tmp_path / "served.mjs"
    path.write_bytes(asset.body)
    done = subprocess.run(["node", "--check", str(path)], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
