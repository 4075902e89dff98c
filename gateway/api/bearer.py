"""Who calls an own API: a bearer token (RFC 6750), else the cookie of a console session; otherwise 401.

A browser sends its cookie wherever a request comes from, so with a cookie every method but GET and HEAD must
come from our own origin and carry the session's token in the header X-CSRF-Token (403). Used by every own API
that needs an account. Nothing is cached: a revoked token fails with its next request.
"""

from __future__ import annotations

from flask import Request
from werkzeug.exceptions import Forbidden as ForbiddenAnswer
from werkzeug.exceptions import Unauthorized

from gateway.chat.accounts import Account, Accounts
from gateway.chat.logins import csrf_fits
from gateway.errors import Forbidden
from gateway.model.accounts import Login

# Ours are 48 characters; a longer header is refused before it is hashed.
MAX_TOKEN_LENGTH = 512
COOKIE = "console"
CSRF_HEADER = "X-CSRF-Token"


def read_token(request: Request) -> str | None:
    """The token of `Authorization: Bearer <token>`, or None."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or len(token) > MAX_TOKEN_LENGTH:
        return None
    return token


def account_of(request: Request, accounts: Accounts) -> Account:
    """The calling account; 401 without a good credential, 403 if forged, RateLimited after many guesses."""
    token = read_token(request)
    if token is None:
        return _by_cookie(request, accounts)
    try:
        return accounts.authenticate(token, address=request.remote_addr or "")
    except Forbidden:
        raise Unauthorized("the token is unknown or revoked") from None


def cookie_name(request: Request) -> str:
    """With https the name makes browsers refuse a cookie that somebody else has set for us."""
    return f"__Host-{COOKIE}" if request.is_secure else COOKIE


def session_of(request: Request, accounts: Accounts) -> tuple[Account, Login] | None:
    """The console session of the request's cookie, if there is a good one."""
    secret = request.cookies.get(cookie_name(request))
    if not secret or len(secret) > MAX_TOKEN_LENGTH or accounts.logins is None:
        return None
    return accounts.logins.by_secret(secret)


def check_origin(request: Request) -> None:
    """403 unless the request comes from a page of ours; browsers always say so on unsafe methods."""
    if request.headers.get("Origin") != request.host_url.rstrip("/"):
        raise ForbiddenAnswer("the request must come from the gateway's own pages")


def _by_cookie(request: Request, accounts: Accounts) -> Account:
    found = session_of(request, accounts)
    if found is None:
        raise Unauthorized("a bearer token or a login is needed")
    account, login = found
    if request.method not in ("GET", "HEAD"):
        check_origin(request)
        if not csrf_fits(login, request.headers.get(CSRF_HEADER, "")):
            raise ForbiddenAnswer(f"the header {CSRF_HEADER} must carry the token of the login")
    return account
