"""Ways back: after a restart, after a lost session, and none after a goodbye (spec/chat-api-v2.md 7.6)."""

from __future__ import annotations

import pytest
from unit.chat.engine import ALICE
from unit.comet.comet_stand import Poller, Socket, Stand, events, texts

from gateway.comet.resume import KEEP_MS
from gateway.errors import Unavailable

ORIGIN = "https://shop.example"


def in_chat(stand: Stand, *, browser: str | None = "b", origin: str = ORIGIN) -> Poller:
    """A client in a chat with an agent, everything so far confirmed."""
    client = Poller(stand, browser=browser, origin=origin)
    client.handshake()
    client.request_chat()
    stand.engine.agents.accept(ALICE, client.chat_id)
    client.connect(), client.connect()
    return client


def say(client, text: str) -> None:
    client.stand.engine.agents.send(ALICE, client.chat_id, text)


def test_a_restart_is_not_noticed(stand: Stand):
    """7.6 a: same client id, no 402, and everything that was not confirmed is delivered."""
    client = in_chat(stand)
    say(client, "before")
    stand.restart()
    say(client, "after")
    assert texts(client.connect()) == ["before", "after"]
    assert texts(client.connect()) == []


def test_expired_sessions_come_back_as_well(stand: Stand):
    """A swept session is resumable for some minutes."""
    client = in_chat(stand)
    stand.tick(76)
    assert client.id not in stand.machine.sessions
    say(client, "later")
    assert texts(client.connect()) == ["later"]


def test_too_old_is_402(stand: Stand):
    """After the keeping time the client is unknown; the purge removes the record."""
    client = in_chat(stand)
    stand.tick(76)
    stand.engine.clock.advance(KEEP_MS / 1000 + 1)
    assert client.connect()[0]["error"] == "402::Unknown client"
    stand.resume.purge()
    assert stand.engine.store.comet(client.id) is None


def test_extension_state_and_subscriptions_survive():
    """ack mode, binding and broadcast subscriptions are those of before."""
    stand = Stand("[cometd]\nbroadcast_channels=/news\n")
    client = Poller(stand, browser="b")
    client.handshake(ack=True, gateway=True)
    client.operation("requestChat", firstName="A", lastName="B")
    client.send("/meta/subscribe", subscription="/news")
    stand.hub._dirty[client.id] = client.session
    stand.restart()
    assert client.connect()[-1]["ext"]["ack"] == 1
    session = client.session
    assert (session.ack, session.gateway_ext, session.subscriptions) == (True, True, {"/news"})
    stranger = Poller(stand, browser="other")
    stranger.id = client.id
    assert stranger.connect()[0]["error"] == "402::Unknown client"


@pytest.mark.parametrize("restart", [False, True])
def test_a_goodbye_is_final(stand: Stand, restart: bool):
    """After /meta/disconnect the id is unknown, also when the session was revived before or later."""
    client = in_chat(stand)
    stand.resume.save()
    if restart:
        stand.restart()
        client.connect()
    client.send("/meta/disconnect")
    assert client.connect()[0]["error"] == "402::Unknown client"
    assert stand.engine.store.comet(client.id) is None


def test_a_revived_session_whose_chat_is_purged_can_say_goodbye(stand: Stand):
    """Its record goes although no attachment is left."""
    client = in_chat(stand)
    chat = client.chat_id
    stand.resume.save()
    stand.restart()
    stand.engine.store.purge(chat)
    client.connect()
    client.send("/meta/disconnect")
    assert client.connect()[0]["error"] == "402::Unknown client"


def test_a_dropped_session_stays_dead(stand: Stand):
    """An id that was taken away on purpose gets 402 at its next message, for good."""
    client = in_chat(stand)
    stand.hub.drop(client.session, "test")
    for _ in range(2):
        assert client.connect()[0]["error"] == "402::Unknown client"


def heir_of(client: Poller, *, browser: str | None = "b", origin: str = ORIGIN) -> Poller:
    """The client after the loss of its session: a new handshake, nothing published."""
    heir = Poller(client.stand, browser=browser, origin=origin)
    heir.handshake()
    heir.secure_key = client.secure_key
    return heir


def test_check_33_the_silent_client_gets_its_chat_back(stand: Stand):
    """7.6 b: at the second connect, everything after the last confirmed index."""
    client = in_chat(stand)
    say(client, "missed")
    stand.hub.drop(client.session, "test")
    heir = heir_of(client)
    assert events(heir.connect()) == []
    assert texts(heir.connect()) == ["missed"]
    say(client, "next")
    assert texts(heir.connect()) == ["next"]
    assert stand.engine.store.comet(client.id) is None


@pytest.mark.parametrize(
    ("browser", "origin"), [("other", ORIGIN), (None, ORIGIN), ("b", "https://evil.example"), ("b", "")]
)
def test_only_the_same_browser_and_origin_inherit(stand: Stand, browser: str | None, origin: str):
    """Neither another cookie nor another page gets the chat."""
    client = in_chat(stand)
    stand.hub.drop(client.session, "test")
    heir = heir_of(client, browser=browser, origin=origin)
    heir.connect(), heir.connect()
    assert heir.session.sources == []


def test_a_client_that_spoke_for_itself_inherits_nothing(stand: Stand):
    """Before any chat publish only: a refresh must not be followed by events (8.5)."""
    client = in_chat(stand)
    stand.hub.drop(client.session, "test")
    heir = heir_of(client)
    heir.operation("refresh", transcriptPosition=-1)
    heir.connect(), heir.connect()
    assert heir.session.sources == []


