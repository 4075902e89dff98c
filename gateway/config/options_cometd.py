"""Option cards of [cometd] and [limits].

[cometd] keeps the names of the CometD server and its milliseconds (decision 17 of the reference page).
"""

from __future__ import annotations

from functools import partial

from gateway.config.kinds import BOOLEAN, choice, integer, pattern, seconds
from gateway.config.option import Option

_LONGEST_MS = 3_600_000  # one hour; proxies cut any request long before
_LARGEST_BYTES = 16 * 1024 * 1024

_SEGMENT = r"/[A-Za-z0-9_!~()$@-]+"

_cometd = partial(Option, section="cometd", takes_effect="after restart")
_limits = partial(Option, section="limits", takes_effect="after restart")
_rate = partial(Option, section="limits")

COMETD = (
    _cometd(
        name="timeout",
        attr="timeout_ms",
        kind=integer(0, _LONGEST_MS, unit="ms"),
        default=30_000,
        text="How long a connect is held when there is nothing to deliver.",
    ),
    _cometd(
        name="interval",
        attr="interval_ms",
        kind=integer(0, _LONGEST_MS, unit="ms"),
        default=0,
        text="Pause that clients are advised to make between two connects.",
    ),
    _cometd(
        name="maxInterval",
        attr="max_interval_ms",
        kind=integer(1000, _LONGEST_MS, unit="ms"),
        default=75_000,
        text="A session without a held connect expires after this time. CometD defaults to 10000.",
    ),
    _cometd(
        name="maxSessionsPerBrowser",
        kind=integer(-1, 10_000),
        default=-1,
        text="Connects held for one browser cookie; -1 = unlimited.",
    ),
    _cometd(
        name="multiSessionInterval",
        attr="multi_session_interval_ms",
        kind=integer(0, _LONGEST_MS, unit="ms"),
        default=2000,
        text="Interval advised to a client whose connect is not held because of `maxSessionsPerBrowser`.",
    ),
    _cometd(
        name="maxMessageSize",
        attr="max_message_size_bytes",
        kind=integer(1024, _LARGEST_BYTES, unit="bytes"),
        default=1_048_576,
        text="Largest body of a long-polling request.",
    ),
    _cometd(
        name="ws.maxMessageSize",
        attr="ws_max_message_size_bytes",
        kind=integer(1024, _LARGEST_BYTES, unit="bytes"),
        default=65_536,
        text="Largest websocket message; a larger one closes the socket with 1009.",
    ),
    _cometd(
        name="maxQueue",
        attr="max_queue_events",
        kind=integer(1, 100_000, unit="events"),
        default=256,
        text="Live events that wait for one session; beyond it the session is cut off and resumes by "
        "position.",
    ),
    _cometd(
        name="maxQueueBytes",
        kind=integer(1024, _LARGEST_BYTES, unit="bytes"),
        default=262_144,
        text="Bytes that wait for one session, as `maxQueue`. The answer to one operation is exempt.",
    ),
    _cometd(
        name="broadcast_channels",
        takes_effect="immediately",
        kind=pattern(
            rf"(?!/(meta|service)(/|$))({_SEGMENT})+(/\*\*?)?",
            valid="comma list of channels, the last segment may be * or **; /meta and /service excluded",
            many=True,
        ),
        default=(),
        text="Channels open for generic publish and subscribe; live only. None by default.",
    ),
    _cometd(
        name="callback_polling",
        kind=BOOLEAN,
        default=True,
        text="The transport callback-polling (JSONP); deployed widgets fall back to it.",
    ),
    _cometd(
        name="unknown_session_text",
        kind=choice("402::Unknown client", "402::session_unknown"),
        default="402::Unknown client",
        text="Error text for an unknown session. Widgets compare the default literally.",
    ),
    _cometd(
        name="duplicateMetaConnectHttpResponseCode",
        attr="duplicate_meta_connect_status",
        kind=integer(400, 599),
        default=409,
        text="HTTP status of a held connect that a second one of the same session replaces.",
    ),
    _cometd(
        name="browserCookieName",
        kind=pattern(r"[A-Za-z0-9_-]{1,64}", valid="1 - 64 of A-Z a-z 0-9 _ -"),
        default="BAYEUX_BROWSER",
        text="Name of the browser cookie.",
    ),
    _cometd(
        name="browserCookieSameSite",
        kind=choice("auto", "None", "Lax", "Strict"),
        default="auto",
        text="SameSite of the browser cookie; `auto` = None on https, Lax on http.",
    ),
    _cometd(
        name="browserCookieSecure",
        kind=choice("auto", "true", "false"),
        default="auto",
        text="Secure of the browser cookie; `auto` = on https.",
    ),
    _cometd(
        name="browserCookiePartitioned",
        kind=choice("auto", "true", "false"),
        default="auto",
        text="Partitioned of the browser cookie; `auto` = on https.",
    ),
)

LIMITS = (
    Option(
        section="limits",
        name="enabled",
        kind=BOOLEAN,
        default=True,
        text="`false` switches rates and the cap per address off (load tests); the deadlines stay.",
    ),
    _limits(
        name="header_timeout",
        attr="header_timeout_s",
        kind=seconds(0.1, 600),
        default=10.0,
        text="Time for the complete header of a request.",
    ),
    _limits(
        name="body_timeout",
        attr="body_timeout_s",
        kind=seconds(0.1, 3600),
        default=20.0,
        text="Time for the complete body of a request.",
    ),
    _limits(
        name="write_timeout",
        attr="write_timeout_s",
        kind=seconds(0.1, 600),
        default=20.0,
        text="Time that a reader may block one write before it is cut off.",
    ),
    _limits(
        name="max_connections_per_address",
        kind=integer(0, 1_000_000),
        default=5000,
        text="Open connections of one peer address; 0 = no cap. Set 0 behind a proxy, whose address they "
        "all share.",
    ),
    _rate(
        name="requests_per_second",
        kind=integer(1, 100_000),
        default=10,
        text="Sustained requests of one chat, over REST and CometD together; above it statusCode 1, which "
        "clients repeat.",
    ),
    _rate(
        name="requests_burst",
        kind=integer(1, 100_000),
        default=30,
        text="Requests of one chat session that may come at once.",
    ),
    _rate(
        name="chats_per_minute",
        kind=integer(1, 1_000_000),
        default=60,
        text="New chats of one address; above it HTTP 429, over CometD statusCode 1.",
    ),
    _rate(
        name="handshakes_per_minute",
        kind=integer(1, 1_000_000),
        default=600,
        text="Bayeux handshakes of one address (offices share one).",
    ),
    _rate(
        name="typing_per_second",
        kind=integer(1, 1000),
        default=2,
        text="Typing indicators of one party, starts and stops each; further ones are merged.",
    ),
    _rate(
        name="agent_requests_per_second",
        kind=integer(1, 100_000),
        default=20,
        text="Requests of one account (bots excepted); above it HTTP 429.",
    ),
    _rate(
        name="bad_keys_per_minute",
        kind=integer(1, 100_000),
        default=10,
        text="Wrong secure keys and tokens of one address that are looked at; above it only those that were "
        "right before.",
    ),
    _rate(
        name="bad_keys_per_chat_hour",
        kind=integer(1, 100_000),
        default=20,
        text="Wrong secure keys for one chat that are looked at in an hour, from wherever they come.",
    ),
)

OPTIONS = (*COMETD, *LIMITS)
