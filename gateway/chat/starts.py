"""Starting a chat, once however often a client asks (spec/chat-api-v2.md 6.1). Called by `customers`.

A client that may lose the answer (the page is reloaded meanwhile) names its start: `start_key`, a secret of
its own. Identifiers and secure key of a named chat follow from that name and the installation's secret, so
nothing has to be stored to find the chat again, a process that died in between changes nothing, and of two
starts at the same moment one finds the identifier taken and gives the other's answer. Who repeats a start
proves what every other request proves: that the secure key is known. Nobody can tell from a chat, or from
its identifiers, what its name was.
"""

from __future__ import annotations

import hmac

from gateway.chat import subscriptions
from gateway.chat.ledger import Ledger
from gateway.chat.party import Party, Started
from gateway.chat.presence import Presence
from gateway.chat.start import CUSTOMER_ID, Credentials, StartRequest, checked, new_session
from gateway.clock import Clock
from gateway.config import Settings, SettingsSource
from gateway.errors import Unavailable
from gateway.ids import Ids, KeyRing, fingerprint
from gateway.model.events import Draft, EventType
from gateway.model.session import ChatSession
from gateway.model.subscription import Refused
from gateway.observe.metrics import Metrics
from gateway.store.roles import Chats

# So long after the start its name leads to the chat: a reload takes seconds, and a name that leaks later is
# worth nothing.
REPEAT_MS = 120_000


class Starts:
    """Makes the chats of customers."""

    def __init__(
        self,
        ledger: Ledger,
        store: Chats,
        *,
        keys: KeyRing,
        ids: Ids,
        presence: Presence,
        settings_source: SettingsSource,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._ledger = ledger
        self._store = store
        self._keys = keys
        self._ids = ids
        self._presence = presence
        self._settings_source = settings_source
        self._clock = clock
        self._metrics = metrics

    def start(self, request: StartRequest) -> Started:
        """The new chat, or the one that this name has made; see `Customers.start`."""
        settings = self._settings_source.current
        request = checked(request, settings)
        if not request.start_key:
            return self._create(request, settings, *self._identity(self._ids))
        named, secure_key = self._identity(self._keys.named_ids(f"{request.service}\x00{request.start_key}"))
        session = self._store.session(named.chat_id)
        if session is None:
            try:
                return self._create(request, settings, named, secure_key)
            except Unavailable:
                session = self._store.session(named.chat_id)
                if session is None:
                    raise
                # The same start was made at the same moment.
        if self._leads_to(session, named):
            return self._repeated(session, secure_key)
        return self._create(request, settings, *self._identity(self._ids))  # the name is used up

    def _identity(self, ids: Ids) -> tuple[Credentials, str]:
        """The identity of a customer, and its secure key."""
        chat_id, user_id, salt = ids.chat(), ids.user(), ids.salt()
        secure_key = self._keys.secure_key(chat_id, user_id, salt)
        return Credentials(chat_id, user_id, salt, fingerprint(secure_key)), secure_key

    def _leads_to(self, session: ChatSession, credentials: Credentials) -> bool:
        """Whether the name still gives this chat away: its key fits, it goes on, and it has just begun."""
        fits = hmac.compare_digest(session.customer.key_hash or "", credentials.key_hash)
        young = self._clock.wall_ms() - session.profile.created_ms < REPEAT_MS
        return fits and young and not session.ended_for_customer

    def _repeated(self, session: ChatSession, secure_key: str) -> Started:
        """The answer of the first time: the join, and the customer's message if one follows it."""
        self._presence.touch(session.id)
        self._metrics.chat_replays_total.inc()
        first = self._store.events(session.id, 1, limit=2)
        events = tuple([event for event in first if event.author == CUSTOMER_ID])
        return Started(Party(session, session.customer, secure_key), events, replayed=True)

    def _create(
        self, request: StartRequest, settings: Settings, credentials: Credentials, secure_key: str
    ) -> Started:
        now_ms = self._clock.wall_ms()
        push = subscriptions.at_start(request.user_data, request.origin, flex=settings.flex, now_ms=now_ms)
        if isinstance(push, Refused):
            subscriptions.report_refused(push, chat_id=credentials.chat_id, metrics=self._metrics)
            push = None
        session = new_session(request, credentials, subscription=push, now_ms=now_ms)
        self._presence.touch(session.id)
        drafts = [Draft(EventType.PARTICIPANT_JOINED, session.customer)]
        if request.text:
            drafts.append(Draft(EventType.MESSAGE, session.customer, text=request.text))
        committed = self._ledger.create(session, tuple(drafts))
        return Started(Party(committed.session, committed.session.customer, secure_key), committed.events)
