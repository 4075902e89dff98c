"""A very long chat: `make test ARGS="-m nightly tests/browser"`."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from browser.widget_stand import Desk, HostSite, Widget, visit
from playwright.sync_api import CDPSession, Page, expect
from support.gateway import RunningGateway

pytestmark = [pytest.mark.browser, pytest.mark.nightly]

MESSAGES = 2_000
WARM = 500
# Milliseconds until the page has shown a part of the messages, on a busy machine.
PATIENCE = 120_000
# Bytes of heap for one more message: the event with its texts. Measured: about 150, with 3,000 nodes in all.
# A message that kept its place in the document would need some thousands.
HEAP_PER_MESSAGE = 1_000
# The log shows the newest 400 items, each a handful of elements.
MOST_NODES = 6_000


@dataclass(frozen=True)
class Weight:
    """What a page holds after garbage collection; `nodes` counts those outside the document as well."""

    heap: int
    nodes: int
    listeners: int


def weigh(devtools: CDPSession) -> Weight:
    """Collect garbage and measure."""
    devtools.send("HeapProfiler.collectGarbage")
    counters = devtools.send("Memory.getDOMCounters")
    heap = devtools.send("Runtime.getHeapUsage")["usedSize"]
    return Weight(int(heap), counters["nodes"], counters["jsEventListeners"])


def test_48_memory_soak(
    page: Page, widget: Widget, site: HostSite, gateway: RunningGateway, desk: Desk
) -> None:
    """After 2,000 messages there are as many nodes and listeners as after 500; the heap grew by the texts."""
    page.set_default_timeout(PATIENCE)
    visit(page, site, gateway)
    widget.start("Xenia")
    widget.uses("websocket")
    chat_id = desk.accept("Xenia")
    devtools = page.context.new_cdp_session(page)
    devtools.send("HeapProfiler.enable")

    def reach(number: int, first: int) -> Weight:
        for each in range(first, number + 1):
            desk.say(chat_id, f"message {each}")
        expect(widget.bubbles.last).to_have_text(f"message {number}", timeout=PATIENCE)
        return weigh(devtools)

    warm = reach(WARM, 1)
    full = reach(MESSAGES, WARM + 1)
    assert len(widget.indexes()) == MESSAGES + 2
    assert full.nodes <= min(warm.nodes * 1.1, MOST_NODES)
    assert full.listeners <= warm.listeners * 1.1
    assert full.heap - warm.heap <= (MESSAGES - WARM) * HEAP_PER_MESSAGE
