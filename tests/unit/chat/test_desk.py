"""The distribution: offers from queues, answers, timeouts, loss, restarts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from desk_stand import DeskStand

from gateway.chat import offers
from gateway.chat.accounts import Account
from gateway.chat.desk import RELOADS_S
from gateway.chat.directory import AccountChanges
from gateway.errors import AlreadyAccepted, StateConflict
from gateway.model.placement import EFFECTS, Answer, Effect, OfferKind, effect_of

TWO_QUEUES = "[chat.sales]\nendpoint=Environment:sales\n"


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[DeskStand]:
    stand = DeskStand(tmp_path, TWO_QUEUES)
    yield stand
    stand.gateway.close()


def test_the_longest_waiting_chat_goes_to_the_least_busy_agent(stand: DeskStand) -> None:
    """Chats are offered in order of arrival, the first to each agent before the second to any."""
    chats = [stand.customer().chat_id for _ in range(4) if stand.clock.advance(1) is None]
    anna, bert = stand.ready("Anna"), stand.ready("Bert")
    stand.sweep()
    assert {chats[0], chats[2]} == {chat for chat, _ in anna.offers()}
    assert {chats[1], chats[3]} == {chat for chat, _ in bert.offers()}


def test_capacity_counts_chats_and_offers(tmp_path: Path) -> None:
    """A ready agent has at most its capacity of chats and offers together; a left chat makes room."""
    stand = DeskStand(tmp_path, "[agents]\ncapacity=2\n")
    chats = [stand.customer().chat_id for _ in range(3) if stand.clock.advance(1) is None]
    anna = stand.ready("Anna")
    stand.sweep()
    assert chats[:2] == [chat for chat, _ in anna.offers()]
    anna.done(f"/chats/{chats[0]}/accept")
    stand.sweep()
    assert [chats[1]] == [chat for chat, _ in anna.offers()]
    anna.done(f"/chats/{chats[0]}/close")
    stand.sweep()
    assert chats[1:] == [chat for chat, _ in anna.offers()]
    stand.gateway.close()


def test_a_refused_chat_goes_to_the_next_agent_from_the_front(stand: DeskStand) -> None:
    """Reject: the same agent is not asked again, its place in the queue stays."""
    anna = stand.ready("Anna")
    first = stand.customer().chat_id
    stand.sweep()
    stand.clock.advance(1)
    second = stand.customer().chat_id
    anna.done(f"/chats/{first}/decline")
    stand.sweep()
    assert [(second, "queue")] == anna.offers()
    assert 1 == anna.get(f"/chats/{first}").json["queuePosition"]
    bert = stand.ready("Bert")
    stand.sweep()
    assert [(first, "queue")] == bert.offers()


def test_an_unanswered_offer_passes_on_and_takes_the_agent_off_duty(stand: DeskStand) -> None:
    """After offer_timeout the chat is offered to the next one, and who did not answer is not ready."""
    anna = stand.ready("Anna")
    chat = stand.customer().chat_id
    stand.sweep()
    bert = stand.ready("Bert")
    stand.advance(19)
    assert [(chat, "queue")] == anna.offers()
    stand.advance(2)
    assert ([], [(chat, "queue")]) == (anna.offers(), bert.offers())
    duty = anna.get("/duty").json
    assert (False, "no answer") == (duty["ready"], duty["reason"])


def test_auto_accept_joins_at_once(stand: DeskStand) -> None:
    """An account with auto-accept gets the chat without being asked."""
    stand.gateway.directory.create("Anna", "agent", AccountChanges(auto_accept=True))
    anna = stand.ready("Anna")
    chat = stand.customer().chat_id
    stand.sweep()
    assert ("active", []) == (anna.get(f"/chats/{chat}").json["state"], anna.offers())


def test_agents_get_chats_of_their_queues_only(stand: DeskStand) -> None:
    """Endpoints of the account decide, also for auto distribution."""
    stand.gateway.directory.create("Anna", "agent", AccountChanges(endpoints=("Environment:sales",)))
    anna = stand.ready("Anna")
    stand.customer()
    sales = stand.customer(service="sales").chat_id
    stand.sweep()
    assert [(sales, "queue")] == anna.offers()


def test_the_waiting_list_stays_open_to_everybody(stand: DeskStand) -> None:
    """Whoever accepts first has the chat, whomever it is offered to; the loser learns by whom."""
    anna, bert = stand.ready("Anna"), stand.person("Bert")
    chat = stand.customer().chat_id
    stand.sweep()
    bert.done(f"/chats/{chat}/accept")
    lost = anna.post(f"/chats/{chat}/accept")
    assert (409, "Bert") == (lost.status_code, lost.json["by"])
    assert [] == anna.offers()
    assert 409 == anna.post(f"/chats/{chat}/decline").status_code


def test_timeout_and_acceptance_exclude_each_other(stand: DeskStand) -> None:
    """Of an acceptance and a timeout at the same moment the first to commit counts, in both orders."""
    gateway = stand.gateway

    def expire(chat: str) -> None:
        gateway.ledger.change(chat, lambda session: offers.answered(session, "Anna", Answer.TIMEOUT))

    def accept(chat: str) -> None:
        gateway.agents.accept(Account("Anna", "agent"), chat)

    for acts in ((accept, expire), (expire, accept)):
        stand.ready("Anna")
        chat = stand.customer().chat_id
        stand.sweep()
        for act in acts:
            act(chat)
        session = gateway.store.session(chat)
        assert ["Anna"] == [party.owner for party in session.profile.personnel]
        assert () == session.profile.place.offers


def test_two_accepts_at_once(stand: DeskStand) -> None:
    """A rival's commit between reading and writing: one joins, the other is told who was first."""
    gateway, chat = stand.gateway, stand.customer().chat_id
    decide = offers.accepted
    rival = Account("Bert", "agent")

    def interrupted(session, account, user_id):
        if account.name == "Anna" and gateway.store.session(chat).state.value == "waiting":
            change = decide(session, rival, "F" * 16)
            gateway.ledger._commit(session, change)
        return decide(session, account, user_id)

    offers.accepted = interrupted
    try:
        with pytest.raises(AlreadyAccepted) as error:
            gateway.agents.accept(Account("Anna", "agent"), chat)
    finally:
        offers.accepted = decide
    assert "Bert" == error.value.by
    assert ["Bert"] == [party.owner for party in gateway.store.session(chat).profile.personnel]


