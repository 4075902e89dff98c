"""Body parsing of the GMS paths (spec/chat-api-v2.md 2, 6; spec/client-compatibility.md 1)."""

from __future__ import annotations

import contextlib

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.gms_body import Body, parse
from gateway.errors import Rejected

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


def rejected(call) -> tuple[int, str]:
    """The code and advice that `call` is refused with."""
    with pytest.raises(Rejected) as error:
        call()
    return error.value.code, error.value.advice


@pytest.mark.parametrize(
    ("raw", "content_type"),
    [
        (b"nickname=Ann&message=a%2Bb+c", FORM),
        (b"nickname=Ann&message=a%2Bb+c", "text/plain;charset=UTF-8"),
        (b"nickname=Ann&message=a%2Bb+c", None),
        (b"nickname=Ann&message=a%2Bb+c", "multipart/form-data"),
        (b'{"nickname":"Ann","message":"a+b c"}', JSON),
        (b' \n{"nickname":"Ann","message":"a+b c"}', FORM),
        (b'{"nickname":"Ann","message":"a+b c"}', "text/plain"),
        (b'{"NickName":"Ann","MESSAGE":"a+b c","shoeSize":41}', "application/vnd.api+json"),
    ],
)
def test_the_content_decides_not_the_header(raw, content_type):
    """urlencoded and JSON bodies are recognised under any Content-Type."""
    body = parse(raw, content_type)
    assert (body.text("nickname"), body.text("message")) == ("Ann", "a+b c")


def test_an_exact_name_wins_over_another_case():
    """`Subject` counts only when there is no `subject`, in either order."""
    for raw in (b"Subject=a&subject=b", b"subject=b&Subject=a"):
        assert parse(raw, FORM).text("subject") == "b"
    assert parse(b"SUBJECT=a", FORM).text("subject") == "a"


@pytest.mark.parametrize("raw", [b"[1,2]", b'"text"', b"{", b"{]", b"{}x", b"\xff"])
def test_broken_json_is_code_100_only_when_declared(raw):
    """Declared JSON that is no object is refused; under another header it is an (odd) form."""
    assert rejected(lambda: parse(raw, JSON))[0] == 100
    assert parse(raw, FORM).fields == {}


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ("userData[key]=v", {"key": "v"}),
        ("userData%5Bkey%5D=v", {"key": "v"}),
        ("USERDATA[Key]=v", {"Key": "v"}),
        ("userData[a][b]=v", {"a.b": "v"}),
        ("userData[a][]=1&userData[a][]=2", {"a": "1,2"}),
        ("userData[a][0][b]=v", {"a.0.b": "v"}),
        ("userData[a]=", {"a": ""}),
        ("userData[a]=1&userData[a]=2", {"a": "2"}),
        ("userData=x&userData[]=y&userData[a=z&userDatab]=z&userData[a]b=z", {}),
    ],
)
def test_user_data_subscripts_are_flattened(pairs, expected):
    """jQuery's nested forms become dotted keys, its lists are joined; malformed names are ignored."""
    assert parse(pairs.encode(), FORM).user_data == expected


def test_user_data_of_a_json_body():
    """Objects are flattened; values become text."""
    value = {"a": {"b": 1, "c": True}, "l": ["x", 2], "n": None, "f": False, "o": [{"p": 1}]}
    body = parse(orjson.dumps({"userData": value, "userData[k]": "v"}), JSON)
    assert body.user_data == {
        "a.b": "1",
        "a.c": "true",
        "l": "x,2",
        "n": "",
        "f": "false",
        "o": '{"p":1}',
        "k": "v",
    }


def test_scalars_of_a_json_body_are_text():
    """Numbers, booleans and null are what a form would have carried."""
    body = parse(b'{"nickname":12,"subject":true,"text":null,"message":{"a":1}}', JSON)
    assert [body.text(name) for name in ("nickname", "subject", "text", "message", "alias")] == [
        "12",
        "true",
        "",
        '{"a":1}',
        "",
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [("", None), ("7", 7), ("-1", -1), (" 7 ", 7), (7, 7), (-2, -2), (None, None), ("007", 7)],
)
def test_positions(value, expected):
    """Numbers and numeric text alike; empty is absent."""
    assert Body({"transcriptPosition": value}, {}).position() == expected


@pytest.mark.parametrize("value", ["x", "1.0", "--1", "\u0663", "9" * 30, True, 1.5, [], {}, "0x1"])
def test_other_positions_are_refused(value):
    """Anything else is 101 and names the parameter."""
    body = Body({"transcriptPosition": value}, {})
    assert rejected(body.position) == (101, "transcriptPosition")


def test_invalid_utf8_becomes_replacement_characters():
    """A wrong byte costs a character, not the request."""
    assert parse(b"message=a%FFb\xfe%ED%A0%80", FORM).text("message").startswith("a\ufffdb\ufffd")


def test_multipart_parts_of_any_type_are_text():
    """A part is a file only when it has a file name (C-4, C-9)."""
    lines = [
        b"--b",
        b'Content-Disposition: form-data; name="secureKey"',
        b"Content-Type: multipart/form-data",
        b"",
        b"key",
        b"--b",
        b'Content-Disposition: form-data; name="userData[a][b]"',
        b"Content-Type: application/octet-stream",
        b"",
        "\u00e9".encode(),
        b"--b",
        'Content-Disposition: form-data; name="file"; filename="\u00e9.txt"'.encode(),
        b"",
        b"bytes",
        b"--b--",
        b"",
    ]
    body = parse(b"\r\n".join(lines), "multipart/form-data; boundary=b")
    assert (body.text("secureKey"), body.user_data, body.has_file) == ("key", {"a.b": "\u00e9"}, True)


def test_a_broken_multipart_body_is_code_100():
    """What cannot be read is said so."""
    assert rejected(lambda: parse(b"no boundary here", "multipart/form-data; boundary=b"))[0] == 100


def test_the_query_string_is_used_behind_the_body():
    """chat-ntf: parameters from both, the body first (7.5)."""
    body = parse(b"operation=fileDelete", FORM, query=b"operation=&secureKey=key")
    assert (body.text("operation"), body.text("secureKey")) == ("fileDelete", "key")


def test_too_many_fields_are_code_100():
    """A form of ten thousand fields is not worth parsing."""
    assert rejected(lambda: parse(b"&".join([b"a=b"] * 10_000), FORM))[0] == 100


def test_nesting_is_bounded():
    """Deep nesting is refused, whatever member it is in."""
    deep: object = "x"
    for _ in range(300):
        deep = {"a": deep}
    assert rejected(
        lambda: parse(
            orjson.dumps({"userData": {"a": {}}}).replace(b"{}", b'{"a":' * 40 + b"1" + b"}" * 40), JSON
        )
    )
    nested = b'{"message":' + b"[" * 500 + b"]" * 500 + b"}"
    assert rejected(lambda: parse(nested, JSON).text("message"))[0] == 100


@given(
    st.binary(),
    st.sampled_from([FORM, JSON, "multipart/form-data; boundary=b", "text/plain", "", None, "x;="]),
)
def test_any_bytes_are_read_or_refused(raw, content_type):
    """Nothing but Rejected ever comes out."""
    with contextlib.suppress(Rejected):
        body = parse(raw, content_type)
        body.text("message")
        body.position()
        body.attributes()
