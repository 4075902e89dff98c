"""A Flask application around the Chat API v2 blueprint, and a client that speaks like the deployed ones."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

import orjson
from flask import Flask
from unit.chat.engine import ALICE, SERVICE, Engine
from werkzeug.test import TestResponse

from gateway.api.v2 import create_blueprint

REFERENCE = 10016629
# The default times, 255 s and 45 s.
IDLE = (
    "[limits]\nenabled=false\n[inactivity-control]\nenabled=true\nmessage-alert=still there?\n"
    "message-close=closed\n"
)
PDF = b"%PDF-1.7\n1 0 obj\n%%EOF\n"
FORM = "application/x-www-form-urlencoded; charset=UTF-8"


class Rest:
    """The gateway's REST edge over an `Engine`, called in process."""

    def __init__(self, ini: str = "") -> None:
        # Rates are off unless a test is about them: the manual clock stands still.
        self.engine = Engine(ini if "[limits]" in ini else f"{ini}\n[limits]\nenabled=false\n")
        self.app = Flask("test")
        blueprint = create_blueprint(
            customers=self.engine.customers,
            files=self.engine.files,
            settings=self.engine.settings,
            metrics=self.engine.metrics,
            alias="117",
            clock=self.engine.clock,
            new_reference=lambda: REFERENCE,
        )
        self.app.register_blueprint(blueprint)
        self.http = self.app.test_client()
        self.prefix = self.engine.settings.current.server.mount_prefix

    def post(
        self,
        path: str,
        fields: Any = (),
        *,
        content_type: str = FORM,
        headers: dict[str, str] | None = None,
    ) -> TestResponse:
        """POST below `/2`; `fields` is form data (mapping or pairs) or a ready body (bytes)."""
        body = fields if isinstance(fields, bytes) else urlencode(fields).encode()
        return self.http.post(
            f"{self.prefix}/2/{path}", data=body, content_type=content_type, headers=headers or {}
        )

    def idle(self, seconds: float) -> None:
        """With idle control on, nobody does anything for so long."""
        if not self.engine.settings.current.inactivity.enabled:
            self.engine.configure(IDLE)
            self.engine.idle.sweep()
        self.engine.clock.advance(seconds)
        self.engine.idle.sweep()

    def start(self, **fields: str) -> Chat:
        """A chat of Ann Lee."""
        response = self.post(f"chat/{SERVICE}", {"firstName": "Ann", "lastName": "Lee", **fields})
        assert response.status_code == 200, response.data
        return Chat(self, response.json)


class Chat:
    """A started chat as a REST client holds it."""

    def __init__(self, rest: Rest, started: dict[str, Any]) -> None:
        self.rest = rest
        self.started = started
        self.id: str = started["chatId"]
        self.identity = {name: started[name] for name in ("userId", "secureKey", "alias")}

    def call(self, operation: str, fields: Any = (), **more: Any) -> TestResponse:
        """POST one operation with the chat's identity."""
        given = list(fields.items()) if isinstance(fields, dict) else list(fields)
        named = {name for name, _ in given}
        identity = [(name, value) for name, value in self.identity.items() if name not in named]
        return self.rest.post(f"chat/{SERVICE}/{self.id}/{operation}", [*identity, *given], **more)

    def ok(self, operation: str, fields: Any = (), **more: Any) -> dict[str, Any]:
        """The answer to an operation that must succeed."""
        response = self.call(operation, fields, **more)
        assert (response.status_code, response.json["statusCode"]) == (200, 0), response.data
        return response.json

    def upload(self, content: bytes = PDF, name: str = "a.pdf", **options: Any) -> TestResponse:
        """POST a file with the chat's identity before it (`file_first`: behind it)."""
        fields = {**self.identity, **options.pop("fields", {})}
        body = multipart(fields, file=content, filename=name, **options)
        return self.rest.post(f"chat/{SERVICE}/{self.id}/file", **body)

    def json(self, operation: str, fields: dict[str, Any]) -> TestResponse:
        """POST one operation as a JSON body."""
        body = orjson.dumps({**self.identity, **fields})
        return self.rest.post(f"chat/{SERVICE}/{self.id}/{operation}", body, content_type="application/json")

    def accept(self) -> None:
        """Let the agent Alice take the chat."""
        self.rest.engine.agents.accept(ALICE, self.id)


def multipart(
    fields: dict[str, str],
    *,
    part_type: str | None = None,
    file: bytes | None = None,
    filename: str = "a.txt",
    file_first: bool = False,
) -> dict[str, Any]:
    """Arguments of `post` for a multipart body whose text parts carry `part_type`."""
    lines: list[bytes] = []
    part = _file_part(file, filename) if file is not None else []
    lines += part if file_first else []
    for name, value in fields.items():
        lines += [b"--limit", b'Content-Disposition: form-data; name="%b"' % name.encode()]
        lines += [b"Content-Type: %b" % part_type.encode()] if part_type else []
        lines += [b"", value.encode()]
    lines += [] if file_first else part
    lines += [b"--limit--", b""]
    return {"fields": b"\r\n".join(lines), "content_type": "multipart/form-data; boundary=limit"}


def _file_part(file: bytes, filename: str) -> list[bytes]:
    name = b'form-data; name="file"; filename="%b"' % filename.encode("utf-8", "surrogatepass")
    return [b"--limit", b"Content-Disposition: " + name, b"Content-Type: text/html", b"", file]


def masked(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer with random and secret values replaced by their names; the rest can be compared exactly."""
    shapes = {"chatId": r"[A-Za-z0-9]{16}", "userId": r"[0-9A-F]{16}", "secureKey": r"[A-Za-z0-9_-]{43}"}
    shown = dict(answer)
    for name, shape in shapes.items():
        if re.fullmatch(shape, str(shown.get(name, ""))):
            shown[name] = f"<{name}>"
    return shown
