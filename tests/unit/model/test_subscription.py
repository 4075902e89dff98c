"""The subscription record of spec/push.md 1.1-1.3: which keys make one, which are refused, who wins."""

from __future__ import annotations

from dataclasses import fields

import pytest

from gateway.model.subscription import SUBSCRIPTION_KEYS, Refused, Subscription, ends, parse

NOW_MS = 1_568_662_361_000
REST = {
    "GCTI_Chat_PushSubscribe": "true",
    "GCTI_GMS_NodeGroup": "gms-cluster",
    "GCTI_GMS_PushDeviceId": "a1a23456789123456789",
    "GCTI_GMS_PushDeviceType": "customhttp",
}
COMET = {"push_notification_deviceid": "token", "push_notification_type": "customhttp"}


def _parse(user_data: dict[str, str], origin: str = "rest") -> Subscription | Refused | None:
    return parse(user_data, origin, now_ms=NOW_MS)


def _accepted(user_data: dict[str, str]) -> Subscription:
    found = _parse(user_data)
    assert isinstance(found, Subscription)
    return found


def test_rest_family() -> None:
    """The four mandatory keys make a subscription with the documented defaults."""
    expected = Subscription(
        device_id="a1a23456789123456789",
        device_type="customhttp",
        origin="rest",
        created_ms=NOW_MS,
        node_group="gms-cluster",
    )
    assert expected == _parse(REST)
    assert (
        expected.provider,
        expected.debug,
        expected.language,
        expected.include_payload,
        expected.notify_requestor,
        expected.resend,
    ) == (None, False, None, None, False, False)


def test_rest_family_complete() -> None:
    """Each optional key reaches its field."""
    optional = {
        "GCTI_GMS_PushIncludePayload": "false",
        "GCTI_GMS_NotifyRequestor": "TRUE",
        "GCTI_GMS_PushResend": "1",
        "GCTI_GMS_PushProvider": "AsyncSMSChat",
        "GCTI_GMS_PushDebug": "yes",
        "GCTI_GMS_PushLanguage": "ru-RU",
    }
    found = _accepted(REST | optional)
    assert (
        found.include_payload,
        found.notify_requestor,
        found.resend,
        found.provider,
        found.debug,
        found.language,
    ) == (False, True, True, "AsyncSMSChat", True, "ru-RU")


def test_comet_family() -> None:
    """Device id and type are the subscription; there is no Subscribe key and no group (1.2)."""
    optional = {
        "push_notification_debug": "true",
        "push_notification_language": "ru-RU",
        "push_notification_provider": "P",
    }
    expected = Subscription(
        device_id="token",
        device_type="customhttp",
        origin="comet",
        created_ms=NOW_MS,
        provider="P",
        debug=True,
        language="ru-RU",
    )
    assert expected == _parse(COMET | optional, "comet")


@pytest.mark.parametrize("missing", sorted(set(REST) - {"GCTI_Chat_PushSubscribe"}))
@pytest.mark.parametrize("value", [None, ""], ids=["absent", "empty"])
def test_push_check_06_missing_mandatory_key(missing: str, value: str | None) -> None:
    """Check 6: without one of the mandatory keys the subscription is refused as incomplete."""
    user_data = {key: text for key, text in REST.items() if key != missing}
    if value is not None:
        user_data[missing] = value
    assert Refused("incomplete") == _parse(user_data)


def test_push_check_06_keys_without_subscribe_are_inert() -> None:
    """Check 6: GCTI_GMS_* without PushSubscribe ask for nothing, so there is nothing to refuse."""
    assert None is _parse({key: text for key, text in REST.items() if key != "GCTI_Chat_PushSubscribe"})


@pytest.mark.parametrize("half", sorted(COMET))
def test_half_of_the_comet_family_is_a_mistake(half: str) -> None:
    """One of the two CometD keys alone is refused, which gets it reported."""
    assert Refused("incomplete") == _parse({half: COMET[half]}, "comet")


def test_no_keys_no_subscription() -> None:
    """Ordinary user data asks for nothing."""
    assert None is _parse({"color": "blue", "GCTI_Chat_AsyncMode": "true"})


