"""The operations of Chat API v2 over REST: parameters in, answer bytes out (spec/chat-api-v2.md 6).

Called by `v2`, which has found the service, the chat and the operation in the path. Answers are built by
`model/payload.py` alone; errors are raised and translated by the edge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gateway.api import gms_files, gms_schemas
from gateway.api.gms_body import Body
from gateway.chat.customers import Customers, Party, StartRequest, TypingState
from gateway.config import SettingsSource
from gateway.model import payload
from gateway.model.change import Committed
from gateway.model.session import ChatSession, ChatState

Operation = Callable[[Party, Body], bytes]
# chat id -> position in its queue (from 1) and estimated seconds, None when it does not wait.
PlaceOf = Callable[[str], "tuple[int, int | None] | None"]


def nowhere(_chat_id: str) -> None:
    """Without a desk nobody knows a position."""


class ChatApi:
    """The operations of one node. `alias` names it on the wire (3, rule 1: any short digit string)."""

    def __init__(
        self,
        customers: Customers,
        settings_source: SettingsSource,
        *,
        alias: str = "1",
        place_of: PlaceOf = nowhere,
    ) -> None:
        self._customers = customers
        self._settings_source = settings_source
        self._alias = alias
        self._place_of = place_of
        self._operations: Mapping[str, Operation] = {
            "send": self.send,
            "refresh": self.refresh,
            "startTyping": self.start_typing,
            "stopTyping": self.stop_typing,
            "disconnect": self.disconnect,
            "pushUrl": self.push_url,
            "updateNickname": self.update_nickname,
            "updateData": self.update_data,
            "customNotice": self.custom_notice,
            "readReceipt": self.read_receipt,
            "file": self.upload,
            "file/limits": self.file_limits,
        }

    def operation(self, path: tuple[str, ...]) -> Operation | None:
        """The operation behind the path elements that follow the chatId; None when there is none."""
        if len(path) == 3 and path[0] == "file" and path[2] in ("download", "delete"):
            return self.file_unknown
        return self._operations.get("/".join(path))

    def start(self, service: str, body: Body) -> bytes:
        """Request Chat (6.1)."""
        fields = gms_schemas.load(gms_schemas.START, body)
        started = self._customers.start(
            StartRequest(service=service, origin="rest", user_data=body.user_data, **fields)
        )
        session = started.party.session
        return payload.answer(
            self._identity(started.party),
            started.events,
            next_position=session.next_index,
            chat_ended=session.ended_for_customer,
            monitored=session.profile.monitored,
            extra=self._members(session),
        )

    def authenticate(self, service: str, chat_id: str, body: Body) -> Party:
        """The customer who calls; ChatGone when anything does not fit. The alias is ignored."""
        return self._customers.authenticate(
            chat_id=chat_id,
            user_id=body.text("userId") or None,
            secure_key=body.text("secureKey"),
            service=service,
        )

    def send(self, party: Party, body: Body) -> bytes:
        """6.2. Read by hand: a marshmallow load costs 12 us against 0.2 us, and this is the hot path."""
        position = body.position()
        committed = self._customers.send(
            party,
            body.text("message"),
            message_type=body.text("messageType") or None,
            event_attributes=body.attributes(),
        )
        return self._done(party, committed, position)

    def refresh(self, party: Party, body: Body) -> bytes:
        """6.3, the poll. Read by hand for the same reason as `send`."""
        position = body.position()
        preview = body.text("message")
        self._customers.preview(party, preview)
        return self._transcript(party, position)

    def start_typing(self, party: Party, body: Body) -> bytes:
        """6.4."""
        return self._typing(party, body, TypingState.STARTED)

    def stop_typing(self, party: Party, body: Body) -> bytes:
        """6.4."""
        return self._typing(party, body, TypingState.STOPPED)

    def disconnect(self, party: Party, body: Body) -> bytes:
        """6.5; idempotent."""
        position = body.position()
        return self._done(party, self._customers.leave(party), position)

    def push_url(self, party: Party, body: Body) -> bytes:
        """6.6."""
        position = body.position()
        url = gms_schemas.load(gms_schemas.PUSH_URL, body)["url"]
        return self._done(party, self._customers.push_url(party, url), position)

    def update_nickname(self, party: Party, body: Body) -> bytes:
        """6.7."""
        position = body.position()
        nickname = gms_schemas.load(gms_schemas.NICKNAME, body)["nickname"]
        return self._done(party, self._customers.rename(party, nickname), position)

    def update_data(self, party: Party, body: Body) -> bytes:
        """6.8."""
        position = body.position()
        return self._done(
            party, self._customers.update_data(party, body.user_data, "rest", seen=position), position
        )

    def custom_notice(self, party: Party, body: Body) -> bytes:
        """6.9."""
        position = body.position()
        fields = gms_schemas.load(gms_schemas.NOTICE, body)
        committed = self._customers.notice(
            party,
            fields["message"],
            event_attributes=fields["event_attributes"],
            message_type=fields["message_type"],
            user_data=body.user_data,
        )
        return self._done(party, committed, position)

    def read_receipt(self, party: Party, body: Body) -> bytes:
        """6.11; the answer never carries events."""
        position = gms_schemas.load(gms_schemas.RECEIPT, body)["position"]
        return self._done(party, self._customers.read(party, position), None)

    def upload(self, party: Party, body: Body) -> bytes:
        """6.10: refused in this release."""
        raise gms_files.upload_disabled()

    def file_limits(self, party: Party, body: Body) -> bytes:
        """6.10."""
        return gms_files.limits_answer(party, self._settings_source.current, self._identity(party))

    def file_unknown(self, party: Party, body: Body) -> bytes:
        """6.10: download and deletion; there are no files in this release."""
        raise gms_files.file_unknown()

    def _typing(self, party: Party, body: Body, state: TypingState) -> bytes:
        position = body.position()
        return self._done(party, self._customers.typing(party, state, body.text("message")), position)

    def _done(self, party: Party, committed: Committed, position: int | None) -> bytes:
        """The answer to an operation: events only when a position was given (5)."""
        if position is not None:
            return self._transcript(party, position)
        session = committed.session
        return payload.answer(
            self._identity(party),
            (),
            next_position=session.next_index,
            chat_ended=session.ended_for_customer,
            monitored=session.profile.monitored,
            extra=self._members(session),
        )

    def _transcript(self, party: Party, position: int | None) -> bytes:
        found = self._customers.transcript(party, position)
        return payload.answer(
            self._identity(party),
            found.events,
            next_position=found.next_position,
            chat_ended=found.chat_ended,
            monitored=found.session.profile.monitored,
            extra=self._members(found.session),
        )

    def _members(self, session: ChatSession) -> Mapping[str, Any] | None:
        """The place in the queue while waiting, and how far the agents have read (decision 19)."""
        if session.state is ChatState.WAITING:
            place = self._place_of(session.id)
            if place is not None:
                return {"queue": {"position": place[0], "estimatedWaitSeconds": place[1]}}
        read = session.profile.read_by_agents if session.profile.read_positions else 0
        return {"readPosition": read} if read else None

    def _identity(self, party: Party) -> payload.Identity:
        return payload.Identity(
            chat_id=party.session.id,
            user_id=party.participant.user_id,
            alias=self._alias,
            secure_key=party.secure_key,
        )
