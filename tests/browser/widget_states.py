"""The states of the chat widget, one after the other, and answers of the gateway changed on their way."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress

from browser.widget_stand import PATIENCE, SERVICE, Desk, HostSite, Widget, visit
from playwright.sync_api import Error, Page, Route, expect
from support.gateway import ROOT, RunningGateway

# The widget waits before it shows a place in the queue or a lost connection; the page's clock runs ahead.
QUEUE_MS = 5_100
BANNER_MS = 3_100
PICTURES = ROOT / "docs" / "screenshots"
LIMITS = {
    "upload-max-files": "5",
    "used-upload-max-files": "0",
    "upload-max-file-size": "20",
    "upload-file-types": "txt:pdf",
    "upload-need-agent": "false",
}


def own_answers(page: Page, operation: str, change: Callable[[dict], None]) -> None:
    """Let the gateway's answers to this operation be changed on their way."""

    def handle(route: Route) -> None:
        with suppress(Error):  # the page may be gone by now
            response = route.fetch()
            body = response.json()
            change(body)
            route.fulfill(response=response, json=body)

    page.route(re.compile(rf"/2/chat/.*{operation}$"), handle)


def allow_files(page: Page) -> None:
    """Limits of a gateway that takes files."""
    notice = {"type": "Notice", "text": "file-client-cfg-get", "userData": LIMITS, "from": {"type": "Client"}}
    own_answers(page, "file/limits", lambda body: body.update(messages=[notice]))


def picture(page: Page, name: str) -> None:
    """A picture for docs/widget.md; written when UPDATE_SCREENSHOTS=1."""
    if os.environ.get("UPDATE_SCREENSHOTS") == "1":
        page.wait_for_timeout(300)  # the panel fades in
        page.screenshot(path=PICTURES / f"widget-{name}.png")


