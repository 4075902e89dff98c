"""The CometD half of the conformance checks of spec/chat-api-v2.md 16, against a real gunicorn."""

from __future__ import annotations

import orjson
import pytest
import requests
from wire.cometd.cometd_clients import (
    CHANNEL,
    NAMES,
    NOW,
    AgentApi,
    CallbackPolling,
    Client,
    LongPolling,
    WebSocket,
    indexes,
    texts,
)


@pytest.mark.parametrize("subscribe", [False, True])
def test_check_13_subscribing_is_not_needed_and_not_doubled(client: Client, alice: AgentApi, subscribe: bool):
    """Notifications come without a subscription; with one it is echoed and they come once."""
    if subscribe:
        (reply,) = client.send("/meta/subscribe", subscription=CHANNEL)
        assert (reply["successful"], reply["subscription"]) == (True, CHANNEL)
    assert [one["index"] for one in client.request_chat()["messages"]] == [1]
    chat = alice.accept_last()
    alice.say(chat, "hello")
    assert indexes(client.connect()) == [2, 3]
    assert indexes(client.connect()) == []


def test_check_14_acks_and_notifications_are_told_apart(client: Client):
    """A publish ack has no data, a notification has neither successful nor id nor clientId."""
    messages = client.publish("requestChat", **NAMES)
    assert [sorted(message) for message in messages] == [["channel", "id", "successful"], ["channel", "data"]]


def test_check_15_a_single_object_frame_without_id(open_client):
    """The iOS client's frames are accepted and answered with arrays."""
    client = open_client(WebSocket)
    client.wire.send(
        orjson.dumps(
            {"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["websocket"]}
        )
    )
    (reply,) = client.read()
    assert (reply["channel"], reply["successful"], "id" in reply) == ("/meta/handshake", True, False)
    client.id = reply["clientId"]
    client.wire.send(
        orjson.dumps({"channel": "/meta/subscribe", "clientId": client.id, "subscription": CHANNEL})
    )
    (reply,) = client.read()
    assert (reply["subscription"], reply["successful"]) == (CHANNEL, True)
    client.wire.send(
        orjson.dumps(
            {"channel": CHANNEL, "clientId": client.id, "data": {"operation": "requestChat", **NAMES}}
        )
    )
    assert [sorted(message) for message in client.read()] == [["channel", "successful"], ["channel", "data"]]


@pytest.mark.parametrize("path", ["", "/", "/handshake", "/connect", "/anything/below", "?alias=1&split=1"])
def test_check_16_paths_behave_alike(open_client, path: str):
    """The whole sub-tree is one handler; a query string is ignored; no redirects."""
    client = open_client(LongPolling)
    body = [{"id": "1", "channel": "/meta/handshake", "version": "1.0"}]
    response = client.post(body, path, allow_redirects=False)
    assert (response.status_code, response.json()[0]["successful"]) == (200, True)


def test_check_17_unknown_client(client: Client):
    """The literal text; advice on connect only; the publish answer of the real trace."""
    client.id = client.id if isinstance(client, WebSocket) else "0" * 26
    if isinstance(client, WebSocket):
        client.send("/meta/disconnect")
    (connect,) = client.connect()
    assert connect == {
        "channel": "/meta/connect",
        "id": connect["id"],
        "successful": False,
        "error": "402::Unknown client",
        "advice": {"reconnect": "handshake", "interval": 0},
    }
    (publish,) = client.send(CHANNEL, data={"operation": "refresh"})
    assert publish == {
        "channel": CHANNEL,
        "id": publish["id"],
        "error": "402::Unknown client",
        "successful": False,
    }


def test_check_18_chat_disconnect_and_goodbye_in_one_batch(client: Client, alice: AgentApi):
    """The chat ends and the agent sees ParticipantLeft."""
    client.request_chat()
    chat = alice.accept_last()
    data = {"operation": "disconnect", "secureKey": client.secure_key}
    replies = client.exchange([client.message(CHANNEL, data=data), client.message("/meta/disconnect")])
    acks = [reply for reply in replies if "successful" in reply]
    assert [(ack["channel"], ack["successful"]) for ack in acks[:2]] == [
        (CHANNEL, True),
        ("/meta/disconnect", True),
    ]
    last = alice.events(chat)[-1]
    assert (last["type"], last["from"]["type"]) == ("ParticipantLeft", "Client")


def test_check_20_two_request_notifications(client: Client, alice: AgentApi):
    """Each is answered by one batch, nothing is delivered twice live."""
    client.request_chat()
    chat = alice.accept_last()
    client.connect()
    for _ in range(2):
        messages = client.publish("requestNotifications", transcriptPosition=1)
        assert [indexes([message]) for message in messages[1:]] == [[1, 2]]
    alice.say(chat, "once")
    assert texts(client.connect()) == ["once"]
    assert texts(client.connect()) == []


def test_check_21_async_restore(client: Client, open_client, alice: AgentApi):
    """refresh(-1) is one notification with one event; live events start with requestNotifications."""
    client.request_chat(userData={"GCTI_Chat_AsyncMode": "true"})
    chat = alice.accept_last()
    client.send("/meta/disconnect")
    again = open_client(type(client))
    again.handshake()
    again.connect()
    again.secure_key = client.secure_key
    messages = again.publish("refresh", transcriptPosition=-1)
    assert [indexes([message]) for message in messages[1:]] == [[2]]
    alice.say(chat, "not yet")
    assert again.connect()[:-1] == []
    messages = again.publish("requestNotifications", transcriptPosition=3)
    assert texts(messages) == ["not yet"]
    alice.say(chat, "live")
    assert texts(again.connect()) == ["live"]


def test_check_22_restoring(client: Client, open_client):
    """The first notification has chatEnded false; of a dead chat statusCode 2 and chatEnded true."""
    client.request_chat()
    again = open_client(type(client))
    again.handshake()
    again.connect()
    again.secure_key = client.secure_key
    first = again.publish("requestNotifications", transcriptPosition=1)[1]["data"]
    assert (first["statusCode"], first["chatEnded"]) == (0, False)
    client.publish("disconnect")
    dead = open_client(type(client))
    dead.handshake()
    dead.connect()
    dead.secure_key = client.secure_key
    first = dead.publish("requestNotifications", transcriptPosition=1)[1]["data"]
    assert (first["statusCode"], first["chatEnded"], first["errors"][0]["code"]) == (2, True, 249)


def test_check_26_credentialed_preflight_and_post(endpoint: str):
    """The exact origin is echoed with credentials allowed, on the preflight, the answer and an error."""
    origin = "https://shop.example"
    preflight = requests.options(
        endpoint + "/handshake",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type,authorization,x-evil",
        },
        timeout=10,
    )
    assert preflight.status_code == 204
    assert preflight.headers["Access-Control-Allow-Headers"].lower() == "content-type, authorization"
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    assert preflight.headers["Access-Control-Max-Age"] == "3600"
    body = [{"id": "1", "channel": "/meta/handshake"}]
    answers = [
        preflight,
        requests.post(endpoint, json=body, headers={"Origin": origin}, timeout=10),
        requests.post(endpoint, data="rubbish", headers={"Origin": origin}, timeout=10),
    ]
    for response in answers:
        assert response.headers["Access-Control-Allow-Origin"] == origin
        assert response.headers["Access-Control-Allow-Credentials"] == "true"
        assert "Origin" in response.headers["Vary"]
    null = requests.post(endpoint, json=body, headers={"Origin": "null"}, timeout=10)
    assert null.status_code == 403
    assert "Access-Control-Allow-Origin" not in null.headers


