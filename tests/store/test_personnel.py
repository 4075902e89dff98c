"""Conformance of role Personnel, and of what the personnel added to chats and events, for every backend."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

from dataclasses import replace

from store.values import NOW, message, opened

from gateway.model.accounts import CannedReply, Duty, Login, StoredAccount
from gateway.model.change import Change
from gateway.model.participants import Mode, Participant, ParticipantType
from gateway.model.placement import Offer, OfferKind, Placement
from gateway.model.session import Disposition, Note
from gateway.store.roles import Store

EVE = StoredAccount("Eve", "agent", NOW, "$argon2id$x", 3, ("a:b", "a:c"), True, NOW + 1)


def test_an_account_reads_back(store: Store) -> None:
    """Every member, and None for a stranger."""
    assert store.add_account(EVE) is True
    assert EVE == store.account("Eve")
    assert store.account("Ben") is None


def test_a_name_is_given_once(store: Store) -> None:
    """A second account of the same name is refused and changes nothing; replacing is another call."""
    store.add_account(EVE)
    assert store.add_account(replace(EVE, role="admin")) is False
    assert EVE == store.account("Eve")
    store.put_account(replace(EVE, role="admin", disabled_ms=None))
    assert replace(EVE, role="admin", disabled_ms=None) == store.account("Eve")


def test_accounts_by_name(store: Store) -> None:
    """All of them, sorted."""
    for name in ("b", "a"):
        store.add_account(replace(EVE, name=name))
    assert ["a", "b"] == [account.name for account in store.accounts()]


def test_the_newest_duty_counts(store: Store) -> None:
    """One duty per name."""
    store.put_duty(Duty("Eve", True, "", NOW))
    store.put_duty(Duty("Eve", False, "lunch", NOW + 1))
    store.put_duty(Duty("Ben", True, "", NOW))
    assert [Duty("Ben", True, "", NOW), Duty("Eve", False, "lunch", NOW + 1)] == list(store.duties())


def login(fingerprint: str = "f", name: str = "Eve", seen_ms: int = NOW) -> Login:
    return Login(fingerprint, name, "csrf", NOW, seen_ms)


def test_a_login_is_seen_and_dropped(store: Store) -> None:
    """`seen_ms` only grows; a dropped session does not come back by being seen."""
    store.put_login(login())
    store.seen_login("f", now_ms=NOW + 5)
    store.seen_login("f", now_ms=NOW + 3)
    assert login(seen_ms=NOW + 5) == store.login("f")
    store.drop_login("f")
    store.seen_login("f", now_ms=NOW + 9)
    assert store.login("f") is None


def test_all_logins_of_an_account_end(store: Store) -> None:
    """By name; others stay. Old ones are purged by time."""
    for fingerprint, name in (("a", "Eve"), ("b", "Eve"), ("c", "Ben")):
        store.put_login(login(fingerprint, name))
    store.drop_logins("Eve")
    assert [None, None, login("c", "Ben")] == [store.login(each) for each in "abc"]
    assert (0, 1) == (store.purge_logins(NOW), store.purge_logins(NOW + 1))
    assert store.login("c") is None


def test_canned_replies(store: Store) -> None:
    """Sorted by shortcut, replaced by id, deleted once."""
    first = CannedReply("1", "sales", "", "hi", "Hello {name}", NOW)
    second = CannedReply("2", "", "Eve", "bye", "Good bye", NOW)
    store.put_canned(first)
    store.put_canned(second)
    assert [second, first] == list(store.canned())
    store.put_canned(replace(first, text="Hi"))
    assert [second, replace(first, text="Hi")] == list(store.canned())
    assert (True, False) == (store.drop_canned("1"), store.drop_canned("1"))


def test_a_chat_keeps_its_place_its_notes_and_its_disposition(store: Store) -> None:
    """Everything that the desk writes into a profile reads back, also the mode of a hidden party."""
    place = Placement(
        "t:sales", NOW, (Offer(OfferKind.TRANSFER, "Ben", NOW, NOW + 1, "Eve", "n"),), ("Cid",), "note"
    )
    session = opened(
        placement=place,
        notes=(Note(1, "Eve", "text", NOW),),
        disposition=Disposition("solved", "Eve", "well", NOW),
    )
    hidden = Participant(3, "A2", "Sara", ParticipantType.SUPERVISOR, owner="Sara", mode=Mode.MONITOR)
    profile = replace(session.profile, participants=(*session.profile.participants, hidden))
    session = replace(session, profile=profile)
    store.commit(Change(session, (message(1, monitored=True), message(2))))
    (found,) = store.sessions_in(frozenset({session.state}))
    assert session == found
    assert found.profile.monitored is True
    assert [True, False] == [event.monitored for event in store.events("chat-1", 1, limit=9)]
