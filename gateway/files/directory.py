"""`FileDirectory`: the contents of files on the local disk.

Theory of operation. An upload is a `Spool`: bytes go to `incoming/<id>` while they arrive, never more than a
few hundred kilobytes in memory. `keep` flushes them to the disk and renames them to `<first two>/<id>`; only
then the use case commits the row that makes the file exist. So the store decides what there is, and whatever
lies here without a row is rubbish: an upload that was cut off, refused or killed, or a chat that was purged.

`sweep` removes the rubbish, at start and now and then. A spool holds a lock (flock) on its file until it is
closed, which the use case does after its commit; the lock dies with its process. So the sweep asks the store
only about files whose lock it has: nobody is still at work on them, in this process or another (a worker that
is being replaced).

Paths are made of our own random ids alone, which are checked on the way in. Everything that may wait for the
disk runs off the event loop. A disk that fails or is full is `Unavailable`, and the spool is gone.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

import structlog

from gateway.config.views import FileSettings
from gateway.errors import NotFound, Unavailable
from gateway.files.kinds import HEAD_BYTES
from gateway.files.limits import Admission
from gateway.native import native_lock, off_loop

INCOMING = "incoming"
# Written at once: a call off the event loop costs about 50 us, so not for every piece of 1 KiB.
WRITE_BYTES = 256 * 1024
# Read at once for a download; what a slow reader keeps in memory.
READ_BYTES = 64 * 1024
# The space of the disk is asked for once per so many bytes of an upload.
SPACE_BYTES = 4 * 1024 * 1024

_ID = re.compile(r"[0-9A-F]{32}", re.ASCII)

log = structlog.get_logger(__name__)


class FileDirectory:
    """The directory `root`; made and counted by `open`, which must come before anything else."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._used = 0
        self._lock = native_lock()  # guards _used

    def open(self) -> None:
        """Create the directory (0700) and count what is there; Unavailable when it cannot be used."""
        try:
            (self._root / INCOMING).mkdir(mode=0o700, parents=True, exist_ok=True)
            self._used = sum([path.stat().st_size for path in self._contents()])
        except OSError as error:
            raise Unavailable(f"cannot use {self._root}: {error.strerror}") from error

    @property
    def used_bytes(self) -> int:
        """The size of everything that lies here, uploads on their way included."""
        return self._used

    def spool(
        self,
        file_id: str,
        admission: Admission,
        settings: FileSettings,
        *,
        on_close: Callable[[], None] | None = None,
    ) -> Spool:
        """Begin an upload; Unavailable when the disk or the quota is full.

        `on_close` is called once, when the upload is over or could not begin.
        """
        on_close = on_close or _nothing
        try:
            path = self._incoming(file_id)
            return Spool(self, path, file_id, admission=admission, settings=settings, on_close=on_close)
        except BaseException:
            on_close()
            raise

    def read(self, file_id: str) -> Pieces:
        """The content in pieces; whoever takes them closes them. NotFound when it is gone."""
        try:
            source = off_loop(partial(open, self.path(file_id), "rb", 0))
        except FileNotFoundError:
            raise NotFound("no such file") from None
        except OSError as error:
            raise Unavailable(f"cannot read a file: {error.strerror}") from error
        return Pieces(source)

    def remove(self, file_id: str) -> None:
        """Delete the content; one that is gone already is fine, one that will not go stays for the sweep."""
        self._unlink(self.path(file_id))

    def sweep(self, known: Callable[[str], bool]) -> int:
        """Remove every content that has no row (`known(file_id)` is False) and no worker; how many."""
        removed = 0
        for path in off_loop(self._list):
            if self._is_orphan(path, known):
                self._unlink(path)
                removed += 1
        return removed

    def path(self, file_id: str) -> Path:
        """Where a content lies; ValueError for anything but an id of ours."""
        if not _ID.fullmatch(file_id):
            raise ValueError("not a file id")
        return self._root / file_id[:2] / file_id

    def reserve(self, size: int, settings: FileSettings) -> None:
        """Count bytes that are about to be written; Unavailable above the quota."""
        with self._lock:
            if self._used + size > settings.disk_quota_bytes:
                raise Unavailable("the quota of all files is used up")
            self._used += size

    def release(self, size: int) -> None:
        """Bytes are gone (or were never written)."""
        with self._lock:
            self._used -= size

    def require_space(self, settings: FileSettings) -> None:
        """Unavailable when less than the reserve is free."""
        found = os.statvfs(self._root)
        if found.f_bavail * found.f_frsize < settings.disk_reserve_bytes:
            raise Unavailable("the disk has no space for files")

    def _incoming(self, file_id: str) -> Path:
        return self._root / INCOMING / self.path(file_id).name

    def _contents(self) -> Iterator[Path]:
        return (path for path in self._root.glob("*/*") if path.is_file())

    def _list(self) -> list[Path]:
        return list(self._contents())

    def _is_orphan(self, path: Path, known: Callable[[str], bool]) -> bool:
        """Whether nobody is at work on the file, and no row names it; asked in this order."""
        descriptor = off_loop(partial(_locked, path))  # also lets others run between two files
        if descriptor is None:
            return False
        try:
            return path.parent.name == INCOMING or not known(path.name)
        finally:
            os.close(descriptor)

    def _unlink(self, path: Path) -> None:
        def work() -> int:
            size = path.stat().st_size
            path.unlink()
            return size

        try:
            self.release(off_loop(work))
        except FileNotFoundError:
            pass
        except OSError as error:
            log.warning("file_not_removed", file_id=path.name, reason=error.strerror)


