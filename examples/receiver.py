#!/usr/bin/env python3
"""A receiver of customhttp notifications, as an integrator would write one. Needs Flask; copy and change it.

    .venv/bin/python examples/receiver.py 9999 --gateway http://127.0.0.1:8080/genesys
    WEBHOOK_SECRETS="whsec_new whsec_old" .venv/bin/python examples/receiver.py 9999

What it shows (docs/push.md explains each point):

1. Whoever starts chats tells it which device belongs to which chat, with the key that the gateway gave:
   PUT /devices/<deviceId> {"service", "chatId", "userId", "alias", "secureKey"}. Notifications never hold the
   key. Put your own authentication in front of this; here it listens on loopback only.
2. Signatures are verified over the exact bytes, with two secrets while one replaces the other, within five
   minutes. Without WEBHOOK_SECRETS they are not looked at. `gateway push secret` prints the secrets.
3. A notification may come more than once, with the same `webhook-id`: it is handled once. What could not be
   handled is answered with 503 and forgotten, so that the repetition is handled.
4. A pointer (reliable mode) is answered by reading the transcript from `notify-position` on. That is the
   acknowledgement: the gateway stops reminding. `-1`: there is nothing to fetch, the chat is closed here.
5. Everything that happens is printed, one JSON object a line.
"""

import argparse
import base64
import binascii
import hashlib
import hmac
import json
import os
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import OrderedDict

from flask import Flask, Response, request
from werkzeug.serving import run_simple

MAX_BODY_BYTES = 1_048_576
TOLERANCE_S = 300
# Ids that are remembered: a repetition comes within hours, not after this many others.
REMEMBERED = 10_000
NO_POSITION = -1


class Temporary(Exception):
    """Not now: the gateway shall send it again."""


def verified(headers, body, secrets, now):
    """Whether one of the secrets signed exactly this id, time and body (Standard Webhooks)."""
    identifier, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not (stamp.isascii() and stamp.isdigit()) or abs(now - int(stamp)) > TOLERANCE_S:
        return False
    content = f"{identifier}.{stamp}.".encode() + body
    given = [part.removeprefix("v1,") for part in headers.get("webhook-signature", "").split(" ")]
    for secret in secrets:
        key = base64.b64decode(secret.removeprefix("whsec_"))
        expected = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
        if any(hmac.compare_digest(expected.encode(), one.encode()) for one in given):
            return True
    return False


class Once:
    """Ids that were handled. `enter` is False for one that was, or that another thread is handling."""

    def __init__(self):
        self._lock = threading.Lock()
        self._ids = OrderedDict()

    def enter(self, identifier):
        with self._lock:
            if identifier in self._ids:
                return False
            self._ids[identifier] = None
            while len(self._ids) > REMEMBERED:
                self._ids.popitem(last=False)
            return True

    def forget(self, identifier):
        with self._lock:
            self._ids.pop(identifier, None)


class Receiver:
    """What is known about devices, and what is done with a notification."""

    def __init__(self, gateway):
        self._gateway = gateway.rstrip("/")
        self._devices = {}  # deviceId -> what was registered, and `next`: the position to show next
        self._fetching = threading.Lock()  # one at a time, so that no event is shown twice

    def register(self, device_id, chat):
        self._devices[device_id] = {**chat, "next": 1}
        tell(deviceId=device_id, chatId=chat["chatId"], what="registered")

    def handle(self, device_id, message, chat_id):
        """One notification; `message` is a text, an event in its envelope, or a pointer. Temporary."""
        tell(deviceId=device_id, chatId=chat_id, message=message)
        if isinstance(message, str):
            return
        events = message.get("messages", [])
        pointer = events[0].get("userData", {}) if events and events[0].get("type") == "PushUrl" else {}
        if "notify-position" not in pointer:
            if message.get("chatEnded"):
                self._close(device_id, chat_id, "ended")
        elif int(pointer["notify-position"]) == NO_POSITION:
            self._close(device_id, chat_id, "ended" if message.get("chatEnded") else "removed")
        else:
            with self._fetching:
                self._fetch(device_id, int(pointer["notify-position"]))

    def _fetch(self, device_id, position):
        chat = self._devices.get(device_id)
        if chat is None:
            # The app may not have registered it yet: the gateway will remind.
            raise Temporary(f"unknown device {device_id}")
        path = f"/2/chat/{chat['service']}/{chat['chatId']}/refresh"
        fields = {name: chat[name] for name in ("userId", "alias", "secureKey")}
        answer = self._post(path, {**fields, "transcriptPosition": position})
        if answer["statusCode"] == 1:
            raise Temporary("the gateway cannot answer now")
        for event in answer.get("messages", []):
            if event["index"] >= chat["next"]:
                tell(deviceId=device_id, chatId=chat["chatId"], event=event)
                chat["next"] = event["index"] + 1
        if answer["chatEnded"] or answer["statusCode"] != 0:
            self._close(device_id, chat["chatId"], "ended")

    def _post(self, path, fields):
        body = urllib.parse.urlencode(fields).encode()
        try:
            with urllib.request.urlopen(self._gateway + path, body, timeout=10) as answer:
                return json.load(answer)
        except (urllib.error.URLError, OSError, ValueError) as error:
            raise Temporary(str(error)) from None

    def _close(self, device_id, chat_id, what):
        self._devices.pop(device_id, None)
        tell(deviceId=device_id, chatId=chat_id, what=what)


def tell(**members):
    """Print what happened."""
    print(json.dumps(members), flush=True)


def create_app(receiver, secrets):
    """POST to any path is a notification, PUT /devices/<deviceId> registers one."""
    app, once = Flask("receiver"), Once()
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES

    @app.put("/devices/<device_id>")
    def register(device_id):
        chat = request.get_json()
        names = ("service", "chatId", "userId", "alias", "secureKey")
        if not isinstance(chat, dict) or not all(isinstance(chat.get(name), str) for name in names):
            return Response(status=400)
        receiver.register(device_id, chat)
        return Response(status=204)

    @app.post("/")
    @app.post("/<path:_path>")
    def notify(_path=""):
        body = request.get_data()
        if secrets and not verified(request.headers, body, secrets, time.time()):
            return Response(status=401)
        try:
            content = json.loads(body)
            device_id, message = content["deviceId"], content["message"]
        except (ValueError, KeyError, TypeError):
            return Response(status=400)
        identifier = request.headers.get("webhook-id", "")
        if not once.enter(identifier):
            return Response(status=204)
        try:
            receiver.handle(device_id, message, request.headers.get("x-chat-id"))
        except Temporary as error:
            once.forget(identifier)
            tell(deviceId=device_id, what="later", why=str(error))
            return Response(status=503)
        except (KeyError, TypeError, ValueError, AttributeError):
            return Response(status=400)  # not a notification of a gateway
        return Response(status=204)

    return app


def main():
    parser = argparse.ArgumentParser(description="Receives customhttp notifications.")
    parser.add_argument("port", type=int, nargs="?", default=9999)
    parser.add_argument(
        "--gateway", default="http://127.0.0.1:8080/genesys", help="where to read transcripts"
    )
    options = parser.parse_args()
    secrets = os.environ.get("WEBHOOK_SECRETS", "").split()
    for secret in secrets:
        try:
            base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except binascii.Error:
            parser.error("WEBHOOK_SECRETS: not a secret like whsec_...")
    app = create_app(Receiver(options.gateway), secrets)
    run_simple("127.0.0.1", options.port, app, threaded=True)


if __name__ == "__main__":
    import logging

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # no access log: the notifications are the output
    main()
