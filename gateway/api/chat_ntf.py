"""`POST {mount_prefix}/2/chat-ntf`: the file operations of CometD mode (spec/chat-api-v2.md 7.5).

The secureKey alone names the caller, the identity in answers is the CometD one. The parameters come from the
body and the query string, and clients differ in how they name operations; see `_OPERATIONS`. Called by `v2`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from flask import Request, Response
from werkzeug.datastructures import Headers

from gateway.api import multipart
from gateway.api.gms_access import require_credentials
from gateway.api.gms_answer import answer
from gateway.api.gms_body import Body
from gateway.api.gms_files import GmsFiles
from gateway.api.multipart import Received
from gateway.chat.customers import Customers, Party
from gateway.chat.limits import MISSING_OR_MALFORMED
from gateway.config import SettingsSource
from gateway.errors import BadKey, Rejected
from gateway.model import payload
from gateway.rates import Rates

UPLOAD, LIMITS, DOWNLOAD, DELETE = "fileUpload", "fileGetLimits", "fileDownload", "fileDelete"
# The vendor's own iOS library says fileGetsLimits.
_OPERATIONS: Mapping[str, str] = {
    UPLOAD: UPLOAD,
    LIMITS: LIMITS,
    "fileGetsLimits": LIMITS,
    DOWNLOAD: DOWNLOAD,
    DELETE: DELETE,
}


class ChatNtf:
    """Answers the file operations; raises Rejected, ChatGone, Unavailable."""

    def __init__(
        self, customers: Customers, settings: SettingsSource, *, files: GmsFiles, rates: Rates
    ) -> None:
        self._customers = customers
        self._settings = settings
        self._files = files
        self._rates = rates

    def respond(self, request: Request, read_body: Callable[[], Body]) -> Response:
        """Find the caller, check the service's credentials, answer the operation.

        A multipart body is read as it arrives, any other by `read_body`.
        """

        def authenticate(body: Body) -> Party:
            return self._authenticate(body, request.headers, address=request.remote_addr or "")

        boundary = multipart.boundary_of(request.content_type)
        if boundary is None:
            body = read_body()
            operation = _operation(body)
            return self._operate(operation, authenticate(body), Received(body, None))
        received, party = self._files.receive(
            request, boundary, authenticate=authenticate, query=request.query_string
        )
        try:
            return self._operate(_operation(received.body), party, received)
        finally:
            if received.incoming is not None:
                received.incoming.close()

    def _authenticate(self, body: Body, headers: Headers, *, address: str) -> Party:
        party = self._party(body.text("secureKey"), address)
        self._rates.session(party.session.id)
        require_credentials(headers, self._settings.current.for_service(party.session.profile.service))
        return party

    def _operate(self, operation: str, party: Party, received: Received) -> Response:
        identity = replace(payload.DEPRECATED, secure_key=party.secure_key)
        if operation == DOWNLOAD:
            return self._files.download(party, received.body.text("fileId"))
        if operation == UPLOAD:
            return answer(self._files.upload(party, received, identity))
        if operation == DELETE:
            return answer(self._files.delete(party, received.body.text("fileId"), identity))
        return answer(self._files.limits(party, identity))

    def _party(self, secret: str, address: str) -> Party:
        self._rates.admit(secret, address=address)
        try:
            party = self._customers.by_key(secret)
        except BadKey:
            self._rates.failed(address=address)
            raise
        self._rates.proved(secret)
        return party


def _operation(body: Body) -> str:
    """The operation; a file part without (or with an empty) operation is an upload (iOS)."""
    name = body.text("operation")
    if not name and body.has_file:
        return UPLOAD
    try:
        return _OPERATIONS[name]
    except KeyError:
        raise Rejected(MISSING_OR_MALFORMED, "operation") from None
