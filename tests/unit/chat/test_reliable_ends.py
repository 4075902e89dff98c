"""Reliable subscriptions: removal, leaving, other subscriptions, nodes, inline events (spec/push.md 4)."""

from __future__ import annotations

import pytest
from unit.chat.engine import ALICE, PUSH_KEYS
from unit.chat.reliable_stand import KEYS, ReliableEngine, told

from gateway.chat.customers import Party
from gateway.errors import ChatGone
from gateway.model.deliveries import DeliveryState
from gateway.model.events import QuitReason


@pytest.fixture
def engine() -> ReliableEngine:
    """An engine with reliable push."""
    return ReliableEngine()


# --- removal and leaving ------------------------------------------------------------------------------


def test_removal_is_told_until_a_2xx(engine: ReliableEngine) -> None:
    """4.6: -1 is repeated while the receiver fails, ends with its 2xx, and no retrieval clears it."""
    party = engine.chat()
    engine.agents.close(ALICE, party.session.id)
    (body,) = engine.bodies(state=DeliveryState.FAILED)
    assert (("0", "-1", 5), True) == (told(body), body["chatEnded"])
    engine.customers.transcript(party, 1)
    assert [("1", "-1", 5)] == engine.after(15)
    assert [] == engine.after(15)
    assert not engine.pending(party).armed


def test_removal_voids_what_was_pending(engine: ReliableEngine) -> None:
    """The pointer to messages that nobody can fetch any more is not repeated."""
    party = engine.chat()
    engine.say(party)
    engine.sent()
    engine.agents.close(ALICE, party.session.id)
    assert [("0", "-1", 6)] == engine.sent()
    assert [] == engine.after(15)


def test_what_follows_a_removal_does_not_silence_it(engine: ReliableEngine) -> None:
    """The agent leaves after the customer was removed: -1 is repeated all the same."""
    engine.configure(engine._ini + "[settings]\nflex-push-timeout=60\n")
    party = engine.chat()
    engine.timeouts.sweep()
    engine.clock.advance(61)
    engine.timeouts.sweep()
    (body,) = engine.bodies(state=DeliveryState.FAILED)
    assert (("0", "-1", 4), False) == (told(body), body["chatEnded"])
    engine.agents.leave(ALICE, party.session.id)
    engine.pass_time(15)
    (body,) = engine.bodies()
    assert (("1", "-1", 4), True) == (told(body), body["chatEnded"])
    assert [] == engine.after(15)


def test_own_leaving_ends_the_reminders(engine: ReliableEngine) -> None:
    """Section 6: the customer's own logout is told only with NotifyRequestor; reminders end in any case."""
    silent, relayed = engine.chat(), engine.chat(GCTI_GMS_NotifyRequestor="true")
    for party in (silent, relayed):
        engine.say(party)
        engine.sent()
        engine.customers.leave(party)
    assert [("0", "-1", 5)] == engine.sent()
    assert [] == engine.after(15)


def test_push_check_12_removal_by_silence_is_told(engine: ReliableEngine) -> None:
    """Check 12: reminders keep nobody in the chat; the silent customer leaves with reason 3, told as -1."""
    party = engine.chat()
    engine.say(party)
    engine.sent()
    engine.timeouts.sweep()
    for _ in range(24):
        engine.after(3601)
        engine.timeouts.sweep()
    engine.after(0)
    session = engine.store.session(party.session.id)
    assert QuitReason.INACTIVE.value == session.customer.left
    assert ("-1", True) == (_last(engine, party)[1], engine.pending(party).removal)


def _last(engine: ReliableEngine, party: Party) -> tuple[str, str, int]:
    import orjson

    rows = engine.store.list_deliveries(chat_id=party.session.id, states=frozenset(), limit=1)
    return told(orjson.loads(rows[0].message or b""))


def test_push_check_12_first_half(engine: ReliableEngine) -> None:
    """Check 12: a subscribed customer who is silent for 46 s stays, without subscription he is removed."""
    subscribed, other = engine.chat(), engine.start()
    engine.timeouts.sweep()
    engine.after(46)
    engine.timeouts.sweep()
    left = [engine.store.session(party.session.id).customer.left for party in (subscribed, other)]
    assert [None, QuitReason.INACTIVE.value] == left


def test_push_check_12_refresh_restarts_the_flex_timeout_and_a_push_does_not(engine: ReliableEngine) -> None:
    """Section 8: only the customer's requests keep him; messages and reminders to him do not."""
    engine.configure(engine._ini + "[settings]\nflex-push-timeout=100\n")
    fresh, quiet = engine.chat(), engine.chat()
    engine.timeouts.sweep()
    for _ in range(3):
        engine.after(34)
        engine.say(quiet)
        engine.customers.transcript(engine.customers.by_key(fresh.secure_key), 1)
        engine.timeouts.sweep()
    left = [engine.store.session(party.session.id).customer.left for party in (fresh, quiet)]
    assert [None, QuitReason.INACTIVE.value] == left


# --- subscriptions --------------------------------------------------------------------------------------


def test_subscription_ended(engine: ReliableEngine) -> None:
    """1.3: `GCTI_Chat_PushSubscribe=false` ends the reminders at once."""
    party = engine.chat()
    engine.say(party)
    engine.sent()
    engine.customers.update_data(party, {"GCTI_Chat_PushSubscribe": "false"}, "rest")
    assert [] == engine.after(15)
    assert not engine.pending(party).armed


