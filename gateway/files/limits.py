"""What may be uploaded (spec/chat-api-v2.md 6.10, 9.2): pure rules over settings and what is there already.

Called twice for each upload by `chat/files`: when its first byte arrives, to refuse early and to know how
many bytes may come, and under the chat's lock, where two uploads at once cannot both be the last one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.config.views import FileSettings
from gateway.errors import Rejected
from gateway.files.names import extension
from gateway.model.files import StoredFile

TOO_MANY = 201
TOO_LARGE = 202
WRONG_TYPE = 203
NO_UPLOADS = 205
NO_FILE = 206


@dataclass(frozen=True, slots=True)
class Usage:
    """What one side of a chat has used; deleted and blocked files count (Q-11)."""

    files: int = 0
    total_size: int = 0
    downloads: int = 0

    @classmethod
    def of(cls, files: Iterable[StoredFile]) -> Usage:
        """The sums over these files."""
        found = list(files)
        return cls(len(found), sum([file.size for file in found]), sum([file.downloads for file in found]))


@dataclass(frozen=True, slots=True)
class Admission:
    """An upload that may begin: how many bytes it may have, and what is raised when there are more."""

    max_bytes: int
    refusal: Rejected


def admit_customer(settings: FileSettings, name: str, used: Usage, *, agent_present: bool) -> Admission:
    """A customer's upload of a file called `name`: Rejected 201, 202, 203 or 205 when it cannot be."""
    if settings.upload_max_files == 0:
        raise Rejected(NO_UPLOADS, "uploads are not available")
    if settings.upload_need_agent and not agent_present:
        raise Rejected(NO_UPLOADS, "uploads need an agent in the chat")
    if used.files >= settings.upload_max_files:
        raise Rejected(TOO_MANY, str(settings.upload_max_files))
    return _admit(settings, name, used)


def admit_agent(settings: FileSettings, name: str, used: Usage) -> Admission:
    """An agent's upload: as many files as needed, of the same types and sizes; Rejected 202 or 203."""
    return _admit(settings, name, used)


def _admit(settings: FileSettings, name: str, used: Usage) -> Admission:
    if extension(name) not in settings.extensions:
        raise wrong_type()
    left = settings.upload_max_total_size - used.total_size
    total = left < settings.upload_max_file_size
    limit = settings.upload_max_total_size if total else settings.upload_max_file_size
    refusal = Rejected(TOO_LARGE, str(limit))
    if left <= 0:
        raise refusal
    return Admission(left if total else settings.upload_max_file_size, refusal)


def wrong_type() -> Rejected:
    """The extension is not allowed, or the content is something else."""
    return Rejected(WRONG_TYPE, "file type is not allowed")


def unknown_file() -> Rejected:
    """There is no such file, or none that the caller may have (HTTP 404)."""
    return Rejected(NO_FILE, "file unknown")


class FileRefused(Rejected):
    """The file exists, and the caller may not do this with it (HTTP 403)."""

    def __init__(self, advice: str) -> None:
        super().__init__(NO_FILE, advice)