@pytest.mark.parametrize("value", ["true", "True", " TRUE ", "1", "yes", "YES"])
def test_true_spellings(value: str) -> None:
    """Booleans are lenient about case and blanks."""
    assert _accepted(REST | {"GCTI_Chat_PushSubscribe": value, "GCTI_GMS_PushResend": value}).resend


@pytest.mark.parametrize("value", ["false", "0", "no", "on", "y", "2", "wahr", ""])
def test_everything_else_is_false(value: str) -> None:
    """What is not a known word for true is false."""
    found = _accepted(REST | {"GCTI_GMS_PushResend": value})
    assert not found.resend


@pytest.mark.parametrize(
    "device_id",
    ["x" * 257, "a\nb", "a\rb", "a\x00b", "a\x7fb", "\u2028", "\u200e", "\ud800"],
    ids=["long", "lf", "cr", "nul", "del", "line-separator", "bidi", "surrogate"],
)
@pytest.mark.parametrize("key", ["GCTI_GMS_PushDeviceId", "push_notification_deviceid"])
def test_hostile_device_id_is_refused(key: str, device_id: str) -> None:
    """A device id is 1..256 printable characters in either family."""
    family = REST if key in REST else COMET
    assert Refused("device_id") == _parse(family | {key: device_id})


@pytest.mark.parametrize("device_id", ["x", "x" * 256, "Gerät 7 \U0001f4f1"])
def test_printable_device_id_is_kept(device_id: str) -> None:
    """The bounds of the length, and characters beyond ASCII."""
    assert device_id == _accepted(REST | {"GCTI_GMS_PushDeviceId": device_id}).device_id


def test_device_type_is_folded() -> None:
    """The type is compared with pushEnabled, so it is trimmed and lower-cased like it."""
    assert _accepted(REST | {"GCTI_GMS_PushDeviceType": " CustomHTTP "}).device_type == "customhttp"


def test_gcti_wins_key_by_key() -> None:
    """With both families present each GCTI key wins for itself; the rest comes from the CometD family."""
    comet = COMET | {"push_notification_provider": "P", "push_notification_debug": "true"}
    found = _accepted(REST | comet | {"GCTI_GMS_PushDebug": "false"})
    assert (found.device_id, found.provider, found.debug) == ("a1a23456789123456789", "P", False)


def test_group_is_not_needed_when_the_comet_family_is_complete() -> None:
    """A CometD client that also sets PushSubscribe need not name a group."""
    assert None is _accepted(COMET | {"GCTI_Chat_PushSubscribe": "true"}).node_group


def test_explicit_false_stands_above_both_families() -> None:
    """PushSubscribe=false ends it, also when merged data still hold device keys of either family (1.3)."""
    off = {"GCTI_Chat_PushSubscribe": "false"}
    assert (_parse(REST | off), _parse(COMET | off, "comet")) == (None, None)


@pytest.mark.parametrize(
    ("changed", "ended"),
    [
        ({"GCTI_Chat_PushSubscribe": "false"}, True),
        ({"GCTI_Chat_PushSubscribe": ""}, True),
        ({"GCTI_Chat_PushSubscribe": "true"}, False),
        ({"GCTI_GMS_PushDeviceId": "other"}, False),
        ({}, False),
    ],
)
def test_ends(changed: dict[str, str], ended: bool) -> None:
    """Only an explicit value other than true ends a subscription."""
    assert ended == ends(changed)


def test_every_key_is_known() -> None:
    """The keys that re-evaluate a subscription are the documented ones of both families."""
    expected = set(REST) | {
        "GCTI_GMS_PushIncludePayload",
        "GCTI_GMS_NotifyRequestor",
        "GCTI_GMS_PushResend",
        "GCTI_GMS_PushProvider",
        "GCTI_GMS_PushDebug",
        "GCTI_GMS_PushLanguage",
        "push_notification_deviceid",
        "push_notification_type",
        "push_notification_debug",
        "push_notification_language",
        "push_notification_provider",
    }
    assert expected == SUBSCRIPTION_KEYS


def test_record_has_the_documented_fields() -> None:
    """The record of 1.3, field by field."""
    expected = (
        "device_id device_type origin created_ms node_group provider debug language include_payload "
        "notify_requestor resend"
    )
    assert expected.split() == [field.name for field in fields(Subscription)]
