"""Earlier chats of the same customer: which ones, in which order, and who finds them."""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from desk_stand import Customer, DeskStand, Person

ANN, OTHER = "Ann.Lee@Shop.example", "ben@shop.example"


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[DeskStand]:
    stand = DeskStand(tmp_path, "[limits]\nenabled=false\n")
    yield stand
    stand.gateway.close()


def come(stand: DeskStand, email: str = ANN, **fields: str) -> Customer:
    """A customer with this address, a second after the one before."""
    stand.clock.advance(1)
    return stand.customer(emailAddress=email, **fields)


def ended(stand: DeskStand, by: Person, email: str = ANN) -> str:
    """A chat that this person had and closed, to be found."""
    chat_id = come(stand, email).chat_id
    by.done(f"/chats/{chat_id}/accept")
    by.done(f"/chats/{chat_id}/close")
    stand.gateway.archive.sweep()
    return chat_id


def found(person: Person, chat_id: str, query: str = "") -> list[str]:
    answer = person.get(f"/chats/{chat_id}/history{query}")
    assert 200 == answer.status_code, answer.text
    return [chat["chatId"] for chat in answer.json["items"]]


def test_the_same_address_newest_first(stand: DeskStand) -> None:
    """Whatever its case; not the chat itself, not later ones, not those of a similar address."""
    anna = stand.person("Anna")
    first, second = ended(stand, anna), ended(stand, anna, ANN.lower())
    ended(stand, anna, "ann.lee@shop.example.org")
    ended(stand, anna, OTHER)
    now = come(stand).chat_id
    ended(stand, anna)
    assert [second, first] == found(anna, now)
    shown = anna.get(f"/chats/{now}/history").json["items"][0]
    assert ("ended", ANN.lower(), None) == (shown["state"], shown["email"], shown["me"])


def test_it_widens_nobody_s_rights(stand: DeskStand) -> None:
    """An agent finds the chats that it took part in and can read each of them, a supervisor finds all."""
    anna, bert, sara = stand.person("Anna"), stand.person("Bert"), stand.person("Sara", "supervisor")
    hers, his = ended(stand, anna), ended(stand, bert)
    now = come(stand).chat_id
    bert.done(f"/chats/{now}/accept")
    assert [his] == found(bert, now)
    assert (200, 403) == tuple(bert.get(f"/chats/{chat}/events").status_code for chat in (his, hers))
    assert [his, hers] == found(sara, now)


def test_search_finds_what_its_reader_may_open(stand: DeskStand) -> None:
    """By the words of one message: an agent its own chats, also under another's name, a supervisor all."""
    anna, bert, sara = stand.person("Anna"), stand.person("Bert"), stand.person("Sara", "supervisor")
    chats = {}
    for by in (anna, bert):
        chat_id = chats[by] = come(stand).chat_id
        by.done(f"/chats/{chat_id}/accept")
        by.done(f"/chats/{chat_id}/messages", {"text": "The invoice is on its way"})
        by.done(f"/chats/{chat_id}/close")
    stand.gateway.archive.sweep()

    def search(person: Person, **query: str) -> list[str]:
        answer = person.get(f"/transcripts?{urlencode(query)}")
        assert 200 == answer.status_code, answer.text
        return [chat["chatId"] for chat in answer.json["items"]]

    assert [chats[anna]] == search(anna, text="invoice way")
    assert [chats[bert], chats[anna]] == search(sara, text="INVOI")
    assert [] == search(anna, text="invoice", agent="Bert")
    assert [chats[bert]] == search(sara, customer="ann.lee", agent="bert", state="ended")
    assert [] == search(sara, text="nobody said this")
    assert 403 == stand.person("Robot", "bot").get("/transcripts").status_code
    assert 422 == anna.get("/transcripts?state=asleep").status_code


def test_who_may_not_ask(stand: DeskStand) -> None:
    """The chat of another agent is 403, so is any chat for a bot; an unknown chat is 404."""
    anna, robot = stand.person("Anna"), stand.person("Robot", "bot")
    ended(stand, anna)
    now = come(stand).chat_id
    assert 403 == robot.get(f"/chats/{now}/history").status_code
    anna.done(f"/chats/{now}/accept")
    assert 403 == stand.person("Carl").get(f"/chats/{now}/history").status_code
    assert 404 == anna.get("/chats/nothing/history").status_code


def test_without_an_address_nobody_is_the_same(stand: DeskStand) -> None:
    """Two customers who gave no address have nothing in common."""
    anna = stand.person("Anna")
    ended(stand, anna, "")
    assert [] == found(anna, come(stand, "").chat_id)


def test_pages(stand: DeskStand) -> None:
    """Following the cursor gives every chat once, in order, and ends with null; some are left out."""
    anna, bert = stand.person("Anna"), stand.person("Bert")
    hers = [ended(stand, by) for by in (anna, bert, anna, bert, anna)][::2]
    now = come(stand).chat_id
    seen, cursor, pages = [], None, 0
    while pages == 0 or cursor is not None:
        query = f"?limit=2&cursor={cursor}" if cursor else "?limit=2"
        page = anna.get(f"/chats/{now}/history{query}").json
        assert len(page["items"]) <= 2
        seen += [chat["chatId"] for chat in page["items"]]
        cursor, pages = page["cursor"], pages + 1
    assert (hers[::-1], 3) == (seen, pages)
    assert 422 == anna.get(f"/chats/{now}/history?limit=0").status_code
    assert 422 == anna.get(f"/chats/{now}/history?cursor=x").status_code