PDF = b"%PDF-1.7\ncontent"


def ntf_body(fields: dict[str, str], *, part_type: bytes = b"application/octet-stream") -> dict:
    """A multipart body as Apache's client writes it: every text part is typed, too."""
    parts = [
        b'--limit\r\nContent-Disposition: form-data; name="%b"\r\nContent-Type: %b\r\n\r\n%b\r\n'
        % (name.encode(), part_type, value.encode())
        for name, value in fields.items()
    ]
    head = b'--limit\r\nContent-Disposition: form-data; name="file"; filename="%b"\r\n\r\n'
    file = head + b"%b\r\n--limit--\r\n"
    name = "r\u00e9sum\u00e9.pdf".encode()
    headers = {"Content-Type": "multipart/form-data; boundary=limit"}
    return {"data": b"".join(parts) + file % (name, PDF), "headers": headers, "timeout": 10}


@pytest.mark.parametrize("operation", ["fileGetLimits", "fileGetsLimits"])
@pytest.mark.parametrize("place", ["form", "query", "octet-stream"])
def test_check_23_limits_in_every_spelling(client: Client, cometd_gateway, operation: str, place: str):
    """Both spellings, in an urlencoded form, the query string, or text parts typed octet-stream."""
    client.request_chat()
    url, fields = cometd_gateway.url + "/genesys/2/chat-ntf", {"operation": operation}
    fields["secureKey"] = client.secure_key
    if place == "query":
        response = requests.post(url, params=fields, timeout=10)
    elif place == "form":
        response = requests.post(url, data=fields, timeout=10)
    else:
        response = requests.post(url, **ntf_body(fields))
    answer = response.json()
    assert (answer["statusCode"], answer["chatId"], answer["chatEnded"]) == (0, "deprecated", False)
    assert len(answer["messages"][0]["userData"]) == 10


