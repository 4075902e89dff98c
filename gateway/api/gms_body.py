"""Bodies of Chat API v2 requests, whatever their Content-Type says (spec/chat-api-v2.md 2, 6;
spec/client-compatibility.md 1).

Deployed clients send urlencoded bodies as text/plain, JSON under an urlencoded header, and text parts of a
multipart body typed as octet-stream. So the content decides: multipart when the header has a boundary, JSON
when the body is a JSON object, urlencoded otherwise. Called by `v2`, `chat_ntf` and `multipart`, which reads
the bodies that may hold a file; knows no Flask.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import orjson
from werkzeug.datastructures import MultiDict
from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

from gateway.chat.limits import JSON_DEPTH, MISSING_OR_MALFORMED
from gateway.chat.parameters import UNREADABLE, as_object, as_position, as_text
from gateway.errors import Rejected

# Names are matched exactly first, then without case (one client sends `Subject`); others are ignored.
PARAMETERS = (
    "alias",
    "chatId",
    "emailAddress",
    "endpoint",
    "eventAttributes",
    "fileId",
    "firstName",
    "lastName",
    "message",
    "messageId",
    "messageType",
    "nickname",
    "operation",
    "pushUrl",
    "secureKey",
    "startKey",
    "subject",
    "text",
    "transcriptPosition",
    "userId",
)
_CANONICAL: Mapping[str, str] = {name.lower(): name for name in PARAMETERS}
_EXACT = frozenset(PARAMETERS)
_USER_DATA = "userdata"
_SUBSCRIPT = re.compile(r"\[([^\[\]]*)\]")
# More fields than any form of ours has; the rest of a longer one would only cost time.
MAX_FIELDS = 1000
# Text parts of one multipart body; files do not count.
MAX_FORM_MEMORY = 500_000


@dataclass(frozen=True, slots=True)
class Body:
    """The parameters of one request.

    `fields`: canonical name -> text (forms) or JSON value; `user_data`: flattened text values, lists joined
    with commas, nested keys with dots; `has_file`: whether a part named `file` is there.
    """

    fields: Mapping[str, Any]
    user_data: Mapping[str, str]
    has_file: bool = False

    def text(self, name: str) -> str:
        """The parameter as text; empty when absent."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else as_text(value)

    def position(self) -> int | None:
        """`transcriptPosition` as number or numeric text; None when absent or empty, else Rejected 101."""
        return as_position(self.fields.get("transcriptPosition"))

    def attributes(self) -> Mapping[str, Any] | None:
        """`eventAttributes`, an object or JSON text of one; None when absent or empty, else Rejected 101."""
        return as_object(self.fields.get("eventAttributes"))


def parse(raw: bytes, content_type: str | None, *, query: bytes = b"") -> Body:
    """Read a body, and a query string behind it; Rejected(100) when it is unreadable."""
    mimetype, options = parse_options_header(content_type) if content_type else ("", {})
    if mimetype == "multipart/form-data" and options.get("boundary"):
        return _from_multipart(raw, mimetype, options, query)
    start = raw.lstrip()[:1]
    declared_json = mimetype == "application/json" or mimetype.endswith("+json")
    if start == b"{" or (declared_json and start):
        try:
            value = orjson.loads(raw)
        except orjson.JSONDecodeError:
            value = None
        if isinstance(value, dict):
            return from_pairs([*pairs_of(query), *value.items()])
        if declared_json:
            raise Rejected(UNREADABLE, "body is not a JSON object")
    return from_pairs([*pairs_of(query), *pairs_of(raw)])


def _from_multipart(raw: bytes, mimetype: str, options: dict[str, str], query: bytes) -> Body:
    parser = FormDataParser(max_form_memory_size=MAX_FORM_MEMORY, max_form_parts=MAX_FIELDS, silent=False)
    try:
        _, form, files = parser.parse(io.BytesIO(raw), mimetype, len(raw), options)
    except ValueError:
        raise Rejected(UNREADABLE, "multipart body is unreadable") from None
    body = from_pairs([*pairs_of(query), *_items(form)])
    return Body(body.fields, body.user_data, has_file="file" in files)


def _items(form: MultiDict[str, str]) -> Iterable[tuple[str, str]]:
    # A part without a name has the name None, whatever the annotation says.
    return [(name, value) for name, value in form.items(multi=True) if name is not None]


def pairs_of(raw: bytes) -> list[tuple[str, str]]:
    """Pairs of an urlencoded text; what is not UTF-8 becomes U+FFFD."""
    if not raw:
        return []
    text = raw.decode("utf-8", "replace")
    try:
        return parse_qsl(text, keep_blank_values=True, errors="replace", max_num_fields=MAX_FIELDS)
    except ValueError:
        raise Rejected(UNREADABLE, "too many fields") from None


def from_pairs(pairs: Iterable[tuple[str, Any]]) -> Body:
    """The body with these parameters; of a repeated one the last counts."""
    fields: dict[str, Any] = {}
    folded: dict[str, Any] = {}
    user_data: dict[str, str] = {}
    for name, value in pairs:
        if name in _EXACT:
            fields[name] = value
            continue
        lowered = name.lower()
        if lowered in _CANONICAL:
            folded[_CANONICAL[lowered]] = value
        elif lowered.startswith(_USER_DATA):
            _add_user_data(user_data, name[len(_USER_DATA) :], value)
    return Body({**folded, **fields}, user_data) if folded else Body(fields, user_data)


def _add_user_data(found: dict[str, str], subscripts: str, value: Any) -> None:
    """`[a][b]` -> key `a.b`; `[a][]` and repeated keys -> joined with commas; an object is flattened."""
    keys = _SUBSCRIPT.findall(subscripts)
    if "".join(f"[{key}]" for key in keys) != subscripts:
        return
    many = bool(keys) and keys[-1] == ""
    path = ".".join(keys[:-1] if many else keys)
    if isinstance(value, dict):
        _flatten(found, path, value, depth=1)
    elif path:
        text = _joined(value)
        found[path] = f"{found[path]},{text}" if many and path in found else text


def _flatten(found: dict[str, str], path: str, value: dict[str, Any], *, depth: int) -> None:
    if depth > JSON_DEPTH:
        raise Rejected(MISSING_OR_MALFORMED, "userData")
    for key, member in value.items():
        below = f"{path}.{key}" if path else key
        if isinstance(member, dict):
            _flatten(found, below, member, depth=depth + 1)
        elif below:
            found[below] = _joined(member)


def _joined(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(as_text(member) for member in value)
    return as_text(value)
