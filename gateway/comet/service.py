"""The chat operations on `/service/chatV2/<service>` (spec/chat-api-v2.md 7.3-7.6).

Every operation ends in an answer: whether the publish is acknowledged as successful, and the notifications
that belong to it. Results of operations that make events arrive as live events through the attachment.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import orjson
import structlog

from gateway.bayeux import Session
from gateway.chat.customers import Customers, Party, StartRequest, Transcript, TypingState
from gateway.comet import fields
from gateway.comet.frames import event_message
from gateway.comet.hub import Hub
from gateway.config import SettingsSource
from gateway.errors import BadKey, ChatGone, Rejected, Unauthorised, Unavailable
from gateway.model import payload
from gateway.model.change import Committed
from gateway.model.events import Event
from gateway.model.payload import Identity
from gateway.rates import Rates

# The text of the original, with a reference of our own (spec/chat-api-v2.md 9.2).
GONE_ADVICE = "Media server was not able to execute request. referenceId[8201]"
GONE_CODE = 249

log = structlog.get_logger(__name__)

Operation = Callable[[Session, str, Party, Mapping[str, Any]], "list[bytes]"]


class Answer(NamedTuple):
    """What a publish leads to: encoded messages for its sender, and whether the ack is positive."""

    messages: list[bytes]
    done: bool = True


class ChatService:
    """Maps operations to use cases of `chat/` and attaches sessions to chats."""

    def __init__(
        self, customers: Customers, hub: Hub, settings_source: SettingsSource, *, rates: Rates | None = None
    ) -> None:
        self._rates = rates
        self._customers = customers
        self._hub = hub
        self._settings_source = settings_source
        self._operations: dict[str, Operation] = {
            "requestNotifications": self._request_notifications,
            "refresh": self._refresh,
            "sendMessage": self._send,
            "send": self._send,
            "startTyping": self._start_typing,
            "stopTyping": self._stop_typing,
            "disconnect": self._disconnect,
            "pushUrl": self._push_url,
            "updateNickname": self._update_nickname,
            "updateData": self._update_data,
            "customNotice": self._custom_notice,
            "readReceipt": self._read_receipt,
        }

    def call(self, session: Session, channel: str, service: str, *, data: Any, address: str = "") -> Answer:
        """Run one publish. Never raises: every failure is a notification (7.4.7)."""
        try:
            return Answer(self._run(session, channel, service, data=data, address=address))
        except Rejected as error:
            return _failed(channel, error.code, error.advice, status_code=2)
        except ChatGone:
            return _failed(channel, GONE_CODE, GONE_ADVICE, status_code=2, chat_ended=True)
        except Unavailable:
            return _failed(channel, None, "", status_code=1, done=False)
        except Exception:  # noqa: BLE001 - the last wall before a client; the trace stays in the log
            log.exception("operation_failed", service=service)
            return _failed(channel, None, "", status_code=1, done=False)

    def _run(self, session: Session, channel: str, service: str, *, data: Any, address: str) -> list[bytes]:
        if not isinstance(data, dict):
            raise Rejected(fields.MALFORMED, "data")
        self._check_credentials(service, data)
        name = data.get("operation")
        if name == "requestChat":
            if self._rates is not None:
                self._rates.chat(address)
            return self._request_chat(session, channel, service, data)
        operation = self._operations.get(name) if isinstance(name, str) else None
        if operation is None:
            raise Rejected(fields.MALFORMED, "operation")
        secure_key = fields.text(data, "secureKey")
        if not secure_key:
            # A known client sends this right after requestChat: an error, but never the end of its chat.
            raise Rejected(fields.MALFORMED, "secureKey")
        party = self._party(secure_key, address)
        session.memo["spoke"] = True
        if name not in ("refresh", "disconnect", "requestNotifications"):
            self._attach_implicitly(session, channel, party)
        return operation(session, channel, party, data)

    def _party(self, secure_key: str, address: str) -> Party:
        """The caller, counted: guesses by address, requests by chat."""
        rates = self._rates
        if rates is None:
            return self._customers.by_key(secure_key)
        rates.admit(secure_key, address=address)
        try:
            party = self._customers.by_key(secure_key)
        except BadKey:
            rates.failed(address=address)
            raise
        rates.request(secure_key, party.session.id)
        return party

    # --- starting and attaching -------------------------------------------------------------------------

    def _request_chat(
        self, session: Session, channel: str, service: str, data: Mapping[str, Any]
    ) -> list[bytes]:
        started = self._customers.start(
            StartRequest(
                service=service,
                origin="comet",
                nickname=fields.text(data, "nickname"),
                first_name=fields.text(data, "firstName"),
                last_name=fields.text(data, "lastName"),
                subject=fields.text(data, "subject"),
                email=fields.text(data, "emailAddress"),
                text=fields.text(data, "text"),
                endpoint=fields.text(data, "endpoint"),
                user_data=fields.user_data(data),
                start_key=fields.text(data, "startKey"),
            )
        )
        session.memo["spoke"] = True
        last = started.events[-1].index
        self._hub.attach(session, started.party.session, channel, cursor=last)
        answer = self._answer(
            channel, started.party, started.events, next_position=last + 1, chat_ended=False
        )
        return [answer]

    def _request_notifications(
        self, session: Session, channel: str, party: Party, data: Mapping[str, Any]
    ) -> list[bytes]:
        position = fields.position(data)
        if fields.user_data(data) and not party.session.ended_for_customer:
            self._customers.update_data(party, fields.user_data(data), "comet", seen=position)
        transcript = self._customers.transcript(party, position)
        if transcript.session.ended_for_customer:
            raise ChatGone(party.session.id)
        if not transcript.chat_ended:  # else it ended while it was read, and the answer says so
            self._hub.attach(session, transcript.session, channel, cursor=transcript.next_position - 1)
        return [self._transcript(channel, party, data, transcript=transcript)]

    def _attach_implicitly(self, session: Session, channel: str, party: Party) -> None:
        """A publish with a valid key from a session that lost its chat (7.6 c)."""
        chat = party.session
        if chat.ended_for_customer or self._hub.is_attached(session, chat.id):
            return
        if self._settings_source.current.for_service(chat.profile.service).implicit_attach:
            self._hub.attach(session, chat, channel, cursor=self._hub.resume_point(chat.id))

    # --- the other operations ---------------------------------------------------------------------------

    def _refresh(self, _session: Session, channel: str, party: Party, data: Mapping[str, Any]) -> list[bytes]:
        self._customers.preview(party, fields.text(data, "message"))
        return [self._transcript(channel, party, data)]

    def _send(self, _session: Session, channel: str, party: Party, data: Mapping[str, Any]) -> list[bytes]:
        committed = self._customers.send(
            party,
            fields.text(data, "message"),
            message_type=fields.optional_text(data, "messageType"),
            event_attributes=fields.attributes(data),
            message_id=fields.optional_text(data, "messageId"),
        )
        return self._again(channel, party, committed)

    def _start_typing(self, _s: Session, _c: str, party: Party, data: Mapping[str, Any]) -> list[bytes]:
        self._customers.typing(party, TypingState.STARTED, fields.optional_text(data, "message"))
        return []

    def _stop_typing(self, _s: Session, _c: str, party: Party, data: Mapping[str, Any]) -> list[bytes]:
        self._customers.typing(party, TypingState.STOPPED, fields.optional_text(data, "message"))
        return []

    def _disconnect(self, session: Session, channel: str, party: Party, _d: Mapping[str, Any]) -> list[bytes]:
        committed = self._customers.leave(party)
        if self._hub.is_attached(session, party.session.id):
            return []
        chat = committed.session
        events = [event for event in committed.events if event.for_customer]
        return [self._answer(channel, party, events, next_position=chat.next_index, chat_ended=True)]

    def _push_url(self, _s: Session, channel: str, party: Party, data: Mapping[str, Any]) -> list[bytes]:
        message_id = fields.optional_text(data, "messageId")
        committed = self._customers.push_url(party, fields.text(data, "pushUrl"), message_id=message_id)
        return self._again(channel, party, committed)

    def _update_nickname(
        self, _s: Session, channel: str, party: Party, data: Mapping[str, Any]
    ) -> list[bytes]:
        message_id = fields.optional_text(data, "messageId")
        committed = self._customers.rename(party, fields.text(data, "nickname"), message_id=message_id)
        return self._again(channel, party, committed)

    def _update_data(self, _s: Session, _c: str, party: Party, data: Mapping[str, Any]) -> list[bytes]:
        self._customers.update_data(party, fields.user_data(data), "comet")
        return []

    def _custom_notice(self, _s: Session, channel: str, party: Party, data: Mapping[str, Any]) -> list[bytes]:
        committed = self._customers.notice(
            party,
            fields.optional_text(data, "message"),
            event_attributes=fields.attributes(data),
            message_type=fields.optional_text(data, "messageType"),
            message_id=fields.optional_text(data, "messageId"),
        )
        return self._again(channel, party, committed)

    def _read_receipt(self, _s: Session, _c: str, party: Party, data: Mapping[str, Any]) -> list[bytes]:
        position = fields.position(data)
        if position is None or position < 0:
            raise Rejected(fields.MALFORMED, "transcriptPosition")
        self._customers.read(party, position)
        return []

    # --- answers ----------------------------------------------------------------------------------------

    def _again(self, channel: str, party: Party, committed: Committed) -> list[bytes]:
        """Nothing for what was done now, as the event comes live; for a repetition the event once more.

        The client may have lost the first frame together with the answer; it tells events by their index.
        """
        if not committed.replayed:
            return []
        identity = replace(self._identity(party), secure_key=None)
        return [
            event_message(orjson.dumps(channel), payload.live(each, identity)) for each in committed.events
        ]

    def _transcript(
        self, channel: str, party: Party, data: Mapping[str, Any], *, transcript: Transcript | None = None
    ) -> bytes:
        found = transcript or self._customers.transcript(party, fields.position(data))
        return self._answer(
            channel,
            party,
            found.events,
            next_position=found.next_position,
            chat_ended=found.chat_ended,
            idle_expire=self._customers.idle_expire(found.session),
        )

    def _answer(
        self,
        channel: str,
        party: Party,
        events: Iterable[Event],
        *,
        next_position: int,
        chat_ended: bool,
        idle_expire: int | None = None,
    ) -> bytes:
        """The envelope of an answer: it alone carries the secure key (7.4.2)."""
        body = payload.answer(
            self._identity(party),
            events,
            next_position=next_position,
            chat_ended=chat_ended,
            idle_expire=idle_expire,
            monitored=party.session.profile.monitored,
        )
        return event_message(orjson.dumps(channel), body)

    def _identity(self, party: Party) -> Identity:
        chat = party.session
        if self._settings_source.current.for_service(chat.profile.service).comet_expose_chat_id:
            return Identity(chat.id, party.participant.user_id, "0", party.secure_key)
        return Identity("deprecated", "deprecated", "0", party.secure_key)

    def _check_credentials(self, service: str, data: Mapping[str, Any]) -> None:
        """Basic credentials inside `auth`, where the service demands them (7.3)."""
        wanted = self._settings_source.current.for_service(service).basic_auth
        if wanted and not hmac.compare_digest(_credentials(data.get("auth")).encode(), wanted.encode()):
            raise Unauthorised


def _credentials(auth: Any) -> str:
    """`user:password` of an `auth` object in either form that clients send; empty when unreadable."""
    if not isinstance(auth, dict):
        return ""
    encoded = auth.get("encoded")
    if isinstance(encoded, str):
        try:
            return base64.b64decode(encoded, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return f"{auth.get('username')}:{auth.get('password')}"


def _failed(
    channel: str,
    code: int | None,
    advice: str,
    *,
    status_code: int,
    chat_ended: bool = False,
    done: bool = True,
) -> Answer:
    body = payload.failure(code, advice, status_code=status_code, chat_id="deprecated", chat_ended=chat_ended)
    return Answer([event_message(orjson.dumps(channel), body)], done)
