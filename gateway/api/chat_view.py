"""A chat as agents see it: the JSON object of every operation that answers with a chat."""

from __future__ import annotations

from typing import Any

from gateway.chat.accounts import BOT, Account
from gateway.chat.desk import Desk
from gateway.chat.export import iso_time
from gateway.clock import Clock
from gateway.model.participants import Participant
from gateway.model.placement import Offer
from gateway.model.session import ChatSession

_NOTHING_WRITTEN = {"transferNote": "", "notes": [], "disposition": None}


class ChatView:
    """Renders chats; `desk` knows positions and waiting customers (None: these members are null)."""

    def __init__(self, clock: Clock, desk: Desk | None = None) -> None:
        self._clock = clock
        self._desk = desk

    def shown(self, session: ChatSession, account: Account) -> dict[str, Any]:
        """The chat for this account; a bot is shown what the customer may know: it cannot repeat more."""
        profile = session.profile
        own = profile.by_owner(account.name)
        for_people = account.role != BOT
        parties = [party for party in profile.participants if for_people or not party.hidden]
        return {
            "chatId": session.id,
            "service": profile.service,
            "endpoint": profile.endpoint,
            "state": session.state.value,
            "asynchronous": session.profile.async_mode,
            "parked": session.profile.parked,
            "nickname": session.customer.nickname,
            "subject": profile.subject,
            "email": profile.email,
            "createdAt": iso_time(profile.created_ms),
            "participants": [_participant(party) for party in parties],
            "me": own.id if own else None,
            "userData": dict(profile.user_data),
            "lastIndex": session.next_index - 1,
            "nextPosition": session.next_index,
            "readPosition": profile.read_by_customer,
            "agentReadPosition": profile.read_by_agents,
            "monitored": profile.monitored,
            **self._waiting(session),
            **(_written(session) if for_people else _NOTHING_WRITTEN),
            "offers": [shown_offer(offer) for offer in profile.place.offers] if for_people else [],
        }

    def _waiting(self, session: ChatSession) -> dict[str, Any]:
        waiting = session.queued
        place = session.profile.place
        age_ms = self._clock.wall_ms() - session.profile.created_ms
        position = self._desk.lines.position(session.id) if self._desk is not None and waiting else None
        level = self._desk.waits.level(session) if self._desk is not None else 0
        since_ms = self._desk.waits.since_ms(session.id) if self._desk is not None else None
        return {
            "waitingSeconds": max(0, age_ms) // 1000 if waiting else None,
            "queue": place.queue,
            "queuedAt": iso_time(place.since_ms),
            "queuePosition": position[0] if position else None,
            "estimatedWaitSeconds": position[1] if position else None,
            "customerWaits": {"level": level, "since": iso_time(since_ms) if since_ms else None},
        }


def _written(session: ChatSession) -> dict[str, Any]:
    profile = session.profile
    chosen = profile.disposition
    return {
        "transferNote": profile.place.note,
        "notes": [
            {"noteId": note.id, "author": note.author, "text": note.text, "at": iso_time(note.utc_ms)}
            for note in profile.notes
        ],
        "disposition": {
            "code": chosen.code,
            "author": chosen.author,
            "comment": chosen.comment,
            "at": iso_time(chosen.utc_ms),
        }
        if chosen
        else None,
    }


def shown_offer(offer: Offer) -> dict[str, Any]:
    """An open offer."""
    return {
        "kind": offer.kind.value,
        "to": offer.to,
        "by": offer.by,
        "note": offer.note,
        "until": iso_time(offer.until_ms),
    }


def _participant(party: Participant) -> dict[str, Any]:
    return {
        "participantId": party.id,
        "nickname": party.nickname,
        "type": party.type.value,
        "style": party.style,
        "present": party.present,
        "mode": party.mode.value,
    }
