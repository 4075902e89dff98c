"""Signatures of Standard Webhooks (spec/push.md 10.2.1): who sent a notification, and that nobody changed it.

HMAC-SHA256 over `id.timestamp.body`, the exact bytes that are sent. Every notification is signed; an
installation whose configuration names no secret has one of its own, made at the first start. Called by
`customhttp`, `services` and the command line.
"""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from gateway.errors import GatewayError
from gateway.ids import RandomBytes, private_opener

KEY_BYTES = 32
_FILE = "push-signing.key"


def signature(keys: Sequence[str], *, webhook_id: str, timestamp_s: int, body: bytes) -> str:
    """The value of `webhook-signature`: one signature for each key (`whsec_...`), separated by spaces.

    ValueError (UnicodeDecodeError) for a body that is not UTF-8.
    """
    moment, text = datetime.fromtimestamp(timestamp_s, UTC), body.decode()
    return " ".join([Webhook(key).sign(webhook_id, moment, text) for key in keys])


def installation_key(directory: Path, random_bytes: RandomBytes = secrets.token_bytes) -> str:
    """The key of this installation, `push-signing.key` (0600) in `directory`; made when first asked for.

    The file appears with its content and only once, so two processes agree on one key. OSError when the
    directory cannot be written, GatewayError when the file holds no key.
    """
    path = directory / _FILE
    if not path.exists():
        draft = directory / f"{_FILE}.{secrets.token_hex(8)}"
        with open(draft, "x", encoding="ascii", opener=private_opener) as file:
            file.write("whsec_" + base64.b64encode(random_bytes(KEY_BYTES)).decode())
        try:
            with suppress(FileExistsError):
                os.link(draft, path)
        finally:
            draft.unlink()
    key = path.read_text(encoding="ascii", errors="replace").strip()
    try:
        Webhook(key)
    except (ValueError, RuntimeError, EmptyWebhookSecretError):
        raise GatewayError(f"{path} is damaged; restore it, or delete it to get a new key") from None
    return key
