"""The one error of this package, and how foreign text is made fit for one line.

Invariant: `str(ConfigError)` is a single printable line, whatever the file held. Operators see it on the
terminal, in the log event `config_rejected` and on the admin pages.
"""

from __future__ import annotations

from gateway.errors import GatewayError

# Long enough to recognise a value, short enough that reason and valid values stay on the screen.
SHOWN_CHARACTERS = 80


class ConfigError(GatewayError):
    """A configuration that cannot be used. `reason` names place, section, option, value and valid values.

    `line` is the line in the ini file, or None when the trouble is elsewhere (environment, unreadable file).
    """

    def __init__(self, reason: str, *, line: int | None = None) -> None:
        self.reason = printable(reason)
        self.line = line
        super().__init__(self.reason)


def printable(text: str) -> str:
    """`text` with line ends, control characters and other unprintables written as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def shown(text: str) -> str:
    """`text` quoted for a message: printable and not longer than SHOWN_CHARACTERS."""
    cut = text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 3] + "..."
    return f"'{printable(cut)}'"
