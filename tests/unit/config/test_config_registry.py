"""The option cards themselves: complete, unambiguous, and in step with views and documentation."""

from dataclasses import fields
from pathlib import Path

import pytest

from gateway.config import docs, views
from gateway.config.environment import fold
from gateway.config.kinds import format_value
from gateway.config.registry import OPTIONS, SECTIONS, ByProfile, lookup, options_of

OPTIONS_MD = Path(__file__).parents[3] / "docs" / "options.md"

VIEWS = {
    "server": (views.ServerSettings,),
    "store": (views.StoreSettings,),
    "cluster": (views.ClusterSettings,),
    "log": (views.LogSettings,),
    "demo": (views.DemoSettings,),
    "chat": (views.ChatSettings, views.ServiceSettings),
    "push": (views.PushSettings,),
    "settings": (views.FlexSettings,),
    "inactivity-control": (views.InactivitySettings,),
    "cometd": (views.CometdSettings,),
    "limits": (views.LimitsSettings,),
}


def test_names_are_unique_even_when_separators_are_alike() -> None:
    """Each environment name can mean one option only."""
    names = [(option.section, fold(option.name)) for option in OPTIONS]

    assert len(names) == len(set(names))


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: f"{option.section}.{option.name}")
def test_default_is_a_valid_value(option) -> None:
    """A default written out, as `config show` does, loads to the same value without a remark."""
    default = option.default
    for value in (default.production, default.development) if isinstance(default, ByProfile) else (default,):
        if option.prefix:
            assert value is None
        else:
            assert value == option.kind.parse(format_value(value))
            assert option.kind.remarks(format_value(value)) == ()


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: f"{option.section}.{option.name}")
def test_card_is_complete_and_found(option) -> None:
    """Every card has its text and valid values and is found by its own name."""
    assert option.text
    assert option.kind.valid
    name = option.name.replace("<Name>", "X-Any")
    assert option == lookup(option.section, name)


@pytest.mark.parametrize("section", sorted(VIEWS))
def test_view_fields_are_options(section) -> None:
    """The views of a section name existing options; none is left out but the destination and later ones."""
    wanted = {item.name for view in VIEWS[section] for item in fields(view)}
    known = {o.attr for o in options_of(section) if not o.per_provider}
    offered = {o.attr for o in options_of(section) if not o.per_provider and not o.later}

    assert offered <= wanted <= known


def test_options_md_is_not_stale() -> None:
    """docs/options.md is what the registry renders."""
    assert docs.render() == OPTIONS_MD.read_text(encoding="utf-8")


def test_options_md_names_every_option() -> None:
    """Each option has a row in the section it belongs to."""
    text = docs.render()
    for section in SECTIONS:
        body = text.split(f"## [{section}]\n")[1].split("\n## ")[0]
        assert [o.name for o in options_of(section)] == [
            row.split("`")[1] for row in body.splitlines() if row.startswith("| `")
        ]
