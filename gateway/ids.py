"""Identifiers and secrets: how they look, where their randomness comes from, how keys are derived.

Character sets follow the clients: Widgets write ids unquoted into an HTML form, so everything is
`[A-Za-z0-9_-]` (spec/chat-api-v2.md 3.3); Bayeux client ids are strictly alphanumeric (spec/bayeux.md 1).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import secrets
import string
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

_ALPHABET = string.ascii_letters + string.digits
# 26 characters of 62 are 154 bits: above the 128 that spec/bayeux.md 1 demands, in one fixed length.
CLIENT_ID_LENGTH = 26
SECRET_BYTES = 32
# Longer than every key and token of ours.
_REMEMBERED_LENGTH = 128

RandomBytes = Callable[[int], bytes]


class Ids:
    """Makes identifiers from one source of randomness (injected, so that tests can repeat them)."""

    def __init__(self, random_bytes: RandomBytes = secrets.token_bytes) -> None:
        self._random_bytes = random_bytes

    def alphanumeric(self, length: int = CLIENT_ID_LENGTH) -> str:
        """Random text of `[A-Za-z0-9]`; the modulo bias costs less than 0.1 bit a character."""
        return "".join([_ALPHABET[byte % 62] for byte in self._random_bytes(length)])

    def chat(self) -> str:
        """A session id in the shape of the original, 16 characters (spec/chat-api-v2.md 3)."""
        return "000" + self.alphanumeric(13)

    def user(self) -> str:
        """A user id: 16 upper-case hexadecimal digits (spec/chat-api-v2.md 3)."""
        return self._random_bytes(8).hex().upper()

    def file(self) -> str:
        """A file id: 32 upper-case hexadecimal digits, also the file's name on disk."""
        return self._random_bytes(16).hex().upper()

    def salt(self) -> str:
        """Salt of one party's secure key."""
        return self._random_bytes(9).hex()

    def token(self, prefix: str) -> str:
        """A bearer token `prefix_...` with 256 bits of randomness."""
        return f"{prefix}_{_b64url(self._random_bytes(SECRET_BYTES))}"


class KeyRing:
    """Derives secure keys from the installation secret (decision 4).

    A key is `base64url(HMAC-SHA256(secret, chat, participant, salt))`: it can be derived again at any
    time, and the store keeps only its SHA-256 and the salt.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def secure_key(self, chat_id: str, user_id: str, salt: str) -> str:
        """The party's key: 43 characters of `[A-Za-z0-9_-]`."""
        text = "\x00".join((chat_id, user_id, salt)).encode()
        return _b64url(hmac.new(self._secret, text, hashlib.sha256).digest())

    def named_ids(self, name: str) -> Ids:
        """Identifiers that follow from a name: the same at any time, and without the secret no telling which.

        Each is at most 32 bytes long.
        """
        numbers = itertools.count()

        def derived(length: int) -> bytes:
            # No chat has the id "ids", so no secure key is made of the same text.
            text = f"ids\x00{next(numbers)}\x00{name}".encode()
            return hmac.new(self._secret, text, hashlib.sha256).digest()[:length]

        return Ids(derived)


def fingerprint(secret: str) -> str:
    """What is stored instead of a key or token: its SHA-256 in hexadecimal."""
    return _remembered(secret) if len(secret) <= _REMEMBERED_LENGTH else _digest(secret)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


# Every message brings its key again: a remembered digest costs a tenth. The keys of live connections are in
# memory anyway, and what cannot be a key is not kept.
_remembered = lru_cache(4096)(_digest)


def installation_secret(directory: Path, environment_value: str | None) -> bytes:
    """The secret of this installation: from the environment, else `installation.key` (0600) in `directory`.

    The file is created on first use; creation is exclusive, so two processes agree on one secret.
    """
    if environment_value:
        return environment_value.encode()
    path = directory / "installation.key"
    try:
        with open(path, "xb", opener=private_opener) as file:
            file.write(secrets.token_bytes(SECRET_BYTES).hex().encode())
    except FileExistsError:
        pass
    return path.read_bytes()


def private_opener(path: str, flags: int) -> int:
    """Opener of files that only their owner may read."""
    import os

    return os.open(path, flags, 0o600)


def _b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
