"""A chat as a document: JSON for machines, text for people. Pure; events are the bytes of the wire."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import orjson

from gateway.model.events import Event
from gateway.model.participants import Participant
from gateway.model.session import ChatSession


def summary(session: ChatSession) -> dict[str, Any]:
    """What lists and exports say about a chat; no key, no fingerprint, no push subscription."""
    profile = session.profile
    return {
        "chatId": session.id,
        "service": profile.service,
        "endpoint": profile.endpoint,
        "state": session.state.value,
        "nickname": session.customer.nickname,
        "email": profile.email,
        "subject": profile.subject,
        "createdAt": iso_time(profile.created_ms),
        "endedAt": iso_time(profile.ended_ms) if profile.ended_ms is not None else None,
        "participants": [_participant(party) for party in profile.participants],
        "userData": dict(profile.user_data),
        "lastIndex": session.next_index - 1,
    }


def as_json(session: ChatSession, events: Iterable[Event]) -> bytes:
    """The summary with the member `events`, each the object that the chat's clients saw."""
    head = orjson.dumps(summary(session), option=orjson.OPT_NON_STR_KEYS)
    return b'%b,"events":[%b]}' % (head[:-1], b",".join([event.wire for event in events]))


def as_text(session: ChatSession, events: Iterable[Event]) -> str:
    """A transcript to read or print: a head, then one paragraph an event."""
    profile = session.profile
    head = [
        f"Chat {session.id} ({profile.service}), {session.state.value}",
        f"Customer: {_line(session.customer.nickname)}" + (f" <{profile.email}>" if profile.email else ""),
        f"Subject: {_line(profile.subject)}",
        f"Begun: {iso_time(profile.created_ms)}",
        "",
    ]
    return "\n".join([*head, *[_told(event) for event in events]]) + "\n"


def iso_time(utc_ms: int) -> str:
    """A Unix time in milliseconds as RFC 3339 text."""
    text = datetime.fromtimestamp(utc_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _told(event: Event) -> str:
    wire = orjson.loads(event.wire)
    author = _line(str(wire.get("from", {}).get("nickname", "")))
    text = wire.get("text")
    # Further lines are indented, so that no message can pretend to be another event.
    said = "" if text is None else ": " + "\n    ".join(str(text).splitlines())
    kind = "" if wire.get("type") == "Message" else f" [{wire.get('type')}]"
    return f"{iso_time(event.utc_ms)} {author}{kind}{said}"


def _line(text: str) -> str:
    return " ".join(text.split())


def _participant(party: Participant) -> dict[str, Any]:
    return {
        "participantId": party.id,
        "nickname": party.nickname,
        "type": party.type.value,
        "style": party.style,
        "account": party.owner,
    }
