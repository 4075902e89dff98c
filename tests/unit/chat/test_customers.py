"""The customer's use cases: identity, life of a chat, limits (spec/chat-api-v2.md 3, 5, 6, 8)."""

from __future__ import annotations

import re

import orjson
import pytest
from unit.chat.engine import PUSH_KEYS, SERVICE, Engine

from gateway.chat.customers import StartRequest
from gateway.errors import ChatGone, Rejected
from gateway.ids import fingerprint
from gateway.model.session import ChatState


def types(events) -> list[str]:
    return [event.type.value for event in events]


def wires(events) -> list[dict]:
    return [orjson.loads(event.wire) for event in events]


# -- start -------------------------------------------------------------------------------------------------


def test_start_makes_the_customer_participant_one_and_joins_at_index_one(engine):
    """The first event of every chat is the customer's own join (4.3)."""
    started = engine.customers.start(StartRequest(service=SERVICE, origin="rest", nickname="Ann"))
    assert types(started.events) == ["ParticipantJoined"]
    assert [
        {
            "from": {"nickname": "Ann", "participantId": 1, "type": "Client"},
            "index": 1,
            "type": "ParticipantJoined",
            "utcTime": engine.clock.wall_ms(),
        }
    ] == wires(started.events)
    assert (started.party.session.state, started.party.session.next_index) == (ChatState.WAITING, 2)


def test_start_text_becomes_the_first_message(engine):
    """A non-empty text is event 2 of the same commit (6.1)."""
    started = engine.customers.start(StartRequest(service=SERVICE, origin="rest", nickname="Ann", text="hi"))
    assert [(e.index, e.type.value) for e in started.events] == [(1, "ParticipantJoined"), (2, "Message")]
    assert len(engine.store.commits) == 1


def test_ids_and_keys_can_be_written_unquoted_into_html(engine):
    """chatId, userId and secureKey are of [A-Za-z0-9_-], and only the key's fingerprint is stored (3.3)."""
    party = engine.start()
    for text in (party.session.id, party.participant.user_id, party.secure_key):
        assert re.fullmatch(r"[A-Za-z0-9_-]{16,}", text)
    assert fingerprint(party.secure_key) == party.participant.key_hash
    assert party.secure_key not in repr(engine.store.session(party.session.id))


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        (161, {}),
        (161, {"nickname": "  "}),
        (102, {"last_name": "Lee"}),
        (103, {"first_name": "Ann"}),
        (103, {"first_name": "Ann", "last_name": " "}),
        (101, {"nickname": "x" * 101}),
        (364, {"nickname": "Ann", "email": "not an address"}),
        (364, {"nickname": "Ann", "email": "@"}),
        (101, {"nickname": "Ann", "subject": "x" * 501}),
        (204, {"nickname": "Ann", "text": "x" * 10_001}),
        (101, {"nickname": "Ann", "user_data": {"k" * 129: "v"}}),
        (101, {"nickname": "Ann", "user_data": {"": "v"}}),
        (101, {"nickname": "Ann", "user_data": {"k": "v" * 8193}}),
        (101, {"nickname": "Ann", "user_data": {f"k{n}": "v" * 8000 for n in range(9)}}),
        (240, {"nickname": "Ann", "service": "no such/service"}),
        (240, {"nickname": "Ann", "service": "x" * 65}),
    ],
)
def test_start_refuses(engine, code, fields):
    """Each limit and name rule has its code, and nothing is created (6.1, 8.6, 9)."""
    request = StartRequest(**{"service": SERVICE, "origin": "rest", **fields})
    with pytest.raises(Rejected) as error:
        engine.customers.start(request)
    assert code == error.value.code
    assert engine.store.commits == []


@pytest.mark.parametrize(
    "fields",
    [
        {"nickname": "x" * 100},
        {"first_name": "Ann", "last_name": "Lee"},
        {"nickname": "Ann", "subject": "x" * 500, "text": "x" * 10_000, "email": "a@b.example"},
        {"nickname": "Ann", "user_data": {"k" * 128: "v" * 8192}},
    ],
)
def test_start_accepts_the_limits_themselves(engine, fields):
    """Values exactly at the limit pass (8.6)."""
    engine.customers.start(StartRequest(service=SERVICE, origin="rest", **fields))


def test_the_default_nickname_is_first_and_last_name(engine):
    """Without a nickname it is "first last" (6.1)."""
    assert engine.start().participant.nickname == "Ann Lee"


def test_strict_services_refuses_names_without_a_section():
    """strict_services: an unknown service is 240, a configured one works (12.3)."""
    engine = Engine("[chat]\nstrict_services=true\n[chat.known]\nendpoint=Environment:known\n")
    with pytest.raises(Rejected) as error:
        engine.start(service="unknown")
    assert error.value.code == 240
    assert engine.start(service="known").session.profile.endpoint == "Environment:known"


def test_the_endpoint_parameter_overrides_the_queue(engine):
    """`endpoint` of the request wins over the configured one (6.1)."""
    assert engine.start().session.profile.endpoint == "Environment:default"
    assert engine.start(endpoint="Environment:chatbot").session.profile.endpoint == "Environment:chatbot"


