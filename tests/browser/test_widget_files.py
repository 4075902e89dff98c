"""Files from the chat widget to the agent, and back."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator

import pytest
from browser.widget_stand import PATIENCE, Desk, HostSite, Widget, visit
from browser.widget_states import allow_files
from playwright.sync_api import FilePayload, Locator, Page, Route, expect
from support.gateway import QUIET, RunningGateway

pytestmark = pytest.mark.browser

SIZE = 300_000
# Slow enough for several reports of the progress (bytes per second).
SLOW = 150_000
INI = f"""{QUIET}[cometd]
timeout=2000
[client-file-transfer]
upload-max-files=2
upload-max-file-size={SIZE}
upload-max-total-size={2 * SIZE}
upload-file-types=txt:pdf:png
upload-need-agent=false
"""
# Shares of the file that the widget has reported as sent, in order.
WATCH_PROGRESS = """() => { window.shares = [];
  new MutationObserver(() => {
    const bar = document.querySelector("chat-widget").shadowRoot.querySelector("progress");
    if (bar && bar.value !== shares.at(-1)) shares.push(bar.value);
  }).observe(document.querySelector("chat-widget").shadowRoot, { subtree: true, childList: true }); }"""


@pytest.fixture(scope="module")
def files_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """A gateway that takes two small files in a chat."""
    with RunningGateway(tmp_path_factory.mktemp("gateway"), INI) as running:
        yield running


def payload(name: str, content: bytes) -> FilePayload:
    """A file as chosen by a person."""
    return {"name": name, "mimeType": "application/octet-stream", "buffer": content}


def chooser(widget: Widget) -> Locator:
    """Where files are chosen; it is there as soon as the gateway has told its limits."""
    expect(widget.panel.get_by_role("button", name="Attach a file")).to_be_visible()
    return widget.panel.locator("input[type=file]")


def test_20_file_reaches_the_agent_unchanged_and_one_comes_back(
    page: Page, widget: Widget, site: HostSite, files_gateway: RunningGateway
) -> None:
    """A file goes up with its progress shown, the agent gets the same bytes; the agent's file comes down,
    and if it does not, the customer is told.
    """
    desk = Desk(files_gateway)
    visit(page, site, files_gateway)
    widget.start("Wanda")
    chat_id = desk.accept("Wanda")
    content = b"first line\n" + os.urandom(SIZE // 2).hex().encode()[: SIZE - 11]
    page.evaluate(WATCH_PROGRESS)
    network = page.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": SLOW}
    network.send("Network.enable")
    network.send("Network.emulateNetworkConditions", slow)
    chooser(widget).set_input_files([payload("order.txt", content)])
    own = widget.log.get_by_role("button", name="Download order.txt")
    expect(own).to_be_visible(timeout=PATIENCE)
    shares = page.evaluate("shares")
    assert shares == sorted(shares)
    assert [share for share in shares if 0 < share < 1]
    name, received = desk.file(chat_id)
    assert name == "order.txt"
    assert hashlib.sha256(received).hexdigest() == hashlib.sha256(content).hexdigest()
    sent = desk.send_file(chat_id, "invoice.txt", b"The invoice.\n")
    with page.expect_download() as download:
        widget.log.get_by_role("button", name="Download invoice.txt").click()
    assert download.value.suggested_filename == "invoice.txt"
    assert download.value.path().read_bytes() == sent
    page.route("**/download", lambda route: route.abort())
    widget.log.get_by_role("button", name="Download invoice.txt").click()
    told = widget.panel.get_by_role("alert").get_by_text("The chat cannot be reached.")
    expect(told).to_be_visible()
    page.unroute("**/download")
    with page.expect_download():
        widget.log.get_by_role("button", name="Download invoice.txt").click()
    expect(told).to_be_hidden()


def test_20_each_limit_has_its_message(
    page: Page, widget: Widget, site: HostSite, files_gateway: RunningGateway
) -> None:
    """Too big, a wrong type and too many are told before anything is sent; files within the limits go on."""
    desk = Desk(files_gateway, "Berta")
    uploads: list[str] = []
    page.on("request", lambda request: uploads.append(request.url) if request.url.endswith("/file") else None)
    visit(page, site, files_gateway)
    widget.start("Wilma")
    chat_id = desk.accept("Wilma")
    refused = [
        (payload("big.txt", b"x" * (SIZE + 1)), "The file is too large. At most 293 kB can be sent."),
        (payload("a.exe", b"x"), "This kind of file cannot be sent. Possible are: txt, pdf, png."),
    ]
    for file, told in refused:
        chooser(widget).set_input_files([file])
        expect(widget.panel.get_by_role("alert").get_by_text(told)).to_be_visible()
        widget.panel.get_by_role("button", name="Discard").click()
    assert not uploads
    chooser(widget).set_input_files([payload("one.txt", b"1"), payload("two.txt", b"2")])
    for name in ("one.txt", "two.txt"):
        expect(widget.log.get_by_role("button", name=f"Download {name}")).to_be_visible(timeout=PATIENCE)
    chooser(widget).set_input_files([payload("three.txt", b"3")])
    expect(widget.panel.get_by_text("No more files can be sent in this chat.")).to_be_visible()
    assert len(uploads) == 2
    assert sorted(desk.file_names(chat_id)) == ["one.txt", "two.txt"]


def test_20_what_only_the_gateway_can_see_is_told_as_well(
    page: Page, widget: Widget, site: HostSite, files_gateway: RunningGateway
) -> None:
    """A file whose content is not what its name says is refused by the gateway; the customer reads why."""
    desk = Desk(files_gateway, "Carla")
    visit(page, site, files_gateway)
    widget.start("Wenke")
    chat_id = desk.accept("Wenke")
    chooser(widget).set_input_files([payload("picture.png", b"MZ\x90\x00 not a picture")])
    expect(widget.panel.get_by_role("alert").get_by_text("This kind of file cannot be sent")).to_be_visible()
    assert desk.file_names(chat_id) == []


def test_20_an_upload_can_be_cancelled_and_tried_again(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """A failed upload can be tried again, one that runs can be cancelled."""
    allow_files(page)
    visit(page, site, gateway)
    widget.start("Willi")
    desk.accept("Willi")
    uploads: list[str] = []

    def upload(route: Route) -> None:
        uploads.append(route.request.url)
        if len(uploads) == 1:
            return route.abort()
        if len(uploads) == 3:
            return None  # it hangs
        answer = {"statusCode": 0, "chatEnded": False, "messages": [], "userData": {"file-id": "f1"}}
        return route.fulfill(json=answer, headers={"Access-Control-Allow-Origin": site.url})

    page.route("**/file", upload)
    chooser(widget).set_input_files([payload("ok.txt", b"fine")])
    widget.panel.get_by_role("button", name="Try again").click()
    expect(widget.log.get_by_text("ok.txt")).to_have_count(0)
    assert len(uploads) == 2
    chooser(widget).set_input_files([payload("slow.txt", b"slow")])
    widget.panel.get_by_role("button", name="Cancel").click()
    expect(widget.log.get_by_text("slow.txt")).to_have_count(0)
    expect(widget.composer).to_be_focused()


def test_20_without_permission_nothing_about_files_is_shown(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway
) -> None:
    """A gateway that takes no files has no button for them, and sendFile is refused with its code."""
    visit(page, site, gateway)
    widget.start("Xaver")
    expect(widget.panel.get_by_role("button", name="Attach a file")).to_be_hidden()
    code = page.evaluate("ChatWidget.sendFile(new File(['x'], 'a.txt')).catch((error) => error.code)")
    assert code == "205"
