"""Widget-like customers (spec/chat-api-v2.md 7.2-7.6, 13) chat with the bot and come back after trouble."""

from __future__ import annotations

from interop.widgets import UNKNOWN_CLIENT, CometWidget, RestWidget, Screen
from support.gateway import RunningGateway

CHANNEL = "/service/chatV2/demo"


def rest(gateway: RunningGateway) -> RestWidget:
    """A started widget in REST mode."""
    widget = RestWidget(f"{gateway.url}/genesys/2/chat/demo")
    widget.start()
    return widget


def comet(gateway: RunningGateway, screen: Screen | None = None) -> CometWidget:
    """A started widget in CometD mode; `screen` is what the cookies of an earlier page remember."""
    widget = CometWidget(f"{gateway.url}/genesys/cometd", CHANNEL, screen=screen)
    widget.open()
    return widget


def test_rest_chat(demo_gateway: RunningGateway) -> None:
    """The poll loop shows a whole chat, the customer's join first, each event once."""
    widget = rest(demo_gateway)
    widget.poll()
    assert widget.screen.events[1]["type"] == "ParticipantJoined"
    widget.operate("startTyping", message="he", transcriptPosition=str(widget.screen.position))
    widget.send("hello")
    widget.poll_until("echo: hello")
    widget.send("agent-bye")
    widget.poll_until("agent-bye")
    assert widget.screen.texts() == ["hello", "echo: hello", "agent-bye"]
    assert widget.operate("disconnect")["chatEnded"] is True


def test_rest_chat_survives_gateway_kill(demo_gateway: RunningGateway) -> None:
    """Polls that fail are repeated; after kill -9 and a restart the same keys go on."""
    widget = rest(demo_gateway)
    widget.send("before")
    widget.poll_until("echo: before")
    demo_gateway.kill()
    widget.poll()
    demo_gateway.start()
    widget.send("after")
    widget.poll_until("echo: after")
    assert widget.screen.texts() == ["before", "echo: before", "after", "echo: after"]


def test_comet_chat_without_subscription(demo_gateway: RunningGateway) -> None:
    """Notifications reach a client that never subscribed, each event once, up to the end of the chat."""
    widget = comet(demo_gateway)
    assert widget.screen.events[1]["type"] == "ParticipantJoined"
    assert widget.screen.keys["chatId"]
    assert widget.screen.keys["userId"]
    widget.publish("sendMessage", message="hello")
    widget.connect_until("echo: hello")
    widget.publish("sendMessage", message="agent-bye")
    widget.connect_until_ended()
    assert widget.screen.texts() == ["hello", "echo: hello", "agent-bye"]
    assert not widget.screen.repeated
    assert not widget.screen.error_codes


def test_comet_page_reload_restores_the_chat(demo_gateway: RunningGateway) -> None:
    """A reloaded page attaches with its cookies: the next notification says that the chat goes on."""
    widget = comet(demo_gateway)
    widget.publish("sendMessage", message="before")
    widget.connect_until("echo: before")
    reloaded = Screen()
    reloaded.keys = widget.screen.keys
    reloaded.ended = True
    again = comet(demo_gateway, reloaded)
    assert again.screen.ended is False
    assert again.screen.texts() == ["before", "echo: before"]
    again.publish("sendMessage", message="after")
    again.connect_until("echo: after")
    assert not again.screen.repeated


def test_comet_chat_survives_gateway_kill(demo_gateway: RunningGateway) -> None:
    """After kill -9 the connect loop recovers, with at most the one error that widgets understand."""
    widget = comet(demo_gateway)
    widget.publish("sendMessage", message="before")
    widget.connect_until("echo: before")
    demo_gateway.kill()
    widget.connect()
    demo_gateway.start()
    widget.connect()
    widget.publish("sendMessage", message="after")
    widget.connect_until("echo: after")
    assert widget.screen.texts() == ["before", "echo: before", "after", "echo: after"]
    assert set(widget.errors) <= {UNKNOWN_CLIENT}


def test_rest_customer_may_leave_twice(demo_gateway: RunningGateway) -> None:
    """Leaving ends the chat; leaving again and asking for news say so too."""
    widget = rest(demo_gateway)
    for operation in ("disconnect", "disconnect", "refresh"):
        assert widget.operate(operation)["chatEnded"] is True


def test_comet_leave_and_disconnect_in_one_request(demo_gateway: RunningGateway) -> None:
    """The chat is over although the Bayeux session ended with the same request (7.2): a reload shows it."""
    widget = comet(demo_gateway)
    widget.leave()
    reloaded = Screen()
    reloaded.keys = widget.screen.keys
    assert comet(demo_gateway, reloaded).screen.ended is True
