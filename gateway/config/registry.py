"""The registry: every option of the gateway, found by section and name.

Invariants (tests/unit/config/test_config_registry.py): names are unique in their section, also when `.`, `-`
and `_` are taken alike (environment names); every default parses back from its own text. Read by the loader,
`Settings`, the command line and the generator of docs/options.md.
"""

from __future__ import annotations

import re
from types import MappingProxyType

from gateway.config import (
    options_agents,
    options_chat,
    options_cometd,
    options_engine,
    options_files,
    options_push,
    options_server,
)
from gateway.config.option import ByProfile, Option

__all__ = [
    "OPTIONS",
    "SECTIONS",
    "ByProfile",
    "Option",
    "base_section",
    "lookup",
    "options_of",
    "section_chain",
]

OPTIONS: tuple[Option, ...] = (
    *options_server.OPTIONS,
    *options_chat.OPTIONS,
    *options_push.OPTIONS,
    *options_agents.OPTIONS,
    *options_engine.OPTIONS,
    *options_files.OPTIONS,
    *options_cometd.OPTIONS,
)

SECTIONS: tuple[str, ...] = tuple(dict.fromkeys(option.section for option in OPTIONS))

SERVICE_PREFIX = "chat."
PROVIDER_PREFIX = "push.provider."

# spec/chat-api-v2.md section 2: 1..64 characters of [A-Za-z0-9._-]; providers follow the same rule.
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)

_EXACT = MappingProxyType({(option.section, option.name): option for option in OPTIONS if not option.prefix})
_PREFIXED = tuple(option for option in OPTIONS if option.prefix)


def base_section(section: str) -> str | None:
    """The registry section behind a section of a file: `chat.demo` -> `chat`; None when unknown."""
    for prefix, base in ((SERVICE_PREFIX, "chat"), (PROVIDER_PREFIX, "push")):
        if section.startswith(prefix):
            return base if _NAME.fullmatch(section.removeprefix(prefix)) else None
    return section if section in SECTIONS else None


def section_chain(section: str) -> tuple[str, ...]:
    """Where a value is looked for, nearest first: `chat.demo` -> (`chat.demo`, `chat`)."""
    base = base_section(section)
    return (section,) if base is None or base == section else (section, base)


def lookup(section: str, name: str) -> Option | None:
    """The option behind a name in a section of a file, whether or not the section may hold it."""
    base = base_section(section)
    if base is None:
        return None
    if exact := _EXACT.get((base, name)):
        return exact
    for option in _PREFIXED:
        if option.section == base and option.prefix and name.startswith(option.prefix):
            return option
    return None


def may_hold(section: str, option: Option) -> bool:
    """Whether `option` may appear in `section` (services and providers hold only their own kind)."""
    if section.startswith(SERVICE_PREFIX):
        return option.per_service
    if section.startswith(PROVIDER_PREFIX):
        return option.per_provider
    return True


def options_of(section: str) -> tuple[Option, ...]:
    """The cards of one registry section, in the order of the manual."""
    return tuple(option for option in OPTIONS if option.section == section)
