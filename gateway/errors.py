"""The exception tree; every edge translates these into its own wire shape (one handler per wire).

GatewayError
├── Rejected              the request is wrong; repeating it is useless   (GMS: HTTP 400 + errors[code])
│   └── Unauthorised      the service demands credentials that are absent (HTTP 401)
├── ChatGone              unknown chat, unknown party, wrong key or ended chat: one answer (GMS: code 249)
│   └── BadKey            the secure key was wrong                        (the same answer)
├── Unavailable           temporary trouble; the caller may repeat        (GMS: statusCode 1, own API: 503)
│   ├── NotReady          the file is still being scanned                 (GMS: 503 with statusCode 1)
│   └── RateLimited       too many requests; `retry_after_s` says when    (GMS: statusCode 1, own API: 429)
├── Conflict              the stored version is not the expected one      (internal: re-read and decide again)
├── NotFound              own APIs: no such object, or none that the caller may see (404)
├── Forbidden             own APIs: the caller's role does not allow it   (403)
└── StateConflict         own APIs: the object is in the wrong state      (409)
    └── AlreadyAccepted   another agent was first; `by` names the winner
"""

from __future__ import annotations


class GatewayError(Exception):
    """Base of everything that the gateway raises on purpose."""


class Rejected(GatewayError):
    """A request that can never succeed as it stands (spec/chat-api-v2.md 9).

    `code` is the GMS error code, `advice` the text for humans (for 201/202 a number in text form).
    """

    def __init__(self, code: int, advice: str) -> None:
        super().__init__(f"{code}: {advice}")
        self.code = code
        self.advice = advice


class Unauthorised(Rejected):
    """The service demands an api key or basic credentials and the request has none that fit."""

    def __init__(self, advice: str = "credentials required") -> None:
        super().__init__(101, advice)


class ChatGone(GatewayError):
    """Unknown chat, unknown user, wrong key or ended chat: deliberately indistinguishable (code 249)."""


class BadKey(ChatGone):
    """A key that fits no chat: for the caller the same answer, for the limits of guessing a failure."""


class Unavailable(GatewayError):
    """Temporary trouble (store not writable, queue full); nothing was done, the caller may repeat."""


class NotReady(Unavailable):
    """A file that cannot be fetched yet; a browser must not take the answer for the file."""


class RateLimited(Unavailable):
    """The caller is over a limit; nothing was done. `retry_after_s`: whole seconds until it may repeat."""

    def __init__(self, reason: str, retry_after_s: int) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class Conflict(GatewayError):
    """The session changed between reading and committing; nothing was written."""


class NotFound(GatewayError):
    """No such object, or none that the caller may know about."""


class Forbidden(GatewayError):
    """The caller is known but its role or assignment does not allow the call."""


class StateConflict(GatewayError):
    """The object exists but is in a state that excludes the call (for example: the chat has ended)."""


class AlreadyAccepted(StateConflict):
    """Another agent accepted the chat first."""

    def __init__(self, by: str) -> None:
        super().__init__(f"accepted by {by}")
        self.by = by
