"""Customers who wait for a reply: what counts as one, what the consoles are told, and when."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from desk_stand import DeskStand

from gateway.chat.notices import Notice

INI = "[chat.sales]\nendpoint=Environment:sales\ncustomer_waits_warning=5\ncustomer_waits_alarm=10\n"


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[DeskStand]:
    stand = DeskStand(tmp_path, INI)
    yield stand
    stand.gateway.close()


@pytest.fixture
def told(stand: DeskStand) -> list[Notice]:
    """What the consoles are told about waiting customers."""
    heard: list[Notice] = []
    stand.gateway.desk.on_notice(heard.append)
    return heard


def levels(told: list[Notice]) -> list[int]:
    return [notice.detail["level"] for notice in told if notice.kind == "customer-waits"]


def test_each_level_is_told_once_to_the_agent_and_overseers(stand: DeskStand, told: list[Notice]) -> None:
    """Level 1, level 2, and 0 with the answer: to the agent of the chat and to supervisors, nobody else."""
    anna, customer = stand.person("Anna"), stand.customer()
    anna.done(f"/chats/{customer.chat_id}/accept")
    customer.send("hello?")
    for _ in range(30):
        stand.advance(5)
    anna.done(f"/chats/{customer.chat_id}/messages", {"text": "here"})
    stand.advance(5)
    assert [1, 2, 0] == levels(told)
    (first, *_) = [notice for notice in told if notice.kind == "customer-waits"]
    assert (customer.chat_id, {"Anna"}, True) == (first.chat_id, set(first.to), first.overseers)


def test_thresholds_are_options_of_the_service(stand: DeskStand, told: list[Notice]) -> None:
    """[chat.sales] warns after 5 s and alarms after 10 s; the chats of other services keep their 60 s."""
    anna = stand.person("Anna")
    customers = [stand.customer(service=service) for service in ("sales", "support")]
    for customer in customers:
        anna.done(f"/chats/{customer.chat_id}/accept")
        customer.send("hello?")
    stand.advance(6)
    stand.advance(6)
    assert [1, 2] == levels(told)
    assert {customers[0].chat_id} == {one.chat_id for one in told if one.kind == "customer-waits"}


def test_a_whisper_is_no_answer(stand: DeskStand, told: list[Notice]) -> None:
    """What the customer does not hear ends no wait; that he writes again does not begin it anew."""
    anna, customer = stand.person("Anna"), stand.customer()
    anna.done(f"/chats/{customer.chat_id}/accept")
    customer.send("hello?")
    stand.advance(40)
    anna.done(f"/chats/{customer.chat_id}/whispers", {"text": "what shall I say?"})
    customer.send("anybody?")
    stand.advance(30)
    assert [1] == levels(told)


def test_the_end_of_a_chat_ends_the_wait(stand: DeskStand, told: list[Notice]) -> None:
    """The customer leaves: nobody waits any more."""
    anna, customer = stand.person("Anna"), stand.customer()
    anna.done(f"/chats/{customer.chat_id}/accept")
    customer.send("hello?")
    stand.advance(61)
    customer.call("disconnect")
    stand.advance(61)
    assert 0 == anna.get(f"/chats/{customer.chat_id}").json["customerWaits"]["level"]
    assert 2 not in levels(told)