@pytest.mark.parametrize("fields", [{"operation": "fileUpload"}, {}, {"operation": ""}])
@pytest.mark.parametrize("part_type", [b"application/octet-stream", b"multipart/form-data", b"text/plain"])
def test_check_23_uploads_arrive_as_notifications(
    client: Client, cometd_gateway, alice: AgentApi, fields: dict, part_type: bytes
):
    """With, without or with an empty operation; the event comes to the customer's session and to agents."""
    client.request_chat()
    chat = alice.accept_last()
    client.connect()
    body = ntf_body({**fields, "secureKey": client.secure_key}, part_type=part_type)
    answer = requests.post(cometd_gateway.url + "/genesys/2/chat-ntf", **body).json()
    file_id = answer["userData"]["file-id"]
    assert (answer["statusCode"], answer["chatId"]) == (0, "deprecated")
    events = [event for one in client.connect() if "data" in one for event in one["data"]["messages"]]
    told = {"file-id": file_id, "file-name": "r\u00e9sum\u00e9.pdf", "file-size": str(len(PDF))}
    assert [(event["type"], event["userData"]) for event in events] == [("FileUploaded", told)]
    assert alice.events(chat)[-1] == events[0]
    download = {"operation": "fileDownload", "secureKey": client.secure_key, "fileId": file_id}
    assert requests.post(cometd_gateway.url + "/genesys/2/chat-ntf", data=download, timeout=10).content == PDF


@pytest.mark.parametrize(
    ("proto", "attributes"),
    [
        ("http", {"Path=/", "HttpOnly", "SameSite=Lax"}),
        ("https", {"Path=/", "HttpOnly", "SameSite=None", "Secure", "Partitioned"}),
    ],
)
def test_check_26_cookie_attributes(endpoint: str, proto: str, attributes: set[str]):
    """Cross-site attributes behind https, plain ones on http; set by the handshake only."""
    body = [{"id": "1", "channel": "/meta/handshake"}]
    response = requests.post(endpoint, json=body, headers={"X-Forwarded-Proto": proto}, timeout=10)
    value, *found = response.headers["Set-Cookie"].split("; ")
    assert value.startswith("BAYEUX_BROWSER=")
    assert set(found) == attributes
    body = [{"channel": "/meta/connect", "clientId": response.json()[0]["clientId"], "advice": NOW}]
    assert "Set-Cookie" not in requests.post(endpoint, json=body, timeout=10).headers


def test_check_27_without_any_cookie(open_client, endpoint: str, alice: AgentApi):
    """Native clients and blocked third-party cookies: everything works by clientId alone."""
    for client in (open_client(LongPolling, cookies=False), open_client(WebSocket)):
        client.handshake()
        client.connect()
        client.request_chat()
        alice.accept_last()
        assert indexes(client.connect()) == [2]


def test_check_28_alias_and_ids_do_not_matter(client: Client):
    """secureKey alone suffices; a wrong alias and the literal ids are ignored."""
    client.request_chat()
    for extra in ({}, {"alias": "99"}, {"chatId": "deprecated", "userId": "x", "alias": ""}):
        messages = client.publish("sendMessage", message="x", **extra)
        assert (messages[0]["successful"], texts(messages)) == (True, ["x"])


def test_check_34_text_survives_every_way(client: Client, cometd_gateway):
    """`+`, `%`, emoji and line breaks: CometD in, live frame, refresh and REST out."""
    text = "1+1=100%25 & \U0001f600 \u2028\r\nzwei\tZeilen \"'<b>"
    client.request_chat()
    messages = client.publish("sendMessage", message=text)
    assert texts(messages) == [text]
    assert texts(client.publish("refresh", transcriptPosition=2)) == [text]
    jsonp = CallbackPolling(cometd_gateway.url + "/genesys/cometd")
    jsonp.handshake()
    jsonp.connect()
    jsonp.secure_key = client.secure_key
    assert texts(jsonp.publish("refresh", transcriptPosition=2)) == [text]


def test_scala_object_with_a_numeric_id(endpoint: str):
    """A bare object is answered with an array, exactly as in its comments (client-compatibility 1.3)."""
    body = {"channel": CHANNEL, "id": 7, "clientId": "gone", "data": {"operation": "customNotice"}}
    response = requests.post(endpoint, json=body, timeout=10)
    assert response.json() == [
        {"channel": CHANNEL, "id": 7, "error": "402::Unknown client", "successful": False}
    ]
