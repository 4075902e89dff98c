"""Role `Files` in memory: part of `MemoryStore`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from gateway.model.files import FileState, StoredFile


class MemoryFiles:
    """See `roles.Files` for the contracts. The dictionary and the lock are `MemoryStore`'s."""

    _files: dict[str, StoredFile]

    def _open(self) -> AbstractContextManager[None]:
        """The lock, held while the store is open."""
        raise NotImplementedError

    def file(self, file_id: str) -> StoredFile | None:
        with self._open():
            return self._files.get(file_id)

    def files(self, chat_id: str) -> Sequence[StoredFile]:
        with self._open():
            return tuple([file for file in self._files.values() if file.chat_id == chat_id])

    def pending_files(self) -> Sequence[StoredFile]:
        with self._open():
            return tuple([file for file in self._files.values() if file.state is FileState.PENDING])

    def pass_file(self, file_id: str) -> bool:
        with self._open():
            file = self._files.get(file_id)
            if file is None or file.state is not FileState.PENDING:
                return False
            self._files[file_id] = replace(file, state=FileState.CLEAN)
            return True

    def count_download(self, file_id: str, *, limit: int) -> bool:
        with self._open():
            file = self._files.get(file_id)
            if file is None or file.state is not FileState.CLEAN or file.downloads >= limit:
                return False
            self._files[file_id] = replace(file, downloads=file.downloads + 1)
            return True
