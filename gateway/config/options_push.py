"""Option cards of [push] and [push.provider.<name>] (spec/push.md 2.2 - 2.5, 7, 10.2).

A provider takes each destination option from its own section, else from [push]. Options with the prefix
`debug.` are used for subscriptions with debug=true and never stand in for the others, nor the others for
them.
"""

from __future__ import annotations

import ipaddress
from functools import partial

from gateway.config.kinds import BOOLEAN, EXPIRATION, PUSH_TYPE_LIST, choice, integer, pattern, seconds, text
from gateway.config.kinds_net import HEADER_VALUE, HTTP_URL, NETWORKS, SIGNING_SECRET
from gateway.config.option import ByProfile, Option

_LOOPBACK = tuple(map(ipaddress.ip_network, ("127.0.0.0/8", "::1/128")))
_PRIVATE = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))

_push = partial(Option, section="push")
_destination = partial(Option, section="push", per_provider=True)


def _destination_set(prefix: str, which: str) -> tuple[Option, ...]:
    """The options of one destination; `prefix` is empty or `debug.`."""
    return (
        _destination(
            name=f"{prefix}customhttp.url",
            kind=HTTP_URL,
            default=None,
            text=f"Where {which} are posted. Without it none are sent. Operators only; no client input "
            "reaches it.",
        ),
        _destination(
            name=f"{prefix}customhttp.message",
            kind=text(10_000),
            default="",
            text=f"`message` of {which} without payload.",
        ),
        _destination(
            name=f"{prefix}customhttp.authorization",
            kind=HEADER_VALUE,
            default="",
            secret=True,
            text=f"Value of the header `Authorization` of {which}; empty = no such header.",
        ),
        _destination(
            name=f"{prefix}customhttp.secret",
            kind=SIGNING_SECRET,
            default="",
            secret=True,
            text=f"Key of the signature (`webhook-signature`) of {which}. Empty = the one that the gateway "
            "made at its first start; `gateway push secret` shows it.",
        ),
        _destination(
            name=f"{prefix}customhttp.secret.previous",
            kind=SIGNING_SECRET,
            default="",
            secret=True,
            text=f"The key before, while receivers change over: {which} then carry two signatures.",
        ),
        _destination(
            name=f"{prefix}customhttp.header.<Name>",
            kind=HEADER_VALUE,
            default=None,
            secret=True,
            text=f"Further header `<Name>` of {which}. Headers of the transport (Host, Content-Type, "
            "Content-Length, ...) cannot be set.",
        ),
    )


CHANNELS = (
    _push(
        name="pushEnabled",
        attr="enabled",
        kind=PUSH_TYPE_LIST,
        default=("comet",),
        introduced="0.1.0; GMS 8.5.103.10",
        text="The open channels. `comet,customhttp` sends each event to both. Empty = push is off. "
        "Unknown types are ignored with a warning. GMS applies changes after restart.",
    ),
    _push(
        name="active_grace",
        attr="active_grace_s",
        kind=seconds(0, 3600),
        default=10.0,
        text="With `push_notification_to_active_client=false`: how long a CometD client may take to pick "
        "up an event before its device is notified.",
    ),
    _push(
        name="client_selectable_providers",
        kind=pattern(
            r"\*|[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}",
            valid="* (all) or a comma list of provider names",
            many=True,
        ),
        default=("*",),
        text="Providers that a client may select in its subscription; `*` = all configured ones, empty = "
        "none.",
    ),
    _push(
        name="allow_client_debug",
        kind=BOOLEAN,
        default=ByProfile(production=False, development=True),
        text="A client may select the debug destination.",
    ),
    _push(
        name="coalesce_ms",
        kind=integer(0, 3_600_000, unit="ms"),
        default=1000,
        text="Reliable mode: a further event within this time of the last notification sends none of its "
        "own.",
    ),
    _push(
        name="reliable_inline_events",
        kind=BOOLEAN,
        default=False,
        text="Reliable notifications carry the events that were not retrieved, at most 50, behind the "
        "pointer. `force_text_only` switches it off.",
    ),
    _push(
        name="long_tail",
        kind=BOOLEAN,
        default=False,
        text="Reliable mode: after `flex-push-resend-attempts` go on after 5 s, 30 s, 2 min, 10 min, 30 min, "
        "2 h, 5 h and 10 h, each up to 20 % more or less.",
    ),
    _push(
        name="notify_removal",
        kind=BOOLEAN,
        default=True,
        text="Notify a customer of a removal that he did not cause (reasons 4, 5, 7, 8) also without "
        "`GCTI_GMS_NotifyRequestor`.",
    ),
    _push(
        name="include_typing",
        kind=BOOLEAN,
        default=False,
        text="Typing indicators are sent over customhttp, too.",
    ),
    _push(
        name="force_text_only",
        kind=BOOLEAN,
        default=False,
        text="Privacy lock: never send a payload, whatever the session asks for.",
    ),
    _push(
        name="defaultSubscriptionExpiration",
        attr="default_subscription_expiration_s",
        kind=EXPIRATION,
        default=30,
        text="Life of a notification subscription without `expire`. Does not limit chat subscriptions.",
    ),
)

