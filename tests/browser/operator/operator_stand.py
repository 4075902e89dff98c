"""A gateway with something for an operator to see: chats, connected customers, and receivers that fail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests
from playwright.sync_api import Locator, Page, Route, expect
from support.clients import Agent, LongPoll, Rest, WebSocket
from support.gateway import RunningGateway
from support.waiting import eventually
from unit.push.receiver import Receiver, answer

INI = """[limits]
enabled=false
[log]
level=warning
[chat]
push_notification_include_payload=true
[chat.billing]
push_notification_include_payload=false
[cometd]
timeout=20000
[push]
pushEnabled=comet,customhttp
allowed_networks=127.0.0.0/8
log_bodies=all
customhttp.url={url}/push
customhttp.message=You have a new message
customhttp.authorization=Bearer operators-secret
[push.provider.acme]
customhttp.url={url}/acme
[push.provider.gone]
customhttp.url={url}/gone
[push.provider.later]
customhttp.url={url}/later
"""
# What the environment says wins over the file.
ENV = {"GATEWAY__PUSH__CUSTOMHTTP_MESSAGE": "Said by the environment"}
# Nothing is configured to be sent to.
BARE = INI.partition("[push]")[0]
BUSY = (
    b'{"error": "maintenance", "retry": "later", "seen": "Bearer operators-secret"}\n' + b"please wait. " * 40
)
VIEWS = {
    "#/overview": "Overview",
    "#/sessions": "Sessions",
    "#/deliveries": "Deliveries",
    "#/destinations": "Destinations",
    "#/nodes": "Nodes",
    "#/config": "Configuration",
}
# Milliseconds until an expectation must hold.
PATIENCE = 15_000


@dataclass
class OperatorStand:
    """The gateway, its receiver (`/push` fails, `/gone` is 410, others work) and an admin token."""

    gateway: RunningGateway
    receiver: Receiver
    token: str
    agent: Agent
    customers: list[Rest] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The page."""
        return f"{self.gateway.url}/operator/"

    def get(self, path: str) -> dict[str, object]:
        """A read of /admin/v1."""
        headers = {"Authorization": f"Bearer {self.token}"}
        found = requests.get(f"{self.gateway.url}/admin/v1{path}", headers=headers, timeout=10)
        assert found.status_code == 200, found.text
        return dict(found.json())

    def states(self) -> list[str]:
        """The state of every notification."""
        return [item["state"] for item in self.get("/deliveries?limit=200")["items"]]  # type: ignore[attr-defined]

    def chat(self, nickname: str, *, provider: str = "", service: str = "support") -> Rest:
        """A chat of a customer with a device, taken by the agent; both have notifications."""
        data = {
            "GCTI_Chat_PushSubscribe": "true",
            "GCTI_GMS_NodeGroup": "gms-cluster",
            "GCTI_GMS_PushDeviceId": f"device-of-{nickname}",
            "GCTI_GMS_PushDeviceType": "customhttp",
            "GCTI_GMS_PushProvider": provider,
        }
        pairs = {f"userData[{name}]": value for name, value in data.items() if value}
        customer = Rest(self.gateway.url, service=service, nickname=nickname, **pairs)
        self.agent.accept(customer.chat_id)
        self.customers.append(customer)
        return customer

    def finished(self) -> bool:
        """Whether nothing is waiting or in flight."""
        return not {"queued", "leased"} & set(self.states())

    def sign_in(self, page: Page, fragment: str = "", *, token: str | None = None) -> None:
        """Open the page at a view and sign in."""
        page.goto(self.url + fragment)
        page.get_by_label("Admin token").fill(token or self.token)
        page.get_by_role("button", name="Sign in").click()

    def visit(self, page: Page, fragment: str, heading: str) -> None:
        """A view, signed in, with its first data."""
        self.sign_in(page, fragment)
        expect(page.get_by_role("heading", level=1, name=heading, exact=True)).to_be_visible()
        expect(page.locator(".freshness")).to_contain_text("Updated", timeout=PATIENCE)


@contextmanager
def operator_stand(directory: Path, *, template: str = INI) -> Iterator[OperatorStand]:
    """The stand, empty."""
    with Receiver() as receiver:
        receiver.behaviours["/push"] = answer(404, BUSY)
        receiver.behaviours["/gone"] = answer(410, b"gone for good")
        ini = template.format(url=receiver.url("").rstrip("/"))
        with RunningGateway(directory, ini, env=ENV) as gateway:
            token = gateway.token("admin", "Olga")
            yield OperatorStand(gateway, receiver, token, Agent(gateway.url, gateway.token("agent", "Eve")))


@contextmanager
def populated(stand: OperatorStand) -> Iterator[None]:
    """Chats, notifications of every outcome, and two customers on CometD."""
    for nickname, provider in (("Ann", ""), ("Maria", "acme"), ("Sam", "gone")):
        customer = stand.chat(nickname, provider=provider)
        stand.agent.send(customer.chat_id, f"Hello {nickname}, how can I help?")
    Rest(stand.gateway.url, service="billing", nickname="Lee")
    socket, poll = WebSocket(stand.gateway.ws_url), LongPoll(stand.gateway.url)
    for client, nickname in ((socket, "Wanda"), (poll, "Paul")):
        client.handshake()
        client.request_chat(nickname=nickname)
    eventually(stand.finished, what="all notifications finished")
    yield
    socket.close()


def row(page: Page, text: str) -> Locator:
    """The table row that holds this text."""
    return page.locator("tbody tr").filter(has_text=text)


def pill(page: Page, label: str = "Status") -> Locator:
    """The value beside a name."""
    return page.locator(".facts > div").filter(has=page.locator("dt", has_text=label)).locator(".pill").first


def renew(page: Page) -> None:
    """Let the page's clock jump to the next renewal of its view; the clock must have been installed."""
    page.clock.fast_forward(5000)


def refuse(route: Route) -> None:
    """The answer of a gateway whose store does not write."""
    route.fulfill(status=503, content_type="application/json", body='{"detail": "the store is full"}')


def open_delivery(page: Page, stand: OperatorStand, chat_id: str, heading: str = "Delivery") -> str:
    """Open the newest notification of a chat from the list; its id."""
    stand.visit(page, f"#/deliveries?chatId={chat_id}", "Deliveries")
    page.locator("tbody tr a").first.click()
    expect(page.get_by_role("heading", level=1, name=heading)).to_be_visible()
    expect(pill(page)).to_be_visible()
    return page.url.rpartition("/")[2].partition("?")[0]
