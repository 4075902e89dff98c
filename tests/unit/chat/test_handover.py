"""Transfer, consultation, supervision: who is where, and what the customer must never see."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from desk_stand import Customer, DeskStand, Person

from gateway.bayeux import Peer
from gateway.chat.customers import Party
from gateway.comet.attachment import Attachment
from gateway.model.events import QuitReason, Visibility

SECRET = "he is known to haggle"


def chat_of(stand: DeskStand, customer: Customer):
    return stand.gateway.store.session(customer.chat_id)


def people(stand: DeskStand, customer: Customer) -> list[str]:
    return [party.nickname for party in chat_of(stand, customer).profile.personnel]


def joined(customer: Customer) -> list[str]:
    return [f"{event['type'][11:]} {event['from']['nickname']}" for event in customer.transcript()]


def consulting(stand: DeskStand, customer: Customer) -> Person:
    """Bert, whom Anna has asked for advice."""
    bert = stand.person("Bert")
    bert.get("/me")
    stand.person("Anna").done(f"/chats/{customer.chat_id}/consult", {"agent": "Bert"})
    bert.done(f"/chats/{customer.chat_id}/accept")
    return bert


def test_a_transfer_keeps_the_old_agent_until_the_new_one_accepts(
    stand: DeskStand, customer: Customer
) -> None:
    """One commit: the new agent joins, the old one leaves; the note is for the new one only."""
    anna, bert, chat = stand.person("Anna"), stand.person("Bert"), f"/chats/{customer.chat_id}"
    bert.get("/me")
    anna.done(f"{chat}/transfer", {"agent": "Bert", "note": SECRET})
    assert (["Anna"], [(customer.chat_id, "transfer")]) == (people(stand, customer), bert.offers())
    assert SECRET == bert.done(f"{chat}/accept")["transferNote"]
    assert ["Bert"] == people(stand, customer)
    assert ["Joined Ann", "Joined Anna", "Joined Bert", "Left Anna"] == joined(customer)
    assert SECRET not in orjson.dumps(customer.call("refresh", transcriptPosition="0")).decode()
    assert 403 == anna.post(f"{chat}/messages", {"text": "still here"}).status_code


@pytest.mark.parametrize("ending", ["declined", "timeout", "withdrawn"])
def test_a_transfer_that_nobody_takes_changes_nothing(
    stand: DeskStand, customer: Customer, ending: str
) -> None:
    """The old agent stays, and may ask again."""
    anna, bert, chat = stand.person("Anna"), stand.person("Bert"), f"/chats/{customer.chat_id}"
    bert.get("/me")
    anna.done(f"{chat}/transfer", {"agent": "Bert"})
    if ending == "declined":
        bert.done(f"{chat}/decline")
    elif ending == "withdrawn":
        anna.done(f"{chat}/withdraw", {"agent": "Bert"})
    else:
        stand.advance(21)
    assert (["Anna"], []) == (people(stand, customer), bert.offers())
    assert ["Joined Ann", "Joined Anna"] == joined(customer)
    assert 409 == bert.post(f"{chat}/accept").status_code
    anna.done(f"{chat}/transfer", {"agent": "Bert"})


def test_a_transfer_against_the_customers_leaving(stand: DeskStand, customer: Customer) -> None:
    """The customer goes first: the offer is gone and nobody joins an empty chat."""
    anna, bert, chat = stand.person("Anna"), stand.person("Bert"), f"/chats/{customer.chat_id}"
    bert.get("/me")
    anna.done(f"{chat}/transfer", {"agent": "Bert"})
    customer.call("disconnect")
    assert [] == bert.offers()
    assert 409 == bert.post(f"{chat}/accept").status_code
    assert ["Anna"] == people(stand, customer)


def test_a_transfer_to_a_queue(stand: DeskStand, customer: Customer) -> None:
    """The chat waits in the other queue with a note, and an agent of that queue gets it."""
    from gateway.chat.directory import AccountChanges

    stand.gateway.directory.create("Bert", "agent", AccountChanges(endpoints=("Environment:billing",)))
    anna, bert, chat = stand.person("Anna"), stand.ready("Bert"), f"/chats/{customer.chat_id}"
    stand.sweep()
    answer = anna.done(f"{chat}/transfer", {"queue": "Environment:billing", "note": SECRET})
    assert ("waiting", "Environment:billing") == (answer["state"], answer["queue"])
    stand.sweep()
    assert [(customer.chat_id, "queue")] == bert.offers()
    assert SECRET == bert.done(f"{chat}/accept")["transferNote"]
    assert 422 == bert.post(f"{chat}/transfer", {"queue": "nonsense"}).status_code
    assert 422 == bert.post(f"{chat}/transfer", {}).status_code


def test_only_the_agent_of_the_chat_may_pass_it_on(stand: DeskStand, customer: Customer) -> None:
    """Strangers and consultants may not; unknown agents and agents in the chat cannot be asked."""
    bert, chat = consulting(stand, customer), f"/chats/{customer.chat_id}"
    carl = stand.person("Carl")
    carl.get("/me")
    for person in (bert, carl):
        assert 403 == person.post(f"{chat}/transfer", {"agent": "Carl"}).status_code
        assert 403 == person.post(f"{chat}/consult", {"agent": "Carl"}).status_code
    anna = stand.person("Anna")
    assert 404 == anna.post(f"{chat}/transfer", {"agent": "Nobody"}).status_code
    assert 409 == anna.post(f"{chat}/consult", {"agent": "Bert"}).status_code
    anna.done(f"{chat}/transfer", {"agent": "Bert"})
    bert.done(f"{chat}/accept")
    assert ["Bert"] == people(stand, customer)


def everything_said_to(stand: DeskStand, customer: Customer) -> str:
    """All that the customer can get on REST, by CometD (live and after a loss), by chat-ntf, by push."""
    gateway, chat_id = stand.gateway, customer.chat_id
    rest = [customer.call("refresh", transcriptPosition=position) for position in ("0", "1", "-50")]
    party: Party = gateway.customers.by_key(customer.started["secureKey"])
    comet = [event.wire for event in gateway.customers.transcript(party, 1).events]
    pushed = gateway.store.list_deliveries(chat_id=chat_id, states=frozenset(), limit=100)
    bodies = [delivery.message or b"" for delivery in pushed]
    return b"\n".join([orjson.dumps(rest), *comet, *bodies]).decode()


def push_customer(stand: DeskStand) -> Customer:
    """A customer with push subscription and payloads, served by Anna."""
    keys = {
        "userData[GCTI_Chat_PushSubscribe]": "true",
        "userData[GCTI_GMS_NodeGroup]": "any",
        "userData[GCTI_GMS_PushDeviceId]": "device-1",
        "userData[GCTI_GMS_PushDeviceType]": "customhttp",
        "userData[GCTI_GMS_PushIncludePayload]": "true",
    }
    customer = stand.customer(**keys)
    stand.person("Anna").done(f"/chats/{customer.chat_id}/accept")
    return customer


def attached(stand: DeskStand, customer: Customer) -> Attachment:
    """A live CometD session of this customer: `pull` gives the frames that it would be sent next."""
    gateway = stand.gateway
    message = {"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["long-polling"]}
    result = gateway.exchange.process([message], Peer(transport="long-polling"))
    gateway.exchange.written(result)
    chat = gateway.store.session(customer.chat_id)
    gateway.hub.attach(result.opened, chat, "/service/chatV2/support", cursor=chat.next_index - 1)
    (attachment,) = gateway.hub.attachments_to(chat.id)
    return attachment


def pulled(attachment: Attachment) -> list[bytes]:
    """What is due now, from the run of live events or, when that is broken, from the store."""
    return attachment.pull() if attachment.pending else []


@pytest.mark.parametrize("how", ["consult", "monitor"])
def test_nothing_of_a_hidden_party_reaches_the_customer(tmp_path: Path, how: str) -> None:
    """Joining, messages, typing, notices, links, whispers and leaving: on no channel, as if nothing was."""
    stand = DeskStand(
        tmp_path, "[push]\npushEnabled=comet,customhttp\ncustomhttp.url=https://push.example/\n"
    )
    customer = push_customer(stand)
    live = attached(stand, customer)
    before = everything_said_to(stand, customer)
    chat = f"/chats/{customer.chat_id}"
    name = "Hidden-Helper"
    helper = stand.person(name, "supervisor" if how == "monitor" else "agent")
    helper.get("/me")
    if how == "monitor":
        helper.done(f"{chat}/monitor")
    else:
        stand.person("Anna").done(f"{chat}/consult", {"agent": name, "note": SECRET})
        helper.done(f"{chat}/accept")
    helper.done(f"{chat}/messages", {"text": SECRET})
    helper.done(f"{chat}/typing", {"state": "started", "text": SECRET})
    helper.done(f"{chat}/notices", {"text": SECRET})
    helper.done(f"{chat}/push-url", {"url": "https://secret.example/"})
    helper.done(f"{chat}/whispers", {"text": SECRET})
    stand.person("Anna").done(f"{chat}/whispers", {"text": SECRET})
    stand.person("Anna").done(f"{chat}/notes", {"text": SECRET})
    stand.clock.advance(16)
    stand.gateway.timeouts.sweep()  # ends the typing indicator in the helper's name
    helper.done(f"{chat}/leave")
    after = everything_said_to(stand, customer)
    assert [] == pulled(live)
    live.rewind(0)
    again = b"".join(pulled(live)).decode()
    for text in (SECRET, name, "secret.example"):
        assert text not in after
        assert text not in again
    assert "Anna" in again, "the whole transcript was read again"
    assert before.count('"index"') == after.count('"index"')
    told = stand.person("Anna").get(f"{chat}/events").json["items"]
    hidden = [event for event in told if event.get("visibility") == "agents"]
    assert {"ParticipantJoined", "Message", "ParticipantLeft"} <= {event["type"] for event in hidden}
    stand.person("Anna").done(f"{chat}/messages", {"text": "for the customer"})
    assert [True] == [b"for the customer" in frame for frame in pulled(live)], "the watch itself works"
    assert "for the customer" in everything_said_to(stand, customer)
    stand.gateway.close()


def test_without_the_wall_it_would_reach_him(stand: DeskStand, customer: Customer, monkeypatch) -> None:
    """Negative control: a hidden party that the ledger does not recognise is heard by the customer."""
    bert = consulting(stand, customer)
    from gateway.model.participants import Participant

    monkeypatch.setattr(Participant, "hidden", property(lambda self: False))
    bert.done(f"/chats/{customer.chat_id}/messages", {"text": SECRET})
    assert SECRET in everything_said_to(stand, customer)


def test_bots_do_not_hear_what_is_not_for_the_customer(stand: DeskStand, customer: Customer) -> None:
    """A bot reads what the customer reads, so it cannot repeat a secret."""
    waiting = stand.customer()
    bot = stand.person("Robot", "bot")
    bot.done(f"/chats/{waiting.chat_id}/accept")
    stand.person("Anna").done(f"/chats/{waiting.chat_id}/accept")
    stand.person("Anna").done(f"/chats/{waiting.chat_id}/whispers", {"text": SECRET})
    assert SECRET not in bot.get(f"/chats/{waiting.chat_id}/events").text
    assert 403 == bot.post(f"/chats/{waiting.chat_id}/whispers", {"text": "psst"}).status_code
    anna, path = stand.person("Anna"), f"/chats/{waiting.chat_id}"
    anna.done(f"{path}/notes", {"text": SECRET})
    anna.put(f"{path}/disposition", {"code": "done", "comment": SECRET})
    stand.person("Sara", "supervisor").done(f"{path}/monitor")
    stand.person("Bert").get("/me")
    anna.done(f"{path}/transfer", {"agent": "Bert", "note": SECRET})
    assert SECRET in anna.get(path).text
    seen = bot.get(path)
    assert SECRET not in seen.text
    assert ["Ann", "Robot", "Anna"] == [party["nickname"] for party in seen.json["participants"]]


def test_the_envelope_says_that_a_supervisor_watches(stand: DeskStand, customer: Customer) -> None:
    """`monitored` in REST answers and live envelopes while, and only while, somebody watches (Q-9)."""
    sara, chat = stand.person("Sara", "supervisor"), f"/chats/{customer.chat_id}"
    assert customer.send("before")["monitored"] is False
    sara.done(f"{chat}/monitor")
    assert customer.send("during")["monitored"] is True
    assert customer.call("refresh", transcriptPosition="0")["monitored"] is True
    from gateway.model import payload

    stored = stand.gateway.store.events(customer.chat_id, 1, limit=50)
    watched = [event.wire for event in stored if orjson.loads(payload.live(event))["monitored"]]
    assert any(b"during" in wire for wire in watched)
    assert not any(b"before" in wire for wire in watched)
    sara.done(f"{chat}/leave")
    assert customer.send("after")["monitored"] is False


def test_barging_in(stand: DeskStand, customer: Customer) -> None:
    """Out of silence into the open: the customer sees a Supervisor join, the agent stays."""
    sara, chat = stand.person("Sara", "supervisor"), f"/chats/{customer.chat_id}"
    sara.done(f"{chat}/monitor")
    sara.done(f"{chat}/barge-in")
    sara.done(f"{chat}/messages", {"text": "I am the boss"})
    last = customer.transcript()[-2:]
    assert [("ParticipantJoined", "Supervisor"), ("Message", "Supervisor")] == [
        (event["type"], event["from"]["type"]) for event in last
    ]
    assert ["Anna", "Sara"] == people(stand, customer)
    assert chat_of(stand, customer).profile.monitored is False
    for person in (stand.person("Bert"), stand.person("Anna")):
        assert 403 == person.post(f"{chat}/monitor").status_code
        assert 403 == person.post(f"{chat}/barge-in").status_code


def test_hidden_parties_do_not_hold_a_chat(stand: DeskStand, customer: Customer) -> None:
    """When its last agent leaves, the chat waits again and consultants and monitors are gone."""
    consulting(stand, customer)
    stand.person("Sara", "supervisor").done(f"/chats/{customer.chat_id}/monitor")
    stand.person("Anna").done(f"/chats/{customer.chat_id}/leave")
    session = chat_of(stand, customer)
    assert ("waiting", ()) == (session.state.value, session.profile.hidden)
    stand.person("Sara").done(f"/chats/{customer.chat_id}/monitor")
    customer.call("disconnect")
    session = chat_of(stand, customer)
    assert ("ended", ()) == (session.state.value, session.profile.present)
    last = stand.gateway.store.events(customer.chat_id, 1, limit=100)[-1]
    assert (True, Visibility.ALL, QuitReason.LOGOUT) == (last.ends_chat, last.visibility, last.reason)


def test_a_bot_hands_over_to_people(stand: DeskStand) -> None:
    """From the bots' queue to one that people serve, with a note; the bot leaves; it cannot do more."""
    from gateway.chat.directory import AccountChanges

    stand.gateway.directory.create("Bert", "agent", AccountChanges(endpoints=("Environment:people",)))
    bert, robot, customer = stand.ready("Bert"), stand.person("Robot", "bot"), stand.customer()
    chat = f"/chats/{customer.chat_id}"
    robot.done(f"{chat}/accept")
    stand.sweep()
    assert [] == bert.offers()
    robot.done(f"{chat}/transfer", {"queue": "Environment:people", "note": "wants a refund"})
    stand.sweep()
    assert [(customer.chat_id, "queue")] == bert.offers()
    assert "wants a refund" == bert.done(f"{chat}/accept")["transferNote"]
    assert ["Joined Ann", "Joined Robot", "Left Robot", "Joined Bert"] == joined(customer)
    assert 403 == robot.post(f"{chat}/transfer", {"agent": "Bert"}).status_code


