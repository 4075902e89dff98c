"""The profile of a chat as releases with earlier schemas wrote it."""

from __future__ import annotations

from dataclasses import fields

import orjson
from store.values import NOW, profile

from gateway.model.participants import Mode, Participant, ParticipantType
from gateway.model.placement import Offer, OfferKind, Placement
from gateway.model.session import ChatProfile, Disposition, Note
from gateway.store.sqlite import rows

_PARTIES = profile("chat-2").participants
# The profile is one JSON column: what came into it with a release, by that release's schema. With 9 came
# participants whom the customer does not see.
NEWER_MEMBERS = {
    6: {"idle": None, "parked": False, "silenced": None},
    9: {"placement": None, "notes": (), "disposition": None, "participants": _PARTIES},
}


def profile_members(version: int) -> set[str]:
    """The members of a profile that a release with this schema knew."""
    names = {each.name for each in fields(ChatProfile)}
    return names - {name for since, newer in NEWER_MEMBERS.items() if version < since for name in newer}


def whole_profile() -> ChatProfile:
    """The profile as the newest release writes it; both chats have the same."""
    adviser = Participant(3, "A2", "Sara", ParticipantType.SUPERVISOR, owner="sara", mode=Mode.CONSULT)
    offer = Offer(OfferKind.TRANSFER, "eve", NOW, NOW + 5, by="bob", note="knows him")
    return profile(
        "chat-2",
        participants=(*_PARTIES, adviser),
        placement=Placement("Environment:0", NOW, offers=(offer,), declined=("zoe",), note="angry"),
        notes=(Note(1, "bob", "called twice", NOW),),
        disposition=Disposition("solved", "bob", "at last", NOW),
    )


def profile_body(version: int) -> bytes:
    """The JSON as a release with this schema wrote it."""
    data = orjson.loads(rows.profile_body(whole_profile()))
    known = profile_members(version)
    if "participants" not in known:
        data["participants"] = orjson.loads(orjson.dumps(_PARTIES))
        for party in data["participants"]:
            del party["mode"]
    return orjson.dumps({name: data[name] for name in data if name in known | {"participants"}})
