"""What a node keeps: files with their scans, and the archive, which deletes a transcript with its files."""

from __future__ import annotations

from typing import Any

from gateway.chat.agent_files import AgentFiles
from gateway.chat.archive import Archive
from gateway.chat.file_scans import FileScans
from gateway.chat.files import Files
from gateway.chat.history import History
from gateway.files.directory import FileDirectory
from gateway.services.basis import Basis
from gateway.services.chat import ChatPart


class FilesPart:
    """Made once by `node`; the attributes are for the other parts and the edges."""

    def __init__(self, basis: Basis, chat: ChatPart, directory: FileDirectory) -> None:
        store, ledger = basis.store, chat.ledger
        shared: dict[str, Any] = {"settings_source": basis.settings, "metrics": basis.metrics}
        self.scans = FileScans(ledger, store, directory=directory, **shared)
        self.files = Files(
            ledger,
            store,
            directory=directory,
            scans=self.scans,
            ids=basis.ids,
            clock=basis.clock,
            **shared,
        )
        self.agent_files = AgentFiles(self.files, chat.agents, store, **shared)
        self.archive = Archive(store, purge=self.files.purge, ledger=ledger, **basis.timed)
        self.history = History(chat.agents, self.archive)
        basis.metrics.file_bytes.set_function(lambda: directory.used_bytes)
