"""Role `Files` on SQLite; rows are written by `Chats.commit` (`PUT`). Used through `SqliteStore`."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.model.files import FileState, StoredFile
from gateway.store.sqlite.database import Readers
from gateway.store.sqlite.rows import Row
from gateway.store.sqlite.writer import Writer

_COLUMNS = "id, chat_id, owner, name, media_type, size, sha256, created_ms, state, downloads"
_SELECT = f"SELECT {_COLUMNS} FROM file"
# A later change of a file is a change of its state; everything else is said once.
PUT = (
    f"INSERT INTO file ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?)"
    " ON CONFLICT (id) DO UPDATE SET state=excluded.state"
)
_PASS = "UPDATE file SET state='clean' WHERE id=? AND state='pending'"
_COUNT = "UPDATE file SET downloads=downloads+1 WHERE id=? AND state='clean' AND downloads < ?"


def file_row(file: StoredFile) -> Row:
    """Parameters of PUT."""
    return (
        file.id,
        file.chat_id,
        file.owner,
        file.name,
        file.media_type,
        file.size,
        file.sha256,
        file.created_ms,
        file.state.value,
        file.downloads,
    )


class SqliteFiles:
    """See `roles.Files` for the contracts."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    def file(self, file_id: str) -> StoredFile | None:
        row = self._readers.one(f"{_SELECT} WHERE id=?", (file_id,))
        return _file(row) if row else None

    def files(self, chat_id: str) -> Sequence[StoredFile]:
        found = self._readers.all(f"{_SELECT} WHERE chat_id=? ORDER BY seq", (chat_id,))
        return tuple([_file(row) for row in found])

    def pending_files(self) -> Sequence[StoredFile]:
        found = self._readers.all(f"{_SELECT} WHERE state='pending' ORDER BY seq", ())
        return tuple([_file(row) for row in found])

    def pass_file(self, file_id: str) -> bool:
        return self._writer.run(lambda connection: connection.execute(_PASS, (file_id,)).rowcount > 0)

    def count_download(self, file_id: str, *, limit: int) -> bool:
        return self._writer.run(lambda connection: connection.execute(_COUNT, (file_id, limit)).rowcount > 0)


def _file(row: Row) -> StoredFile:
    *head, state, downloads = row
    return StoredFile(*head, FileState(state), downloads)
