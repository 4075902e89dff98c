"""Accounts and their bearer tokens (decision 12)."""

from __future__ import annotations

import pytest

from gateway.chat.accounts import ROLES, Account
from gateway.errors import Forbidden, NotFound, Rejected
from gateway.ids import fingerprint


@pytest.mark.parametrize(("role", "prefix"), [*zip(ROLES, ("gwa_", "gws_", "gwg_", "gwb_"), strict=True)])
def test_a_token_authenticates_its_account(engine, role, prefix):
    """The token has its role's prefix, is not stored, and leads back to name and role."""
    token = engine.accounts.create(role, "Alice")
    assert token.startswith(prefix)
    assert Account("Alice", role) == engine.accounts.authenticate(token)
    assert token not in repr(engine.accounts.list())


def test_bad_accounts_are_refused(engine):
    """Unknown roles and unusable names are Rejected."""
    for role, name in (
        ("boss", "Alice"),
        ("agent", ""),
        ("agent", " "),
        ("agent", "a\nb"),
        ("agent", "x" * 101),
    ):
        with pytest.raises(Rejected):
            engine.accounts.create(role, name)


def test_revoked_and_unknown_tokens_are_forbidden(engine):
    """Revocation counts at the next call; a revoked token cannot be revoked again."""
    token = engine.accounts.create("agent", "Alice")
    engine.accounts.revoke(fingerprint(token)[:12])
    for bad in (token, "gwg_unknown", "", "\ud800"):
        with pytest.raises(Forbidden):
            engine.accounts.authenticate(bad)
    with pytest.raises(NotFound):
        engine.accounts.revoke(fingerprint(token))


def test_revoking_needs_a_long_enough_prefix(engine):
    """A short prefix could hit another account."""
    token = engine.accounts.create("agent", "Alice")
    with pytest.raises(Rejected):
        engine.accounts.revoke(fingerprint(token)[:7])
