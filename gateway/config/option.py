"""`Option`: the card of the GMS manuals (section, name, default, valid values, takes effect, introduced,
text).

A card is data: the loader reads values by its `kind`, docs/options.md prints it, `attr` ties it to the typed
views in views.py. Used by the options_* tables and by registry.py; nothing here reads a file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from gateway.config.kinds import Kind

TakesEffect = Literal["immediately", "after restart"]


@dataclass(frozen=True, slots=True)
class ByProfile:
    """A default that depends on `[server] profile`."""

    production: object
    development: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One configuration option.

    `name` may end in `<Name>`: then it stands for every option that begins with the part before it (HTTP
    headers). `default` is the parsed value, or a `ByProfile`. `per_service` options may appear in
    `[chat.<service>]`, `per_provider` ones in `[push.provider.<name>]`. `later`: recognised, without effect
    in this release.
    """

    section: str
    name: str
    kind: Kind
    default: Any
    text: str
    takes_effect: TakesEffect = "immediately"
    introduced: str = "0.1.0"
    attr: str = ""
    secret: bool = False
    per_service: bool = False
    per_provider: bool = False
    later: bool = False

    def __post_init__(self) -> None:
        if not self.attr:
            object.__setattr__(self, "attr", snake_case(self.name))

    @property
    def prefix(self) -> str | None:
        """`customhttp.header.` for `customhttp.header.<Name>`; None for an ordinary option."""
        return self.name.partition("<")[0] if "<" in self.name else None

    def default_for(self, profile: str) -> Any:
        """The default under `[server] profile`."""
        return getattr(self.default, profile) if isinstance(self.default, ByProfile) else self.default


def snake_case(name: str) -> str:
    """`maxInterval` -> `max_interval`, `flex-push-on-join` -> `flex_push_on_join`."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", re.sub(r"[.\-]", "_", name)).lower()
