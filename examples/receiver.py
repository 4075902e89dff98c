#!/usr/bin/env python3
"""The smallest useful receiver of customhttp notifications: prints each one once and answers 204.

    python3 examples/receiver.py 9999

Standard library only; copy it and change `handle`. A notification may come twice, with the same `webhook-id`,
when the gateway died between the POST and its record.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MAX_BODY_BYTES = 131_072


def handle(device_id: str, message: object, headers: dict[str, str]) -> None:
    """Print a notification; `message` is the chat envelope, or text when the payload is not included."""
    chat_id = headers.get("x-chat-id")
    print(json.dumps({"deviceId": device_id, "chatId": chat_id, "message": message}), flush=True)


class Receiver(BaseHTTPRequestHandler):
    """Answers POST on any path."""

    seen: set[str] = set()

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        if length > MAX_BODY_BYTES:
            return self.send_error(413)
        try:
            body = json.loads(self.rfile.read(length))
            device_id, message = body["deviceId"], body["message"]
        except (ValueError, KeyError, TypeError):
            return self.send_error(400)
        headers = {name.lower(): value for name, value in self.headers.items()}
        identifier = headers.get("webhook-id", "")
        if identifier not in self.seen:
            self.seen.add(identifier)
            handle(device_id, message, headers)
        self.send_response(204)
        self.end_headers()
        return None

    def log_message(self, format: str, *args: object) -> None:
        """No access log: the notifications are the output."""


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 9999
    ThreadingHTTPServer(("127.0.0.1", port), Receiver).serve_forever()
