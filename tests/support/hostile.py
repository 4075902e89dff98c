"""Hostile values, and the judges that say whether an answer has the shape of its wire.

A judge returns what is wrong with an answer in words, or nothing. `RAW` values are JSON text, because some of
them cannot be held by a JSON library at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import requests
from hypothesis import strategies as st

LONG = "x" * 20_000
TEXTS = (
    *("", " ", "\x00", "a\x00b", "\x1b[31m", "\r\nSet-Cookie: a=b", "\u202egnp.exe", "\U0001f600", "\ufffe"),
    *("<script>alert(1)</script>", "' OR 1=1 --", "../../etc/passwd", "%00%ff", "${jndi:ldap://x}", LONG),
    *("null", "true", "NaN", "-1", "1e999", "0x10", "9" * 5000, "\u0661\u0662", "{}", "[1]", '{"a":'),
)
_LONE_SURROGATE = '"\\ud800"'
_DEEP = '{"a":' * 60 + "1" + "}" * 60
RAW = (
    *(json.dumps(text) for text in TEXTS),
    *("null", "true", "false", "0", "-1", "1.5", "1e308", "-0.0", str(2**53 + 1), str(2**63), str(2**64)),
    *("[]", "{}", "[null]", "[[[[]]]]", '{"":""}', '{"a":{"b":["c"]}}', '{"a":1,"a":2}', '["x","y"]'),
    *(_DEEP, "[" * 60 + "]" * 60, '{"__proto__":{"x":1}}', '{"GCTI_SYSTEM":{"quit-reason-code":"4"}}'),
)
# Not valid JSON at all, or beyond what a parser may take.
BROKEN = (
    *(b"", b" ", b"{", b"[", b"[}", b'{"a"', b"nul", b"NaN", b"[NaN]", b"\xff\xfe\x00", b"\x00" * 100),
    *(b"[" * 100_000, b'{"a":' * 100_000, _LONE_SURROGATE.encode(), b"1" * 5000, b'"' + b"\xc3" * 10 + b'"'),
    *(b"[[]]", b'[["a"]]', b"[1]", b"[null]", b"{}", b"[{}]", b"[" + b"{}," * 2000 + b"{}]", b"&=&=%zz&[]=1"),
    *(b"userData[=1&userData]=2&userData[a][b][=3", b"a=" + b"x" * 1_100_000),
)
CONTENT_TYPES = (
    *("application/json", "application/x-www-form-urlencoded", "text/plain", "", "application/xml"),
    *("multipart/form-data", "multipart/form-data; boundary=x", 'multipart/form-data; boundary="', "a/b; c"),
)

ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**63), max_value=2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def fields(names: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with any JSON in any of these members, and sometimes others."""
    return st.dictionaries(st.sampled_from(names) | st.text(max_size=6), ANY_JSON, max_size=6)


def member(known: dict[str, Any], name: str, raw: str) -> bytes:
    """A JSON object with one member in JSON text."""
    others = "".join(f"{json.dumps(key)}:{json.dumps(value)}," for key, value in known.items() if key != name)
    return f"{{{others}{json.dumps(name)}:{raw}}}".encode()


def wrong(verdicts: Iterable[str | None]) -> list[str]:
    """The first few complaints of a judge."""
    return [verdict for verdict in verdicts if verdict is not None][:5]


def gms(answer: requests.Response) -> str | None:
    """A REST or chat-ntf answer: the chat response object (spec/chat-api-v2.md 4 and 9)."""
    if answer.status_code >= 500 or not answer.headers["Content-Type"].startswith("application/json"):
        return _raw(answer)
    body = answer.json()
    shape = (
        isinstance(body.get("chatId"), str)
        and isinstance(body.get("chatEnded"), bool)
        and isinstance(body.get("messages"), list)
        and (body.get("statusCode") == 0 or (body.get("statusCode") == 2 and _errors(body)))
    )
    return None if shape else _raw(answer)


def _errors(body: dict[str, Any]) -> bool:
    """`errors` is a list of `{code, advice}`, and there is no member `error`."""
    errors = body.get("errors")
    return (
        "error" not in body
        and isinstance(errors, list)
        and all(isinstance(e["code"], int) and isinstance(e["advice"], str) for e in errors)
        and bool(errors)
    )


def problem(answer: requests.Response) -> str | None:
    """An answer of the agents' API: JSON, and a problem document from 400 on (decision 13)."""
    kind = answer.headers["Content-Type"]
    if answer.status_code < 400:
        return None if kind == "application/json" and answer.json() else _raw(answer)
    fits = answer.status_code < 500 and kind == "application/problem+json"
    return None if fits and answer.json()["status"] == answer.status_code else _raw(answer)


def bayeux(answer: requests.Response) -> str | None:
    """A long-polling answer: a non-empty array of messages (spec/bayeux.md 0 and 1)."""
    if answer.status_code >= 500 or not answer.headers["Content-Type"].startswith("application/json"):
        return _raw(answer)
    return batch(answer.json())


def batch(messages: Any) -> str | None:
    """A batch of replies and notifications, none of which reports trouble of the gateway."""
    if not isinstance(messages, list) or not messages:
        return f"no batch: {str(messages)[:300]}"
    return next((f"odd message: {str(item)[:300]}" for item in messages if not _message(item)), None)


def _message(item: Any) -> bool:
    if not isinstance(item, dict):
        return False
    if "data" in item:  # a notification: never statusCode 1, that would be trouble inside
        return "successful" not in item and item["data"]["statusCode"] in (0, 2)
    error = item.get("error")
    known = error is None or (isinstance(error, str) and error[:1] in "34" and error.count(":") >= 2)
    return isinstance(item.get("successful"), bool) and known and (item["successful"] == (error is None))


def jsonp(answer: requests.Response, name: str) -> str | None:
    """A callback-polling answer: the guarded call, or a refusal that is no script (spec/bayeux.md 6)."""
    if answer.status_code != 200:
        return bayeux(answer)
    start = f"/**/{name}("
    fits = answer.headers["Content-Type"].startswith("text/javascript") and answer.text.startswith(start)
    return batch(json.loads(answer.text[len(start) : -1])) if fits else _raw(answer)


def _raw(answer: requests.Response) -> str:
    shown = answer.request.body
    return (
        f"{answer.request.method} {answer.request.path_url[:200]} {str(shown)[:300]}"
        f" -> {answer.status_code} {answer.headers.get('Content-Type')} {answer.text[:300]}"
    )