def test_device_replaced(engine: ReliableEngine) -> None:
    """9.4.9: another device is told at once what was not fetched, and gets the reminders."""
    party = engine.chat()
    engine.say(party)
    engine.sent()
    engine.customers.update_data(party, {"GCTI_GMS_PushDeviceId": "device-2"}, "rest")
    (row,) = engine.store.claim("w", now_ms=engine.clock.wall_ms(), lease_ms=9, limit=9)
    assert ("device-2", 3) == (row.device_id, row.position)


def test_the_same_keys_again_send_nothing(engine: ReliableEngine) -> None:
    """A client that repeats its keys with every call is not told each time."""
    party = engine.chat()
    engine.say(party)
    engine.sent()
    engine.customers.update_data(party, KEYS, "rest")
    assert [] == engine.sent()


def test_subscribed_later(engine: ReliableEngine) -> None:
    """9.4.9: push counts from now on, except for what the client says that it does not have."""
    unaware, aware = engine.start(), engine.start()
    for party in (unaware, aware):
        engine.agents.accept(ALICE, party.session.id)
        engine.say(party)
    engine.customers.update_data(unaware, KEYS, "rest")
    engine.customers.update_data(aware, KEYS, "rest", seen=2)
    assert [("0", "2", 4)] == engine.sent()
    engine.say(unaware)
    assert [("0", "4", 5)] == engine.sent()


def test_without_resend_nothing_is_kept(engine: ReliableEngine) -> None:
    """A plain subscription has no record, and its notifications are not repeated."""
    party = engine.start(user_data=PUSH_KEYS)
    engine.agents.accept(ALICE, party.session.id)
    assert None is engine.store.pending(party.session.id)
    rows = engine.store.claim("w", now_ms=engine.clock.wall_ms(), lease_ms=9, limit=9)
    assert [None] == [row.idempotency_key for row in rows]


def test_client_of_an_ended_chat_is_forgotten(engine: ReliableEngine) -> None:
    """Memory follows the open chats."""
    left, closed = engine.chat(), engine.chat()
    engine.customers.leave(left)
    engine.agents.close(ALICE, closed.session.id)
    engine.sent()
    engine.after(15)
    assert {} == engine.retrievals._places
    with pytest.raises(ChatGone):
        engine.customers.send(left, "hi")


# --- no node, either/or ---------------------------------------------------------------------------------


def test_push_check_07_group_without_node(engine: ReliableEngine) -> None:
    """Section 5: no node of the group, so nothing is sent and nothing is lost; the timer finds a node."""
    engine.restart(engine._ini + "[cluster]\nname=another\n")
    party = engine.chat()
    engine.say(party)
    assert [] == engine.after(15)
    assert [] == engine.after(100)
    engine.restart(engine._ini.replace("another", "gms-cluster"))
    assert [("0", "3", 4)] == engine.after(15)


def test_push_check_07_next_message_after_a_node_registered(engine: ReliableEngine) -> None:
    """Re-association is lazy: the next event is pushed at once."""
    engine.restart(engine._ini + "[cluster]\nname=another\n")
    party = engine.chat()
    engine.say(party)
    engine.restart(engine._ini.replace("another", "gms-cluster"))
    engine.say(party)
    assert [("0", "3", 5)] == engine.sent()


def test_either_or_waits_for_comet(engine: ReliableEngine) -> None:
    """9.4.5: with `push_notification_to_active_client=false` a live client has the grace time to take it."""
    engine.configure("[chat]\npush_notification_to_active_client=false\n" + engine._ini)
    taken, missed = engine.chat(), engine.chat()
    for party in (taken, missed):
        engine.presence.attached(party.session.id)
        engine.say(party)
    engine.retrievals.note(taken.session.id, 4)
    assert [] == engine.sent()
    assert [("0", "3", 4)] == engine.after(10)


# --- inline events and the key ----------------------------------------------------------------------------


def test_inline_events_are_what_was_not_retrieved(engine: ReliableEngine) -> None:
    """3.5: stored ones and the new one, in order, with the event and at the timer."""
    engine.configure(engine._ini + "reliable_inline_events=true\n")
    party = engine.chat()
    engine.say(party, "one")
    engine.bodies()
    engine.clock.advance(2)
    engine.say(party, "two")
    (at_once,) = engine.bodies()
    engine.pass_time(15)
    (later,) = engine.bodies()
    for body in (at_once, later):
        assert ["PUSH-NOTIFICATION", "one", "two"] == [event["text"] for event in body["messages"]]


def test_push_check_10_key_of_the_customer(engine: ReliableEngine) -> None:
    """`secure-key` listed: the pointer carries the very key with which the transcript can be fetched."""
    engine.configure(engine._ini + "allow_insecure=true\n[settings]\nflex-push-content=secure-key\n")
    party = engine.chat()
    engine.say(party)
    (body,) = engine.bodies()
    assert party.secure_key == body["secureKey"] == body["messages"][0]["userData"]["secure-key"]
    assert party.session.id == engine.customers.by_key(body["secureKey"]).session.id
