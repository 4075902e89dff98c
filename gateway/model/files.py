"""A file of a chat as the store knows it. The bytes lie elsewhere (`gateway/files`), under the same id."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FileState(StrEnum):
    """Life of a file: PENDING -> CLEAN or BLOCKED (the scan), CLEAN or PENDING -> DELETED (somebody)."""

    PENDING = "pending"
    CLEAN = "clean"
    BLOCKED = "blocked"
    DELETED = "deleted"


# Files that can still be fetched, now or after the scan; of all others the bytes are gone.
PRESENT = frozenset({FileState.PENDING, FileState.CLEAN})


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One uploaded file.

    `id` is random and the only thing that a path on disk is made of; `name` is what the uploader called it,
    cleaned, and never touches the file system. `owner` is the participant who uploaded it, `media_type` is
    ours (never the client's), `size` in bytes, `sha256` in hexadecimal, `downloads` counts the customer's.
    """

    id: str
    chat_id: str
    owner: int
    name: str
    media_type: str
    size: int
    sha256: str
    created_ms: int
    state: FileState
    downloads: int = 0

    @property
    def present(self) -> bool:
        """Whether the bytes are still kept."""
        return self.state in PRESENT
