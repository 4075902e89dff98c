"""What happens to files behind the requests: the scan of each upload, and the sweep of what nobody owns.

Theory of operation. An upload is committed as PENDING when there is an `upload_scan_cmd`, and `submit` scans
it in a thread of its own, a few at a time. A clean file becomes CLEAN; a blocked one becomes BLOCKED with a
FileDeleted of the system, so that nobody waits for it, and its content is removed. What is still pending
after a restart, or because the store could not write the verdict, is scanned again. Nothing but a verdict
makes a pending file available.
"""

from __future__ import annotations

import threading
from dataclasses import replace

import structlog

from gateway.chat.decision import NOTHING, Decision
from gateway.chat.ledger import Ledger
from gateway.config import SettingsSource
from gateway.errors import ChatGone, Unavailable
from gateway.files import scan
from gateway.files.directory import FileDirectory
from gateway.model.events import Draft, EventType, Visibility
from gateway.model.files import FileState, StoredFile
from gateway.model.participants import Participant, ParticipantType
from gateway.model.session import ChatSession, ChatState
from gateway.native import native_lock
from gateway.observe.metrics import Metrics
from gateway.store.roles import Files

# Scanners use a processor each; more at once only wait for each other.
SCANS_AT_ONCE = 4
# How soon a verdict that the store could not write is sought again, and how often rubbish is looked for.
RETRY_S, SWEEP_S = 30.0, 3600.0

log = structlog.get_logger(__name__)


class FileScans:
    """The scanner and the sweeper of one node; `run` is its background thread."""

    def __init__(
        self,
        ledger: Ledger,
        store: Files,
        *,
        directory: FileDirectory,
        settings_source: SettingsSource,
        metrics: Metrics,
    ) -> None:
        self._ledger = ledger
        self._store = store
        self._directory = directory
        self._settings_source = settings_source
        self._metrics = metrics
        self._slots = threading.BoundedSemaphore(SCANS_AT_ONCE)
        self._running: set[str] = set()
        self._lock = native_lock()  # guards _running

    def run(self, stop: threading.Event) -> None:
        """Sweep, and scan what is pending, until `stop`."""
        rounds = int(SWEEP_S / RETRY_S)
        number = 0
        while True:
            try:
                if number % rounds == 0:
                    self.sweep()
                self.resume()
            except Unavailable as error:
                log.warning("files_not_looked_at", reason=str(error))
            except Exception:  # noqa: BLE001 - the thread must outlive any single bad file
                log.exception("file_sweep_failed")
            number += 1
            if stop.wait(RETRY_S):
                return

    def sweep(self) -> int:
        """Remove contents without a row; how many."""
        removed = self._directory.sweep(self._is_known)
        if removed:
            log.info("orphaned_files_removed", count=removed)
        return removed

    def resume(self) -> None:
        """Scan every pending file that is not being scanned."""
        for file in self._store.pending_files():
            self.submit(file)

    def submit(self, file: StoredFile) -> None:
        """Scan a pending file in the background."""
        with self._lock:
            if file.id in self._running:
                return
            self._running.add(file.id)
        threading.Thread(target=self._work, args=(file,), name=f"scan-{file.id}", daemon=True).start()

    def scan(self, file: StoredFile) -> FileState:
        """Scan a file now and record the verdict; Unavailable when that cannot be done."""
        settings = self._settings_source.current.files
        command, path = settings.upload_scan_cmd, self._directory.path(file.id)
        if not command or scan.passes(command, path, timeout_s=settings.upload_scan_timeout_s):
            self._store.pass_file(file.id)
            verdict = FileState.CLEAN
        else:
            self._block(file)
            verdict = FileState.BLOCKED
        self._metrics.bound("file_scans_total", verdict.value).inc()
        return verdict

    def _work(self, file: StoredFile) -> None:
        try:
            with self._slots:
                self.scan(file)
        except Unavailable as error:
            log.warning("scan_verdict_not_written", file_id=file.id, reason=str(error))
        except Exception:  # noqa: BLE001 - stays pending, which nobody can fetch
            log.exception("scan_failed", file_id=file.id)
        finally:
            with self._lock:
                self._running.discard(file.id)

    def _block(self, file: StoredFile) -> None:
        def decide(session: ChatSession) -> Decision:
            current = self._store.file(file.id)
            if current is None or current.state is not FileState.PENDING:
                return NOTHING
            blocked = (replace(current, state=FileState.BLOCKED),)
            if session.state is ChatState.ENDED:  # nothing is said in a chat that is over
                return Decision(files=blocked)
            nickname = self._settings_source.current.for_service(session.profile.service).system_nickname
            system = Participant(0, "", nickname, ParticipantType.EXTERNAL)
            draft = Draft(
                EventType.FILE_DELETED,
                system,
                "file-deleted",
                user_data={"file-id": file.id},
                visibility=Visibility.AGENTS if session.ended_for_customer else Visibility.ALL,
            )
            return Decision(drafts=(draft,), files=blocked)

        try:
            self._ledger.change(file.chat_id, decide)
        except ChatGone:
            log.info("scanned_file_of_gone_chat", file_id=file.id)
        self._directory.remove(file.id)

    def _is_known(self, file_id: str) -> bool:
        file = self._store.file(file_id)
        return file is not None and file.present
