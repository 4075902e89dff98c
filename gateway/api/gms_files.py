"""File operations of Chat API v2 as this release answers them: limits say "no uploads", the rest is refused.

Uploads come with a later release. Until then clients get the documented answers instead of a missing path:
205 for an upload, 206 with HTTP 404 for a download or a deletion (spec/chat-api-v2.md 6.10, 9.3).
"""

from __future__ import annotations

import orjson

from gateway.chat.customers import Party
from gateway.config import Settings
from gateway.errors import Rejected
from gateway.model import payload
from gateway.model.events import Event, EventType

# All ten keys are mandatory and all values are text: the iOS client decodes them strictly (6.10).
_CONFIGURED = (
    "upload-max-file-size",
    "upload-max-total-size",
    "upload-file-types",
    "upload-need-agent",
    "download-attempts",
    "delete-file",
)
_FIXED = {
    "upload-max-files": "0",
    "used-upload-max-files": "0",
    "used-upload-max-total-size": "0",
    "used-download-attempts": "0",
}


def upload_disabled() -> Rejected:
    """What every upload is answered with."""
    return Rejected(205, "uploads are not available")


def file_unknown() -> Rejected:
    """What a download or a deletion is answered with (HTTP 404)."""
    return Rejected(206, "file unknown")


def limits_answer(party: Party, settings: Settings, identity: payload.Identity) -> bytes:
    """The chat answer with the pseudo message `file-client-cfg-get`: it has no index and is never stored."""
    session = party.session
    return payload.answer(
        identity,
        (_pseudo_message(party, settings),),
        next_position=session.next_index,
        chat_ended=session.ended_for_customer,
    )


def _pseudo_message(party: Party, settings: Settings) -> Event:
    author = party.session.customer
    now_ms = party.session.last_utc_ms
    configured = {name: _text(settings.get("client-file-transfer", name)) for name in _CONFIGURED}
    wire = {
        "from": {"nickname": author.nickname, "participantId": author.id, "type": author.type.value},
        "text": "file-client-cfg-get",
        "type": EventType.NOTICE.value,
        "utcTime": now_ms,
        "userData": {**configured, **_FIXED},
    }
    return Event(index=0, type=EventType.NOTICE, author=author.id, utc_ms=now_ms, wire=orjson.dumps(wire))


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
