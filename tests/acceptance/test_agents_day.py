"""A day of one agent and one supervisor through the public API of a real gateway, and of its customers.

The parts are in the order of the day, and each builds on the one before.
"""

# ruff: noqa: SIM300 - the house order is expected == actual

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from support.clients import LongPoll, Rest
from support.gateway import RunningGateway
from support.waiting import eventually

PASSWORD = "a day at the desk"
INI = """
[chat.support]
dispositions=solved,spam
[agents]
capacity=3
offer_timeout=600
[limits]
enabled=false
"""
IDLE = (
    "[inactivity-control]\nenabled=true\ntimeout-alert=2\ntimeout-alert2=0\ntimeout-close=2\n"
    "message-alert=still there?\nmessage-close=good bye\n"
)
PDF, SIGNED = b"%PDF-1.7\nan offer", b"%PDF-1.7\nsigned"


class Console:
    """A browser: cookie, token against forgery, live events over long-polling."""

    def __init__(self, url: str, name: str) -> None:
        self.url = url
        self.http = requests.Session()
        self.http.headers["Origin"] = url
        body = {"name": name, "password": PASSWORD}
        answer = self.http.post(f"{url}/agent/v1/login", json=body, timeout=20)
        assert 200 == answer.status_code, answer.text
        self.http.headers["X-CSRF-Token"] = answer.json()["csrfToken"]
        self.live = LongPoll(url)
        self.live.channel = "/service/agent"
        reply = self.live.handshake(agent={"token": self.call("POST", "/ticket")["token"]})
        assert reply["successful"], reply

    def call(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        answer = self.raw(method, f"/agent/v1{path}", json=body)
        assert status == answer.status_code, answer.text
        return answer.json()

    def raw(self, method: str, path: str, **request: Any) -> requests.Response:
        """Anything of the gateway, as the HTTP response."""
        return self.http.request(method, self.url + path, timeout=20, **request)

    def hears(self, kind: str, chat_id: str | None = None) -> Any:
        """Poll until a frame of this type (of this chat) has come; the frame."""

        def heard() -> Any:
            self.live.poll(0.2)
            for frame in self.live.notifications:
                if frame["type"] == kind and chat_id in (None, frame["chatId"]):
                    return frame
            return None

        return eventually(heard)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with RunningGateway(tmp_path_factory.mktemp("day"), INI) as running:
        yield running


def part_morning(gateway: RunningGateway) -> tuple[Console, Console, Console]:
    """The administrator makes accounts, people log in, the agents become ready."""
    admin = requests.Session()
    admin.headers["Authorization"] = f"Bearer {gateway.token('admin', 'Root')}"
    for name, role in (("Anna", "agent"), ("Bert", "agent"), ("Sara", "supervisor")):
        body = {"name": name, "role": role, "password": PASSWORD}
        assert 200 == admin.post(f"{gateway.url}/admin/v1/accounts", json=body, timeout=20).status_code
    anna, bert, sara = (Console(gateway.url, name) for name in ("Anna", "Bert", "Sara"))
    assert anna.call("PUT", "/duty", {"ready": True})["capacity"] == 3
    return anna, bert, sara


def part_four_chats(gateway: RunningGateway, anna: Console) -> list[Rest]:
    """Three are offered up to her capacity, the fourth waits and is told its position."""
    customers = []
    for name, email in (("Ann", "ann@shop.example"), ("Ben", ""), ("Cid", ""), ("Dan", "ANN@shop.example")):
        customers.append(Rest(gateway.url, nickname=name, emailAddress=email))
    for customer in customers[:3]:
        assert "queue" == anna.hears("offer", customer.chat_id)["detail"]["kind"]
        anna.call("POST", f"/chats/{customer.chat_id}/accept")
        anna.call("POST", f"/chats/{customer.chat_id}/messages", {"text": "Good morning"})
    last = customers[3]
    assert 1 == last.call("refresh", transcriptPosition=1)["queue"]["position"]
    last.call("startTyping", message="anybody th")
    anna.call("POST", "/canned-replies", {"shortcut": "hi", "text": "Hello {name}"})
    assert ["hi"] == [each["shortcut"] for each in anna.call("GET", "/canned-replies")["items"]]
    return customers


def part_typing_preview(anna: Console, customer: Rest) -> None:
    """The agent sees what the customer is typing."""
    customer.call("startTyping", message="my order num")
    frame = eventually(
        lambda: next(
            (
                each["event"]
                for each in (anna.live.poll(0.2), anna.live.notifications)[1]
                if each["event"] and each["event"]["type"] == "TypingStarted"
            ),
            None,
        )
    )
    assert "my order num" == frame["text"]


def part_transfer(anna: Console, bert: Console, customer: Rest) -> None:
    """To Bert, with a note; the customer sees one agent come and the other go."""
    bert.call("GET", "/me")
    body = {"agent": "Bert", "note": "speaks Dutch"}
    anna.call("POST", f"/chats/{customer.chat_id}/transfer", body)
    assert "speaks Dutch" == bert.hears("offer", customer.chat_id)["detail"]["note"]
    bert.call("POST", f"/chats/{customer.chat_id}/accept")
    assert anna.hears("offer-ended", customer.chat_id)["detail"]["accepted"] is True
    shown = [(each["type"], each["from"]["nickname"]) for each in customer.events()[-2:]]
    assert [("ParticipantJoined", "Bert"), ("ParticipantLeft", "Anna")] == shown


def part_consultation(anna: Console, bert: Console, customer: Rest) -> None:
    """Bert advises Anna; the customer gets nothing of it, over REST and over CometD."""
    live = LongPoll(customer.base.split("/genesys")[0])
    live.handshake()
    live.publish("requestNotifications", secureKey=customer.secure_key, transcriptPosition=0)
    before = customer.events()
    anna.call("POST", f"/chats/{customer.chat_id}/consult", {"agent": "Bert"})
    bert.hears("offer", customer.chat_id)
    bert.call("POST", f"/chats/{customer.chat_id}/accept")
    bert.call("POST", f"/chats/{customer.chat_id}/whispers", {"text": "offer him ten per cent"})
    bert.call("POST", f"/chats/{customer.chat_id}/leave")
    anna.call("POST", f"/chats/{customer.chat_id}/messages", {"text": "You get ten per cent"})
    eventually(lambda: live.poll(0.2) and "You get ten" in str(live.events()))
    assert "offer him" not in str(live.events())
    assert ["You get ten per cent"] == [each["text"] for each in customer.events()[len(before) :]]
    seen = anna.call("GET", f"/chats/{customer.chat_id}/events")["items"]
    assert any(each.get("visibility") == "agents" and "offer him" in each.get("text", "") for each in seen)


def part_supervision(anna: Console, sara: Console, customer: Rest) -> None:
    """Sara listens, whispers to Anna, and then joins openly."""
    sara.call("POST", f"/chats/{customer.chat_id}/monitor")
    assert customer.send("is anybody there?")["monitored"] is True
    sara.call("POST", f"/chats/{customer.chat_id}/whispers", {"text": "slow down"})
    assert "slow down" not in str(customer.events())
    sara.call("POST", f"/chats/{customer.chat_id}/barge-in")
    assert "Supervisor" == customer.events()[-1]["from"]["type"]
    assert customer.send("hello")["monitored"] is False
    sara.call("POST", f"/chats/{customer.chat_id}/leave")


def part_files(anna: Console, customer: Rest) -> None:
    """A file from the agent to the customer and one back; both arrive as they were sent."""
    files = f"/agent/v1/chats/{customer.chat_id}/files"
    uploaded = anna.raw("POST", files, files={"file": ("offer.pdf", PDF)})
    assert 200 == uploaded.status_code, uploaded.text
    told = customer.events()[-1]
    assert ("FileUploaded", uploaded.json()["file"]["fileId"]) == (told["type"], told["userData"]["file-id"])
    assert PDF == customer.post(f"file/{told['userData']['file-id']}/download").content
    sent = customer.upload("signed.pdf", SIGNED)
    assert 0 == sent["statusCode"], sent
    assert SIGNED == anna.raw("GET", f"{files}/{sent['userData']['file-id']}").content
    assert ["offer.pdf", "signed.pdf"] == [each["name"] for each in anna.raw("GET", files).json()["items"]]


def part_wrap_up(anna: Console, customer: Rest) -> None:
    """The customer leaves; Anna notes, says how it ended, and leaves."""
    customer.call("disconnect")
    chat = f"/chats/{customer.chat_id}"
    assert "wrap-up" == anna.call("GET", chat)["state"]
    anna.call("POST", f"{chat}/notes", {"text": "will call again"})
    anna.call("PUT", f"{chat}/disposition", {"code": "bored"}, status=422)
    anna.call("PUT", f"{chat}/disposition", {"code": "solved"})
    anna.call("POST", f"{chat}/leave")


def part_crash(gateway: RunningGateway, anna: Console, done: Rest, offered: Rest) -> Console:
    """Kill -9 with an open offer: it is there afterwards, so are note, disposition, login and readiness."""
    anna.hears("offer", offered.chat_id)
    before = anna.call("GET", "/offers")["items"]
    gateway.restart()
    after = anna.call("GET", "/offers")["items"]
    assert [each["offers"] for each in before] == [each["offers"] for each in after]
    chat = anna.call("GET", f"/chats/{done.chat_id}")
    assert ("solved", "will call again") == (chat["disposition"]["code"], chat["notes"][0]["text"])
    assert anna.call("GET", "/duty")["ready"] is True
    return anna


def part_search(anna: Console, sara: Console, done: Rest, waiting: Rest) -> None:
    """The supervisor finds what was said and exports it; an agent sees the same customer's earlier chat."""
    said = "/admin/v1/chats?text=call again&agent=anna&customer=ann"
    done_id = done.chat_id
    found = eventually(lambda: sara.raw("GET", said.replace("call again", "good morning")).json()["items"])
    assert [done_id] == [each["chatId"] for each in found]
    assert [] == sara.raw("GET", said).json()["items"]  # a note is not part of the conversation
    exported = sara.raw("GET", f"/admin/v1/chats/{done_id}/export").json()
    assert [1, 2, 3, 5, 6] == [each["index"] for each in exported["events"]]  # 4 was typing
    assert "Good morning" in sara.raw("GET", f"/admin/v1/chats/{done_id}/export?format=text").text
    assert 403 == anna.raw("GET", said).status_code
    earlier = anna.call("GET", f"/chats/{waiting.chat_id}/history")["items"]
    assert [done_id] == [each["chatId"] for each in earlier]


def part_idle_close(gateway: RunningGateway, customer: Rest) -> None:
    """Idle control is switched on while the gateway runs: nobody says anything, and the chat is closed."""
    gateway.config.write_text(INI + IDLE)
    eventually(lambda: customer.call("refresh", transcriptPosition=1)["chatEnded"], timeout=30)
    told = [(each["type"], each.get("text")) for each in customer.events()]
    assert [("IdleAlert", "still there?"), ("IdleClose", "good bye")] == [
        each for each in told if each[0].startswith("Idle") and each[1]
    ]


def part_evening(anna: Console, bert: Console, sara: Console, customers: list[Rest]) -> None:
    """The last offer is refused, the supervisor closes what is left, everybody logs out."""
    ben, cid, dan = customers[1:]
    anna.call("POST", f"/chats/{dan.chat_id}/decline")
    anna.call("PUT", "/duty", {"ready": False, "reason": "evening"})
    for customer in (ben, cid):
        sara.call("POST", f"/chats/{customer.chat_id}/close")
        assert customer.call("refresh", transcriptPosition=1)["chatEnded"] is True
    for console in (anna, bert, sara):
        console.call("POST", "/logout")
        console.call("GET", "/me", status=401)


def test_a_day(gateway: RunningGateway) -> None:
    """Login, four chats, consultation, files, transfer, a crash, search and export, the end of the day."""
    anna, bert, sara = part_morning(gateway)
    customers = part_four_chats(gateway, anna)
    ann, ben, cid, dan = customers
    part_typing_preview(anna, ann)
    part_consultation(anna, bert, cid)
    part_supervision(anna, sara, cid)
    part_files(anna, cid)
    part_transfer(anna, bert, ben)
    part_wrap_up(anna, ann)
    anna = part_crash(gateway, anna, ann, dan)
    part_search(anna, sara, ann, dan)
    part_evening(anna, bert, sara, customers)
    part_idle_close(gateway, dan)
