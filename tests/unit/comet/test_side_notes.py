"""Queue and read positions for our own widget (decision 19)."""

from __future__ import annotations

from typing import Any

import pytest
from unit.comet.comet_stand import Poller, Stand

from gateway.chat.notices import Notice
from gateway.comet.side_notes import SideNotes


def chatting(stand: Stand, **ext: Any) -> Poller:
    """A polling customer with a chat."""
    poller = Poller(stand)
    poller.handshake(**ext)
    poller.request_chat()
    return poller


def empty(poller: Poller) -> list[dict[str, Any]]:
    """Notifications without messages that wait for this client."""
    data = [message["data"] for message in poller.connect() if "data" in message]
    return [one for one in data if one["messages"] == []]


@pytest.mark.parametrize("ext", [{}, {"gateway": "true"}, {"gateway": False}, {"gateway": {}}])
def test_foreign_clients_get_nothing(stand: Stand, ext: dict[str, Any]):
    """Only `ext.gateway: true` asks for them."""
    poller = chatting(stand, **ext)
    SideNotes(stand.hub).placed(poller.chat_id, 2, 60)
    assert [] == empty(poller)


def test_our_widget_is_told(stand: Stand):
    """The place with its estimate, then how far the agents have read; the envelope is the usual one."""
    poller, notes = chatting(stand, gateway=True), SideNotes(stand.hub)
    notes.placed(poller.chat_id, 2, 60)
    notes.tell(Notice("read", poller.chat_id, detail={"by": "agent", "position": 4}))
    notes.tell(Notice("read", poller.chat_id, detail={"by": "customer", "position": 3}))
    notes.tell(Notice("chat", poller.chat_id, detail={"by": "agent"}))
    (place, read) = empty(poller)
    assert {"position": 2, "estimatedWaitSeconds": 60} == place["queue"]
    assert 4 == read["readPosition"]
    assert (0, False, "deprecated", 2) == (
        place["statusCode"],
        place["chatEnded"],
        place["chatId"],
        place["nextPosition"],
    )
    assert "secureKey" not in place
