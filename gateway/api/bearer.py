"""Bearer tokens at the edge (RFC 6750): reads the header, asks the accounts, answers 401 for anything else.

Used by every own API that needs an account. Nothing is cached: a revoked token fails with its next request.
"""

from __future__ import annotations

from flask import Request
from werkzeug.exceptions import Unauthorized

from gateway.chat.accounts import Account, Accounts
from gateway.errors import Forbidden

# Ours are 48 characters; a longer header is refused before it is hashed.
MAX_TOKEN_LENGTH = 512


def read_token(request: Request) -> str | None:
    """The token of `Authorization: Bearer <token>`, or None."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or len(token) > MAX_TOKEN_LENGTH:
        return None
    return token


def account_of(request: Request, accounts: Accounts) -> Account:
    """The calling account; Unauthorized (401) without a valid token, RateLimited after too many guesses."""
    token = read_token(request)
    if token is None:
        raise Unauthorized("a bearer token is needed: Authorization: Bearer <token>")
    try:
        return accounts.authenticate(token, address=request.remote_addr or "")
    except Forbidden:
        raise Unauthorized("the token is unknown or revoked") from None
