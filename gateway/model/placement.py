"""Where a chat stands between the agents: its queue, its place in it, and to whom it is offered.

A `Placement` is part of the chat's profile, so that an offer and its answer are decided by the chat's own
version: of two answers the first commit wins, and what is on disk survives the process. What an answer leads
to is the table `EFFECTS`. Times are Unix milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from gateway.errors import StateConflict


class OfferKind(StrEnum):
    """Why somebody is asked."""

    QUEUE = "queue"  # the next chat of a queue
    TRANSFER = "transfer"  # an agent wants to hand the chat over
    CONSULT = "consult"  # an agent wants advice behind the customer's back


class Answer(StrEnum):
    """How an offer ends. WITHDRAWN: the chat went elsewhere, or who offered changed his mind."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    TIMEOUT = "timeout"
    LOST = "lost"
    WITHDRAWN = "withdrawn"


class Effect(StrEnum):
    """What follows."""

    JOIN = "join"
    HAND_OVER = "hand over"
    JOIN_HIDDEN = "join hidden"
    # Back to the front of the queue; this agent is not asked again before the chat is queued anew.
    PASS_ON = "pass on"
    # Back to the front of the queue, and the agent may be asked again once he is back.
    GIVE_BACK = "give back"
    NOTHING = "nothing"


# (kind, answer) -> effect; a missing pair is illegal.
EFFECTS: Mapping[tuple[OfferKind, Answer], Effect] = {
    (OfferKind.QUEUE, Answer.ACCEPTED): Effect.JOIN,
    (OfferKind.QUEUE, Answer.REJECTED): Effect.PASS_ON,
    (OfferKind.QUEUE, Answer.TIMEOUT): Effect.PASS_ON,
    (OfferKind.QUEUE, Answer.LOST): Effect.GIVE_BACK,
    (OfferKind.TRANSFER, Answer.ACCEPTED): Effect.HAND_OVER,
    (OfferKind.TRANSFER, Answer.REJECTED): Effect.NOTHING,
    (OfferKind.TRANSFER, Answer.TIMEOUT): Effect.NOTHING,
    (OfferKind.TRANSFER, Answer.LOST): Effect.NOTHING,
    (OfferKind.TRANSFER, Answer.WITHDRAWN): Effect.NOTHING,
    (OfferKind.CONSULT, Answer.ACCEPTED): Effect.JOIN_HIDDEN,
    (OfferKind.CONSULT, Answer.REJECTED): Effect.NOTHING,
    (OfferKind.CONSULT, Answer.TIMEOUT): Effect.NOTHING,
    (OfferKind.CONSULT, Answer.LOST): Effect.NOTHING,
    (OfferKind.CONSULT, Answer.WITHDRAWN): Effect.NOTHING,
}


def effect_of(kind: OfferKind, answer: Answer) -> Effect:
    """The effect of an answer; StateConflict when the table does not allow it."""
    try:
        return EFFECTS[kind, answer]
    except KeyError:
        raise StateConflict(f"an offer of kind {kind.value} cannot be {answer.value}") from None


@dataclass(frozen=True, slots=True)
class Offer:
    """One account is asked to join; `by` is the account that asked (None: the queue), `note` its words."""

    kind: OfferKind
    to: str
    made_ms: int
    until_ms: int
    by: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Placement:
    """`queue` is `tenant:endpoint`, `since_ms` the arrival in it, which is the order.

    `declined`: accounts that are not asked again. `note`: what the last agent tells the next one.
    """

    queue: str
    since_ms: int
    offers: tuple[Offer, ...] = ()
    declined: tuple[str, ...] = ()
    note: str = ""

    def offer_to(self, account: str) -> Offer | None:
        """The open offer to this account."""
        return next((offer for offer in self.offers if offer.to == account), None)

    @property
    def ringing(self) -> bool:
        """Whether the queue is waiting for an answer."""
        return any(offer.kind is OfferKind.QUEUE for offer in self.offers)

    def without(self, offer: Offer) -> Placement:
        """The offer is over."""
        return replace(self, offers=tuple(each for each in self.offers if each is not offer))

    def asking(self, offer: Offer) -> Placement:
        """One more offer."""
        return replace(self, offers=(*self.offers, offer))

    def anew(self, now_ms: int) -> Placement:
        """The chat enters its queue again, as if it had just come."""
        return replace(self, since_ms=now_ms, offers=(), declined=())

    def settled(self) -> Placement:
        """Somebody has the chat, or it is over: nobody is asked any more."""
        return replace(self, offers=(), declined=()) if self.offers or self.declined else self
