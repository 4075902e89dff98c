"""The use cases around files: upload, download, deletion, limits (spec/chat-api-v2.md 6.10, 7.5).

The way of an upload: `begin` judges what is known when the first byte arrives and opens a spool; the edge
writes into it; `finish` looks at the content, brings it to the disk and commits the file's row together with
its FileUploaded event. Until that commit nobody can see the file; when it is refused, nothing is left of it.

Invariants: the limits are judged again under the chat's lock; a content is fetched through its row only; a
file that waits for its scan, or failed it, is fetched by nobody. `Files` serves customers and holds what is
common; `AgentFiles` serves the personnel. Called by `api/gms_files` and `api/files`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from gateway.chat import limits as chat_limits
from gateway.chat.customers import Party
from gateway.chat.decision import Decision
from gateway.chat.file_scans import FileScans
from gateway.chat.ledger import Ledger
from gateway.clock import Clock
from gateway.config import SettingsSource
from gateway.config.views import FileSettings
from gateway.errors import ChatGone, GatewayError, NotFound, NotReady, Rejected, Unavailable
from gateway.files import kinds, limits
from gateway.files.directory import FileDirectory, Pieces, Spool
from gateway.files.limits import Admission, FileRefused, Usage
from gateway.files.names import display_name, extension
from gateway.ids import Ids
from gateway.model.change import Committed
from gateway.model.events import Draft, EventType
from gateway.model.files import FileState, StoredFile
from gateway.model.participants import Participant
from gateway.model.session import ChatSession
from gateway.native import native_lock
from gateway.observe.metrics import Metrics
from gateway.store.roles import Chats
from gateway.store.roles import Files as FileRows

# Of one customer at a time: widgets upload one file after the other, and a flood must not fill the disk.
UPLOADS_AT_ONCE = 4


class FileStore(Chats, FileRows, Protocol):
    """What this package needs of the store."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """An upload on its way: the cleaned name and where its bytes go. Close it whatever happens."""

    name: str
    spool: Spool

    def close(self) -> None:
        """Let go; what was not kept is removed."""
        self.spool.close()


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A finished upload: the file and what was committed with it."""

    file: StoredFile
    committed: Committed


@dataclass(frozen=True, slots=True)
class Download:
    """A file and its content in pieces; whoever takes it closes `pieces`."""

    file: StoredFile
    pieces: Pieces


# Given the session as it is under the lock: who uploads, and how many bytes they may.
Admit = Callable[[ChatSession], tuple[Participant, Admission]]


def purge_chat(chat_id: str, *, store: FileStore, directory: FileDirectory) -> None:
    """Forget a chat and the contents of its files; a crash leaves contents without owner, for the sweep."""
    files = store.files(chat_id)
    store.purge(chat_id)
    for file in files:
        directory.remove(file.id)


