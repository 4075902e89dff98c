"""Renders docs/options.md from the registry: one table per section, one row per option card."""

from __future__ import annotations

from gateway.config.kinds import format_value
from gateway.config.registry import OPTIONS, SECTIONS, ByProfile, Option, options_of

_INTRODUCTION = """\
# Options

Generated from the option registry by `gateway config docs`; do not edit.

The configuration is an ini file (`GATEWAY_CONFIG`), UTF-8, `option=value`, names are case-sensitive, lines
that begin with `#` or `;` are comments. Unknown sections and options are reported and ignored; an impossible
value refuses the file. A running gateway takes a changed file over within two seconds; a file with a fault is
reported and the former settings stay in force. Options marked "after restart" keep their running value until
then.

Every option can be set by an environment variable, which wins over the file: `GATEWAY__<SECTION>__<OPTION>`,
in any case, with `_` for `.` and `-`. So `GATEWAY__PUSH__CUSTOMHTTP_URL` is `[push] customhttp.url` and
`GATEWAY__CHAT_DEMO__ENDPOINT` is `[chat.demo] endpoint` (a section that the file lacks is made, in lower
case). Secret options can be read from a file:
`GATEWAY__PUSH__CUSTOMHTTP_AUTHORIZATION_FILE=/run/secrets/push`.

Marks: *service* = also in `[chat.<service>]`, where it overrides `[chat]`; *provider* = also in
`[push.provider.<name>]`, where it overrides `[push]`; *secret* = never shown.
"""

_COLUMNS = ("option", "default", "valid values", "takes effect", "introduced", "description")


def render() -> str:
    """The complete text of docs/options.md."""
    return "\n".join((_INTRODUCTION, *(_section(name) for name in SECTIONS), f"{len(OPTIONS)} options.\n"))


def _section(name: str) -> str:
    rows = (_COLUMNS, ("---",) * len(_COLUMNS), *(_cells(option) for option in options_of(name)))
    return f"## [{name}]\n\n" + "".join(f"| {' | '.join(cells)} |\n" for cells in rows)


def _cells(option: Option) -> tuple[str, ...]:
    cells = (
        f"`{option.name}`{_marks(option)}",
        _default(option),
        option.kind.valid,
        "later release" if option.later else option.takes_effect,
        option.introduced,
        option.text,
    )
    return tuple(cell.replace("|", "\\|") for cell in cells)


def _marks(option: Option) -> str:
    marks = (
        ("service", option.per_service),
        ("provider", option.per_provider),
        ("secret", option.secret),
    )
    names = ", ".join(name for name, holds in marks if holds)
    return f" *{names}*" if names else ""


def _default(option: Option) -> str:
    if isinstance(option.default, ByProfile):
        by_profile = (option.default.production, option.default.development)
        production, development = (format_value(value) for value in by_profile)
        return f"`{production}`; development: `{development}`"
    text = format_value(option.default)
    return f"`{text}`" if text else "-"
