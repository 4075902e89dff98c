"""Every CometD operation and error code against the golden table, over long-polling and websocket."""

from __future__ import annotations

import pytest
from wire.cometd.cometd_clients import CHANNEL, AgentApi, Client
from wire.cometd.cometd_golden import CASES, Case, masked


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_golden(case: Case, client: Client, alice: AgentApi):
    """The ack and the notifications are exactly the documented ones (7.3, 7.4, 9)."""
    if case.data["operation"] != "requestChat":
        client.request_chat()
    for step in case.before:
        if step == "agent":
            alice.accept_last()
        else:
            client.publish("disconnect")
        client.connect(), client.connect()
    messages = client.publish(**case.data)
    ack, *notifications = messages
    assert ack == {"channel": CHANNEL, "id": ack["id"], "successful": True}
    assert [set(message) for message in notifications] == [{"channel", "data"}] * len(notifications)
    assert {message["channel"] for message in messages} == {CHANNEL}
    assert [masked(message["data"]) for message in notifications] == case.notifications
