"""Files in the agents' API: `/agent/v1/chats/{chatId}/files` (decision 12).

An upload is multipart with one part `file`, read as it arrives after the caller's rights are clear; fields
`userData[...]` go into the event. Rules are in `chat/agent_files`; failures become problems.
`create_blueprint` is called once by `app` and registered with the Api of `openapi.py`.
"""

from __future__ import annotations

from typing import Any

import orjson
from flask import Response, g, request
from flask_smorest import Blueprint
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from gateway.api import agent_schemas as schemas
from gateway.api import multipart, routes
from gateway.api.agent import MAX_BODY_BYTES, PREFIX, guard
from gateway.api.downloads import file_answer
from gateway.api.routes import SECURITY
from gateway.chat.accounts import Account, Accounts
from gateway.chat.agent_files import AgentFiles
from gateway.chat.export import iso_time
from gateway.chat.limits import MISSING_OR_MALFORMED
from gateway.errors import Rejected
from gateway.files import limits
from gateway.model.files import StoredFile
from gateway.observe.metrics import Metrics
from gateway.rates import Rates

_FILES = "/chats/<chatId>/files"
_FILE = f"{_FILES}/<fileId>"
_READS = (401, 403, 404, 429, 500, 503)
_DELETES = (401, 403, 404, 409, 429, 500, 503)
_UPLOADS = (400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503)
_BINARY = {"type": "string", "format": "binary"}
_FORM = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {"type": "object", "required": ["file"], "properties": {"file": _BINARY}}
        }
    },
}
_CONTENT = {"description": "The content, as an attachment.", "content": {"*/*": {"schema": _BINARY}}}


class _Views:
    """The operations, run with `g.account` set; a docstring is its view's text in the OpenAPI document."""

    def __init__(self, files: AgentFiles) -> None:
        self._files = files

    def list_files(self, chat_id: str) -> dict[str, Any]:
        """The files of a chat, oldest first, and what may be uploaded."""
        settings = self._files.settings
        return {
            "items": [_shown(file) for file in self._files.list(_caller(), chat_id)],
            "maxFileSize": settings.upload_max_file_size,
            "maxTotalSize": settings.upload_max_total_size,
            "types": sorted(settings.extensions),
        }

    def upload_file(self, chat_id: str) -> Response:
        """Upload a file for everybody in the chat.

        One part `file` with a file name; fields `userData[...]` go into the event FileUploaded. A file of a
        type that is not allowed, or whose content is something else, is 422 with code 203; one that is too
        large is 413.
        """
        boundary = multipart.boundary_of(request.content_type)
        if boundary is None or request.headers.get("Content-Encoding"):
            raise UnsupportedMediaType("the body must be multipart/form-data, not compressed")
        files, caller = self._files, _caller()
        try:
            received = multipart.receive(
                request,
                boundary,
                max_bytes=files.settings.upload_max_file_size + MAX_BODY_BYTES,
                begin=lambda body, filename: files.begin(caller, chat_id, filename),
            )
            if received.incoming is None:
                files.list(caller, chat_id)  # whose chat it is comes before what is wrong with the form
                raise Rejected(MISSING_OR_MALFORMED, multipart.FILE_PART)
            uploaded = files.finish(caller, chat_id, received.incoming, user_data=received.body.user_data)
        except Rejected as error:
            if error.code == limits.TOO_LARGE:
                raise RequestEntityTooLarge(f"at most {error.advice} bytes") from None
            raise
        body = b'{"file":%b,"items":[%b],"nextPosition":%d}' % (
            orjson.dumps(_shown(uploaded.file)),
            b",".join([event.wire for event in uploaded.committed.events]),
            uploaded.committed.session.next_index,
        )
        return Response(body, content_type="application/json")

    def download_file(self, chat_id: str, file_id: str) -> Response:
        """The content of a file, as an attachment; 503 while it is being scanned."""
        return file_answer(self._files.download(_caller(), chat_id, file_id))

    def delete_file(self, chat_id: str, file_id: str) -> Response:
        """Delete an own file, as a supervisor any file, for everybody."""
        committed = self._files.delete(_caller(), chat_id, file_id)
        body = b'{"chatId":%b,"items":[%b],"nextPosition":%d}' % (
            orjson.dumps(chat_id),
            b",".join([event.wire for event in committed.events]),
            committed.session.next_index,
        )
        return Response(body, content_type="application/json")


def create_blueprint(
    *, files: AgentFiles, accounts: Accounts, metrics: Metrics, rates: Rates | None = None
) -> Blueprint:
    """The blueprint of the files below /agent/v1."""
    views = _Views(files)
    blueprint = Blueprint("files", __name__, url_prefix=PREFIX, description="Files of chats.")
    guard(blueprint, accounts=accounts, metrics=metrics, rates=rates)
    answers = blueprint.response(200, schemas.FileListSchema)
    _add(blueprint, "GET", _FILES, answers(views.list_files), _READS)
    answers = blueprint.response(200, schemas.UploadedSchema)
    _add(blueprint, "POST", _FILES, answers(views.upload_file), _UPLOADS, requestBody=_FORM)
    _add(blueprint, "GET", _FILE, views.download_file, _READS, responses={"200": _CONTENT})
    answers = blueprint.response(200, schemas.EventsSchema)
    _add(blueprint, "DELETE", _FILE, answers(views.delete_file), _DELETES)
    return blueprint


def _add(
    blueprint: Blueprint, method: str, rule: str, view: Any, problems: tuple[int, ...], **documented: Any
) -> None:
    view = routes.problems(blueprint, view, problems)
    name = view.__name__
    view = blueprint.doc(operationId=name, security=SECURITY, **documented)(view)
    blueprint.add_url_rule(rule, name, view, methods=[method])


def _caller() -> Account:
    account: Account = g.account
    return account


def _shown(file: StoredFile) -> dict[str, Any]:
    return {
        "fileId": file.id,
        "name": file.name,
        "type": file.media_type,
        "size": file.size,
        "sha256": file.sha256,
        "participantId": file.owner,
        "createdAt": iso_time(file.created_ms),
        "state": file.state.value,
    }
