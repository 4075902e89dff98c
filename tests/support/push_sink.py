"""A receiver of notifications that a test runs as a process: one JSON line per POST on its standard output.

Answers 200 only after the line is written, so that what was answered is known after any kill of the sender.
Run as `python push_sink.py PORT`.
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Sink(BaseHTTPRequestHandler):
    """Writes down the chat and the message, then says yes."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """One notification."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        item = {"chatId": self.headers["x-chat-id"], "message": body["message"]}
        sys.stdout.write(json.dumps(item) + "\n")
        sys.stdout.flush()
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: standard output is the journal."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Sink).serve_forever()
