"""Option cards of [chat] and [chat.<service>] (spec/chat-api-v2.md 12.1 and 12.3, spec/push.md 2.1).

A service takes each per-service value from its own section, else from [chat], else the default.
"""

from __future__ import annotations

from functools import partial

from gateway.config.kinds import BOOLEAN, choice, integer, pattern, seconds, text
from gateway.config.kinds_net import BASIC
from gateway.config.option import Option

# Twenty days, the vendor's own upper bound of its chat timeouts (flex-disconnect-timeout).
LONGEST_S = 1_728_000

_TENANT_ENDPOINT = r"[^:,\s]{1,128}:[^:,\s]{1,128}"

_chat = partial(Option, section="chat")
_service = partial(Option, section="chat", per_service=True)

OPTIONS = (
    _chat(
        name="enable_notification_mode",
        kind=BOOLEAN,
        default=True,
        takes_effect="after restart",
        introduced="0.1.0; GMS 8.5.109.05",
        text="Chat API v2 with CometD and push. `false`: CometD handshakes are refused and nothing is "
        "pushed. GMS defaults to false.",
    ),
    _chat(
        name="default_chat_endpoint",
        kind=pattern(_TENANT_ENDPOINT, valid="tenant:endpoint"),
        default="Environment:default",
        text="Queue of services for which no `endpoint` is set.",
    ),
    _chat(
        name="strict_services",
        kind=BOOLEAN,
        default=False,
        text="`true`: only services with an own section `[chat.<service>]` exist, others are answered "
        "with error 240.",
    ),
    _service(
        name="push_notification_include_payload",
        kind=BOOLEAN,
        default=False,
        introduced="0.1.0; GMS 8.5.201.04",
        text="customhttp notifications carry the chat event, the same as CometD notifications. The "
        "session key `GCTI_GMS_PushIncludePayload` overrides it.",
    ),
    _service(
        name="push_notification_to_active_client",
        kind=BOOLEAN,
        default=True,
        text="A device is notified also while its owner is connected by CometD. `false`: only when no "
        "CometD client picks the event up within `[push] active_grace`.",
    ),
    _service(
        name="endpoint",
        kind=pattern(f"({_TENANT_ENDPOINT})?", valid="tenant:endpoint; empty = default_chat_endpoint"),
        default="",
        text="Queue of the service.",
    ),
    _service(
        name="apikeys",
        kind=pattern(
            r"[\x21-\x2b\x2d-\x7e]{1,256}", valid="comma list of keys; empty = none needed", many=True
        ),
        default=(),
        secret=True,
        text="Keys of which REST requests must present one, in the header `apikey` or `x-api-key`.",
    ),
    _service(
        name="basic_auth",
        kind=BASIC,
        default="",
        secret=True,
        text="Credentials that customers' requests must present (HTTP Basic).",
    ),
    _service(
        name="max_message_length",
        kind=integer(1, 1_000_000, unit="characters"),
        default=10_000,
        text="Longest message text; longer ones are refused with error 204.",
    ),
    _service(
        name="comet_disconnect_timeout",
        attr="comet_disconnect_timeout_s",
        kind=seconds(1, LONGEST_S),
        default=90.0,
        text="A CometD customer leaves the chat (reason 3) this long after the last Bayeux session was "
        "detached.",
    ),
    _service(
        name="typing_timeout",
        attr="typing_timeout_s",
        kind=seconds(1, 3600),
        default=15.0,
        text="A typing indicator that is not refreshed ends after this time.",
    ),
    _service(
        name="ended_retention",
        attr="ended_retention_s",
        kind=seconds(0, LONGEST_S),
        default=600.0,
        text="How long the transcript of an ended chat can still be read by its customer.",
    ),
    _service(
        name="transcript_retention",
        attr="transcript_retention_days",
        kind=integer(0, 36_500, unit="days"),
        default=0,
        text="Chats that ended so long ago are deleted with everything that belongs to them. 0 = never.",
    ),
    _service(
        name="bad_secure_key_action",
        kind=choice("reject"),
        default="reject",
        text="A request with a wrong secureKey is rejected and counted against the rate limit; the "
        "customer is never removed by it.",
    ),
    _service(
        name="single_attachment",
        kind=BOOLEAN,
        default=False,
        text="`true`: the CometD session attached last is the only one that gets the chat's events. "
        "`false`: every attached one (several tabs).",
    ),
    _service(
        name="comet_expose_chat_id",
        kind=BOOLEAN,
        default=False,
        text="`true`: CometD notifications and push payloads carry the real chatId and userId instead of "
        "`deprecated`.",
    ),
    _service(
        name="implicit_attach",
        kind=BOOLEAN,
        default=True,
        text="Re-attach the chat when a client comes back with a new Bayeux session (spec/chat-api-v2.md "
        "7.6).",
    ),
    _service(
        name="system_nickname",
        kind=text(100, required=True),
        default="system",
        text="Nickname of events that the system itself writes.",
    ),
    _service(
        name="customer_waits_warning",
        attr="customer_waits_warning_s",
        kind=seconds(1, LONGEST_S),
        default=60.0,
        text="A customer whose message is unanswered for this long is shown as waiting, level 1.",
    ),
    _service(
        name="customer_waits_alarm",
        attr="customer_waits_alarm_s",
        kind=seconds(1, LONGEST_S),
        default=120.0,
        text="The same, level 2.",
    ),
    _service(
        name="dispositions",
        kind=pattern(r"[^,\x00-\x1f]{1,64}", valid="comma list of codes; empty = any text", many=True),
        default=(),
        text="Codes of which an agent chooses one for how a chat ended.",
    ),
    _service(
        name="disposition_required",
        kind=BOOLEAN,
        default=False,
        text="An agent can leave a chat that is over, or close one, only after its disposition is set.",
    ),
)
