"""What tests of the agent console share: a gateway with people and customers, and the console's parts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect
from support.clients import Rest
from support.gateway import RunningGateway

# Milliseconds until an expectation must hold.
PATIENCE = 15_000
PASSWORD = "correct horse battery"
SERVICE = "support"
INI = """[limits]
enabled=false
[log]
level=warning
[cometd]
timeout=2000
[agents]
offer_timeout={offer_timeout}
login_attempts_per_minute=1000
[chat]
customer_waits_warning=3600
customer_waits_alarm=7200
[chat.support]
dispositions=solved,call back,spam
[chat.hurried]
customer_waits_warning=2
customer_waits_alarm=5
[chat.billing]
endpoint=Environment:billing
[settings]
flex-disconnect-timeout=86400
"""


@dataclass
class ConsoleStand:
    """The gateway; people are made when they are first named."""

    gateway: RunningGateway
    admin: str
    people: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The console."""
        return f"{self.gateway.url}/console/"

    def person(self, name: str, role: str = "agent", **terms: Any) -> str:
        """An account with the password PASSWORD; its name."""
        if name not in self.people:
            body = {"name": name, "role": role, "password": PASSWORD, **terms}
            self._admin("POST", "/accounts", body)
            self.people[name] = role
        return name

    def token(self, name: str, role: str = "agent") -> str:
        """A bearer token of this account."""
        if name not in self.tokens:
            self.person(name, role)
            self.tokens[name] = str(self._admin("POST", "/tokens", {"name": name, "role": role})["token"])
        return self.tokens[name]

    def customer(self, nickname: str, *, service: str = SERVICE, **fields: str) -> Rest:
        """A customer who waits."""
        return Rest(self.gateway.url, service=service, nickname=nickname, **fields)

    def call(self, name: str, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """What a person does without a console; the answer's JSON."""
        headers = {"Authorization": f"Bearer {self.token(name)}"}
        answer = requests.request(
            method, f"{self.gateway.url}/agent/v1{path}", json=body, headers=headers, timeout=10
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def clear(self) -> None:
        """End every open chat, so that the next test finds none, and nobody is ready."""
        self.token("Zoe", "supervisor")
        for chat in self.call("Zoe", "GET", "/transcripts?state=open&limit=100")["items"]:
            self.call("Zoe", "POST", f"/chats/{chat['chatId']}/close")
        for name in self.people:
            if self.call(name, "GET", "/duty")["ready"]:
                self.call(name, "PUT", "/duty", {"ready": False})

    def _admin(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.admin}"}
        answer = requests.request(
            method, f"{self.gateway.url}/admin/v1{path}", json=body, headers=headers, timeout=10
        )
        assert answer.status_code in (200, 201), answer.text
        return dict(answer.json())


@contextmanager
def console_stand(directory: Path, *, offer_timeout: int = 60) -> Iterator[ConsoleStand]:
    """A gateway without chats."""
    with RunningGateway(directory, INI.format(offer_timeout=offer_timeout)) as gateway:
        yield ConsoleStand(gateway, gateway.token("admin", "Olga"))


@dataclass(frozen=True)
class Console:
    """The console in a page, as an agent finds it: by role and name."""

    stand: ConsoleStand
    page: Page
    name: str

    @property
    def offered(self) -> Locator:
        return self.page.locator(".offers")

    @property
    def waiting(self) -> Locator:
        return self.page.locator("nav.lists section").nth(1)

    @property
    def mine(self) -> Locator:
        return self.page.locator("nav.lists section").nth(2)

    @property
    def log(self) -> Locator:
        return self.page.get_by_role("log")

    @property
    def composer(self) -> Locator:
        return self.page.locator("#composer")

    @property
    def toast(self) -> Locator:
        return self.page.locator("#toasts")

    @property
    def heading(self) -> Locator:
        return self.page.locator(".pane-head h2")

    def item(self, nickname: str) -> Locator:
        """A chat in the lists."""
        return self.page.locator("nav.lists li").filter(has=self.page.locator(".who", has_text=nickname))

    def open(self, nickname: str) -> None:
        """Show the chat of this customer."""
        self.item(nickname).locator("a").click()
        expect(self.heading).to_have_text(nickname)

    def accept(self, nickname: str) -> None:
        """Take a waiting chat from the list."""
        self.page.get_by_role("button", name=f"Accept {nickname}", exact=True).click()
        expect(self.heading).to_have_text(nickname)
        expect(self.composer).to_be_focused()

    def say(self, text: str) -> None:
        """Send, and see it confirmed."""
        self.composer.fill(text)
        self.composer.press("Enter")
        sent = self.log.locator("li.own", has_text=text)
        expect(sent).to_have_count(1)
        expect(sent.get_by_text("Sending")).to_have_count(0)

    def sees(self, text: str) -> None:
        """A bubble with exactly this text is there once."""
        expect(self.log.locator(".bubble").get_by_text(text, exact=True)).to_have_count(1)

    def live(self) -> None:
        """Wait until live events flow: the feed's session has shaken hands."""
        expect(self.page.locator("html[data-link=live]")).to_have_count(1)

    def act(self, label: str) -> None:
        """Press a button above the chat."""
        self.page.locator(".pane-head").get_by_role("button", name=label, exact=True).click()


def sign_in(stand: ConsoleStand, page: Page, name: str, *, role: str = "agent", hash_: str = "") -> Console:
    """The console of this person, with its lists."""
    stand.person(name, role)
    page.goto(stand.url + hash_)
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(".duty")).to_contain_text("eady")
    return Console(stand, page, name)


@dataclass
class Desks:
    """Opens consoles in browsers of their own and closes them in the end."""

    stand: ConsoleStand
    browser: Browser
    contexts: list[BrowserContext] = field(default_factory=list)

    def page(self, **options: Any) -> Page:
        """A page of somebody else."""
        settings = {"viewport": {"width": 1280, "height": 800}, "locale": "en-GB", **options}
        context = self.browser.new_context(**settings)
        context.set_default_timeout(PATIENCE)
        self.contexts.append(context)
        return context.new_page()

    def __call__(self, name: str, role: str = "agent", **options: Any) -> Console:
        """The console of this person."""
        return sign_in(self.stand, self.page(**options), name, role=role)

    def close(self) -> None:
        """Close them all."""
        for context in self.contexts:
            context.close()