SAFETY = (
    _push(
        name="log_bodies",
        kind=choice("off", "failed", "all"),
        default="failed",
        text="Of which notifications the delivery log shows the body: `failed` = all but the delivered ones. "
        "The database holds it anyway, in the transcript and for a replay.",
    ),
    _push(
        name="log_retention",
        attr="log_retention_s",
        kind=seconds(86_400, 315_360_000),
        default=604_800.0,
        text="Seconds that a finished notification, dead letters included, stays in the delivery log, "
        "with body and attempts, after its last attempt. Default: seven days.",
    ),
    _push(
        name="allowed_networks",
        kind=NETWORKS,
        default=ByProfile(production=_LOOPBACK, development=(*_LOOPBACK, *_PRIVATE)),
        text="Networks outside the public internet that a destination may be in; judged on the address "
        "connected to.",
    ),
    _push(
        name="allow_insecure",
        kind=BOOLEAN,
        default=False,
        text="Allow plain http to other machines and `customhttp.tls_verify=false` outside the "
        "development profile.",
    ),
    _push(
        name="allowed_ports",
        kind=pattern(r"\*|[1-9][0-9]{0,4}", valid="* (all) or a comma list of port numbers", many=True),
        default=ByProfile(production=("80", "443"), development=("*",)),
        text="Ports that a destination on another machine may have.",
    ),
    _push(
        name="max_connections_per_route",
        kind=integer(1, 1000),
        default=20,
        text="Requests in flight to one destination; the rest waits.",
    ),
    _push(
        name="max_connections_total",
        kind=integer(1, 10_000),
        default=100,
        text="Requests in flight of one node.",
    ),
    _push(
        name="rate_limit",
        kind=integer(0, 100_000, unit="per second"),
        default=0,
        text="Notifications a second to one destination, with a burst of one second; 0 = no limit.",
    ),
    _push(
        name="retry",
        kind=choice("off", "standard"),
        default="off",
        text="What becomes of a notification (reliable ones excepted) whose receiver failed. `off`: it is "
        "tried once, as in GMS. `standard`: it is repeated after 5 s, 30 s, 2 min, 10 min, 30 min, 2 h, 5 h, "
        "10 h, at most until 24 h after the end of its chat.",
    ),
)

TRANSPORT = (
    _destination(
        name="customhttp.connect_timeout",
        kind=seconds(0.1, 300),
        default=5.0,
        text="Seconds to connect.",
    ),
    _destination(
        name="customhttp.read_timeout",
        kind=seconds(0.1, 300),
        default=15.0,
        text="Seconds between two pieces of the answer.",
    ),
    _destination(
        name="customhttp.total_timeout",
        kind=seconds(0.1, 600),
        default=15.0,
        text="Seconds for one attempt as a whole.",
    ),
    _destination(
        name="customhttp.tls_verify",
        kind=BOOLEAN,
        default=True,
        text="Verify the receiver's certificate. `false` needs `allow_insecure=true`.",
    ),
    _destination(
        name="customhttp.ca_file",
        kind=text(4096),
        default="",
        text="File with the certificate authorities to trust instead of the public ones.",
    ),
    _destination(
        name="customhttp.client_cert",
        kind=text(4096),
        default="",
        text="File with the certificate (PEM) that the gateway shows to a receiver that asks for one.",
    ),
    _destination(
        name="customhttp.client_key",
        kind=text(4096),
        default="",
        text="File with the key of `customhttp.client_cert`; empty = it is in the same file.",
    ),
)

OPTIONS = (
    *CHANNELS,
    *_destination_set("", "notifications"),
    *_destination_set("debug.", "debug notifications"),
    *TRANSPORT,
    *SAFETY,
)
