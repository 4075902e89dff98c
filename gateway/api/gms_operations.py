"""The operations of Chat API v2 over REST: parameters in, answer bytes out (spec/chat-api-v2.md 6).

Called by `v2`, which has found the service, the chat and the operation in the path. Answers are built by
`model/payload.py` alone (a download is a response of its own); errors are raised and translated by the edge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Response

from gateway.api import gms_schemas
from gateway.api.gms_body import Body
from gateway.api.gms_files import GmsFiles
from gateway.chat.customers import Customers, Party, StartRequest, TypingState
from gateway.model import payload
from gateway.model.change import Committed
from gateway.model.session import ChatSession

Operation = Callable[[Party, Body], bytes | Response]
# chat id -> position in its queue (from 1) and estimated seconds, None when it does not wait.
PlaceOf = Callable[[str], "tuple[int, int | None] | None"]


def nowhere(_chat_id: str) -> None:
    """Without a desk nobody knows a position."""


class Replay(bytes):
    """The answer to an operation that had been done before; the edge marks it."""

    __slots__ = ()


class ChatApi:
    """The operations of one node. `alias` names it on the wire (3, rule 1: any short digit string)."""

    def __init__(
        self,
        customers: Customers,
        files: GmsFiles,
        *,
        alias: str = "1",
        place_of: PlaceOf = nowhere,
    ) -> None:
        self._customers = customers
        self._files = files
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
            "file/limits": self.file_limits,
        }

    def operation(self, path: tuple[str, ...]) -> Operation | None:
        """The operation behind the path elements that follow the chatId; None when there is none.

        The upload is not among them: `v2` reads its body as it arrives.
        """
        match path:
            case ["file", file_id, "download"]:
                return lambda party, body: self._files.download(party, file_id)
            case ["file", file_id, "delete"]:
                return lambda party, body: self._files.delete(party, file_id, self.identity(party))
        return self._operations.get("/".join(path))

    def start(self, service: str, body: Body) -> bytes:
        """Request Chat (6.1)."""
        fields = gms_schemas.load(gms_schemas.START, body)
        started = self._customers.start(
            StartRequest(service=service, origin="rest", user_data=body.user_data, **fields)
        )
        session = started.party.session
        body_ = payload.answer(
            self.identity(started.party),
            started.events,
            next_position=started.events[-1].index + 1,
            chat_ended=session.ended_for_customer,
            monitored=session.profile.monitored,
            extra=self._members(session),
        )
        return Replay(body_) if started.replayed else body_

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
            message_id=body.text("messageId"),
        )
        return self._done(party, committed, position, named=bool(body.text("messageId")))

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
        message_id = body.text("messageId")
        committed = self._customers.push_url(party, url, message_id=message_id)
        return self._done(party, committed, position, named=bool(message_id))

    def update_nickname(self, party: Party, body: Body) -> bytes:
        """6.7."""
        position = body.position()
        nickname = gms_schemas.load(gms_schemas.NICKNAME, body)["nickname"]
        message_id = body.text("messageId")
        committed = self._customers.rename(party, nickname, message_id=message_id)
        return self._done(party, committed, position, named=bool(message_id))

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
            message_id=body.text("messageId"),
        )
        return self._done(party, committed, position, named=bool(body.text("messageId")))

    def read_receipt(self, party: Party, body: Body) -> bytes:
        """6.11; the answer never carries events."""
        position = gms_schemas.load(gms_schemas.RECEIPT, body)["position"]
        return self._done(party, self._customers.read(party, position), None)

    def file_limits(self, party: Party, body: Body) -> bytes:
        """6.10."""
        return self._files.limits(party, self.identity(party))

    def _typing(self, party: Party, body: Body, state: TypingState) -> bytes:
        position = body.position()
        return self._done(party, self._customers.typing(party, state, body.text("message")), position)

    def _done(
        self, party: Party, committed: Committed, position: int | None, *, named: bool = False
    ) -> bytes:
        """The answer to an operation: events only when a position was given (5).

        `named`: the operation has a message id, so a repetition must be answered with the same bytes.
        """
        if named and committed.events:
            return self._as_of(party, committed, position)
        if position is not None:
            return self._transcript(party, position)
        session = committed.session
        return payload.answer(
            self.identity(party),
            (),
            next_position=session.next_index,
            chat_ended=session.ended_for_customer,
            idle_expire=self._customers.idle_expire(session),
            monitored=session.profile.monitored,
            extra=self._members(session),
        )

    def _as_of(self, party: Party, committed: Committed, position: int | None) -> bytes:
        found = self._customers.transcript_as_of(party, position, committed)
        body = payload.answer(
            self.identity(party),
            found.events,
            next_position=found.next_position,
            chat_ended=found.chat_ended,
            monitored=committed.events[-1].monitored,
        )
        return Replay(body) if committed.replayed else body

    def _transcript(self, party: Party, position: int | None) -> bytes:
        found = self._customers.transcript(party, position)
        return payload.answer(
            self.identity(party),
            found.events,
            next_position=found.next_position,
            chat_ended=found.chat_ended,
            monitored=found.session.profile.monitored,
            idle_expire=self._customers.idle_expire(found.session),
            extra=self._members(found.session),
        )

    def _members(self, session: ChatSession) -> Mapping[str, Any] | None:
        """The place in the queue while waiting, and how far the agents have read (decision 19)."""
        if session.queued:
            place = self._place_of(session.id)
            if place is not None:
                return {"queue": {"position": place[0], "estimatedWaitSeconds": place[1]}}
        read = session.profile.read_by_agents if session.profile.read_positions else 0
        return {"readPosition": read} if read else None

    def identity(self, party: Party) -> payload.Identity:
        """Who an answer over REST is for."""
        return payload.Identity(
            chat_id=party.session.id,
            user_id=party.participant.user_id,
            alias=self._alias,
            secure_key=party.secure_key,
        )
