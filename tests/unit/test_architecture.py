"""The shape of the source tree; import directions are `.importlinter`'s business."""

from __future__ import annotations

import configparser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_package_is_installed() -> None:
    """setup.cfg lists all packages of the tree, and static/ as gateway.static."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    listed = setup["options"]["packages"].split()
    found = {
        ".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "gateway").rglob("__init__.py")
    }
    assert sorted(found | {"gateway.static"}) == sorted(listed)


def test_bot_can_be_copied_out_of_the_tree() -> None:
    """Every package of the gateway is forbidden to `bot`, also one that was added later."""
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter")
    forbidden = set(contracts["importlinter:contract:bot"]["forbidden_modules"].split())
    modules = [
        path
        for path in (ROOT / "gateway").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    ]
    assert {f"gateway.{path.stem}" for path in modules} - {"gateway.__init__", "gateway.bot"} == forbidden
