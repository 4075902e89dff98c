"""Option cards taken over from Chat Server: [settings], [inactivity-control].

Names, defaults and bounds are the vendor's, so that admins can paste their options (spec/push.md 2.6,
spec/chat-api-v2.md 12.2). The table LATER holds what a file may contain but this release does not act on.
"""

from __future__ import annotations

from functools import partial

from gateway.config.kinds import BOOLEAN, Kind, choice, integer, subset, text
from gateway.config.option import Option

_TIMEOUT = integer(1, 1_728_000, unit="s")
_DAY = integer(1, 86_400, unit="s")
_NOTICES = choice("none", "major", "major2", "typing", "all")

_settings = partial(Option, section="settings")

FLEX = (
    _settings(
        name="flex-disconnect-timeout",
        attr="disconnect_timeout_s",
        kind=_TIMEOUT,
        default=45,
        text="A REST customer without any protocol request for this long is removed (reason 3). Widgets "
        "poll every 30 s at the slowest.",
    ),
    _settings(
        name="flex-push-enabled",
        attr="push_enabled",
        kind=BOOLEAN,
        default=True,
        text="Master switch of push subscriptions.",
    ),
    _settings(
        name="flex-push-on-join",
        attr="push_on_join",
        kind=BOOLEAN,
        default=True,
        introduced="0.1.0; Chat Server 8.5.315.05",
        text="Honour the push keys in the user data of Request Chat. Chat Server defaults to false.",
    ),
    _settings(
        name="flex-push-timeout",
        attr="push_timeout_s",
        kind=_TIMEOUT,
        default=86_400,
        text="Replaces `flex-disconnect-timeout` for a customer with a push subscription.",
    ),
    _settings(
        name="flex-push-content",
        attr="push_content",
        kind=subset("app-dbid", "secure-key", "session-id", "user-id"),
        default=("session-id", "user-id"),
        introduced="0.1.0; Chat Server 8.5.311.06",
        text="Identifiers in reliable notifications. `secure-key` hands the receiver the customer's key "
        "and is refused with plain http destinations.",
    ),
    _settings(
        name="flex-push-resend-delay",
        attr="push_resend_delay_s",
        kind=_DAY,
        default=15,
        introduced="0.1.0; Chat Server 8.5.308.06",
        text="Wait before a reliable notification is sent again.",
    ),
    _settings(
        name="flex-push-resend-attempts",
        attr="push_resend_attempts",
        kind=integer(0, 1000),
        default=5,
        text="How often a reliable notification is sent again while nobody fetches what it points to. "
        "0 = it is sent once.",
    ),
)


def _later(section: str, name: str, *, kind: Kind, default: object, text: str) -> Option:
    """A card of an option that is read and checked, but not acted on yet."""
    note = "Recognised; takes effect with a later release."
    return Option(section=section, name=name, kind=kind, default=default, text=f"{text} {note}", later=True)


_later_settings = partial(_later, "settings")
_idle = partial(_later, "inactivity-control")
_MESSAGE = text(2000)

LATER = (
    _later_settings(
        "session-restore-extend-by",
        kind=choice("none", "agent", "esp", "both"),
        default="none",
        text="Who may bring a finished session back. No session is brought back yet.",
    ),
    _later_settings(
        "session-restore-push-send",
        kind=BOOLEAN,
        default=False,
        text="Push goes on, with `flex-push-timeout`, in a session that was brought back.",
    ),
    _later_settings(
        "async-idle-alert", kind=_TIMEOUT, default=86_400, text="Async chats: idle time before the alert."
    ),
    _later_settings(
        "async-idle-close", kind=_TIMEOUT, default=3600, text="Async chats: time from alert to close."
    ),
    _later_settings(
        "async-idle-notices", kind=_NOTICES, default="major", text="Async chats: notices that count."
    ),
    _idle("enabled", kind=BOOLEAN, default=False, text="Inactivity control of ordinary chats."),
    _idle("timeout-alert", kind=_DAY, default=255, text="Idle time before the alert."),
    _idle(
        "timeout-alert2",
        kind=integer(0, 86_400, unit="s"),
        default=0,
        text="Time to a second alert; 0 = none.",
    ),
    _idle("timeout-close", kind=_DAY, default=45, text="Time from the last alert to the close."),
    _idle("include-notices", kind=_NOTICES, default="major", text="Notices that count as activity."),
    _idle("message-alert", kind=_MESSAGE, default="", text="Text of the alert."),
    _idle("message-alert2", kind=_MESSAGE, default="", text="Text of the second alert."),
    _idle("message-close", kind=_MESSAGE, default="", text="Text of the close."),
)

OPTIONS = (*FLEX, *LATER)
