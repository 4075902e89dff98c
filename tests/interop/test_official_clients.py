"""The official CometD and Faye clients hold a chat with the demo bot, undisturbed and through every fault.

A scenario is played by all clients at once, each in its own process, chat and (if any) proxy, because most of
it is waiting; each client is then judged by a test of its own. A client's failure is raised in its test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import takewhile
from operator import itemgetter
from pathlib import Path

import pytest
from interop.official import (
    CLIENTS,
    Backstage,
    Client,
    Customer,
    Event,
    out_of_order,
    repetitions,
    without_typing,
)
from support.fault_proxy import FaultProxy, Mode
from support.gateway import RunningGateway
from support.waiting import eventually

pytestmark = pytest.mark.npm
each_client = pytest.mark.parametrize("client", CLIENTS, ids=str)

GREETING = "Grüße, 你好, 😀 & <b>+%</b>"
AWAY = "while you were away"


@dataclass
class Part:
    """What one client did in a scenario; `failure` is the first thing that went wrong for it."""

    customer: Customer
    proxy: FaultProxy | None = None
    chat_id: str = ""
    stored: list[Event] = field(default_factory=list)
    failure: AssertionError | None = None


class Play:
    """A scenario with all clients; the steps go on for those that have not failed."""

    def __init__(self, parts: dict[Client, Part], backstage: Backstage) -> None:
        self.parts = parts
        self.backstage = backstage

    def each(self, step: Callable[[Part], None]) -> None:
        """Do a step for each client that is still well."""
        for part in self.parts.values():
            if part.failure is None:
                try:
                    step(part)
                except AssertionError as failure:
                    part.failure = failure

    def talk(self, text: str) -> None:
        """Every customer says something and hears the bot repeat it."""
        self.each(lambda part: part.customer.say(text))
        self.each(lambda part: part.customer.hear_echo(text))

    def join(self) -> None:
        """The test takes part in every chat, to speak while the customer cannot be reached."""

        def accept(part: Part) -> None:
            part.chat_id = self.backstage.join([part.customer.nickname])[part.customer.nickname]

        self.each(accept)

    def speak(self) -> None:
        """Say something to every customer from behind."""
        self.each(lambda part: self.backstage.say(part.chat_id, AWAY))

    def end(self) -> None:
        """The bot closes every chat; what is stored is noted, then the clients disconnect."""
        self.each(lambda part: part.customer.say("agent-bye"))
        self.each(lambda part: part.customer.hear_end())
        self.each(self._note)
        self.each(lambda part: part.customer.stop())

    def _note(self, part: Part) -> None:
        part.stored = self.backstage.stored(part.chat_id)


@contextmanager
def play(gateway: RunningGateway, scripts: Path, name: str, *, proxied: bool = False) -> Iterator[Play]:
    """All clients connected, each in a chat that the test has joined."""
    with ExitStack() as stack:
        parts = {}
        for client in CLIENTS:
            proxy = stack.enter_context(FaultProxy(gateway.port)) if proxied else None
            url = proxy.url if proxy else gateway.url
            customer = Customer(client, scripts=scripts, url=url, nickname=f"{name} {client}")
            stack.callback(customer.kill)
            parts[client] = Part(customer, proxy)
        scene = Play(parts, Backstage(gateway, name))
        scene.each(lambda part: part.customer.wait(part.customer.frames, "the first notification"))
        scene.join()
        yield scene


def judge(part: Part) -> None:
    """Every stored event was seen exactly once, as it is stored; repetitions only after the fault."""
    if part.failure is not None:
        raise part.failure
    customer = part.customer
    assert part.stored == sorted(without_typing(customer.events()), key=itemgetter("index"))
    assert [] == out_of_order(customer.client.transport, customer.frames())
    repeated = repetitions(customer.healthy_frames())
    assert not repeated, f"{repeated} delivered more than once although nothing was broken: {customer.lines}"
    # A library that learns late that it is connected again may ask for a chat that is over by then.
    living = takewhile(lambda frame: not frame["chatEnded"], customer.frames())
    refused = [frame for frame in living if frame["statusCode"] != 0]
    assert not refused, f"{refused} among {customer.lines}"
    # Later a library may fall back: Faye does when the gateway is away.
    assert customer.client.transport == customer.of("said")[0]["transport"]


def once(texts: Iterable[str]) -> list[str]:
    """Faye sends a message again whose acknowledgement got lost: two events, which the API cannot prevent."""
    return list(dict.fromkeys(texts))


@pytest.fixture(scope="module")
def undisturbed(demo_gateway: RunningGateway, npm_packages: Path) -> dict[Client, Part]:
    """A chat in which nothing happens but chatting."""
    with play(demo_gateway, npm_packages, "calm") as scene:
        scene.talk("one")
        scene.talk(GREETING)
        scene.end()
        return scene.parts


@pytest.fixture(scope="module")
def restarted(demo_gateway: RunningGateway, npm_packages: Path) -> dict[Client, Part]:
    """The gateway is killed with -9 in the middle and started again."""
    with play(demo_gateway, npm_packages, "restart") as scene:
        scene.talk("before")
        scene.each(lambda part: part.customer.fault_begins())
        demo_gateway.kill()
        scene.each(lambda part: part.customer.wait(partial(part.customer.of, "lost"), "the loss"))
        demo_gateway.start()
        scene.speak()
        scene.each(lambda part: part.customer.hear(AWAY))
        scene.talk("after")
        scene.end()
        return scene.parts


@pytest.fixture(
    scope="module", params=[mode for mode in Mode if mode is not Mode.PASS], ids=lambda mode: mode.value
)
def dropped(
    request: pytest.FixtureRequest, demo_gateway: RunningGateway, npm_packages: Path
) -> dict[Client, Part]:
    """Each client's connection is broken in one way, something is said meanwhile, the network heals."""
    mode: Mode = request.param
    with play(demo_gateway, npm_packages, mode.value, proxied=True) as scene:
        scene.talk("before")
        scene.each(partial(_break, mode=mode))
        scene.speak()
        scene.each(partial(_heal, mode=mode))
        scene.each(lambda part: part.customer.hear(AWAY))
        scene.talk("after")
        scene.end()
        return scene.parts


