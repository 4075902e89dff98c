"""Conformance of roles Tokens and CometSessions, for every backend."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

from dataclasses import replace

import pytest
from store.values import NOW, comet, token

from gateway.store.roles import Store

ORIGIN = "https://a.example"


def test_token_reads_back(store: Store) -> None:
    """A token is found by its fingerprint; an unknown one is None."""
    store.add_token(token())
    assert token() == store.token("f1")
    assert store.token("f2") is None


def test_token_fingerprint_is_unique(store: Store) -> None:
    """A second token of the same fingerprint is refused and changes nothing."""
    store.add_token(token())
    with pytest.raises(ValueError):
        store.add_token(token(name="Eve", role="admin"))
    assert token() == store.token("f1")


def test_revoked_token_is_not_given_out(store: Store) -> None:
    """A revoked token is None for callers and keeps the time of its first revocation in the list."""
    store.add_token(token())
    assert store.revoke_token("f1", now_ms=NOW + 1) is True
    assert store.revoke_token("f1", now_ms=NOW + 2) is True
    assert store.revoke_token("f2", now_ms=NOW) is False
    assert store.token("f1") is None
    assert [token(revoked_ms=NOW + 1)] == list(store.tokens())


def test_tokens_oldest_first(store: Store) -> None:
    """All tokens are listed in order of creation."""
    for fingerprint, created_ms in (("new", NOW + 1), ("old", NOW)):
        store.add_token(token(fingerprint, created_ms=created_ms))
    assert ["old", "new"] == [one.fingerprint for one in store.tokens()]


def test_comet_session_reads_back(store: Store) -> None:
    """A saved Bayeux session is read back with its attachments and state; an unknown one is None."""
    saved = comet(state=b'{"ack":true}')
    store.save_comet(saved)
    assert saved == store.comet("c1")
    assert store.comet("c2") is None


def test_later_saves_win(store: Store) -> None:
    """Of many saves of one client the last is what is read."""
    for cursor in range(50):
        store.save_comet(comet(cursor=cursor))
    assert comet(cursor=49) == store.comet("c1")


def test_forgotten_comet_session_is_gone(store: Store) -> None:
    """Forgetting deletes, also when a save was made just before; an unknown id is ignored."""
    store.save_comet(comet())
    store.forget_comet("c1")
    store.forget_comet("unknown")
    assert store.comet("c1") is None
    assert [] == list(store.comet_by_browser("b1", ORIGIN))


def test_saved_after_forgotten_is_there(store: Store) -> None:
    """A save after a forget is the value that counts."""
    store.forget_comet("c1")
    store.save_comet(comet())
    assert comet() == store.comet("c1")


def test_comet_by_browser_newest_first(store: Store) -> None:
    """Browser and origin both select; the newest session is first."""
    mine = [comet("c1", updated_ms=NOW), comet("c2", updated_ms=NOW + 1)]
    others = [comet("c3", browser="b2"), comet("c4", origin="https://b.example")]
    for one in mine + others:
        store.save_comet(one)
    assert mine[::-1] == list(store.comet_by_browser("b1", ORIGIN))


def test_flush_keeps_every_answer(store: Store) -> None:
    """Making durable what was written behind changes nothing that is read; repeating it does no harm."""
    store.flush()
    store.save_comet(comet("c1"))
    store.save_comet(comet("c2"))
    store.forget_comet("c2")
    for _ in range(2):
        store.flush()
        assert comet("c1") == store.comet("c1")
        assert store.comet("c2") is None
        assert [comet("c1")] == list(store.comet_by_browser("b1", ORIGIN))
    store.save_comet(comet("c1", cursor=7))
    store.flush()
    assert comet("c1", cursor=7) == store.comet("c1")


def test_moved_session_leaves_its_old_browser(store: Store) -> None:
    """A session saved under another browser is found there only."""
    store.save_comet(comet())
    store.flush()
    store.save_comet(replace(comet(), browser="b2"))
    assert [] == list(store.comet_by_browser("b1", ORIGIN))
    assert 1 == len(store.comet_by_browser("b2", ORIGIN))


def test_purge_comet_deletes_what_is_older(store: Store) -> None:
    """Sessions updated before the time are deleted and counted, also those just saved."""
    store.save_comet(comet("old", updated_ms=NOW - 1))
    store.save_comet(comet("edge", updated_ms=NOW))
    assert 1 == store.purge_comet(NOW)
    assert store.comet("old") is None
    assert comet("edge", updated_ms=NOW) == store.comet("edge")
    assert 0 == store.purge_comet(NOW)
