"""What our own widget is told beside the transcript: its place in the queue, how far the agents have read.

Notifications with `messages: []` and a member `queue` or `readPosition`, only for sessions whose handshake
had `ext.gateway: true` (decision 19); foreign clients never see one.
They are hints: the same members are in REST answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.chat.notices import Notice
from gateway.comet.frames import event_message
from gateway.comet.hub import Hub
from gateway.model import payload


class SideNotes:
    """Sends them through the hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def placed(self, chat_id: str, position: int, estimate_s: int | None) -> None:
        """The chat's place in its queue has changed."""
        self._send(chat_id, {"queue": {"position": position, "estimatedWaitSeconds": estimate_s}})

    def tell(self, notice: Notice) -> None:
        """The agents have read on."""
        if notice.kind == "read" and notice.chat_id is not None and notice.detail.get("by") == "agent":
            self._send(notice.chat_id, {"readPosition": notice.detail["position"]})

    def _send(self, chat_id: str, members: Mapping[str, Any]) -> None:
        for attachment in self._hub.attachments_to(chat_id):
            if attachment.session.gateway_ext:
                data = _body(attachment.identity, attachment.cursor, members)
                self._hub.send(attachment.session, event_message(attachment.channel_json, data))


def _body(identity: payload.Identity, cursor: int, members: Mapping[str, Any]) -> bytes:
    return payload.answer(identity, (), next_position=cursor + 1, chat_ended=False, extra=members)
