"""Golden requests and answers of Chat API v2 over REST: one row per case, expected values from the spec.

A row: name; the steps before it (`agent` = Alice accepts, `agent says` = and writes, `left` = the customer
has disconnected, `idle alert` = nobody did anything for 255 s with idle control on, `idle` = nor for 45 s
more); path below `/2` with `{id}` for the chat; body; the expected status and answer. In bodies `{keys}`
stands for `userId=...&secureKey=...&alias=117`. Random ids in answers are masked (`masked`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

T = 1_568_662_361_000
IDENTITY = {"alias": "117", "chatId": "<chatId>", "userId": "<userId>", "secureKey": "<secureKey>"}
ANN = {"nickname": "Ann Lee", "participantId": 1, "type": "Client"}
ALICE = {"nickname": "Alice", "participantId": 2, "type": "Agent"}
JOINED = {"from": ANN, "index": 1, "type": "ParticipantJoined", "utcTime": T}
ALICE_JOINED = {"from": ALICE, "index": 2, "type": "ParticipantJoined", "utcTime": T}
CHAT = "chat/customer-support/{id}"


def event(index: int, kind: str, /, author: dict[str, Any] = ANN, **members: Any) -> dict[str, Any]:
    return {"from": author, "index": index, "type": kind, "utcTime": T, **members}


def ok(next_position: int, *messages: dict[str, Any], ended: bool = False) -> dict[str, Any]:
    return {
        "statusCode": 0,
        **IDENTITY,
        "nextPosition": next_position,
        "chatEnded": ended,
        "monitored": False,
        "messages": list(messages),
    }


def failed(code: int, advice: str, *, chat_id: str = "<chatId>", ended: bool = False) -> dict[str, Any]:
    return {
        "statusCode": 2,
        "alias": "117",
        "chatId": chat_id,
        "chatEnded": ended,
        "monitored": False,
        "messages": [],
        "errors": [{"code": code, "advice": advice}],
    }


GONE = failed(249, "Media server was not able to execute request. referenceId[10016629]", ended=True)


@dataclass(frozen=True)
class Case:
    """One request and its answer."""

    name: str
    path: str
    body: str
    answer: dict[str, Any]
    status: int = 200
    before: tuple[str, ...] = ()


def start(name: str, body: str, answer: dict[str, Any], *, status: int = 200) -> Case:
    return Case(name, "chat/customer-support", body, answer, status)


def call(
    name: str, operation: str, body: str, answer: dict[str, Any], *before: str, status: int = 200
) -> Case:
    body = "&".join(part for part in ("{keys}", body) if part)
    return Case(name, f"{CHAT}/{operation}", body, answer, status, before)


def bad_start(code: int, advice: str, body: str, name: str) -> Case:
    return start(f"start: {name}", body, failed(code, advice, chat_id=""), status=400)


def bad(operation: str, code: int, advice: str, body: str, name: str, status: int = 400) -> Case:
    return call(f"{operation}: {name}", operation, body, failed(code, advice), status=status)


NAMES = "firstName=Ann&lastName=Lee"
LIMITS = {
    "download-attempts": "2",
    "upload-max-files": "3",
    "delete-file": "odd",
    "upload-max-file-size": "2097152",
    "used-download-attempts": "0",
    "used-upload-max-total-size": "0",
    "upload-need-agent": "false",
    "used-upload-max-files": "0",
    "upload-max-total-size": "5242880",
    "upload-file-types": "jpeg:jpg:pdf:png:zip",
}
LIMITS_MESSAGE = {
    "from": ANN,
    "text": "file-client-cfg-get",
    "type": "Notice",
    "utcTime": T,
    "userData": LIMITS,
}
REPLY = {"general-properties": {"related-event-id": "12"}}
REPLY_TEXT = "%7B%22general-properties%22%3A%7B%22related-event-id%22%3A%2212%22%7D%7D"

SYSTEM = {"nickname": "system", "participantId": 0, "type": "External"}
ALERT = {
    "from": SYSTEM,
    "index": 2,
    "type": "IdleAlert",
    "utcTime": T + 255_000,
    "text": "still there?",
    "userData": {"next-idle-timer-type": "CLOSE", "next-idle-timer-secs": "45"},
}
CLOSED = {"from": SYSTEM, "index": 3, "type": "IdleClose", "utcTime": T + 300_000, "text": "closed"}
IDLE_LEFT = {
    "from": ANN,
    "index": 4,
    "type": "ParticipantLeft",
    "utcTime": T + 300_000,
    "eventAttributes": {"GCTI_SYSTEM": {"quit-reason-code": "7"}},
}
COUNTDOWN = {"idleTimerExpire": 45}

CASES = (
    start("start: first and last name", NAMES, ok(2, JOINED)),
    start("start: nickname", "nickname=Ann+Lee&subject=Help&emailAddress=a%40b.example", ok(2, JOINED)),
    start("start: a Widget's empty fields", f"{NAMES}&alias=&secureKey=&userId=&text=", ok(2, JOINED)),
    start("start: with text", f"{NAMES}&text=hi", ok(3, JOINED, event(2, "Message", text="hi"))),
    start("start: names in any case", "FIRSTNAME=Ann&lastname=Lee&Subject=Help", ok(2, JOINED)),
    start("start: unknown fields", f"{NAMES}&transcriptPosition=0&shoeSize=41", ok(2, JOINED)),
    bad_start(161, "nickname, or firstName and lastName", "subject=Help", "no name"),
    bad_start(102, "firstName", "lastName=Lee", "no first name"),
    bad_start(103, "lastName", "firstName=Ann", "no last name"),
    bad_start(364, "emailAddress", f"{NAMES}&emailAddress=nonsense", "bad e-mail"),
    bad_start(204, "message", f"{NAMES}&text={'x' * 10_001}", "text too long"),
    bad_start(101, "subject", f"{NAMES}&subject={'x' * 501}", "subject too long"),
    bad_start(101, "userData", f"{NAMES}&userData[{'k' * 129}]=v", "key too long"),
    Case(
        "start: malformed service name",
        "chat/a%20b",
        NAMES,
        failed(240, "service is not available", chat_id=""),
        400,
    ),
    call("send", "send", "message=hi", ok(3)),
    call("send: position", "send", "message=hi&transcriptPosition=2", ok(3, event(2, "Message", text="hi"))),
    call(
        "send: position 0",
        "send",
        "message=hi&transcriptPosition=0",
        ok(3, JOINED, event(2, "Message", text="hi")),
    ),
    call(
        "send: type and attributes",
        "send",
        f"message=hi&messageType=text&eventAttributes={REPLY_TEXT}&transcriptPosition=2",
        ok(3, event(2, "Message", text="hi", messageType="text", eventAttributes=REPLY)),
    ),
    bad("send", 101, "message", "", "no message"),
    bad("send", 101, "message", "message=", "empty message"),
    bad("send", 204, "message", f"message={'x' * 10_001}", "too long"),
    bad("send", 101, "eventAttributes", "message=hi&eventAttributes=nonsense", "attributes are no JSON"),
    bad("send", 101, "eventAttributes", "message=hi&eventAttributes=%5B1%5D", "attributes are no object"),
    bad("send", 101, "transcriptPosition", "message=hi&transcriptPosition=x", "position"),
    call("refresh", "refresh", "", ok(2, JOINED)),
    call("refresh: 1", "refresh", "transcriptPosition=1&message=", ok(2, JOINED)),
    call("refresh: nothing new", "refresh", "transcriptPosition=2", ok(2)),
    call("refresh: beyond the end", "refresh", "transcriptPosition=99", ok(2)),
    call("refresh: the newest", "refresh", "transcriptPosition=-1", ok(3, ALICE_JOINED), "agent"),
    call("refresh: with preview", "refresh", "transcriptPosition=2&message=hel", ok(3)),
    call(
        "refresh: what the agent said",
        "refresh",
        "transcriptPosition=2",
        ok(4, ALICE_JOINED, event(3, "Message", ALICE, text="hello")),
        "agent",
        "agent says",
    ),
    call(
        "refresh: after the end",
        "refresh",
        "transcriptPosition=1",
        ok(3, JOINED, event(2, "ParticipantLeft"), ended=True),
        "left",
    ),
    bad("refresh", 101, "transcriptPosition", "transcriptPosition=1.5", "position"),
    call("refresh: idle alert", "refresh", "transcriptPosition=2", ok(3, ALERT) | COUNTDOWN, "idle alert"),
    call("readReceipt: idle alert", "readReceipt", "transcriptPosition=1", ok(3) | COUNTDOWN, "idle alert"),
    call("send: idle alert", "send", "message=hi", ok(4), "idle alert"),
    call(
        "customNotice: cancel-idle-timer in time",
        "customNotice",
        "eventAttributes=%7B%22purpose%22%3A%22cancel-idle-timer%22%7D&transcriptPosition=2",
        ok(3, ALERT),
        "idle alert",
    ),
    call(
        "refresh: idle close",
        "refresh",
        "transcriptPosition=2",
        ok(5, ALERT, CLOSED, IDLE_LEFT, ended=True),
        "idle",
    ),
    call("send: idle close", "send", "message=hi", GONE, "idle"),
    call("startTyping", "startTyping", "message=hel", ok(3)),
    call("startTyping: position", "startTyping", "transcriptPosition=1", ok(3, JOINED)),
    call("stopTyping", "stopTyping", "", ok(3)),
    call("disconnect", "disconnect", "", ok(3, ended=True)),
    call("disconnect: again", "disconnect", "", ok(3, ended=True), "left"),
    call(
        "disconnect: position",
        "disconnect",
        "transcriptPosition=2",
        ok(3, event(2, "ParticipantLeft"), ended=True),
    ),
    call(
        "pushUrl",
        "pushUrl",
        "pushUrl=https%3A%2F%2Fa.example%2F&transcriptPosition=2",
        ok(3, event(2, "PushUrl", text="https://a.example/")),
    ),
    bad("pushUrl", 101, "pushUrl", "", "absent"),
    bad("pushUrl", 101, "pushUrl", "pushUrl=javascript%3Aalert(1)", "other scheme"),
    call(
        "updateNickname",
        "updateNickname",
        "nickname=Annie&transcriptPosition=2",
        ok(3, event(2, "NicknameUpdated", {**ANN, "nickname": "Annie"}, text="Annie")),
    ),
    bad("updateNickname", 101, "nickname", "nickname=", "empty"),
    bad("updateNickname", 101, "nickname", f"nickname={'x' * 101}", "too long"),
    call("updateData", "updateData", "userData[a]=b", ok(2)),
    bad("updateData", 101, "userData", "", "nothing"),
    call(
        "customNotice",
        "customNotice",
        "message=note&messageType=m&transcriptPosition=2",
        ok(3, event(2, "CustomNotice", text="note", messageType="m")),
    ),
    call(
        "customNotice: cancel-idle-timer",
        "customNotice",
        "eventAttributes=%7B%22purpose%22%3A%22cancel-idle-timer%22%7D&transcriptPosition=2",
        ok(2),
    ),
    bad("customNotice", 101, "message", "", "nothing"),
    bad("customNotice", 101, "eventAttributes", "eventAttributes=x", "attributes are no JSON"),
    call("readReceipt", "readReceipt", "transcriptPosition=1", ok(2)),
    call("readReceipt: beyond the end", "readReceipt", "transcriptPosition=99", ok(2)),
    bad("readReceipt", 101, "transcriptPosition", "", "absent"),
    bad("readReceipt", 101, "transcriptPosition", "transcriptPosition=x", "no number"),
    call("file/limits", "file/limits", "", ok(2, LIMITS_MESSAGE)),
    bad("file", 101, "file", "", "no file"),
    bad("file/1/download", 206, "file unknown", "", "download", 404),
    bad("file/1/delete", 206, "file unknown", "", "delete", 404),
    bad("transfer", 101, "operation", "", "unknown operation"),
    *(
        call(f"{operation}: after the end", operation, body, GONE, "left")
        for operation, body in (
            ("send", "message=hi"),
            ("startTyping", ""),
            ("stopTyping", ""),
            ("pushUrl", "pushUrl=https%3A%2F%2Fa.example%2F"),
            ("updateNickname", "nickname=Annie"),
            ("updateData", "userData[a]=b"),
            ("customNotice", "message=note"),
        )
    ),
)
