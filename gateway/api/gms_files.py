"""File operations of Chat API v2, the same for REST and chat-ntf (spec/chat-api-v2.md 6.10, 7.5).

An upload is read as it arrives (`multipart`). A sender who is named before the file is judged before its
first byte is taken. One who is named only behind it (some clients put the key last) is served on credit: the
file is spooled within the limits of any file, and a node has room for a few of those at a time. Called by
`v2` and `chat_ntf`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from flask import Request, Response
from werkzeug.exceptions import RequestEntityTooLarge

from gateway.api import multipart
from gateway.api.downloads import file_answer
from gateway.api.gms_body import Body
from gateway.api.multipart import Received
from gateway.chat.customers import Customers, Party
from gateway.chat.files import Files, Incoming
from gateway.chat.limits import MISSING_OR_MALFORMED
from gateway.config import SettingsSource
from gateway.config.views import FileSettings
from gateway.errors import Rejected, Unavailable
from gateway.files import limits
from gateway.files.limits import Usage
from gateway.model import payload
from gateway.model.events import Event, EventType

# Uploads at a time whose sender is not known yet; each takes at most one file's size on the disk.
ON_CREDIT = 16

Authenticate = Callable[[Body], Party]


class GmsFiles:
    """Uploads, downloads, deletions and limits towards customers."""

    def __init__(self, files: Files, customers: Customers, settings: SettingsSource) -> None:
        self._files = files
        self._customers = customers
        self._settings = settings
        self._credit = threading.BoundedSemaphore(ON_CREDIT)

    def receive(
        self, request: Request, boundary: bytes, *, authenticate: Authenticate, query: bytes = b""
    ) -> tuple[Received, Party]:
        """Read a multipart body that may hold a file; the caller closes `Received.incoming`.

        Raises what `authenticate` raises, Rejected 201-203 and 205, Rejected 100 and 101, Unavailable.
        """
        reading = _Reading(self._files, self._credit, authenticate)
        try:
            received = multipart.receive(
                request, boundary, max_bytes=self._max_bytes, begin=reading.begin, query=query
            )
            try:
                return received, reading.party or authenticate(received.body)
            except BaseException:
                if received.incoming is not None:
                    received.incoming.close()
                raise
        except RequestEntityTooLarge:
            raise self.too_large() from None
        finally:
            reading.close()

    def upload(self, party: Party, received: Received, identity: payload.Identity) -> bytes:
        """The answer to a complete upload: the id and, from `transcriptPosition` on, events (6.10)."""
        incoming = received.incoming
        if incoming is None:
            raise Rejected(MISSING_OR_MALFORMED, multipart.FILE_PART)
        with incoming.spool:
            position = received.body.position()
            uploaded = self._files.finish(party, incoming, received.body.user_data)
        extra = {"userData": {"file-id": uploaded.file.id}}
        if position is not None:
            found = self._customers.transcript(party, position)
            return payload.answer(
                identity,
                found.events,
                next_position=found.next_position,
                chat_ended=found.chat_ended,
                extra=extra,
            )
        session = uploaded.committed.session
        return payload.answer(
            identity,
            uploaded.committed.events,
            next_position=session.next_index,
            chat_ended=session.ended_for_customer,
            extra=extra,
        )

    def download(self, party: Party, file_id: str) -> Response:
        """The file itself: Rejected 206 (404, or 403 when the attempts are used up), NotReady."""
        return file_answer(self._files.download(party, file_id))

    def delete(self, party: Party, file_id: str, identity: payload.Identity) -> bytes:
        """FileDeleted for everybody; the answer holds no events."""
        session = self._files.delete(party, file_id).session
        return payload.answer(
            identity, (), next_position=session.next_index, chat_ended=session.ended_for_customer
        )

    def limits(self, party: Party, identity: payload.Identity) -> bytes:
        """The chat answer with the pseudo message `file-client-cfg-get`: it has no index, is never stored."""
        session = party.session
        message = _limits_message(party, self._settings.current.files, self._files.usage(party))
        return payload.answer(
            identity, (message,), next_position=session.next_index, chat_ended=session.ended_for_customer
        )

    def too_large(self) -> Rejected:
        """More than any file may have, whoever sends it (9.3: 400 with code 202 rather than 413)."""
        return Rejected(limits.TOO_LARGE, str(self._settings.current.files.upload_max_file_size))

    @property
    def _max_bytes(self) -> int:
        """A file and the form around it."""
        settings = self._settings.current
        return settings.files.upload_max_file_size + settings.server.max_body_size_bytes


class _Reading:
    """One body being read: who sends it, as soon as that is known."""

    def __init__(self, files: Files, credit: threading.BoundedSemaphore, authenticate: Authenticate) -> None:
        self.party: Party | None = None
        self._files = files
        self._credit = credit
        self._authenticate = authenticate
        self._on_credit = False

    def begin(self, body: Body, filename: str) -> Incoming | None:
        """The file begins: `multipart.Begin`."""
        if body.text("secureKey"):
            self.party = self._authenticate(body)
            return self._files.begin(self.party, filename)
        self._on_credit = self._credit.acquire(blocking=False)
        if not self._on_credit:
            raise Unavailable("too many uploads without a key before the file")
        return self._files.begin_on_credit(filename)

    def close(self) -> None:
        """The body is over."""
        if self._on_credit:
            self._credit.release()


def _limits_message(party: Party, settings: FileSettings, used: Usage) -> Event:
    author, now_ms = party.session.customer, party.session.last_utc_ms
    wire: dict[str, Any] = {
        "from": {"nickname": author.nickname, "participantId": author.id, "type": author.type.value},
        "text": "file-client-cfg-get",
        "type": EventType.NOTICE.value,
        "utcTime": now_ms,
        "userData": _limits_data(settings, used),
    }
    return Event(index=0, type=EventType.NOTICE, author=author.id, utc_ms=now_ms, wire=orjson.dumps(wire))


def _limits_data(settings: FileSettings, used: Usage) -> Mapping[str, str]:
    """All ten keys are mandatory and all values are text: the iOS client decodes them strictly (6.10)."""
    return {
        "upload-max-files": str(settings.upload_max_files),
        "upload-max-file-size": str(settings.upload_max_file_size),
        "upload-max-total-size": str(settings.upload_max_total_size),
        "upload-file-types": settings.upload_file_types,
        "upload-need-agent": str(settings.upload_need_agent).lower(),
        "download-attempts": str(settings.download_attempts),
        "delete-file": settings.delete_file,
        "used-upload-max-files": str(used.files),
        "used-upload-max-total-size": str(used.total_size),
        "used-download-attempts": str(used.downloads),
    }
