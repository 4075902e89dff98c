"""The operator page when data is late, missing, old or hostile: each view says so in words."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser.operator.operator_stand import (
    BARE,
    VIEWS,
    OperatorStand,
    open_delivery,
    operator_stand,
    refuse,
    renew,
    row,
)
from playwright.sync_api import Page, Route, expect
from support.browser import Watch
from support.waiting import eventually
from unit.push.receiver import answer

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("fragment", "heading"), VIEWS.items())
def test_every_view_says_that_it_loads_fails_or_is_stale(
    page: Page, stand: OperatorStand, fragment: str, heading: str
) -> None:
    """Each view: loading in words, a failure with its reason and a way on, old data with its age."""
    answers, held = ["on"], []

    def play(route: Route) -> None:
        if answers[0] == "hold":
            held.append(route)
        elif answers[0] == "fail":
            refuse(route)
        else:
            route.continue_()

    page.route("**/admin/v1/**", play)
    page.route("**/readyz", play)
    page.clock.install()
    elsewhere = "#/nodes" if heading == "Configuration" else "#/config"
    stand.visit(page, elsewhere, VIEWS[elsewhere])
    answers[0] = "hold"
    page.goto(stand.url + fragment)
    page.clock.fast_forward(400)
    expect(page.get_by_text("Loading …")).to_be_visible()
    answers[0] = "fail"
    for route in held:
        refuse(route)
    failed = page.get_by_role("alert").filter(has_text=f"{heading} could not be loaded")
    expect(failed).to_contain_text("Reason: the store is full.")
    answers[0] = "on"
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".freshness")).to_contain_text("Updated")
    answers[0] = "fail"
    renew(page)
    expect(page.locator(".freshness")).to_contain_text("Stale:")
    expect(page.locator(".freshness")).to_contain_text("old, the store is full")
    expect(page.get_by_text("could not be loaded")).to_have_count(0)
    answers[0] = "on"
    renew(page)
    expect(page.locator(".freshness")).to_contain_text("Updated")


def test_empty_views(page: Page, tmp_path: Path) -> None:
    """On a gateway where nothing has happened, each list says what would appear there."""
    with operator_stand(tmp_path, template=BARE) as empty:
        for fragment, words in {
            "#/sessions": "No chat is open",
            "#/deliveries": "Nothing was to be sent yet",
            "#/overview": "fails or is switched off",
            "#/destinations": "Nothing was sent yet",
            "#/sessions?state=ended": "Nobody is connected by CometD",
        }.items():
            page.goto("about:blank")
            page.goto(empty.url + fragment)
            if page.get_by_label("Admin token").is_visible():
                page.get_by_label("Admin token").fill(empty.token)
                page.get_by_role("button", name="Sign in").click()
            expect(page.get_by_text(words)).to_be_visible()


def test_hostile_texts_stay_texts(page: Page, watch: Watch, stand: OperatorStand) -> None:
    """Markup in a nickname, a device id and a receiver's answer is shown as it is and makes no element."""
    markup = '<img src=x onerror="document.title=1">'
    stand.receiver.behaviours["/push"] = answer(404, f"<script>{markup}</script>".encode())
    customer = stand.chat(markup)
    eventually(stand.finished)
    open_delivery(page, stand, customer.chat_id)
    expect(page.locator("main")).to_contain_text(f"device-of-{markup}")
    expect(page.locator("main")).to_contain_text("<script>")
    page.get_by_role("link", name="Sessions").click()
    expect(row(page, markup)).to_be_visible()
    assert page.locator("main img, main script").count() == 0
    assert not watch.errors
