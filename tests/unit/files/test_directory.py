"""The directory of contents: what survives, what is removed, and what a full disk does."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from gateway.config import Settings
from gateway.errors import NotFound, Rejected, Unavailable
from gateway.files.directory import READ_BYTES, WRITE_BYTES, FileDirectory
from gateway.files.limits import Admission

ID, OTHER = "AB" * 16, "CD" * 16
SETTINGS = Settings.defaults().files
ANY = Admission(10**9, Rejected(202, "1"))


@pytest.fixture
def directory(tmp_path: Path) -> FileDirectory:
    """An empty directory, opened."""
    made = FileDirectory(tmp_path / "files")
    made.open()
    return made


def files(directory: FileDirectory) -> list[Path]:
    """Everything that lies there."""
    return [path for path in directory._root.rglob("*") if path.is_file()]


def kept(directory: FileDirectory, content: bytes, file_id: str = ID) -> str:
    """A content that was uploaded and kept; its hash."""
    with directory.spool(file_id, ANY, SETTINGS) as spool:
        spool.write(content)
        return spool.keep()


@pytest.mark.parametrize("size", [0, 1, READ_BYTES, READ_BYTES + 1, 3 * WRITE_BYTES + 7])
def test_what_was_written_is_read(directory: FileDirectory, size: int) -> None:
    """The same bytes, their hash, their size, also by the next process; only the owner may read them."""
    content = bytes(number % 251 for number in range(size))
    assert sha256(content).hexdigest() == kept(directory, content)
    assert content == b"".join(directory.read(ID))
    assert 0o600 == directory.path(ID).stat().st_mode & 0o777
    again = FileDirectory(directory._root)
    again.open()
    assert (size, content) == (again.used_bytes, b"".join(again.read(ID)))


def test_what_was_not_kept_is_gone(directory: FileDirectory) -> None:
    """An upload that ends early leaves no file and no count, before and after it was written out."""
    for size in (10, 2 * WRITE_BYTES):
        with directory.spool(ID, ANY, SETTINGS) as spool:
            spool.write(b"x" * size)
        assert ([], 0) == (files(directory), directory.used_bytes)


def test_a_dropped_file_is_gone(directory: FileDirectory) -> None:
    """`drop` takes a `keep` back: the commit was refused."""
    with directory.spool(ID, ANY, SETTINGS) as spool:
        spool.write(b"x" * 10)
        spool.keep()
        spool.drop()
    assert ([], 0) == (files(directory), directory.used_bytes)


def test_the_bound_is_exact(directory: FileDirectory) -> None:
    """As many bytes as admitted pass, one more raises the admission's refusal before it is written."""
    refusal = Rejected(202, "100")
    with directory.spool(ID, Admission(100, refusal), SETTINGS) as spool:
        spool.write(b"x" * 100)
        with pytest.raises(Rejected) as raised:
            spool.write(b"x")
        assert (refusal, 100) == (raised.value, spool.size)


def test_the_quota_counts_uploads_on_their_way(directory: FileDirectory) -> None:
    """Two uploads at once cannot both take the last space; what one gives back the next may have."""
    settings = replace(SETTINGS, disk_quota_bytes=2 * WRITE_BYTES)
    with (
        directory.spool(ID, ANY, settings) as first,
        directory.spool(OTHER, ANY, settings) as second,
    ):
        first.write(b"x" * WRITE_BYTES)
        with pytest.raises(Unavailable):
            second.write(b"x" * WRITE_BYTES * 2)
    with directory.spool(OTHER, ANY, settings) as third:
        third.write(b"x" * WRITE_BYTES * 2)
        third.keep()
    assert 2 * WRITE_BYTES == directory.used_bytes


def test_the_reserve_is_left_free(directory: FileDirectory) -> None:
    """A disk with less than the reserve takes no upload at all."""
    with pytest.raises(Unavailable):
        directory.spool(ID, ANY, replace(SETTINGS, disk_reserve_bytes=10**12 - 1))
    assert [] == files(directory)


def test_sweep_removes_what_nobody_owns(directory: FileDirectory) -> None:
    """Half uploads of a killed process and contents without a row go; a known content stays."""
    kept(directory, b"known", ID)
    kept(directory, b"orphan", OTHER)
    (directory._root / "incoming" / ("EF" * 16)).write_bytes(b"half")
    directory.open()
    assert 2 == directory.sweep(lambda file_id: file_id == ID)
    assert ([directory.path(ID)], 5) == (files(directory), directory.used_bytes)


def test_sweep_leaves_uploads_that_are_worked_on(directory: FileDirectory) -> None:
    """Neither a spool nor a content that waits for its commit is touched, by this process or another."""
    code = (
        "import sys; from pathlib import Path; from gateway.files.directory import FileDirectory\n"
        "print(FileDirectory(Path(sys.argv[1])).sweep(lambda _: False))"
    )
    sweep = [sys.executable, "-c", code, str(directory._root)]
    with directory.spool(ID, ANY, SETTINGS) as spool:
        spool.write(b"x" * WRITE_BYTES)
        assert 0 == directory.sweep(lambda _: False)
        spool.keep()
        assert b"0\n" == subprocess.run(sweep, capture_output=True, check=True).stdout
    assert [directory.path(ID)] == files(directory)
    assert b"1\n" == subprocess.run(sweep, capture_output=True, check=True).stdout


@pytest.mark.parametrize("file_id", ["..", "../x", "ab" * 16, "AB" * 16 + "\n", "", "AB" * 15 + "/."])
def test_a_path_is_made_of_our_ids_only(directory: FileDirectory, file_id: str) -> None:
    """Anything else is refused before it comes near the file system."""
    with pytest.raises(ValueError):
        directory.path(file_id)


def test_a_content_that_is_gone(directory: FileDirectory) -> None:
    """Reading it is NotFound, removing it again is nothing."""
    kept(directory, b"x")
    directory.remove(ID)
    directory.remove(ID)
    assert 0 == directory.used_bytes
    with pytest.raises(NotFound):
        directory.read(ID)


def test_a_directory_that_cannot_be_used(tmp_path: Path) -> None:
    """The start says so instead of failing at the first upload."""
    (tmp_path / "files").write_text("in the way")
    with pytest.raises(Unavailable):
        FileDirectory(tmp_path / "files").open()