def test_not_ready_gives_offers_back(stand: DeskStand) -> None:
    """Becoming not ready frees the offers of queues; ready again, the agent may be asked again."""
    anna = stand.ready("Anna")
    chat = stand.customer().chat_id
    stand.sweep()
    anna.put("/duty", {"ready": False, "reason": "lunch"})
    stand.sweep()
    assert [] == anna.offers()
    stand.ready("Anna")
    stand.sweep()
    assert [(chat, "queue")] == anna.offers()


@pytest.mark.parametrize("requeue", [False, True])
def test_a_lost_agent_frees_its_offers_and_by_option_its_chats(tmp_path: Path, requeue: bool) -> None:
    """No sign of life for lost_after: not ready, offers go on; with requeue_on_loss chats wait again."""
    stand = DeskStand(tmp_path, f"[agents]\nrequeue_on_loss={str(requeue).lower()}\noffer_timeout=3600\n")
    anna = stand.ready("Anna")
    served = stand.customer().chat_id
    stand.sweep()
    anna.done(f"/chats/{served}/accept")
    offered = stand.customer().chat_id
    stand.sweep()
    stand.clock.advance(61)
    bert = stand.ready("Bert")
    stand.sweep()
    stand.sweep()
    expected = {offered, served} if requeue else {offered}
    assert expected == {chat for chat, _ in bert.offers()}
    assert ("waiting" if requeue else "active") == stand.gateway.store.session(served).state.value
    assert "lost" == stand.gateway.roster.duty("Anna").reason
    stand.gateway.close()


def test_live_events_are_a_sign_of_life(stand: DeskStand) -> None:
    """An agent whose console is connected is not lost however long it says nothing."""
    stand.ready("Anna")
    stand.gateway.roster.connected = lambda name: name == "Anna"
    stand.advance(3600)
    assert stand.gateway.roster.duty("Anna").ready is True


