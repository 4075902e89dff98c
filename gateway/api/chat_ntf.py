"""`POST {mount_prefix}/2/chat-ntf`: the file operations of CometD mode (spec/chat-api-v2.md 7.5).

The secureKey alone names the caller, the identity in answers is the CometD one. The parameters come from the
body and the query string, and clients differ in how they name operations; see `_OPERATIONS`. Called by `v2`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from werkzeug.datastructures import Headers

from gateway.api import gms_files
from gateway.api.gms_access import require_credentials
from gateway.api.gms_body import Body
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

    def __init__(self, customers: Customers, settings: SettingsSource, *, rates: Rates) -> None:
        self._customers = customers
        self._settings = settings
        self._rates = rates

    def answer(self, body: Body, headers: Headers, *, address: str = "") -> bytes:
        """Find the caller, check the service's credentials, answer the operation."""
        operation = _operation(body)
        party = self._party(body.text("secureKey"), address)
        self._rates.session(party.session.id)
        settings = self._settings.current
        require_credentials(headers, settings.for_service(party.session.profile.service))
        if operation == LIMITS:
            return gms_files.limits_answer(party, settings, _identity(party))
        raise gms_files.upload_disabled() if operation == UPLOAD else gms_files.file_unknown()

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


def _identity(party: Party) -> payload.Identity:
    return replace(payload.DEPRECATED, secure_key=party.secure_key)