def test_read_positions_of_both_sides(stand: DeskStand, customer: Customer) -> None:
    """The customer's REST answers say how far the agents have read; a consultant's reading is not told."""
    bert, anna, chat = consulting(stand, customer), stand.person("Anna"), f"/chats/{customer.chat_id}"
    bert.done(f"{chat}/read", {"position": 3})
    assert "readPosition" not in customer.send("hello")
    assert 2 == anna.done(f"{chat}/read", {"position": 2})["agentReadPosition"]
    assert 2 == customer.send("still there?")["readPosition"]
    anna.done(f"{chat}/read", {"position": 1})
    customer.call("readReceipt", transcriptPosition="2")
    shown = anna.get(chat).json
    assert (2, 2) == (shown["agentReadPosition"], shown["readPosition"])


def test_hidden_events_arm_no_reminder(tmp_path: Path) -> None:
    """Reliable push: what only the personnel may see is nothing that the customer has to fetch."""
    ini = "[push]\npushEnabled=comet,customhttp\ncustomhttp.url=https://push.example/\n"
    stand = DeskStand(tmp_path, ini)
    keys = {
        "userData[GCTI_Chat_PushSubscribe]": "true",
        "userData[GCTI_GMS_NodeGroup]": "any",
        "userData[GCTI_GMS_PushDeviceId]": "device-1",
        "userData[GCTI_GMS_PushDeviceType]": "customhttp",
        "userData[GCTI_GMS_PushResend]": "true",
    }
    customer = stand.customer(**keys)
    anna, chat = stand.person("Anna"), f"/chats/{customer.chat_id}"
    anna.done(f"{chat}/accept")
    assert stand.gateway.store.session(customer.chat_id).reliable
    before = stand.gateway.store.pending(customer.chat_id)
    anna.done(f"{chat}/whispers", {"text": SECRET})
    stand.person("Sara", "supervisor").done(f"{chat}/monitor")
    stand.person("Sara").done(f"{chat}/messages", {"text": SECRET})
    assert before == stand.gateway.store.pending(customer.chat_id)
    anna.done(f"{chat}/messages", {"text": "for you"})
    assert before.last_pos < stand.gateway.store.pending(customer.chat_id).last_pos
    stand.gateway.close()


