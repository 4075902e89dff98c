"""Reads overrides from environment variables.

`GATEWAY__<SECTION>__<OPTION>` sets an option; case does not matter, and `.`, `-` and `_` are alike:
`GATEWAY__PUSH__CUSTOMHTTP_URL` is `[push] customhttp.url`, `GATEWAY__CHAT_DEMO__ENDPOINT` is `[chat.demo]
endpoint` (a section that the file does not have is made, in lower case). A secret option may come from a file
instead: `GATEWAY__PUSH__CUSTOMHTTP_AUTHORIZATION_FILE=/run/secrets/push`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from gateway.config.errors import ConfigError, shown
from gateway.config.ini import Entry
from gateway.config.registry import (
    PROVIDER_PREFIX,
    SECTIONS,
    SERVICE_PREFIX,
    Option,
    base_section,
    options_of,
)

PREFIX = "GATEWAY__"
_FILE_SUFFIX = "_file"

ReadFile = Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the environment sets."""

    entries: tuple[Entry, ...] = ()
    warnings: tuple[str, ...] = ()


def fold(name: str) -> str:
    """The form in which option, section and variable names are compared."""
    return re.sub(r"[.\-_]+", "_", name).lower()


def named_files(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The files that `..._FILE` variables name; a change of one is a change of the configuration."""
    return tuple(
        environ[variable]
        for variable in sorted(environ)
        if variable.upper().startswith(PREFIX) and variable.lower().endswith(_FILE_SUFFIX)
    )


def parse(environ: Mapping[str, str], sections: Collection[str], read_file: ReadFile) -> Overrides:
    """The overrides in `environ`, given the file's sections. ConfigError: unreadable secret, set twice."""
    entries: dict[tuple[str, str], Entry] = {}
    warnings: list[str] = []
    for variable in sorted(environ):
        if not variable.upper().startswith(PREFIX):
            continue
        target = _target(variable, sections)
        if target is None:
            warnings.append(f"env {variable}: no such option")
            continue
        section, name, from_file = target
        text = environ[variable]
        if from_file:
            text = _secret(variable, text, read_file)
        if double := entries.get((section, name)):
            raise ConfigError(f"env {variable}: {shown(name)} is set by {double.origin} as well")
        entries[section, name] = Entry(section, name, text, f"env {variable}")
    return Overrides(tuple(entries.values()), tuple(warnings))


def _target(variable: str, sections: Collection[str]) -> tuple[str, str, bool] | None:
    """(section, option name, whether the value names a file) for a variable; None: no such option."""
    section_part, separator, option_part = variable[len(PREFIX) :].rpartition("__")
    section = _section(fold(section_part), sections) if separator else None
    if section is None:
        return None
    folded = fold(option_part)
    for option in options_of(base_section(section) or ""):
        if option.secret and folded.endswith(_FILE_SUFFIX):
            if name := _option_name(option, folded.removesuffix(_FILE_SUFFIX)):
                return section, name, True
        elif name := _option_name(option, folded):
            return section, name, False
    return None


def _option_name(option: Option, folded: str) -> str | None:
    """The name under which `option` is meant by `folded`: `customhttp_header_x_key` ->
    `customhttp.header.x-key`."""
    if option.prefix is None:
        return option.name if fold(option.name) == folded else None
    rest = folded.removeprefix(fold(option.prefix))
    return option.prefix + rest.replace("_", "-") if rest and rest != folded else None


def _section(folded: str, sections: Collection[str]) -> str | None:
    """The section that a folded name means: a registered one, one of the file, else a new one of a family."""
    for section in (*SECTIONS, *sections):
        if fold(section) == folded and base_section(section):
            return section
    for prefix in (SERVICE_PREFIX, PROVIDER_PREFIX):
        if folded.startswith(fold(prefix)) and len(folded) > len(prefix):
            section = prefix + folded[len(prefix) :]
            return section if base_section(section) else None
    return None


def _secret(variable: str, path: str, read_file: ReadFile) -> str:
    """The content of a secret file without the line end that editors add."""
    try:
        return read_file(path).decode("utf-8").strip()
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or "not a UTF-8 text file"
        raise ConfigError(f"env {variable}: cannot read {shown(path)}: {why}") from None