def test_a_chat_with_another_listener_is_not_inherited(stand: Stand):
    """Only a chat that nobody receives."""
    client = in_chat(stand)
    tab = heir_of(client)
    tab.operation("requestNotifications")
    stand.hub.drop(client.session, "test")
    heir = heir_of(client)
    heir.connect(), heir.connect()
    assert heir.session.sources == []


def test_an_ended_chat_is_not_inherited(stand: Stand):
    """There is nothing to go on with."""
    client = in_chat(stand)
    stand.hub.drop(client.session, "test")
    stand.engine.customers.leave(stand.engine.customers.by_key(client.secure_key))
    heir = heir_of(client)
    heir.connect(), heir.connect()
    assert heir.session.sources == []


def test_a_living_session_is_not_robbed(stand: Stand):
    """A second tab of the same browser takes nothing from the first."""
    client = in_chat(stand)
    stand.resume.save()
    heir = heir_of(client)
    heir.connect(), heir.connect()
    assert (heir.session.sources, len(client.session.sources)) == ([], 1)


def test_background_remembers_what_the_app_has(stand: Stand):
    """/meta/disconnect with ext.transcriptPosition: the chat goes on, later events from there (check 19)."""
    client = in_chat(stand)
    for text in ("a", "b"):
        say(client, text)
    assert texts(client.connect()) == ["a", "b"]
    chat = client.chat_id
    client.send("/meta/disconnect", ext={"transcriptPosition": "5"})
    assert not stand.engine.presence.is_live(chat)
    say(client, "c")
    back = Poller(stand)
    back.handshake()
    back.secure_key = client.secure_key
    back.operation("sendMessage", message="again")
    assert texts(back.connect()) == ["c", "again"]


@pytest.mark.parametrize("position", ["x", -5, None, [], "99999", 0])
def test_odd_background_positions(stand: Stand, position: object):
    """Nonsense and positions beyond what was delivered confirm nothing that was not sent."""
    client = in_chat(stand)
    say(client, "a")
    assert client.send("/meta/disconnect", ext={"transcriptPosition": position})[0]["successful"] is True
    back = Poller(stand)
    back.handshake()
    back.secure_key = client.secure_key
    back.operation("sendMessage", message="b")
    assert texts(back.connect()) == ["a", "b"]


def failing(*_: object) -> None:
    raise Unavailable("closed")


def test_ends_of_sessions_do_not_depend_on_the_store(stand: Stand, monkeypatch: pytest.MonkeyPatch):
    """Expiry, drop and goodbye happen although nothing can be saved."""
    first, second, third = (in_chat(stand, browser=name) for name in "abc")
    monkeypatch.setattr(stand.engine.store, "save_comet", failing)
    monkeypatch.setattr(stand.engine.store, "forget_comet", failing)
    stand.hub.drop(first.session, "test")
    second.session.memo["stored"] = True
    assert second.send("/meta/disconnect")[0]["successful"] is True
    stand.tick(76)
    assert stand.machine.sessions == {}
    assert third.id not in stand.machine.sessions


def test_unsaved_cursors_are_saved_later(stand: Stand, monkeypatch: pytest.MonkeyPatch):
    """A failed save forgets nothing of what it should have saved."""
    clients = [in_chat(stand, browser=name) for name in "abc"]
    with monkeypatch.context() as patch:
        patch.setattr(stand.engine.store, "save_comet", failing)
        stand.tick(1)
    stand.tick(1)
    assert all(stand.engine.store.comet(client.id) for client in clients)


def test_a_websocket_that_died_is_continued_by_another(stand: Stand):
    """Everything unconfirmed comes again over the new socket, each event once."""
    client = Socket(stand)
    client.handshake()
    client.request_chat()
    stand.engine.agents.accept(ALICE, client.chat_id)
    client.received()
    again = Socket(stand)
    again.id, again.secure_key = client.id, client.secure_key
    # The server has not noticed the death: the old socket is replaced.
    messages = again.send("/meta/connect", advice={"timeout": 0})
    messages += again.send("/meta/connect")
    assert events(messages) == [(2, "ParticipantJoined")]
    assert not client.is_open
    say(again, "x")
    assert texts(again.received()) == ["x"]
    assert again.session.held is not None


def test_a_replaced_socket_loses_no_unacknowledged_message():
    """With the ack extension also messages that exist nowhere else come again (spec/bayeux.md 10)."""
    stand = Stand("[cometd]\nbroadcast_channels=/news\n")
    client = Socket(stand)
    client.handshake(ack=True)
    client.send("/meta/subscribe", subscription="/news")
    client.send("/meta/connect", ext={"ack": 0})
    client.send("/meta/connect", ext={"ack": 1})
    client.send("/news", data="only copy")
    again = Socket(stand)
    again.id = client.id
    again.send("/meta/unsubscribe", subscription="/news")
    messages = again.send("/meta/connect", ext={"ack": 1}, advice={"timeout": 0})
    assert [message.get("data") for message in messages] == ["only copy", None]


def test_ack_over_websocket_numbers_events_in_one_frame(stand: Stand):
    """Events and the connect reply that numbers them cannot be separated (spec/bayeux.md 10)."""
    client = Socket(stand)
    client.handshake(ack=True)
    client.send("/meta/connect", ext={"ack": 0})
    client.send("/meta/connect", ext={"ack": 1})
    messages = client.operation("requestChat", firstName="A", lastName="B")
    client.secure_key = (
        messages[-2]["data"]["secureKey"] if len(messages) > 2 else messages[1]["data"]["secureKey"]
    )
    client.send("/meta/connect", ext={"ack": 2})
    stand.engine.agents.accept(ALICE, client.chat_id)
    (frame,) = client.frames()
    assert [message["channel"].split("/")[1] for message in frame] == ["service", "meta"]
    assert frame[1]["ext"]["ack"] == 3
