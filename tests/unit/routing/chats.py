"""Chats, events and settings for the tests of routing and push."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gateway.config.settings import Settings
from gateway.model import payload
from gateway.model.events import Draft, Event, EventType
from gateway.model.participants import Participant, ParticipantType, system_participant
from gateway.model.session import ChatProfile, ChatSession, ChatState
from gateway.model.subscription import Subscription

NOW_MS = 1_568_662_361_000
CHAT_ID = "00020aEQFW6V0029"
USER_ID = "007D5D7FE31F001B"
DEVICE_ID = "a1a23456789123456789"

CUSTOMER = Participant(id=1, user_id=USER_ID, nickname="Joe", type=ParticipantType.CLIENT)
AGENT = Participant(id=2, user_id="007D5D7FE31F001C", nickname="Ann", type=ParticipantType.AGENT)
BOT = Participant(
    id=3, user_id="007D5D7FE31F001D", nickname="Bot", type=ParticipantType.EXTERNAL, style="BOT"
)
SUPERVISOR = Participant(id=4, user_id="007D5D7FE31F001E", nickname="Sue", type=ParticipantType.SUPERVISOR)
SYSTEM = system_participant("system")

URLS = """
customhttp.url=http://127.0.0.1:9999/push
customhttp.message=You have a new message
debug.customhttp.url=http://127.0.0.1:9998/debug
debug.customhttp.message=debug message
"""


def settings(push: str = "pushEnabled=comet,customhttp", *, urls: str = URLS, more: str = "") -> Settings:
    """A snapshot with the lines of [push], both destinations and further sections."""
    return Settings.from_text(f"[push]\nallow_client_debug=true\n{push}\n{urls}\n{more}")


def subscription(**changes: Any) -> Subscription:
    """An accepted customhttp subscription of the REST family."""
    plain = Subscription(
        device_id=DEVICE_ID,
        device_type="customhttp",
        origin="rest",
        created_ms=NOW_MS,
        node_group="gms-cluster",
    )
    return replace(plain, **changes)


def session(asked: Subscription | None = None, *, state: ChatState = ChatState.ACTIVE) -> ChatSession:
    """A chat of the customer, an agent, a bot and a supervisor."""
    profile = ChatProfile(
        service="demo",
        created_ms=NOW_MS,
        participants=(CUSTOMER, AGENT, BOT, SUPERVISOR),
        endpoint="Environment:default",
        subscription=asked,
    )
    return ChatSession(id=CHAT_ID, version=9, state=state, next_index=17, last_utc_ms=NOW_MS, profile=profile)


def event(
    kind: EventType = EventType.MESSAGE, author: Participant = AGENT, *, index: int = 16, **changes: Any
) -> Event:
    """An event as the ledger makes it; by default the agent's message "Hello" at position 16."""
    changes.setdefault("text", "Hello")
    draft = Draft(type=kind, author=author, **changes)
    return Event(
        index=index,
        type=kind,
        author=author.id,
        utc_ms=NOW_MS,
        wire=payload.encode_event(draft, index, NOW_MS),
        visibility=draft.visibility,
        reason=draft.reason,
        ends_chat=draft.ends_chat,
    )