def test_async_mode_is_read_from_attached_data(engine):
    """GCTI_Chat_AsyncMode "true" switches it on, "false" does not (8.5)."""
    assert engine.start(user_data={"GCTI_Chat_AsyncMode": "true"}).session.profile.async_mode
    assert not engine.start(user_data={"GCTI_Chat_AsyncMode": "false"}).session.profile.async_mode


# -- push subscription -------------------------------------------------------------------------------------


def test_push_keys_subscribe_and_stay_user_data(engine):
    """The REST family registers the device and remains visible as attached data (push.md 1.1, 1.3)."""
    profile = engine.start(user_data=PUSH_KEYS).session.profile
    assert (
        profile.subscription.device_id,
        profile.subscription.device_type,
        profile.subscription.origin,
    ) == ("device-1", "customhttp", "rest")
    assert profile.user_data == PUSH_KEYS


@pytest.mark.parametrize(
    ("ini", "user_data", "reason"),
    [
        ("[settings]\nflex-push-enabled=false\n", PUSH_KEYS, "push_disabled"),
        ("[settings]\nflex-push-on-join=false\n", PUSH_KEYS, "push_on_join"),
        ("", {**PUSH_KEYS, "GCTI_GMS_PushDeviceId": ""}, "incomplete"),
        ("", {**PUSH_KEYS, "GCTI_GMS_PushDeviceId": "x" * 257}, "device_id"),
    ],
)
def test_a_refused_subscription_never_fails_the_chat(ini, user_data, reason):
    """The chat starts without subscription; the refusal is counted by reason (push.md 1.3)."""
    engine = Engine(ini)
    assert engine.start(user_data=user_data).session.profile.subscription is None
    assert engine.sample("push_subscription_rejected_total", reason=reason) == 1


def test_update_data_changes_and_ends_the_subscription(engine):
    """Push keys in updateData count at once, PushSubscribe=false ends it (push.md 1.3)."""
    party = engine.start()
    engine.customers.update_data(party, PUSH_KEYS, "rest")
    subscribed = engine.customers.update_data(party, {"GCTI_GMS_PushDeviceId": "device-2"}, "rest").session
    assert subscribed.profile.subscription.device_id == "device-2"
    ended = engine.customers.update_data(party, {"GCTI_Chat_PushSubscribe": "false"}, "rest").session
    assert ended.profile.subscription is None


def test_repeating_the_same_data_commits_nothing(engine):
    """A client that repeats its push keys with every restore costs no write."""
    party = engine.start(user_data=PUSH_KEYS)
    commits = len(engine.store.commits)
    engine.clock.advance(5)
    engine.customers.update_data(party, PUSH_KEYS, "comet")
    assert commits == len(engine.store.commits)


def test_a_refused_update_keeps_the_subscription(engine):
    """A bad device id later on is counted and leaves the old device registered."""
    party = engine.start(user_data=PUSH_KEYS)
    updated = engine.customers.update_data(party, {"GCTI_GMS_PushDeviceId": "x" * 257}, "rest").session
    assert updated.profile.subscription.device_id == "device-1"
    assert engine.sample("push_subscription_rejected_total", reason="device_id") == 1


# -- identity ----------------------------------------------------------------------------------------------


def test_authenticate_needs_everything_to_fit(engine):
    """Chat, user, key and service must belong together; a missing userId is tolerated (3, 6)."""
    party, other = engine.start(), engine.start()
    chat_id, user_id, key = party.session.id, party.participant.user_id, party.secure_key
    for fitting in (
        (chat_id, user_id, key, SERVICE),
        (chat_id, None, key, SERVICE),
        (chat_id, "", key, None),
    ):
        found = engine.customers.authenticate(
            chat_id=fitting[0], user_id=fitting[1], secure_key=fitting[2], service=fitting[3]
        )
        assert party.session.id == found.session.id
    wrong = [
        ("unknown", user_id, key, SERVICE),
        (chat_id, other.participant.user_id, key, SERVICE),
        (chat_id, user_id, other.secure_key, SERVICE),
        (chat_id, user_id, "", SERVICE),
        (chat_id, user_id, "\ud800", SERVICE),
        (chat_id, user_id, key, "other-service"),
    ]
    for chat, user, secret, service in wrong:
        with pytest.raises(ChatGone):
            engine.customers.authenticate(chat_id=chat, user_id=user, secure_key=secret, service=service)


def test_by_key_finds_the_party_by_its_key_alone(engine):
    """CometD names nobody but by the key; an unknown or empty key is ChatGone (3)."""
    party = engine.start()
    assert party.session.id == engine.customers.by_key(party.secure_key).session.id
    for key, service in (("", None), ("wrong", None), (party.secure_key, "other-service")):
        with pytest.raises(ChatGone):
            engine.customers.by_key(key, service)


def test_a_wrong_key_removes_nobody(engine):
    """Decision 4: any number of bad keys leaves the customer in the chat."""
    party = engine.start()
    for number in range(50):
        with pytest.raises(ChatGone):
            engine.customers.authenticate(
                chat_id=party.session.id, user_id=None, secure_key=f"guess{number}", service=None
            )
    assert engine.customers.send(party, "still here").events


# -- messages ----------------------------------------------------------------------------------------------