def _break(part: Part, *, mode: Mode) -> None:
    assert part.proxy is not None
    if mode is not Mode.DELAY:  # slowness excuses nothing
        part.customer.fault_begins()
    part.proxy.switch(mode)


def _heal(part: Part, *, mode: Mode) -> None:
    assert part.proxy is not None
    if mode in (Mode.BLACK_HOLE, Mode.BLACK_HOLE_UP, Mode.BLACK_HOLE_DOWN):
        eventually(lambda: part.proxy.swallowed, what=f"{part.customer.nickname}: data lost on the way")
    if mode is not Mode.DELAY:
        part.proxy.switch(Mode.PASS)


@each_client
def test_full_chat(undisturbed: dict[Client, Part], client: Client) -> None:
    """A chat from request to the bot's farewell: each event once, complete, identical to what is stored."""
    judge(undisturbed[client])
    said = ["one", "echo: one", GREETING, f"echo: {GREETING}", "agent-bye"]
    assert said == undisturbed[client].customer.texts()


@each_client
def test_survives_gateway_kill(restarted: dict[Client, Part], client: Client) -> None:
    """After kill -9 and a restart the chat goes on by itself, without a lost or doubled event."""
    judge(restarted[client])
    said = ["before", "echo: before", AWAY, "after", "echo: after", "agent-bye"]
    assert said == once(restarted[client].customer.texts())


@each_client
def test_survives_dropped_connection(dropped: dict[Client, Part], client: Client) -> None:
    """What was said while the connection was cut, swallowed or slow arrives once, and the chat goes on."""
    judge(dropped[client])
    said = ["before", "echo: before", AWAY, "after", "echo: after", "agent-bye"]
    assert said == once(dropped[client].customer.texts())
