"""The operator page: the log of notifications, one of them in full, sending again and taking back."""

from __future__ import annotations

import re
import time

import pytest
from browser.operator.operator_stand import OperatorStand, open_delivery, pill
from playwright.sync_api import Page, Route, expect
from support.waiting import eventually
from unit.push.receiver import answer

pytestmark = pytest.mark.browser


def test_list(page: Page, stand: OperatorStand) -> None:
    """A notification has time, chat, event, channel, status, attempts and latency; none has a next try."""
    ann = stand.customers[0]
    stand.visit(page, f"#/deliveries?chatId={ann.chat_id}", "Deliveries")
    newest = page.get_by_role("table", name="Notifications").locator("tbody tr").first
    clock, latency = r"^\d\d:\d\d:\d\d$", r"^[\d.]+ m?s$"
    expected = {
        "Time": re.compile(clock),
        "Chat": ann.chat_id,
        "Event": "Message",
        "Channel": "customhttp",
        "Status": "✕ failed 404",
        "Attempts": "1",
        "Latency": re.compile(latency),
        "Next try": "–",
    }
    for label, value in expected.items():
        expect(newest.locator(f"td[data-label='{label}']")).to_have_text(value)


def test_filters_are_in_the_address(page: Page, stand: OperatorStand) -> None:
    """Choosing a filter changes the address; the address alone shows the same list to somebody else."""
    stand.visit(page, "#/deliveries", "Deliveries")
    page.get_by_label("State").select_option("dead letters")
    expect(page).to_have_url(f"{stand.url}#/deliveries?state=dead")
    expect(page.locator("tbody tr").first).to_contain_text("failed")
    expect(page.locator("tbody .pill.good")).to_have_count(0)
    page.get_by_label("Provider").fill("acme")
    page.get_by_label("Provider").press("Enter")
    expect(page.get_by_text("No notification fits the filters")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Provider")).to_have_value("acme")
    expect(page.get_by_label("State")).to_have_value("dead")
    page.get_by_role("button", name="Clear filters").click()
    expect(page.locator("tbody .pill.good").first).to_be_visible()


def test_filter_by_the_last_answer(page: Page, stand: OperatorStand) -> None:
    """Those whose last attempt was answered with 4xx, or with 2xx; the address holds the choice."""
    sent = stand.chat("Answered", provider="acme")
    eventually(stand.finished)
    stand.visit(page, f"#/deliveries?chatId={sent.chat_id}", "Deliveries")
    page.get_by_label("Last answer").select_option("2xx")
    expect(page.locator("tbody .pill.good").first).to_be_visible()
    assert "statusClass=2xx" in page.url
    page.get_by_label("Last answer").select_option("no answer")
    expect(page.get_by_text("No notification fits the filters")).to_be_visible()
    page.goto(f"{stand.url}#/deliveries?statusClass=4xx")
    expect(page.get_by_label("Last answer")).to_have_value("4xx")
    expect(page.locator("tbody tr").first).to_be_visible()
    expect(page.locator("tbody .pill.good")).to_have_count(0)


def test_live_tail(page: Page, stand: OperatorStand) -> None:
    """With the tail on, a new notification appears within two seconds; the usual renewal comes after five."""
    customer = stand.chat("Tail", provider="acme")
    page.clock.install()
    stand.visit(page, f"#/deliveries?chatId={customer.chat_id}", "Deliveries")
    page.get_by_role("button", name="Live tail").click()
    expect(page.get_by_role("button", name="Live tail")).to_have_attribute("aria-pressed", "true")
    page.clock.pause_at(time.time() + 1)
    expect(page.locator(".freshness")).to_contain_text("Updated")
    before = page.locator("tbody tr").count()
    stand.agent.send(customer.chat_id, "news")
    page.clock.run_for(2000)
    expect(page.locator("tbody tr")).to_have_count(before + 1)


def test_pages(page: Page, stand: OperatorStand) -> None:
    """Older ones are a page further, which has no tail; the way back leads to the newest."""
    customer = stand.chat("Pages", provider="acme")
    for text in ("one", "two"):
        stand.agent.send(customer.chat_id, text)
    page.route("**/admin/v1/deliveries?*", lambda route: route.continue_(url=f"{route.request.url}&limit=2"))
    stand.visit(page, f"#/deliveries?chatId={customer.chat_id}", "Deliveries")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(2)
    page.get_by_role("link", name="Older").click()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("ParticipantJoined")
    expect(page.get_by_role("button", name="Live tail")).to_have_count(0)
    page.get_by_role("link", name="Newest").click()
    expect(rows).to_have_count(2)


def test_delivery_detail_replay(page: Page, stand: OperatorStand) -> None:
    """Attempts grow with each replay, secrets are masked, and a replay that arrives is marked as manual."""
    customer = stand.chat("Replay")
    eventually(stand.finished)
    id_ = open_delivery(page, stand, customer.chat_id)
    attempts = page.get_by_role("table", name="Attempts").locator("tbody tr")
    expect(attempts).to_have_count(1)
    expect(pill(page)).to_contain_text("failed 404")
    expect(page.locator("pre[aria-label=Body]")).to_contain_text('"deviceId": "device-of-Replay"')
    expect(page.locator(".headers")).to_contain_text("webhook-signature")
    assert not [secret for secret in ("operators-secret", customer.secure_key) if secret in page.content()]
    replay = page.get_by_role("button", name="Replay", exact=True)
    replay.click()
    expect(page.get_by_text("It is sent again")).to_be_visible()
    expect(attempts).to_have_count(2)
    stand.receiver.behaviours["/push"] = answer(200, b"thanks")
    replay.click()
    expect(attempts).to_have_count(3)
    expect(pill(page)).to_contain_text("delivered 200")
    expect(page.get_by_text("2 asked for manually")).to_be_visible()
    expect(attempts.nth(0)).to_contain_text("schedule")
    for replayed in (1, 2):
        expect(attempts.nth(replayed)).to_contain_text("manual, Olga")
    posted = [one for one in stand.receiver.got("/push") if one.headers["webhook-id"] == id_]
    assert len(posted) == 3


def test_answer_is_shown_up_to_its_bound(page: Page, stand: OperatorStand) -> None:
    """Of a long answer the first 8 KB are shown, and how long it was."""
    stand.receiver.behaviours["/later"] = answer(200, b"wait " * 2000)
    customer = stand.chat("Long", provider="later")
    eventually(stand.finished)
    open_delivery(page, stand, customer.chat_id)
    page.get_by_text("the first 8,192 of 10,000 characters").click()
    expect(page.get_by_label("Answer to attempt 1")).to_have_text("wait " * 1638 + "wa …")


def test_replays_from_before_they_were_recorded(page: Page, stand: OperatorStand) -> None:
    """Of an upgraded gateway's notification it stays open which attempts were asked for."""
    customer = stand.chat("Upgraded", provider="acme")
    eventually(stand.finished)

    def play(route: Route) -> None:
        route.fulfill(json=route.fetch().json() | {"replays": 1})

    page.route(re.compile(r"/admin/v1/deliveries/\w"), play)
    open_delivery(page, stand, customer.chat_id)
    expect(page.get_by_role("table", name="Attempts")).to_contain_text("not recorded")


def test_replay_window(page: Page, stand: OperatorStand) -> None:
    """The count is exact, a double click sends each once, and what arrived before is not sent again."""
    stand.receiver.behaviours["/later"] = answer(404, b"not yet")
    customer = stand.chat("Window", provider="later")
    for text in ("one", "two", "three"):
        stand.agent.send(customer.chat_id, text)
    path = f"/deliveries?chatId={customer.chat_id}&state=failed"
    eventually(stand.finished)
    failed = len(stand.get(path)["items"])  # type: ignore[arg-type]
    assert failed == 4  # the agent's joining and the messages
    stand.receiver.behaviours["/later"] = answer(200)
    before = len(stand.receiver.got("/later"))
    stand.visit(page, f"#/deliveries?chatId={customer.chat_id}", "Deliveries")
    page.get_by_role("button", name="Replay a window").click()
    dialog = page.get_by_role("dialog", name="Replay a window")
    expect(dialog.get_by_role("button", name="Replay", exact=True)).to_be_disabled()
    dialog.get_by_role("button", name="Count").click()
    expect(dialog.get_by_text(f"{failed} notifications would be sent again.")).to_be_visible()
    dialog.get_by_role("button", name=f"Replay {failed}").dblclick()
    expect(dialog.get_by_text(f"{failed} notifications will be sent again.")).to_be_visible()
    eventually(stand.finished)
    assert len(stand.receiver.got("/later")) == before + failed
    dialog.get_by_role("button", name="Count").click()
    expect(dialog.get_by_text("No notification fits")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("button", name="Replay a window")).to_be_focused()


def test_replay_of_a_large_window_shows_its_progress(page: Page, stand: OperatorStand) -> None:
    """One request sends 10,000 at most: the next follows by itself, and the sum so far is shown meanwhile."""
    asked: list[Route] = []

    def play(route: Route) -> None:
        asked.append(route)
        if len(asked) < 3:  # the count, and the first ten thousand
            dry = "dryRun" in (route.request.post_data or "")
            result = {"matched": 10_000, "replayed": 0 if dry else 10_000, "more": True, "dryRun": dry}
            route.fulfill(json=result)

    page.route("**/admin/v1/deliveries/replay", play)
    stand.visit(page, "#/deliveries", "Deliveries")
    page.get_by_role("button", name="Replay a window").click()
    dialog = page.get_by_role("dialog", name="Replay a window")
    dialog.get_by_role("button", name="Count").click()
    expect(dialog.get_by_text("More than 10,000 notifications would be sent again.")).to_be_visible()
    with page.expect_request(lambda _: len(asked) == 2):  # the request after the second
        dialog.get_by_role("button", name="Replay 10,000+").click()
    expect(dialog.get_by_text("10,000 notifications queued …")).to_be_visible()
    asked[2].fulfill(json={"matched": 5, "replayed": 5, "more": False, "dryRun": False})
    expect(dialog.get_by_text("10,005 notifications will be sent again.")).to_be_visible()


def test_cancel(page: Page, stand: OperatorStand) -> None:
    """A notification that waits behind one that hangs is cancelled after a question, and never sent."""
    customer = stand.chat("Cancel", provider="acme")
    eventually(stand.finished)
    stand.receiver.behaviours["/acme"] = stand.receiver.hang
    try:
        stand.agent.send(customer.chat_id, "hangs")
        stand.agent.send(customer.chat_id, "waits")
        open_delivery(page, stand, customer.chat_id)
        expect(pill(page)).to_contain_text("waiting")
        expect(page.locator(".facts").first).to_contain_text("Next try")
        page.get_by_role("link", name="← Deliveries").click()
        waiting = page.locator("tbody tr").first
        expect(waiting.locator("td[data-label='Next try']")).to_have_text(re.compile(r"^\d\d:\d\d:\d\d$"))
        waiting.locator("a").click()
        page.get_by_role("button", name="Cancel delivery").click()
        page.get_by_role("dialog").get_by_role("button", name="Cancel delivery").click()
        expect(page.get_by_text("It is cancelled.")).to_be_visible()
        expect(pill(page)).to_contain_text("skipped")
    finally:
        stand.receiver.behaviours["/acme"] = answer(200)
        stand.receiver.released.set()
    eventually(stand.finished)
    assert not [one for one in stand.receiver.got("/acme") if b"waits" in one.body]
