"""Request Chat: what the customer may ask for and the session that comes of it (spec/chat-api-v2.md 6.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.chat import limits
from gateway.config import Settings
from gateway.errors import Rejected
from gateway.model.participants import Participant, ParticipantType
from gateway.model.session import ChatProfile, ChatSession, ChatState
from gateway.model.subscription import Subscription

FIRST_NAME_MISSING = 102
LAST_NAME_MISSING = 103
NO_NAME = 161
CANNOT_START = 240

ASYNC_KEY = "GCTI_Chat_AsyncMode"
CUSTOMER_ID = 1

_SERVICE = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class StartRequest:
    """The parameters of Request Chat; `origin` is "rest" or "comet", empty text counts as absent.

    `start_key`: the client's own secret name of this start, see `starts`.
    """

    service: str
    origin: str
    nickname: str = ""
    first_name: str = ""
    last_name: str = ""
    subject: str = ""
    email: str = ""
    text: str = ""
    endpoint: str = ""
    user_data: Mapping[str, str] = field(default_factory=dict)
    start_key: str = ""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The fresh identity of the customer who starts a chat."""

    chat_id: str
    user_id: str
    salt: str
    key_hash: str


def require_service(settings: Settings, service: str) -> None:
    """Rejected(240) for a malformed name and, with strict_services, for one without a section."""
    known = not settings.chat.strict_services or settings.known_service(service)
    if not known or not _SERVICE.fullmatch(service):
        raise Rejected(CANNOT_START, "service is not available")


def checked(request: StartRequest, settings: Settings) -> StartRequest:
    """The request with its nickname and cleaned values; Rejected 101, 102, 103, 161, 204, 240 or 364."""
    require_service(settings, request.service)
    service = settings.for_service(request.service)
    endpoint = limits.bounded(request.endpoint, limits.ENDPOINT_LENGTH, name="endpoint")
    return StartRequest(
        service=request.service,
        origin=request.origin,
        nickname=_nickname(request),
        first_name=request.first_name,
        last_name=request.last_name,
        subject=limits.bounded(request.subject, limits.SUBJECT_LENGTH, name="subject"),
        email=limits.email(request.email),
        text=limits.message_text(request.text, service.max_message_length) if request.text else "",
        endpoint=endpoint or service.endpoint,
        user_data=limits.user_data(request.user_data),
        start_key=limits.start_key(request.start_key),
    )


def new_session(
    request: StartRequest, credentials: Credentials, *, subscription: Subscription | None, now_ms: int
) -> ChatSession:
    """The session of a checked request, without events yet (version 0)."""
    customer = Participant(
        id=CUSTOMER_ID,
        user_id=credentials.user_id,
        nickname=request.nickname,
        type=ParticipantType.CLIENT,
        key_hash=credentials.key_hash,
        salt=credentials.salt,
    )
    profile = ChatProfile(
        service=request.service,
        created_ms=now_ms,
        participants=(customer,),
        endpoint=request.endpoint,
        subject=request.subject,
        email=request.email,
        user_data=request.user_data,
        subscription=subscription,
        async_mode=request.user_data.get(ASYNC_KEY, "").strip().lower() == "true",
    )
    return ChatSession(
        id=credentials.chat_id,
        version=0,
        state=ChatState.WAITING,
        next_index=1,
        last_utc_ms=now_ms,
        profile=profile,
    )


def _nickname(request: StartRequest) -> str:
    """The nickname given, or "first last"; 161 without any name, 102 or 103 for the missing half."""
    if request.nickname.strip():
        return limits.nickname(request.nickname)
    first, last = limits.clean(request.first_name), limits.clean(request.last_name)
    if not first.strip() and not last.strip():
        raise Rejected(NO_NAME, "nickname, or firstName and lastName")
    if not first.strip() or len(first) > limits.NICKNAME_LENGTH:
        raise Rejected(FIRST_NAME_MISSING, "firstName")
    if not last.strip() or len(last) > limits.NICKNAME_LENGTH:
        raise Rejected(LAST_NAME_MISSING, "lastName")
    return limits.nickname(f"{first} {last}")
