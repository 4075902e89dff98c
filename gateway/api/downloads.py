"""The answer that carries a file: always an attachment, never anything that a browser would run.

Used by the customers' and the agents' edge alike (targets/reliability.md 4.5).
"""

from __future__ import annotations

import re
from urllib.parse import quote

from flask import Response

from gateway.chat.files import Download

_HEADERS = (
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "sandbox; default-src 'none'"),
    # A widget on another site opens the download in a new window (spec/chat-api-v2.md 10).
    ("Cross-Origin-Resource-Policy", "cross-origin"),
)
# What old clients cannot read in a quoted name, or decode by mistake.
_NOT_PLAIN = re.compile(r'[^\x20-\x7e]|["\\%]')
# RFC 8187: what needs no percent-encoding in an extended value.
_PLAIN = "!#$&+-.^_`|~"


def file_answer(download: Download) -> Response:
    """200 with the content in pieces; the content is closed with the response."""
    response = Response(
        download.pieces,
        headers=_HEADERS,
        content_type=download.file.media_type,
        direct_passthrough=True,
    )
    response.headers["Content-Length"] = str(download.file.size)
    response.headers["Content-Disposition"] = disposition(download.file.name)
    return response


def disposition(name: str) -> str:
    """`attachment` with the name in both forms of RFC 6266: ASCII for old clients, UTF-8 for all others."""
    plain = _NOT_PLAIN.sub("_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe=_PLAIN)}"
