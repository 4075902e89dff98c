"""The body of a reliable notification: a pointer to what has to be fetched, not the event (spec/push.md 3.4).

The resend machine of section 4 is not here yet: a pointer is sent once, as attempt "0", and its position is
that of the event which caused it.
"""

from __future__ import annotations

from collections.abc import Collection

import orjson

from gateway.model import payload
from gateway.model.events import Event, EventType
from gateway.model.session import ChatSession, ChatState
from gateway.routing.notifiable import is_removal

FIRST_ATTEMPT = 0
# `notify-position` of a customer who is not in the chat any more: there is nothing that he could fetch.
REMOVED = -1

# The key's member is there, as in the vendor's sample, but empty (spec/push.md 7, consequence 2).
_IDENTITY = payload.Identity(
    chat_id=payload.DEPRECATED.chat_id,
    user_id=payload.DEPRECATED.user_id,
    alias=payload.DEPRECATED.alias,
    secure_key="",
)


def message(session: ChatSession, event: Event, content: Collection[str]) -> bytes:
    """The pointer for `event`; `content` is `flex-push-content`.

    Its item `secure-key` is left out: the engine keeps no keys, and this release derives none for pushes.
    """
    removed = is_removal(event, session.customer.id)
    stub = {
        "from": {"nickname": "", "participantId": 0, "type": "Client"},
        "index": 0,
        "text": "PUSH-NOTIFICATION",
        "type": EventType.PUSH_URL.value,
        "utcTime": event.utc_ms,
        "userData": {
            "notify-attempt": str(FIRST_ATTEMPT),
            "notify-position": str(REMOVED if removed else event.index),
            **_identifiers(session, content),
        },
    }
    return payload.answer(
        _IDENTITY,
        [Event(index=0, type=EventType.PUSH_URL, author=0, utc_ms=event.utc_ms, wire=orjson.dumps(stub))],
        next_position=event.index + 1,
        chat_ended=session.state is ChatState.ENDED if removed else event.ends_chat,
    )


def _identifiers(session: ChatSession, content: Collection[str]) -> dict[str, str]:
    known = {
        "user-id": session.customer.user_id,
        "session-id": session.id,
        "app-dbid": payload.DEPRECATED.alias,
    }
    return {name: value for name, value in known.items() if name in content}
