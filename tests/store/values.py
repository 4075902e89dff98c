"""Builders of the values that store tests write; whatever a test does not care about has a default."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from gateway.model.change import Change
from gateway.model.deliveries import Attempt, Delivery, DeliveryKind
from gateway.model.events import Event, EventType, QuitReason, Visibility
from gateway.model.files import FileState, StoredFile
from gateway.model.idle import IdleMark
from gateway.model.participants import Participant, ParticipantType
from gateway.model.session import ChatProfile, ChatSession, ChatState
from gateway.model.subscription import Subscription
from gateway.store.roles import StoredAttachment, StoredCometSession, Token

NOW = 1_568_662_361_000


def customer(chat_id: str, *, key_hash: str | None = None) -> Participant:
    """The customer of a chat, with a key fingerprint that follows from the chat id."""
    return Participant(
        id=1,
        user_id=f"U-{chat_id}",
        nickname="Ann",
        type=ParticipantType.CLIENT,
        key_hash=key_hash or f"key-{chat_id}",
        salt="5a17",
    )


def profile(chat_id: str, **changes: Any) -> ChatProfile:
    """A profile in which every field differs from its default."""
    agent = Participant(2, "A1", "Bob", ParticipantType.AGENT, style="BOT", owner="bob", left="0")
    values: dict[str, Any] = {
        "service": "customer-support",
        "created_ms": NOW,
        "participants": (customer(chat_id), agent),
        "endpoint": "Environment:0",
        "subject": "Überweisung \U0001f600",
        "email": "ann@example.com",
        "user_data": {"order": "42", "": "é\u2028\x00"},
        "subscription": Subscription(
            "device-1", "customhttp", "rest", NOW, include_payload=True, resend=True
        ),
        "read_positions": {1: 3, 2: 4},
        "async_mode": True,
        "ended_ms": NOW + 1,
        "idle": IdleMark(1, NOW + 2),
        "parked": True,
        "silenced": Subscription("device-2", "customhttp", "comet", NOW),
    }
    return ChatProfile(**(values | changes))


def opened(chat_id: str = "chat-1", **changes: Any) -> ChatSession:
    """A new session, version 1."""
    return ChatSession(chat_id, 1, ChatState.WAITING, 1, NOW, profile(chat_id, **changes))


def following(session: ChatSession, *, events: int = 0, **changes: Any) -> ChatSession:
    """The next version of a session, `events` indices further."""
    return replace(session, version=session.version + 1, next_index=session.next_index + events, **changes)


def message(index: int, **changes: Any) -> Event:
    """A stored event."""
    return replace(Event(index, EventType.MESSAGE, 1, NOW + index, b'{"index":%d}' % index), **changes)


def typing(index: int, *, utc_ms: int = NOW) -> Event:
    """An ephemeral event."""
    return Event(index, EventType.TYPING_STARTED, 1, utc_ms, b'{"index":%d}' % index)


def hidden(index: int) -> Event:
    """A stored event that the customer must not see."""
    return message(index, visibility=Visibility.AGENTS)


def parting(index: int) -> Event:
    """A stored event in which every field differs from its default."""
    return message(
        index, type=EventType.PARTICIPANT_LEFT, reason=QuitReason.LOGOUT, ends_chat=True, idle_expire=45
    )


def delivery(id_: str, *, chat_id: str = "chat-1", position: int = 1, **changes: Any) -> Delivery:
    """A queued outbox row that is due at NOW."""
    values: dict[str, Any] = {
        "user_id": f"U-{chat_id}",
        "kind": DeliveryKind.PAYLOAD,
        "event_type": "Message",
        "device_id": "device-1",
        "created_ms": NOW,
        "due_ms": NOW,
        "message": b'{"text":"hello"}',
    }
    return Delivery(id=id_, chat_id=chat_id, position=position, **(values | changes))


def attempt(delivery_id: str, number: int = 1) -> Attempt:
    """A failed HTTP request."""
    return Attempt(delivery_id, number, NOW, 12, status=503, response_head=b"busy")


def outbox(*deliveries: Delivery, chat_id: str = "chat-1") -> Change:
    """The change that opens a chat together with these rows."""
    return Change(opened(chat_id), deliveries=deliveries)


def said(session: ChatSession, texts: Iterable[bytes]) -> Change:
    """The change that appends one message per text."""
    events = tuple(message(session.next_index + place, wire=text) for place, text in enumerate(texts))
    return Change(following(session, events=len(events)), events, profile_changed=False)


def token(fingerprint: str = "f1", **changes: Any) -> Token:
    """An agent's token."""
    return Token(
        **({"fingerprint": fingerprint, "name": "Bob", "role": "agent", "created_ms": NOW} | changes)
    )


def comet(client_id: str = "c1", *, cursor: int = 0, **changes: Any) -> StoredCometSession:
    """A Bayeux session attached to one chat."""
    attached = (StoredAttachment("chat-1", "U-chat-1", "/service/chatV2/customer-support", cursor),)
    values: dict[str, Any] = {"browser": "b1", "origin": "https://a.example", "updated_ms": NOW}
    return StoredCometSession(client_id, attachments=attached, **(values | changes))


def stored_file(id_: str = "F1", **changes: Any) -> StoredFile:
    """A file row in which nothing is empty."""
    file = StoredFile(
        id=id_,
        chat_id="chat-1",
        owner=1,
        name="Überweisung \U0001f600.pdf",
        media_type="application/pdf",
        size=2**31,
        sha256="ab" * 32,
        created_ms=NOW,
        state=FileState.PENDING,
    )
    return replace(file, **changes)
