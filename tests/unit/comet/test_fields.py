"""Reading the data of a publish: any member may be any JSON value (spec/chat-api-v2.md 7.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.comet import fields
from gateway.errors import Rejected

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
DATA = st.dictionaries(
    st.sampled_from(["name", "transcriptPosition", "userData", "userData[a]", "eventAttributes"]), JSON
)


def attempt(read: Callable[[], Any]) -> Any:
    """What `read` returns; None when it is rejected, which must be with 101."""
    try:
        return read()
    except Rejected as error:
        return None if error.code == 101 else error


@settings(deadline=None)
@given(DATA)
def test_any_json_is_read_or_rejected(data: dict[str, Any]):
    """A value of the right type, or Rejected 101; nothing else ever."""
    for read, kinds in (
        (lambda: fields.text(data, "name"), (str, type(None))),
        (lambda: fields.optional_text(data, "name"), (str, type(None))),
        (lambda: fields.position(data), (int, type(None))),
        (lambda: fields.attributes(data), (dict, type(None))),
        (lambda: fields.user_data(data), (dict, type(None))),
    ):
        assert isinstance(attempt(read), kinds)


@pytest.mark.parametrize(
    ("value", "expected"), [("x", "x"), (None, ""), (7, "7"), (1.5, "1.5"), (True, "true"), (False, "false")]
)
def test_scalars_become_text(value: object, expected: str):
    """true -> "true", numbers decimal, null empty."""
    assert fields.text({"name": value}, "name") == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, None), ("", None), (0, 0), (-1, -1), ("5", 5), ("-3", -3), (" 4 ", 4), (7, 7)],
)
def test_positions(value: object, expected: int | None):
    """Numbers and numeric strings; absent and empty are None (spec 5)."""
    assert fields.position({"transcriptPosition": value}) == expected


@pytest.mark.parametrize("value", ["x", "1.5", 1.5, True, [], {}, 2**54, "9" * 5000])
def test_positions_that_are_none(value: object):
    """Everything else is 101 and named."""
    with pytest.raises(Rejected) as raised:
        fields.position({"transcriptPosition": value})
    assert (raised.value.code, raised.value.advice) == (101, "transcriptPosition")


def test_user_data():
    """An object and flat members; values of any kind become text."""
    data = {"userData": {"a": True, "b": 1, "c": None, "d": {"x": [1]}}, "userData[e]": "f"}
    assert fields.user_data(data) == {"a": "true", "b": "1", "c": "", "d": '{"x":[1]}', "e": "f"}


def test_user_data_deeper_than_the_encoder_goes():
    """A wrong request, not a failure of the server."""
    deep: Any = []
    for _ in range(300):
        deep = [deep]
    with pytest.raises(Rejected):
        fields.user_data({"userData": {"a": deep}})


@pytest.mark.parametrize("value", ['{"a":{"b":"1"}}', {"a": {"b": "1"}}])
def test_attributes(value: object):
    """An object, or JSON text as REST sends it (check 6)."""
    assert fields.attributes({"eventAttributes": value}) == {"a": {"b": "1"}}
