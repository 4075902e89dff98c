"""Redaction: no secret and no control character survives, in whatever shape it comes."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.observe.redaction import MASK, clean, mask_device_id, redact_text

CANARY = "CANARYx81b2"
SECRET_KEYS = [
    "secureKey",
    "startKey",
    "secure_key",
    "token",
    "access_token",
    "Authorization",
    "HTTP_AUTHORIZATION",
    "Cookie",
    "Set-Cookie",
    "apikey",
    "x-api-key",
    "password",
    "client_secret",
    "basic_auth",
    "userData[secureKey]",
]


def shown(value):
    return orjson.dumps(clean(value)).decode()


@pytest.mark.parametrize("key", SECRET_KEYS)
def test_secret_keys_are_masked_at_every_depth(key):
    """The value of a secret key is masked as a member, in nested containers, as a pair and as bytes."""
    nested = {"a": [{"b": ({key: CANARY}, {key: [CANARY, {"x": CANARY}]})}], key: {"deep": CANARY}}

    assert CANARY not in shown(nested)
    assert CANARY not in shown([(key, CANARY), [key.encode(), CANARY.encode()]])
    assert {key: MASK} == clean({key: 123456})


@pytest.mark.parametrize(
    "key", ["secureKey", "startKey", "token", "Authorization", "Cookie", "apikey", "password"]
)
@pytest.mark.parametrize(
    "shape",
    [
        "{key}={value}",
        "{key}: {value}",
        '{{"{key}": "{value}"}}',
        "{{'{key}': '{value}'}}",
        '{{\\"{key}\\":\\"{value}\\"}}',
        "POST /x?a=1&{key}={value}&b=2",
        "{key}: Bearer {value}",
        "userData[{key}]={value}",
    ],
)
def test_secrets_in_running_text_are_masked(shape, key):
    """A secret inside a library's message, a URL or dumped JSON is masked too."""
    assert CANARY not in redact_text(shape.format(key=key, value=CANARY))


def test_credentials_without_a_key_are_masked():
    """Bearer credentials and the user part of a URL are masked even where no key names them."""
    assert redact_text(f"sent Bearer {CANARY}") == "sent Bearer ***"
    assert redact_text(f"http://me:{CANARY}@host/x") == "http://***@host/x"


@pytest.mark.parametrize("key", ["deviceId", "device_id", "GCTI_GMS_PushDeviceId"])
def test_device_ids_keep_four_characters(key):
    """A device id is shortened as a member and in text; one too short to keep a part is hidden."""
    assert {key: "b16416…"[:4] + "…"} == clean({key: "b16416334828b1d26ef14f329628b55b"})
    assert f"{key}=b164…" == redact_text(f"{key}=b16416334828")
    assert mask_device_id("b1") == MASK


def test_harmless_values_stay_as_they_are():
    """Names, numbers and texts without secrets are shown unchanged."""
    event = {"event": "chat_started", "position": 3, "ratio": 0.5, "ok": True, "none": None, "text": "Grüße"}

    assert event == clean(event)


def test_line_breaks_and_control_characters_are_escaped():
    """Nothing in a value or a key can begin a new line, colour a terminal or turn the writing direction."""
    assert clean({"a\nb": "x\r\ny\x1b[31m\u202e\u2028"}) == {"a\\nb": "x\\r\\ny\\x1b[31m\\u202e\\u2028"}


def test_hostile_shapes_end():
    """Endless nesting, huge integers, long texts, lone surrogates and objects become short plain values."""
    loop = []
    loop.append(loop)

    assert len(shown([loop, 10**400, "x" * 100_000, "\ud800", object(), {1, 2}, float("nan")])) < 20_000


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
        max_leaves=12,
    )
)
def test_everything_can_be_rendered(value):
    """Whatever is logged can be encoded, as one line."""
    text = shown({"value": value})

    assert "\n" not in text
    json.loads(text)