class Spool:
    """One upload on its way to the disk; a context manager that leaves nothing behind unless it was kept.

    `size` in bytes, `head` the first HEAD_BYTES. One greenlet or thread uses it.
    """

    def __init__(
        self,
        directory: FileDirectory,
        path: Path,
        file_id: str,
        *,
        admission: Admission,
        settings: FileSettings,
        on_close: Callable[[], None],
    ) -> None:
        self.file_id = file_id
        self.size = 0
        self.head = b""
        self._directory = directory
        self._path = path
        self._admission = admission
        self._settings = settings
        self._on_close = on_close
        self._hash = hashlib.sha256()
        self._pending = bytearray()
        self._reserved = 0
        self._kept = False
        self._file: BinaryIO = self._guarded(self._create)

    def limit(self, admission: Admission) -> None:
        """Set another bound, known only after the upload began; raises its refusal when it is passed."""
        self._admission = admission
        if self.size > admission.max_bytes:
            raise admission.refusal

    def write(self, data: bytes) -> None:
        """More of the content; raises the admission's refusal above its bound, Unavailable without space."""
        if self.size + len(data) > self._admission.max_bytes:
            raise self._admission.refusal
        self.size += len(data)
        if len(self.head) < HEAD_BYTES:
            self.head += data[: HEAD_BYTES - len(self.head)]
        self._pending += data
        if len(self._pending) >= WRITE_BYTES:
            self._flush()

    def keep(self) -> str:
        """Bring everything to the disk under its final name; returns the SHA-256 in hexadecimal.

        Until `close` the file counts as being worked on and is safe from the sweep.
        """
        self._flush()
        self._guarded(self._settle)
        self._kept = True
        return self._hash.hexdigest()

    def drop(self) -> None:
        """Take `keep` back: the commit was refused."""
        self._kept = False

    def close(self) -> None:
        """Let go; unless the content was kept, it is removed."""
        if self._file.closed:
            return
        if not self._kept:
            with suppress(OSError):
                off_loop(self._remove)
            self._directory.release(self._reserved)
        self._file.close()  # and with it the lock
        self._on_close()

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close()

    def _flush(self) -> None:
        data, self._pending = bytes(self._pending), bytearray()
        if not data:
            return
        self._directory.reserve(len(data), self._settings)
        before, self._reserved = self._reserved, self._reserved + len(data)
        ask = before // SPACE_BYTES != self._reserved // SPACE_BYTES or not before
        self._guarded(partial(self._append, data, ask=ask))

    def _guarded(self, work: Callable[[], BinaryIO | None]) -> BinaryIO:
        """Run work off the loop; trouble of the disk becomes Unavailable."""
        try:
            return off_loop(work)  # type: ignore[return-value]
        except OSError as error:
            log.warning("upload_not_written", reason=error.strerror)
            raise Unavailable(f"cannot write a file: {error.strerror}") from error

    def _create(self) -> BinaryIO:
        self._directory.require_space(self._settings)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return os.fdopen(descriptor, "wb", buffering=0)

    def _append(self, data: bytes, *, ask: bool) -> None:
        if ask:
            self._directory.require_space(self._settings)
        self._hash.update(data)
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]

    def _settle(self) -> None:
        os.fsync(self._file.fileno())
        final = self._directory.path(self.file_id)
        final.parent.mkdir(mode=0o700, exist_ok=True)
        os.rename(self._path, final)
        self._path = final
        for directory in (final.parent, final.parent.parent):
            descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _remove(self) -> None:
        self._path.unlink(missing_ok=True)


def _locked(path: Path) -> int | None:
    """A descriptor that holds the file's lock; None when somebody else has it, or the file is gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _nothing() -> None:
    """Nobody wants to know."""


class Pieces:
    """A content piece by piece, with a `close` that WSGI servers call whatever happens."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece = off_loop(partial(self._source.read, READ_BYTES))
        if not piece:
            self.close()
            raise StopIteration
        return piece

    def close(self) -> None:
        """Let go of the file; harmless when it has been read to its end."""
        self._source.close()
