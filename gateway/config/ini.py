"""Reads ini text into entries that know their line.

configparser does the reading; names are case-sensitive (`pushEnabled`), values are taken as they are (no
interpolation), `=` is the only delimiter. Faults of the file (byte order mark, duplicates, stray lines)
become a `ConfigError` with the line number and never quote the line itself, which may hold a secret.
"""

from __future__ import annotations

import configparser
import io
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.config.errors import ConfigError, shown

_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Entry:
    """One assignment as written. `origin` is `file:line` or `env NAME`; `line` is None outside a file."""

    section: str
    name: str
    text: str
    origin: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class IniFile:
    """The entries in file order, and every section header with its line."""

    entries: tuple[Entry, ...] = ()
    section_lines: tuple[tuple[str, int], ...] = ()


class _NumberedName(str):
    """An option name that remembers its line."""

    __slots__ = ("line",)
    line: int


class _NumberedParser(configparser.RawConfigParser):
    """Marks each option name with the line that is being read: configparser asks for lines one at a time and
    calls `optionxform` while it reads the option's first line."""

    def __init__(self) -> None:
        # An empty default section cannot be written in a file, so [DEFAULT] has no magic.
        super().__init__(delimiters=("=",), default_section="", empty_lines_in_values=False)
        self._line = 0

    def numbered(self, text: str) -> Iterator[str]:
        for self._line, line in enumerate(io.StringIO(text, newline=None), start=1):
            yield line

    def optionxform(self, optionstr: str) -> str:
        if isinstance(optionstr, _NumberedName):
            return optionstr
        name = _NumberedName(optionstr)
        name.line = self._line
        return name


def decode(raw: bytes, source: str) -> str:
    """The text of a configuration file; ConfigError when it is not plain UTF-8."""
    if raw.startswith(_BYTE_ORDER_MARKS):
        raise _marked(source)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{source}:{line}: is not UTF-8", line=line) from None


def parse(text: str, source: str) -> IniFile:
    """The entries of ini `text`; ConfigError names `source` and the faulty line."""
    if text.startswith("\ufeff"):
        raise _marked(source)
    parser = _NumberedParser()
    try:
        parser.read_file(parser.numbered(text), source)
    except configparser.Error as error:
        line, reason = _explain(error)
        raise ConfigError(f"{source}:{line}: {reason}", line=line) from None
    entries = [
        Entry(section, str(name), parser.get(section, name), f"{source}:{name.line}", name.line)
        for section in parser.sections()
        for name in parser.options(section)
        if isinstance(name, _NumberedName)
    ]
    return IniFile(tuple(entries), tuple((name, _header_line(text, name)) for name in parser.sections()))


def _marked(source: str) -> ConfigError:
    reason = f"{source}:1: begins with a byte order mark; save the file as UTF-8 without one"
    return ConfigError(reason, line=1)


def _explain(error: configparser.Error) -> tuple[int, str]:
    """Line and reason of a fault that configparser found."""
    match error:
        case configparser.DuplicateOptionError():
            return error.lineno or 0, f"[{error.section}] {shown(error.option)} is given twice"
        case configparser.DuplicateSectionError():
            return error.lineno or 0, f"section [{error.section}] appears twice"
        case configparser.MissingSectionHeaderError():
            return error.lineno, "an option stands before the first [section]"
        case configparser.ParsingError():
            return error.errors[0][0], "is neither [section], option=value nor a comment"
        case _:
            return 0, "cannot be read as ini"


def _header_line(text: str, section: str) -> int:
    """The first line that is the header of `section` (sections are unique, so the first is the one)."""
    lines = enumerate(io.StringIO(text, newline=None), start=1)
    return next((number for number, line in lines if line.strip().startswith(f"[{section}]")), 0)