def test_queues_offers_and_readiness_survive_a_restart(stand: DeskStand) -> None:
    """The order of the queue, an open offer with its deadline, a refusal and readiness are on disk."""
    anna = stand.ready("Anna")
    first = stand.customer().chat_id
    stand.sweep()
    anna.done(f"/chats/{first}/decline")
    stand.clock.advance(1)
    second = stand.customer().chat_id
    stand.sweep()
    stand.restart()
    anna = stand.person("Anna")
    stand.sweep()
    assert [(second, "queue")] == anna.offers()
    assert anna.get("/duty").json["ready"] is True
    assert [1, 2] == [anna.get(f"/chats/{chat}").json["queuePosition"] for chat in (first, second)]
    stand.advance(21)
    assert [] == anna.offers()


def test_positions_and_estimates(stand: DeskStand) -> None:
    """The wait is estimated from how often chats of this queue were taken: here one in 30 s."""
    anna = stand.person("Anna")
    for _ in range(3):
        chat = stand.customer().chat_id
        stand.clock.advance(30)
        anna.done(f"/chats/{chat}/accept")
    waiting = [stand.customer().chat_id for _ in range(2) if stand.clock.advance(1) is None]
    shown = [anna.get(f"/chats/{chat}").json for chat in waiting]
    assert [(1, 30), (2, 60)] == [(chat["queuePosition"], chat["estimatedWaitSeconds"]) for chat in shown]
    (queue,) = anna.get("/queues").json["items"]
    assert ("Environment:default", 2, 90) == (queue["queue"], queue["waiting"], queue["estimatedWaitSeconds"])


def test_waiting_customers_have_two_levels(stand: DeskStand) -> None:
    """60 s without an answer is level 1, 120 s level 2; an answer ends it, also after a restart."""
    anna, customer = stand.person("Anna"), stand.customer()
    anna.done(f"/chats/{customer.chat_id}/accept")
    customer.send("hello?")
    levels = []
    for seconds in (59, 2, 60):
        stand.advance(seconds)
        levels.append(anna.get(f"/chats/{customer.chat_id}").json["customerWaits"]["level"])
    assert [0, 1, 2] == levels
    stand.restart()
    stand.sweep()
    anna = stand.person("Anna")
    assert 2 == anna.get(f"/chats/{customer.chat_id}").json["customerWaits"]["level"]
    anna.done(f"/chats/{customer.chat_id}/messages", {"text": "here"})
    assert 0 == anna.get(f"/chats/{customer.chat_id}").json["customerWaits"]["level"]


def test_the_table_of_effects_is_complete() -> None:
    """Each kind of offer has an effect for each answer, except that a queue withdraws nothing."""
    missing = {(kind, answer) for kind in OfferKind for answer in Answer} - set(EFFECTS)
    assert {(OfferKind.QUEUE, Answer.WITHDRAWN)} == missing
    with pytest.raises(StateConflict):
        effect_of(OfferKind.QUEUE, Answer.WITHDRAWN)
    assert Effect.HAND_OVER is effect_of(OfferKind.TRANSFER, Answer.ACCEPTED)