def test_a_hidden_party_reads_files_and_changes_none(stand: DeskStand, customer: Customer) -> None:
    """A file is for everybody: consultants and monitors may list and fetch, not upload, not delete."""
    anna, bert, chat = stand.person("Anna"), consulting(stand, customer), f"/chats/{customer.chat_id}/files"
    file = anna.upload(chat, b"%PDF-1.7\ncontent", "offer.pdf").json["file"]
    sara = stand.person("Sara", "supervisor")
    sara.done(f"/chats/{customer.chat_id}/monitor")
    for hidden in (bert, sara):
        assert [file] == hidden.get(chat).json["items"]
        assert b"%PDF-1.7\ncontent" == hidden.get(f"{chat}/{file['fileId']}").data
        assert 403 == hidden.upload(chat, b"%PDF-1.7\nsecret", "plan.pdf").status_code
        assert 403 == hidden.call("DELETE", f"{chat}/{file['fileId']}").status_code
    assert ["FileUploaded"] == [event["type"] for event in customer.transcript()[2:]]
    sara.done(f"/chats/{customer.chat_id}/barge-in")
    assert 200 == sara.call("DELETE", f"{chat}/{file['fileId']}").status_code


def test_a_whisper_with_an_id_is_said_once(stand: DeskStand, customer: Customer) -> None:
    """The repetition is answered with the first event and the header that says so."""
    anna, path = stand.person("Anna"), f"/chats/{customer.chat_id}/whispers"
    first, again = (anna.call("POST", path, {"text": SECRET}, {"Idempotency-Key": "w-1"}) for _ in range(2))
    assert first.data == again.data
    assert (None, "1") == tuple(each.headers.get("Idempotent-Replay") for each in (first, again))
