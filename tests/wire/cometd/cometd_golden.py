"""Golden publishes and answers of Chat API v2 with CometD: one row per case, expected values from the spec.

A row: name, the publish's data, the notifications behind the ack, and the steps before it (`agent` = Alice
has accepted, `left` = the customer has disconnected). The own join (index 1) has been received. Times and the
keys are masked by `masked`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ANN = {"nickname": "Ann Lee", "participantId": 1, "type": "Client"}
ALICE = {"nickname": "Alice", "participantId": 2, "type": "Agent"}
T = "<utcTime>"
NAMES = {"firstName": "Ann", "lastName": "Lee"}
JOINED = {"from": ANN, "index": 1, "type": "ParticipantJoined", "utcTime": T}
IDENTITY = {"alias": "0", "chatId": "deprecated", "userId": "deprecated"}
ALICE_JOINED = {"from": ALICE, "index": 2, "type": "ParticipantJoined", "utcTime": T}


def event(index: int, kind: str, **members: Any) -> dict[str, Any]:
    return {"from": ANN, "index": index, "type": kind, "utcTime": T, **members}


def live(one: dict[str, Any], *, ended: bool = False) -> dict[str, Any]:
    """A live notification: one event, no key."""
    return {
        "statusCode": 0,
        **IDENTITY,
        "nextPosition": one["index"] + 1,
        "chatEnded": ended,
        "monitored": False,
        "messages": [one],
    }


def answer(next_position: int, *messages: dict[str, Any], ended: bool = False) -> dict[str, Any]:
    """The answer to requestChat, requestNotifications and refresh: it alone carries the key."""
    return {
        "statusCode": 0,
        **IDENTITY,
        "secureKey": "<secureKey>",
        "nextPosition": next_position,
        "chatEnded": ended,
        "monitored": False,
        "messages": list(messages),
    }


def failed(code: int, advice: str, *, ended: bool = False) -> dict[str, Any]:
    return {
        "statusCode": 2,
        "alias": "0",
        "chatId": "deprecated",
        "chatEnded": ended,
        "monitored": False,
        "messages": [],
        "errors": [{"code": code, "advice": advice}],
    }


GONE = failed(249, "Media server was not able to execute request. referenceId[8201]", ended=True)


@dataclass(frozen=True)
class Case:
    """One publish and its notifications."""

    name: str
    data: dict[str, Any]
    notifications: list[dict[str, Any]]
    before: tuple[str, ...] = ()


def op(
    name: str, operation: str, *notifications: dict[str, Any], before: tuple[str, ...] = (), **data: Any
) -> Case:
    return Case(name, {"operation": operation, **data}, list(notifications), before)


ATTRIBUTES = {"general-properties": {"related-event-id": "1"}}
LEFT = event(2, "ParticipantLeft")

CASES = (
    op(
        "requestChat", "requestChat", answer(2, JOINED), **NAMES, secureKey="", chatId="", alias="", userId=""
    ),
    op(
        "requestChat: text",
        "requestChat",
        answer(3, JOINED, event(2, "Message", text="hello")),
        **NAMES,
        text="hello",
        subject="Help",
        emailAddress="ann@shop.example",
        userData={"GCTI_LanguageCode": False},
    ),
    op("requestChat: no name", "requestChat", failed(161, "nickname, or firstName and lastName")),
    op("requestChat: no first name", "requestChat", failed(102, "firstName"), lastName="Lee"),
    op("requestChat: no last name", "requestChat", failed(103, "lastName"), firstName="Ann"),
    op("requestChat: bad e-mail", "requestChat", failed(364, "emailAddress"), **NAMES, emailAddress="x"),
    op("requestChat: text too long", "requestChat", failed(204, "message"), **NAMES, text="x" * 10_001),
    op("requestNotifications", "requestNotifications", answer(2, JOINED)),
    op("requestNotifications: from 2", "requestNotifications", answer(2), transcriptPosition=2),
    op("requestNotifications: text", "requestNotifications", answer(2, JOINED), transcriptPosition="1"),
    op("requestNotifications: -1", "requestNotifications", answer(2, JOINED), transcriptPosition=-1),
    op("requestNotifications: wrong key", "requestNotifications", GONE, secureKey="wrong"),
    op("requestNotifications: after the end", "requestNotifications", GONE, before=("left",)),
    op("refresh", "refresh", answer(2, JOINED), transcriptPosition=-1, message=""),
    op("refresh: beyond the end", "refresh", answer(2), transcriptPosition=99),
    op("refresh: with an agent", "refresh", answer(3, JOINED, ALICE_JOINED), before=("agent",)),
    op("refresh: after the end", "refresh", answer(3, JOINED, LEFT, ended=True), before=("left",)),
    op("refresh: wrong key", "refresh", GONE, secureKey="wrong"),
    op("refresh: no number", "refresh", failed(101, "transcriptPosition"), transcriptPosition="x"),
    op("sendMessage", "sendMessage", live(event(2, "Message", text="hi")), message="hi"),
    op("send", "send", live(event(2, "Message", text="hi")), message="hi"),
    op(
        "sendMessage: all members",
        "sendMessage",
        live(event(2, "Message", text="hi", messageType="text", eventAttributes=ATTRIBUTES)),
        message="hi",
        messageType="text",
        eventAttributes=ATTRIBUTES,
    ),
    op("send: empty", "send", failed(101, "message"), message=""),
    op("send: wrong key", "send", GONE, message="hi", secureKey="wrong"),
    op("sendMessage: empty", "sendMessage", failed(101, "message"), message=""),
    op("sendMessage: too long", "sendMessage", failed(204, "message"), message="x" * 10_001),
    op("sendMessage: after the end", "sendMessage", GONE, before=("left",), message="x"),
    op("sendMessage: wrong key", "sendMessage", GONE, message="x", secureKey="wrong"),
    op("sendMessage: empty key", "sendMessage", failed(101, "secureKey"), message="x", secureKey=""),
    op("startTyping", "startTyping", message="h", transcriptPosition=1),
    op("startTyping: wrong key", "startTyping", GONE, secureKey="wrong"),
    op("startTyping: after the end", "startTyping", GONE, before=("left",)),
    op("stopTyping", "stopTyping", message=""),
    op("stopTyping: wrong key", "stopTyping", GONE, secureKey="wrong"),
    op("stopTyping: after the end", "stopTyping", GONE, before=("left",)),
    op("disconnect", "disconnect", live(LEFT, ended=True)),
    op("disconnect: wrong key", "disconnect", GONE, secureKey="wrong"),
    op("disconnect: empty key", "disconnect", failed(101, "secureKey"), secureKey=""),
    op("disconnect: again", "disconnect", answer(3, ended=True), before=("left",)),
    op(
        "pushUrl",
        "pushUrl",
        live(event(2, "PushUrl", text="https://a.example/b")),
        pushUrl="https://a.example/b",
    ),
    op("pushUrl: wrong key", "pushUrl", GONE, pushUrl="https://a.example/b", secureKey="wrong"),
    op("pushUrl: no web address", "pushUrl", failed(101, "pushUrl"), pushUrl="ftp://a.example/"),
    op(
        "updateNickname",
        "updateNickname",
        live({**event(2, "NicknameUpdated", text="Eve"), "from": {**ANN, "nickname": "Eve"}}),
        nickname="Eve",
    ),
    op("updateNickname: empty", "updateNickname", failed(101, "nickname"), nickname=""),
    op("updateData", "updateData", userData={"a": 1}),
    op("updateData: wrong key", "updateData", GONE, userData={"a": 1}, secureKey="wrong"),
    op("updateData: none", "updateData", failed(101, "userData")),
    op("customNotice", "customNotice", live(event(2, "CustomNotice", text="n")), message="n"),
    op(
        "customNotice: attributes",
        "customNotice",
        live(event(2, "CustomNotice", eventAttributes={"a": {"b": "c"}})),
        eventAttributes={"a": {"b": "c"}},
    ),
    op("customNotice: wake", "customNotice", eventAttributes={"purpose": "cancel-idle-timer"}),
    op("customNotice: nothing", "customNotice", failed(101, "message")),
    op("readReceipt", "readReceipt", transcriptPosition=1),
    op("readReceipt: no position", "readReceipt", failed(101, "transcriptPosition")),
    op("unknown operation", "transfer", failed(101, "operation")),
    op("no operation", "", failed(101, "operation")),
)


def masked(notification: dict[str, Any]) -> dict[str, Any]:
    """Times (whole milliseconds) and the key (URL-safe, >= 128 bits) replaced by their names."""
    shown = {**notification, "messages": [dict(one) for one in notification["messages"]]}
    for one in shown["messages"]:
        if isinstance(one.get("utcTime"), int) and one["utcTime"] > 1_500_000_000_000:
            one["utcTime"] = T
    key = shown.get("secureKey")
    if isinstance(key, str) and len(key) >= 22 and key.replace("-", "").replace("_", "").isalnum():
        shown["secureKey"] = "<secureKey>"
    return shown
