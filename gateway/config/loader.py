"""Turns ini text and environment into checked values, each with its origin.

The environment wins over the file. What cannot be meant is refused (`ConfigError`, one line); what is merely
unknown is left out with a warning, so that a file made for GMS loads. Called by `Settings` and
`SettingsSource`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from unicodedata import category

from gateway.config import environment, ini
from gateway.config.environment import ReadFile
from gateway.config.errors import ConfigError, printable, shown
from gateway.config.ini import Entry
from gateway.config.kinds_net import header_name
from gateway.config.registry import SECTIONS, Option, base_section, lookup, may_hold, options_of

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Assigned:
    """A parsed value and where it was set: `default`, `file:line` or `env NAME`."""

    value: Any
    origin: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was explicitly set. `sections` stand in the file or are made by the environment: a service exists
    by its section alone."""

    assigned: Mapping[Key, Assigned]
    sections: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def read_path(path: str) -> bytes:
    """The content of a file; the default way to read secret files."""
    return Path(path).read_bytes()


def load(
    text: str, environ: Mapping[str, str], *, source: str = "config", read_file: ReadFile = read_path
) -> Loaded:
    """Parse ini `text` and the `GATEWAY__` variables of `environ`; `source` is the file's name for messages.

    Raises ConfigError for a fault of the file and for impossible values.
    """
    file = ini.parse(text, source)
    known = [name for name, _ in file.section_lines if base_section(name)]
    overrides = environment.parse(environ, known, read_file)
    warnings = [
        _unknown_section(name, line, source) for name, line in file.section_lines if name not in known
    ]
    assigned: dict[Key, Assigned] = {}
    for entry in file.entries:
        if entry.section in known:
            warnings.extend(_assign(entry, assigned, replace=False))
    for entry in overrides.entries:
        warnings.extend(_assign(entry, assigned, replace=True))
    made = (entry.section for entry in overrides.entries)
    return Loaded(
        MappingProxyType(assigned),
        tuple(dict.fromkeys((*known, *made))),
        tuple(printable(warning) for warning in (*warnings, *overrides.warnings)),
    )


def _assign(entry: Entry, assigned: dict[Key, Assigned], *, replace: bool) -> Iterator[str]:
    """Put the value of `entry` into `assigned`; yields warnings."""
    option = lookup(entry.section, entry.name)
    if option is None:
        yield f"{entry.origin}: [{entry.section}] {shown(entry.name)} is unknown{_hint(entry)}"
        return
    if not may_hold(entry.section, option):
        yield f"{entry.origin}: [{entry.section}] {option.name} is ignored; it belongs to [{option.section}]"
        return
    key = (entry.section, _canonical(option, entry))
    if key in assigned and not replace:
        raise ConfigError(
            f"{entry.origin}: [{entry.section}] {shown(entry.name)} is given twice", line=entry.line
        )
    assigned[key] = Assigned(_value(option, entry), entry.origin)
    if option.later:
        yield f"{entry.origin}: [{entry.section}] {option.name} has no effect in this release"
    for remark in option.kind.remarks(entry.text.strip()):
        yield f"{entry.origin}: [{entry.section}] {option.name}: {remark}"


def _canonical(option: Option, entry: Entry) -> str:
    """The name under which a value is kept; header names do not depend on case."""
    if option.prefix is None:
        return option.name
    try:
        return option.prefix + header_name(entry.name.removeprefix(option.prefix))
    except ValueError:
        reason = f"{entry.origin}: [{entry.section}] {shown(entry.name)}: this header cannot be set"
        raise ConfigError(reason, line=entry.line) from None


def _value(option: Option, entry: Entry) -> Any:
    """The parsed value; ConfigError when it is impossible. A secret value is never repeated."""
    text = entry.text.strip()
    allowed_controls = "\n" if option.kind.many else ""
    try:
        if any(category(c) in ("Cc", "Cs") and c not in allowed_controls for c in text):
            raise ValueError
        return option.kind.parse(text)
    except ValueError:
        written = "(secret)" if option.secret else shown(_without_password(text))
        reason = (
            f"{entry.origin}: [{entry.section}] {entry.name}={written} is not possible; "
            f"valid values: {option.kind.valid}"
        )
        raise ConfigError(reason, line=entry.line) from None


def _without_password(text: str) -> str:
    """`text` with the user info of a URL, which is refused but may be a real secret, blanked."""
    scheme, separator, rest = text.partition("://")
    return f"{scheme}://...@{rest.rpartition('@')[2]}" if separator and "@" in rest else text


def _hint(entry: Entry) -> str:
    names = [option.name for option in options_of(base_section(entry.section) or "")]
    close = _similar(entry.name, names)
    return f"; did you mean {close}?" if close else ""


def _unknown_section(name: str, line: int, source: str) -> str:
    close = _similar(name, SECTIONS)
    return f"{source}:{line}: section [{name}] is unknown" + (f"; did you mean [{close}]?" if close else "")


def _similar(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that a slip of case or spelling has probably meant."""
    by_folded = {environment.fold(candidate): candidate for candidate in candidates}
    close = difflib.get_close_matches(environment.fold(name[:64]), by_folded, n=1, cutoff=0.85)
    return by_folded[close[0]] if close else None
