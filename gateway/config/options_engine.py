"""Option cards taken over from Chat Server: [settings], [inactivity-control].

Names, defaults and bounds are the vendor's, so that admins can paste their options (spec/push.md 2.6,
spec/chat-api-v2.md 12.2).
"""

from __future__ import annotations

from functools import partial

from gateway.config.kinds import BOOLEAN, choice, integer, subset, text
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
    _settings(
        name="session-restore-extend-by",
        kind=choice("none", "agent", "esp", "both"),
        default="none",
        introduced="0.1.0; Chat Server 8.5.312.10",
        text="Who may bring a finished session back: `agent` agents and supervisors, `esp` bots (the "
        "workflow), `both`.",
    ),
    _settings(
        name="session-restore-push-send",
        kind=BOOLEAN,
        default=False,
        introduced="0.1.0; Chat Server 8.5.315.05",
        text="Push goes on, with `flex-push-timeout`, in a session that was brought back. `false`: it stays "
        "silent until the customer subscribes again.",
    ),
    _settings(
        name="async-idle-alert",
        attr="async_idle_alert_s",
        kind=_TIMEOUT,
        default=86_400,
        text="Asynchronous chats: after this time without activity comes `message-alert`.",
    ),
    _settings(
        name="async-idle-close",
        attr="async_idle_close_s",
        kind=_TIMEOUT,
        default=3600,
        text="Asynchronous chats: this long after the alert the chat is closed (reason 7).",
    ),
    _settings(
        name="async-idle-notices",
        kind=_NOTICES,
        default="major",
        text="Asynchronous chats: which notices count as activity, as in `include-notices`.",
    ),
)

_idle = partial(Option, section="inactivity-control")
_MESSAGE = text(2000)

INACTIVITY = (
    _idle(
        name="enabled",
        kind=BOOLEAN,
        default=False,
        text="Inactivity control of ordinary chats; asynchronous ones have `[settings] async-idle-*`.",
    ),
    _idle(
        name="include-notices",
        kind=_NOTICES,
        default="major",
        text="Notices that count as activity besides messages, joining and leaving. `major`: push URL, file "
        "uploaded or deleted; `major2`: also custom notices; `typing`: major and typing; `all`.",
    ),
    _idle(
        name="timeout-alert",
        attr="timeout_alert_s",
        kind=_DAY,
        default=255,
        text="Time without activity before the alert.",
    ),
    _idle(
        name="timeout-alert2",
        attr="timeout_alert2_s",
        kind=integer(0, 86_400, unit="s"),
        default=0,
        text="Time from the alert to a second one; 0 = there is none.",
    ),
    _idle(
        name="timeout-close",
        attr="timeout_close_s",
        kind=_DAY,
        default=45,
        text="Time from the last alert to the close (reason 7).",
    ),
    _idle(
        name="message-alert",
        kind=_MESSAGE,
        default="Are you still there? This chat will be closed if nobody writes.",
        text="Text of the alert, also in asynchronous chats. Empty = no alert is shown.",
    ),
    _idle(
        name="message-alert2",
        kind=_MESSAGE,
        default="This chat is about to be closed. Write something to keep it open.",
        text="Text of the second alert. Empty = none is shown.",
    ),
    _idle(
        name="message-close",
        kind=_MESSAGE,
        default="This chat was closed because nobody wrote.",
        text="Text of the close, also in asynchronous chats. Empty = it is closed without a word.",
    ),
)

OPTIONS = (*FLEX, *INACTIVITY)