class Files:
    """Files of customers, and the steps that are the same for everybody."""

    def __init__(
        self,
        ledger: Ledger,
        store: FileStore,
        *,
        directory: FileDirectory,
        scans: FileScans,
        ids: Ids,
        settings_source: SettingsSource,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._ledger = ledger
        self._store = store
        self._directory = directory
        self._scans = scans
        self._ids = ids
        self._settings_source = settings_source
        self._clock = clock
        self._metrics = metrics
        self._arriving = _Arriving()

    # -- customers ----------------------------------------------------------------------------------------

    def usage(self, party: Party) -> Usage:
        """What the customer has used of the limits; downloads are those of everybody's files."""
        files = self._store.files(party.session.id)
        own = Usage.of(file for file in files if file.owner == party.participant.id)
        return replace(own, downloads=sum([file.downloads for file in files]))

    def begin(self, party: Party, raw_name: str) -> Incoming:
        """A customer's upload begins: Rejected 201, 202, 203 or 205, ChatGone, Unavailable."""
        name = display_name(raw_name)
        with self._counting():
            session = self._store.session(party.session.id)
            if session is None:
                raise ChatGone(party.session.id)
            return self._open(name, self._customer_admission(session, name)[1], chat_id=session.id)

    def begin_on_credit(self, raw_name: str) -> Incoming:
        """An upload whose sender is named only behind it: judged by name and size, later by `finish`."""
        name = display_name(raw_name)
        with self._counting():
            anybody = limits.admit_customer(self._settings, name, Usage(), agent_present=True)
            return self._open(name, anybody)

    def finish(self, party: Party, incoming: Incoming, user_data: Mapping[str, str]) -> Uploaded:
        """The upload is complete; raises as `begin`, and Rejected 101 for bad user data."""
        return self.publish(
            party.session.id,
            incoming,
            user_data,
            admit=lambda session: self._customer_admission(session, incoming.name),
        )

    def download(self, party: Party, file_id: str) -> Download:
        """A file of the chat; FileRefused when the attempts are used up, else as `open`."""
        download = self.open(party.session.id, file_id)
        try:
            if not self._store.count_download(file_id, limit=self._settings.download_attempts):
                self.find(party.session.id, file_id)  # unless it went away meanwhile
                raise FileRefused("download attempts are used up")
        except BaseException:
            download.pieces.close()
            raise
        self._metrics.bound("file_downloads_total", "customer").inc()
        return download

    def delete(self, party: Party, file_id: str) -> Committed:
        """A customer deletes an own file; FileRefused when they may not, Rejected 206, ChatGone."""

        def author(session: ChatSession, file: StoredFile) -> Participant:
            if session.ended_for_customer:
                raise ChatGone(session.id)
            if not self._settings.customers_may_delete or file.owner != session.customer.id:
                raise FileRefused("file may not be deleted")
            return session.customer

        return self.remove(party.session.id, file_id, author=author)

    def _customer_admission(self, session: ChatSession, name: str) -> tuple[Participant, Admission]:
        if session.ended_for_customer:
            raise ChatGone(session.id)
        admission = limits.admit_customer(
            self._settings,
            name,
            Usage.of(file for file in self._store.files(session.id) if file.owner == session.customer.id),
            agent_present=bool(session.profile.personnel),
        )
        return session.customer, admission

    # -- for everybody ------------------------------------------------------------------------------------

    def begin_as(self, raw_name: str, admit: Callable[[str], Admission]) -> Incoming:
        """An upload of somebody else; `admit` judges the cleaned name."""
        name = display_name(raw_name)
        with self._counting():
            return self._open(name, admit(name))

    def publish(
        self, chat_id: str, incoming: Incoming, user_data: Mapping[str, str], *, admit: Admit
    ) -> Uploaded:
        """Bring a complete upload to the disk and commit it with its event; closes `incoming`."""
        spool = incoming.spool
        with self._counting(), spool:
            media_type = kinds.media_type(extension(incoming.name), spool.head)
            if media_type is None:
                raise limits.wrong_type()
            session = self._store.session(chat_id)
            if session is None:
                raise ChatGone(chat_id)
            author, admission = admit(session)  # before the disk is troubled
            spool.limit(admission)
            data = chat_limits.user_data(user_data)
            file = self._row(chat_id, incoming, author, media_type=media_type, sha256=spool.keep())

            def decide(session: ChatSession) -> Decision:
                author, admission = admit(session)
                spool.limit(admission)
                told = data | _told(file)
                draft = Draft(EventType.FILE_UPLOADED, author, "file-uploaded", user_data=told)
                return Decision(drafts=(draft,), files=(replace(file, owner=author.id),))

            try:
                committed = self._ledger.change(chat_id, decide)
            except GatewayError:
                spool.drop()
                raise
        if file.state is FileState.PENDING:
            self._scans.submit(file)
        self._metrics.bound("file_uploads_total", "stored").inc()
        return Uploaded(file, committed)

    def find(self, chat_id: str, file_id: str) -> StoredFile:
        """A file of this chat that is still there, else Rejected 206."""
        file = self._store.file(file_id)
        if file is None or file.chat_id != chat_id or not file.present:
            raise limits.unknown_file()
        return file

    def open(self, chat_id: str, file_id: str) -> Download:
        """A clean file's content: Rejected 206, NotReady before the end of its scan, Unavailable."""
        file = self.find(chat_id, file_id)
        if file.state is FileState.PENDING:
            raise NotReady("the file is being scanned")
        try:
            return Download(file, self._directory.read(file.id))
        except NotFound:
            raise limits.unknown_file() from None

    def remove(
        self, chat_id: str, file_id: str, *, author: Callable[[ChatSession, StoredFile], Participant]
    ) -> Committed:
        """Delete a file; `author` says who does it, or raises. Rejected 206, ChatGone."""

        def decide(session: ChatSession) -> Decision:
            file = self.find(chat_id, file_id)
            party = author(session, file)
            return Decision(drafts=(deletion(party, file),), files=(replace(file, state=FileState.DELETED),))

        committed = self._ledger.change(chat_id, decide)
        self._directory.remove(file_id)
        return committed

    def of_chat(self, chat_id: str) -> list[StoredFile]:
        """The files of a chat that are still there, oldest first."""
        return [file for file in self._store.files(chat_id) if file.present]

    def purge(self, chat_id: str) -> None:
        """Forget a chat with its files."""
        purge_chat(chat_id, store=self._store, directory=self._directory)

    def _open(self, name: str, admission: Admission, *, chat_id: str | None = None) -> Incoming:
        """Open the spool; a customer's uploads at a time are few, whose bytes the limits do not count yet."""
        on_close = self._arriving.enter(chat_id) if chat_id is not None else None
        spool = self._directory.spool(self._ids.file(), admission, self._settings, on_close=on_close)
        return Incoming(name, spool)

    def _row(
        self, chat_id: str, incoming: Incoming, author: Participant, *, media_type: str, sha256: str
    ) -> StoredFile:
        return StoredFile(
            id=incoming.spool.file_id,
            chat_id=chat_id,
            owner=author.id,
            name=incoming.name,
            media_type=media_type,
            size=incoming.spool.size,
            sha256=sha256,
            created_ms=self._clock.wall_ms(),
            state=FileState.PENDING if self._settings.upload_scan_cmd else FileState.CLEAN,
        )

    @contextmanager
    def _counting(self) -> Iterator[None]:
        """Count an upload that is refused or fails."""
        try:
            yield
        except GatewayError as error:
            refused = isinstance(error, (Rejected, ChatGone))
            self._metrics.bound("file_uploads_total", "refused" if refused else "failed").inc()
            raise

    @property
    def _settings(self) -> FileSettings:
        return self._settings_source.current.files


class _Arriving:
    """How many uploads of each chat are on their way; memory follows the load."""

    def __init__(self) -> None:
        self._chats: Counter[str] = Counter()
        self._lock = native_lock()  # guards _chats

    def enter(self, chat_id: str) -> Callable[[], None]:
        """Count one more; returns what is to be called at its end. Unavailable above UPLOADS_AT_ONCE."""
        with self._lock:
            if self._chats[chat_id] >= UPLOADS_AT_ONCE:
                raise Unavailable("too many uploads of one chat at a time")
            self._chats[chat_id] += 1
        return partial(self._leave, chat_id)

    def _leave(self, chat_id: str) -> None:
        with self._lock:
            self._chats[chat_id] -= 1
            if not self._chats[chat_id]:
                del self._chats[chat_id]


def deletion(author: Participant, file: StoredFile) -> Draft:
    """The FileDeleted event."""
    return Draft(EventType.FILE_DELETED, author, text="file-deleted", user_data={"file-id": file.id})


def _told(file: StoredFile) -> dict[str, str]:
    """What FileUploaded says about the file; every value is text (4.3)."""
    return {"file-id": file.id, "file-name": file.name, "file-size": str(file.size)}
