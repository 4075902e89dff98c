"""The one renderer of the Chat API v2 envelope (spec/chat-api-v2.md 4, 5; spec/push.md 3, 6).

REST answers, comet frames and customhttp bodies all come from here. An event is encoded once
(`encode_event`); everything else concatenates those bytes, so a live comet frame's `data` and the push of
the same event are the same bytes (decision 2).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from gateway.model.events import PUSH_ONLY_REASONS, Draft, Event, Visibility
from gateway.model.participants import BOT_STYLE


@dataclass(frozen=True, slots=True)
class Identity:
    """The identity members of an envelope; `secure_key` is left out when None (decisions 2 and 3)."""

    chat_id: str
    user_id: str
    alias: str
    secure_key: str | None = None
    members: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Encoded once: the identity of live frames is the same for every event.
        object.__setattr__(self, "members", _identity(self))


def _identity(identity: Identity) -> bytes:
    text = b'"alias":%b,"chatId":%b,"userId":%b' % (
        orjson.dumps(identity.alias),
        orjson.dumps(identity.chat_id),
        orjson.dumps(identity.user_id),
    )
    if identity.secure_key is None:
        return text
    return text + b',"secureKey":' + orjson.dumps(identity.secure_key)


# CometD frames and pushes name nobody: the session is found by secureKey alone (decision 3).
DEPRECATED = Identity(chat_id="deprecated", user_id="deprecated", alias="0")


def encode_event(draft: Draft, index: int, utc_ms: int) -> bytes:
    """The event object of spec/chat-api-v2.md 4.2, without a reason code that only pushes may carry."""
    author = draft.author
    # str() of an enum member costs a third of its `value`, and this is per message.
    event: dict[str, Any] = {
        "from": {"nickname": author.nickname, "participantId": author.id, "type": str(author.type)},
        "index": index,
        "type": str(draft.type),
        "utcTime": utc_ms,
    }
    if draft.text is not None:
        event["text"] = draft.text
    if draft.message_type is not None:
        event["messageType"] = draft.message_type
    if draft.user_data is not None:
        event["userData"] = draft.user_data
    if draft.visibility is Visibility.AGENTS:
        # Only the personnel ever get this event; a console must not show it as said to the customer.
        event["visibility"] = draft.visibility.value
    attributes = _attributes(draft)
    if attributes:
        event["eventAttributes"] = attributes
    return orjson.dumps(event)


def _attributes(draft: Draft) -> dict[str, Any]:
    attributes: dict[str, Any] = dict(draft.event_attributes or {})
    system: dict[str, str] = {}
    if draft.author.style == BOT_STYLE:
        system["party-info.style"] = BOT_STYLE
    if draft.reason is not None and draft.reason not in PUSH_ONLY_REASONS:
        system["quit-reason-code"] = draft.reason.value
    # A client must not speak as the system: its own GCTI_SYSTEM member never passes.
    attributes.pop("GCTI_SYSTEM", None)
    if system:
        attributes["GCTI_SYSTEM"] = system
    return attributes


def push_wire(event: Event) -> bytes:
    """The event object as customhttp shows it: with the reason codes that comet and REST leave out."""
    if event.reason is None or event.reason not in PUSH_ONLY_REASONS:
        return event.wire
    value = orjson.loads(event.wire)
    system = value.setdefault("eventAttributes", {}).setdefault("GCTI_SYSTEM", {})
    system["quit-reason-code"] = event.reason.value
    return orjson.dumps(value)


def live(event: Event, identity: Identity = DEPRECATED) -> bytes:
    """The envelope around one live event: the comet frame's `data`."""
    return _live(event.wire, event, identity)


def push(event: Event, identity: Identity = DEPRECATED) -> bytes:
    """The envelope around one pushed event: the `message` member of a customhttp body."""
    return _live(push_wire(event), event, identity)


def _live(wire: bytes, event: Event, identity: Identity) -> bytes:
    ended = b"true" if event.ends_chat else b"false"
    idle = b"" if event.idle_expire is None else b',"idleTimerExpire":%d' % event.idle_expire
    return b'{"statusCode":0,%b,"nextPosition":%d,"chatEnded":%b,"monitored":%b,"messages":[%b]%b}' % (
        identity.members,
        event.index + 1,
        ended,
        b"true" if event.monitored else b"false",
        wire,
        idle,
    )


def answer(
    identity: Identity,
    events: Iterable[Event],
    *,
    next_position: int,
    chat_ended: bool,
    idle_expire: int | None = None,
    monitored: bool = False,
    extra: Mapping[str, Any] | None = None,
) -> bytes:
    """The answer to an operation: statusCode 0 with `events` (already in index order, visible ones only).

    `idle_expire`: `idleTimerExpire`, the seconds that are left while an idle alert stands.
    """
    members = b"".join(
        [b",%b:%b" % (orjson.dumps(key), orjson.dumps(value)) for key, value in (extra or {}).items()]
    )
    if idle_expire is not None:
        members += b',"idleTimerExpire":%d' % idle_expire
    return b'{"statusCode":0,%b,"nextPosition":%d,"chatEnded":%b,"monitored":%b,"messages":[%b]%b}' % (
        identity.members,
        next_position,
        b"true" if chat_ended else b"false",
        b"true" if monitored else b"false",
        b",".join([event.wire for event in events]),
        members,
    )


def failure(
    code: int | None,
    advice: str,
    *,
    status_code: int,
    chat_id: str,
    alias: str = "0",
    chat_ended: bool = False,
) -> bytes:
    """An error envelope (spec/chat-api-v2.md 9.1): no userId, no secureKey, `errors` when there is a code."""
    body: dict[str, Any] = {
        "statusCode": status_code,
        "alias": alias,
        "chatId": chat_id,
        "chatEnded": chat_ended,
        "monitored": False,
        "messages": [],
    }
    if code is not None:
        body["errors"] = [{"code": code, "advice": advice}]
    return orjson.dumps(body)