def test_a_store_that_cannot_write_postpones(stand: DeskStand, monkeypatch: pytest.MonkeyPatch) -> None:
    """The round ends without an error and the next one does the work."""
    from gateway.errors import Unavailable

    anna = stand.ready("Anna")
    chat = stand.customer().chat_id

    def refuse(*_args: object) -> None:
        raise Unavailable("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(stand.gateway.store, "commit", refuse)
        stand.sweep()
    assert [] == anna.offers()
    stand.sweep()
    assert [(chat, "queue")] == anna.offers()


def test_a_disabled_account_gets_no_chats(stand: DeskStand) -> None:
    """At once, although it was ready and here a moment ago; nobody can ask it any more."""
    for name in ("Anna", "Bert"):
        stand.gateway.directory.create(name, "agent", AccountChanges())
        stand.ready(name)
    stand.gateway.directory.change("Anna", AccountChanges(disabled=True))
    chats = {stand.customer().chat_id for _ in range(3)}
    stand.sweep()
    assert {(chat, "queue") for chat in chats} == set(stand.person("Bert").offers())
    for chat in chats:
        stand.person("Bert").done(f"/chats/{chat}/accept")
    assert 404 == stand.person("Bert").post(f"/chats/{chat}/transfer", {"agent": "Anna"}).status_code


def test_what_the_replaced_worker_still_does_is_noticed(tmp_path: Path) -> None:
    """A chat that it starts is offered here; one that it gave away keeps no agent here from the next."""
    stand = DeskStand(tmp_path, "[agents]\ncapacity=1\n")
    taken = stand.customer()
    stand.sweep()
    replaced = DeskStand(tmp_path, stand.ini)
    replaced.person("Bert").done(f"/chats/{taken.chat_id}/accept")
    started = replaced.customer()
    replaced.gateway.close()
    stand.gateway.store.flush()
    anna = stand.ready("Anna")
    stand.sweep()
    assert ([], []) == (anna.offers(), stand.gateway.desk.lines.unasked())
    stand.advance(RELOADS_S[0])
    assert [(started.chat_id, "queue")] == anna.offers()
    stand.gateway.close()


PARKED = {"userData[GCTI_Chat_AsyncMode]": "true"}


def test_a_parked_chat_is_in_no_queue_and_comes_back_at_the_end(stand: DeskStand) -> None:
    """Nobody is asked to take it; when its customer writes, it waits behind those who came meanwhile."""
    sleeper, anna = stand.customer(**PARKED), stand.person("Anna")
    anna.done(f"/chats/{sleeper.chat_id}/accept")
    anna.done(f"/chats/{sleeper.chat_id}/park")
    bert = stand.ready("Bert")
    stand.sweep()
    assert ([], []) == (bert.offers(), bert.get("/queues").json["items"])
    bert.put("/duty", {"ready": False})
    stand.clock.advance(1)
    other = stand.customer()
    stand.clock.advance(1)
    sleeper.send("hello again")
    places = [sleeper, other]
    shown = [anna.get(f"/chats/{each.chat_id}").json for each in places]
    assert [2, 1] == [each["queuePosition"] for each in shown]
    assert 0 == shown[0]["customerWaits"]["level"]
    stand.ready("Bert")
    stand.sweep()
    assert {(each.chat_id, "queue") for each in places} == set(bert.offers())


def test_an_offer_is_not_made_of_a_chat_that_was_parked_meanwhile(stand: DeskStand) -> None:
    """The round decided on what it saw; under the lock the chat needs nobody any more."""
    sleeper, anna = stand.customer(**PARKED), stand.person("Anna")
    anna.done(f"/chats/{sleeper.chat_id}/accept")
    anna.done(f"/chats/{sleeper.chat_id}/park")
    session = stand.gateway.store.session(sleeper.chat_id)
    assert offers.offered(session, offers.queue_offer("Bert", now_ms=0, patience_ms=1)).is_empty


def test_a_chat_that_is_brought_back_waits_as_a_new_one(tmp_path: Path) -> None:
    """In the queue of its service from now on, without the note and the refusals of its first life."""
    stand = DeskStand(tmp_path, "[settings]\nsession-restore-extend-by=esp\n")
    customer, anna, robot = stand.customer(), stand.person("Anna"), stand.person("Robot", "bot")
    chat = f"/chats/{customer.chat_id}"
    robot.done(f"{chat}/accept")
    anna.done(f"{chat}/accept")
    anna.done(f"{chat}/transfer", {"queue": "Environment:other", "note": "for the second level"})
    anna.done(f"{chat}/accept")
    anna.done(f"{chat}/close")
    stand.clock.advance(3600)
    other = stand.customer()
    stand.clock.advance(1)
    back = robot.done(f"{chat}/restore")
    assert ("Environment:default", "", 2) == (back["queue"], back["transferNote"], back["queuePosition"])
    assert 1 == anna.get(f"/chats/{other.chat_id}").json["queuePosition"]
    stand.gateway.close()
