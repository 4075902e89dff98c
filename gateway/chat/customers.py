"""The customer's use cases, the same for REST and CometD (spec/chat-api-v2.md 6, 7.3).

Invariants: a wrong key, an unknown chat and an ended chat are one answer (ChatGone) and change nothing; every
call of a known party counts as protocol activity; every limit of 8.6 holds here, whichever edge calls.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import structlog

from gateway.chat import idle, limits, message_ids, parting, subscriptions
from gateway.chat.decision import NOTHING, Decision
from gateway.chat.ledger import Ledger
from gateway.chat.party import Party, Started, TypingState, speaker
from gateway.chat.presence import Presence
from gateway.chat.retrieval import Retrievals
from gateway.chat.start import StartRequest
from gateway.chat.starts import Starts
from gateway.chat.transcripts import Transcript, TranscriptReader
from gateway.clock import Clock
from gateway.config import SettingsSource
from gateway.errors import BadKey, ChatGone, Rejected, Unavailable
from gateway.ids import Ids, KeyRing, fingerprint
from gateway.model.change import Committed, MessageId
from gateway.model.events import Draft, EventType, QuitReason
from gateway.model.session import ChatSession, ChatState
from gateway.model.subscription import Refused
from gateway.observe.metrics import Metrics
from gateway.rates import Rates
from gateway.store.roles import Chats

__all__ = ["Customers", "Party", "StartRequest", "Started", "Transcript", "TypingState"]

# Compared with when there is no chat, so that a wrong key and an unknown chat take the same path.
_NO_HASH = "0" * 64
# The Widget's "wake" notice: activity for idle control, no visible event (spec/chat-api-v2.md 6.9).
_CANCEL_IDLE = "cancel-idle-timer"

log = structlog.get_logger(__name__)


class Customers:
    """What a customer can do. Operations return what was committed; Rejected, ChatGone, Unavailable else."""

    def __init__(
        self,
        ledger: Ledger,
        store: Chats,
        *,
        keys: KeyRing,
        ids: Ids,
        presence: Presence,
        retrievals: Retrievals,
        settings_source: SettingsSource,
        clock: Clock,
        metrics: Metrics,
        rates: Rates | None = None,
    ) -> None:
        self._rates = rates
        self._ledger = ledger
        self._store = store
        self._presence = presence
        self._retrievals = retrievals
        self._settings_source = settings_source
        self._clock = clock
        self._metrics = metrics
        self._reader = TranscriptReader(store, clock)
        self._starts = Starts(
            ledger,
            store,
            keys=keys,
            ids=ids,
            presence=presence,
            settings_source=settings_source,
            clock=clock,
            metrics=metrics,
        )

    # -- who is it ----------------------------------------------------------------------------------------

    def start(self, request: StartRequest) -> Started:
        """Request Chat (6.1): Rejected 101, 102, 103, 161, 204, 240, 364; a refused push never fails it.

        With a `start_key` that made a chat within the last two minutes: that chat, with `replayed`.
        """
        return self._starts.start(request)

    def authenticate(
        self, *, chat_id: str, user_id: str | None, secure_key: str, service: str | None
    ) -> Party:
        """The party of a REST request: chat, user, key and service must fit together, else ChatGone.

        An absent `user_id` is tolerated (iOS); the alias never matters. Also ended chats are found.
        """
        session = self._store.session(chat_id)
        expected = session.customer.key_hash if session else None
        fits = hmac.compare_digest(expected or _NO_HASH, fingerprint(secure_key))
        if session is None or not fits:
            raise BadKey(chat_id)
        return self._admit(session, secure_key, user_id=user_id, service=service)

    def by_key(self, secure_key: str, service: str | None = None) -> Party:
        """The party of a CometD or chat-ntf request: the key alone names it, else ChatGone."""
        wanted = fingerprint(secure_key)
        found = self._store.find_party(wanted)
        session = self._store.session(found[0]) if found else None
        expected = session.customer.key_hash if session else None
        if session is None or not hmac.compare_digest(expected or _NO_HASH, wanted):
            raise BadKey("unknown key")
        return self._admit(session, secure_key, user_id=None, service=service)

    def _admit(
        self, session: ChatSession, secure_key: str, *, user_id: str | None, service: str | None
    ) -> Party:
        customer = session.customer
        if user_id and user_id != customer.user_id or service and service != session.profile.service:
            raise ChatGone(session.id)
        if session.state is not ChatState.ENDED:
            self._presence.touch(session.id)
        elif self._retention_over(session):
            raise ChatGone(session.id)
        return Party(session, customer, secure_key)

    def _retention_over(self, session: ChatSession) -> bool:
        """Whether the customer may no longer read the ended chat (6.3); it stays stored for the operator."""
        kept_s = self._settings_source.current.for_service(session.profile.service).ended_retention_s
        return self._clock.wall_ms() >= (session.profile.ended_ms or 0) + kept_s * 1000

    # -- what it does -------------------------------------------------------------------------------------

    def send(
        self,
        party: Party,
        text: str,
        *,
        message_type: str | None = None,
        event_attributes: Mapping[str, Any] | None = None,
        message_id: str | None = None,
    ) -> Committed:
        """A message (6.2): Rejected 101 (empty, bad attributes) or 204 (too long).

        `message_id`, here and in the other operations that take one, is the client's own name of the
        operation: repeated with it, it is done once (targets/reliability.md R6).
        """
        text = limits.message_text(text, self._max_length(party))
        kind = limits.message_type(message_type)
        attributes = limits.event_attributes(event_attributes)

        def decide(session: ChatSession) -> Decision:
            author = speaker(session)
            draft = Draft(
                EventType.MESSAGE, author, text=text, message_type=kind, event_attributes=attributes
            )
            return Decision(drafts=(draft,))

        return self._ledger.change(party.session.id, decide, message_id=message_ids.of_customer(message_id))

    def typing(self, party: Party, state: TypingState, preview: str | None) -> Committed:
        """Typing on or off (6.4) with what is typed so far, cut to the message length; `timeouts` ends it."""
        if not self._may_type(party, state.value):
            return Committed(party.session, ())
        text = limits.clean(preview)[: self._max_length(party)] if preview else None
        self._presence.preview_changed(party.session.id, text or "")
        return self._say(party, EventType(state.value), text)

    def preview(self, party: Party, text: str) -> None:
        """The text being typed that came with a refresh (6.3): a TypingStarted per change, never an error."""
        text = limits.clean(text)[: self._max_length(party)]
        if not self._presence.preview_changed(party.session.id, text):
            return
        if not self._may_type(party, EventType.TYPING_STARTED.value):
            return
        try:
            self._say(party, EventType.TYPING_STARTED, text)
        except (ChatGone, Unavailable) as error:
            log.info("preview_dropped", chat_id=party.session.id, reason=type(error).__name__)

    def push_url(self, party: Party, url: str, *, message_id: str | None = None) -> Committed:
        """A web address for the other side (6.6): absolute http or https, else Rejected 101."""
        return self._say(
            party, EventType.PUSH_URL, limits.push_url(url), message_id=message_ids.of_customer(message_id)
        )

    def notice(
        self,
        party: Party,
        text: str | None,
        *,
        event_attributes: Mapping[str, Any] | None,
        message_type: str | None,
        user_data: Mapping[str, str] | None = None,
        message_id: str | None = None,
    ) -> Committed:
        """A custom notice (6.9): text or attributes; "cancel-idle-timer" is activity without an event."""
        text = limits.notice_text(text)
        attributes = limits.event_attributes(event_attributes)
        kind = limits.message_type(message_type)
        data = limits.user_data(user_data) if user_data else None
        if text is None and not attributes:
            raise Rejected(limits.MISSING_OR_MALFORMED, "message")
        silent = text is None and attributes is not None and attributes.get("purpose") == _CANCEL_IDLE

        def decide(session: ChatSession) -> Decision:
            author = speaker(session)
            if silent:
                return idle.cancelled(self._settings_source.current, session.profile, self._clock.wall_ms())
            draft = Draft(
                EventType.CUSTOM_NOTICE,
                author,
                text=text,
                message_type=kind,
                user_data=data,
                event_attributes=attributes,
            )
            return Decision(drafts=(draft,))

        return self._ledger.change(party.session.id, decide, message_id=message_ids.of_customer(message_id))

    def rename(self, party: Party, nickname: str, *, message_id: str | None = None) -> Committed:
        """A new nickname of 1-100 characters (6.7); the event and later ones carry it."""
        nickname = limits.nickname(nickname)

        def decide(session: ChatSession) -> Decision:
            renamed = replace(speaker(session), nickname=nickname)
            profile = replace(session.profile, participants=(renamed, *session.profile.participants[1:]))
            draft = Draft(EventType.NICKNAME_UPDATED, renamed, text=nickname)
            return Decision(drafts=(draft,), profile=profile)

        return self._ledger.change(party.session.id, decide, message_id=message_ids.of_customer(message_id))

    def update_data(
        self, party: Party, user_data: Mapping[str, str], origin: str, *, seen: int | None = None
    ) -> Committed:
        """Merge attached data (6.8), last writer wins per key; push keys change the subscription at once.

        `seen`: the `transcriptPosition` of the request, as in `Decision`.
        """
        changed = limits.user_data(user_data)
        if not changed:
            raise Rejected(limits.MISSING_OR_MALFORMED, "userData")
        flex = self._settings_source.current.flex
        now_ms = self._clock.wall_ms()
        refused: Refused | None = None

        def decide(session: ChatSession) -> Decision:
            nonlocal refused
            speaker(session)
            profile = session.profile
            merged = limits.user_data({**profile.user_data, **changed})
            push = subscriptions.after_update(
                profile.subscription, changed, merged, origin=origin, flex=flex, now_ms=now_ms
            )
            refused = push if isinstance(push, Refused) else None
            subscription = profile.subscription if isinstance(push, Refused) else push
            silenced = None if subscriptions.concerned(changed) else profile.silenced
            changed_profile = replace(profile, user_data=merged, subscription=subscription, silenced=silenced)
            if changed_profile == profile:
                return NOTHING
            return Decision(profile=changed_profile, seen=seen)

        committed = self._ledger.change(party.session.id, decide)
        if refused is not None:
            subscriptions.report_refused(refused, chat_id=party.session.id, metrics=self._metrics)
        return committed

    def read(self, party: Party, position: int) -> Committed:
        """Everything up to `position` was read (6.11): the read position only grows and stops at the end."""

        def decide(session: ChatSession) -> Decision:
            positions = session.profile.read_positions
            reached = min(position, session.next_index - 1)
            if reached <= positions.get(party.participant.id, 0):
                return NOTHING
            read = {**positions, party.participant.id: reached}
            return Decision(profile=replace(session.profile, read_positions=read))

        committed = self._ledger.change(party.session.id, decide)
        if committed.session.reliable:
            reached = min(position, committed.session.next_index - 1)
            self._retrievals.retrieved(party.session.id, reached + 1)
        return committed

    def leave(self, party: Party) -> Committed:
        """The customer disconnects (6.5), reason 0; idempotent, also after the end."""
        return self._ledger.change(
            party.session.id, lambda session: parting.customer_leaves(session, QuitReason.LOGOUT)
        )

    def transcript(self, party: Party, position: int | None) -> Transcript:
        """What the customer may see from `position` on (5), also after the end until the chat is purged."""
        found = self._reader.for_customer(party.session.id, position, reader=party.participant.id)
        if found.session.reliable:
            # Every position says that the client has what lies before it, except "the last k events".
            tail = position is not None and position < 0
            since = found.events[0].index if tail and found.events else 0
            self._retrievals.retrieved(party.session.id, found.next_position, since=since)
        return found

    def idle_expire(self, session: ChatSession) -> int | None:
        """`idleTimerExpire` of an answer about this session: seconds, only while an idle alert stands."""
        if session.profile.idle is None:
            return None
        return idle.expires_in(self._settings_source.current, session.profile, self._clock.wall_ms())

    def transcript_as_of(self, party: Party, position: int | None, committed: Committed) -> Transcript:
        """What belongs into the answer to an operation with a message id, the same at each repetition."""
        found = self._reader.as_of(committed.session, position, until=committed.events[-1].index)
        if position is not None and found.session.reliable:
            since = found.events[0].index if position < 0 and found.events else 0
            self._retrievals.retrieved(party.session.id, found.next_position, since=since)
        return found

    def _say(
        self, party: Party, event_type: EventType, text: str | None, *, message_id: MessageId | None = None
    ) -> Committed:
        return self._ledger.change(party.session.id, _saying(event_type, text), message_id=message_id)

    def _may_type(self, party: Party, kind: str) -> bool:
        """Whether a typing event is due; too frequent ones are merged (8.6), but not in an ended chat."""
        if self._rates is None or party.session.ended_for_customer:
            return True
        return self._rates.typing(party.session.id, party.participant.user_id, kind)

    def _max_length(self, party: Party) -> int:
        return self._settings_source.current.for_service(party.session.profile.service).max_message_length


def _saying(event_type: EventType, text: str | None) -> Callable[[ChatSession], Decision]:
    return lambda session: Decision(drafts=(Draft(event_type, speaker(session), text=text),))