class Stage:
    """Leads a widget through its states, one method each."""

    def __init__(
        self, page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
    ) -> None:
        self.page, self.widget, self.site, self.gateway, self.desk = page, widget, site, gateway, desk
        self.name = f"Jan {os.urandom(4).hex()}"
        self.chat_id = ""

    def launcher(self) -> None:
        visit(self.page, self.site, self.gateway)
        expect(self.widget.launcher).to_be_visible()

    def form(self) -> None:
        self.launcher()
        self.widget.open()
        expect(self.widget.panel.get_by_label("Your name")).to_be_visible()

    def form_fault(self) -> None:
        self.form()
        self.widget.panel.get_by_label("Email").fill("nobody")
        self.widget.panel.get_by_role("button", name="Start chat").click()
        expect(self.widget.panel.get_by_text("This is not an email address.")).to_be_visible()

    def refused(self) -> None:
        self.page.route("**/2/chat/*", lambda route: route.fulfill(status=503, body="<html>"))
        self.form()
        self.widget.panel.get_by_label("Your name").fill(self.name)
        self.widget.panel.get_by_role("button", name="Start chat").click()
        expect(self.widget.panel.get_by_role("alert").filter(has_text="could not be started")).to_be_visible()

    def queued(self) -> None:
        queue = {"position": 3, "estimatedWaitSeconds": 240}
        for operation in (SERVICE, "refresh"):
            own_answers(self.page, operation, lambda body: body.update(queue=queue))
        self.page.clock.install()
        visit(self.page, self.site, self.gateway, transport="rest")
        self.widget.start(self.name)
        self.page.clock.run_for(QUEUE_MS)
        expect(self.widget.panel.get_by_text("You are number 3 in the queue. About 4 minutes")).to_be_visible(
            timeout=PATIENCE
        )

    def chat(self) -> None:
        allow_files(self.page)
        self.launcher()
        self.widget.start(self.name)
        self.widget.uses("websocket")
        self.chat_id = self.desk.accept(self.name)
        self.desk.say(self.chat_id, "Hello! How can I help you today?")
        self.widget.sees("Hello! How can I help you today?")
        self.widget.say("My order 4711 has not arrived. Can you check where it is?")
        self.desk.say(self.chat_id, "Of course. Here is the shipment status:")
        self.desk.push(self.chat_id, "https://shop.example/track/4711")
        expect(self.widget.panel.get_by_role("link", name="shop.example/track/4711")).to_be_visible()

    def typing(self) -> None:
        self.chat()
        self.desk.typing(self.chat_id, "started")
        expect(self.widget.panel.get_by_text("Anna is typing")).to_be_visible()

    def menu(self) -> None:
        self.chat()
        self.widget.panel.get_by_role("button", name="More").click()
        expect(self.widget.panel.get_by_role("button", name="Save conversation as text")).to_be_visible()

    def asked_to_end(self) -> None:
        self.chat()
        self.widget.panel.get_by_role("button", name="Close").click()
        expect(self.widget.panel.get_by_text("End this chat?")).to_be_visible()

    def file_refused(self) -> None:
        self.chat()
        file = {"name": "photo.exe", "mimeType": "application/octet-stream", "buffer": b"MZ"}
        self.widget.panel.locator("input[type=file]").set_input_files([file])
        expect(self.widget.panel.get_by_text("This kind of file cannot be sent")).to_be_visible()

    def cut_off(self) -> None:
        self.page.clock.install()
        self.chat()
        self.page.route("**/send", lambda route: route.abort())
        self.widget.composer.fill("One more thing")
        self.widget.composer.press("Enter")
        expect(self.widget.log.get_by_text("Sending")).to_be_visible()
        self.page.clock.run_for(BANNER_MS)
        expect(self.widget.panel.get_by_text("Connection lost")).to_be_visible(timeout=PATIENCE)

    def uploading(self) -> None:
        self.chat()
        self.page.route("**/file", lambda route: None)  # it never arrives
        file = {"name": "a.txt", "mimeType": "text/plain", "buffer": b"a"}
        self.widget.panel.locator("input[type=file]").set_input_files([file])
        expect(self.widget.panel.get_by_role("progressbar")).to_be_visible()

    def message_refused(self) -> None:
        self.chat()
        self.page.evaluate("ChatWidget.send('y'.repeat(20000)).catch(() => {})")
        expect(self.widget.panel.get_by_role("alert").get_by_text("The message is too long.")).to_be_visible()

    def end_failed(self) -> None:
        self.asked_to_end()
        self.page.route("**/disconnect", lambda route: route.abort())
        self.widget.panel.get_by_role("button", name="End chat").click()
        expect(
            self.widget.panel.get_by_role("alert").get_by_text("The chat cannot be reached")
        ).to_be_visible()

    def closed(self) -> None:
        refusal = {"statusCode": 2, "chatEnded": False, "errors": [{"code": 240, "advice": "closed"}]}
        headers = {"Access-Control-Allow-Origin": self.site.url}
        self.page.route("**/2/chat/*", lambda route: route.fulfill(json=refusal, headers=headers))
        visit(self.page, self.site, self.gateway, offline="We are here from 8 to 17.")
        self.widget.open()
        self.widget.panel.get_by_label("Your name").fill(self.name)
        self.widget.panel.get_by_role("button", name="Start chat").click()
        expect(self.widget.panel.get_by_text("We are here from 8 to 17.")).to_be_visible()

    def form_loading(self) -> None:
        self.page.route("**/slow.json", lambda route: None)  # it never comes
        visit(self.page, self.site, self.gateway, form="/slow.json")
        self.widget.open()
        expect(self.widget.panel.get_by_text("Loading the form")).to_be_visible()

    def restoring(self) -> None:
        self.chat()
        self.page.route("**/refresh", lambda route: None)
        self.page.reload()
        expect(self.widget.panel.get_by_text("Getting your conversation back")).to_be_visible()

    def restore_cut_off(self) -> None:
        self.chat()
        self.page.route("**/refresh", lambda route: route.abort())
        self.page.reload()
        expect(self.widget.panel.get_by_role("button", name="Try now")).to_be_visible()

    def idle(self) -> None:
        alert = {
            "index": 90,
            "type": "IdleAlert",
            "text": "",
            "utcTime": 1_800_000_000_000,
            "from": {"nickname": "system", "participantId": 9, "type": "External"},
            "userData": {"next-idle-timer-type": "CLOSE", "next-idle-timer-secs": "45"},
        }
        self.chat()
        own_answers(self.page, "/send", lambda body: body["messages"].append(alert))
        self.widget.say("hm")
        expect(self.widget.panel.get_by_role("alertdialog", name="Are you still there?")).to_be_visible()

    def ended(self) -> None:
        self.chat()
        self.desk.close(self.chat_id)
        expect(self.widget.panel.get_by_role("button", name="Start a new chat")).to_be_visible()

    def expired(self) -> None:
        self.chat()
        address = self.page.url
        self.page.goto("about:blank")
        self.desk.close(self.chat_id)
        self.page.goto(address)
        expect(self.widget.panel.get_by_text("Your earlier chat has ended")).to_be_visible()


STATES = [name for name in vars(Stage) if not name.startswith("_")]
