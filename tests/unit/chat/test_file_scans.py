"""The scan of uploads: pending, clean, blocked; it fails closed, and a restart goes on with it."""

from __future__ import annotations

import pytest
from support.waiting import eventually
from unit.chat.engine import Engine

from gateway.errors import NotReady, Rejected, Unavailable
from gateway.model.events import EventType
from gateway.model.files import FileState

SCANNED = "[client-file-transfer]\nupload_scan_timeout=5\nupload_scan_cmd="
PASS, BLOCK = "/bin/true", "/bin/false"


def upload(engine: Engine, party):
    """A customer's PDF."""
    incoming = engine.files.begin(party, "a.pdf")
    incoming.spool.write(b"%PDF-1.7")
    return engine.files.finish(party, incoming, {}).file


def state(engine: Engine, file) -> FileState:
    return engine.store.file(file.id).state


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch):
    """Scans begin only when the test calls them."""
    monkeypatch.setattr("gateway.chat.file_scans.FileScans.submit", lambda self, file: None)


def test_a_pending_file_is_fetched_by_nobody(held) -> None:
    """Between upload and verdict a download is temporary trouble and counts no attempt."""
    engine = Engine(SCANNED + PASS)
    party = engine.start()
    file = upload(engine, party)
    with pytest.raises(NotReady):
        engine.files.download(party, file.id)
    assert engine.scans.scan(file) is FileState.CLEAN
    assert b"".join(engine.files.download(party, file.id).pieces) == b"%PDF-1.7"
    assert engine.store.file(file.id).downloads == 1


@pytest.mark.parametrize("command", [BLOCK, "/no/such/scanner"])
def test_a_blocked_file_goes_for_good(held, command: str) -> None:
    """Also when the scanner cannot even start: FileDeleted by the system, no bytes, no download, ever."""
    engine = Engine(SCANNED + command)
    party = engine.start()
    file = upload(engine, party)
    engine.scans.scan(file)
    assert state(engine, file) is FileState.BLOCKED
    last = engine.store.last_events(party.session.id, 1)[0]
    assert (last.type, last.author, b'"nickname":"system"' in last.wire) == (EventType.FILE_DELETED, 0, True)
    assert not engine.directory.path(file.id).exists()
    with pytest.raises(Rejected):
        engine.files.download(party, file.id)
    assert engine.sample("file_scans_total", verdict="blocked") == 1


def test_uploads_are_scanned_by_themselves() -> None:
    """Nobody has to ask: the verdict follows the upload."""
    engine = Engine(SCANNED + PASS)
    file = upload(engine, engine.start())
    eventually(lambda: state(engine, file) is FileState.CLEAN)


def test_a_restart_goes_on_with_what_is_pending(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that dies between upload and verdict leaves a pending file, which the next one scans."""
    engine = Engine(SCANNED + PASS)
    with monkeypatch.context() as patch:
        patch.setattr(engine.scans, "submit", lambda file: None)
        file = upload(engine, engine.start())
    engine.build()
    assert engine.scans.sweep() == 0
    engine.scans.resume()
    eventually(lambda: state(engine, file) is FileState.CLEAN)


def test_a_verdict_that_cannot_be_written_is_sought_again(held) -> None:
    """While the store is down the file stays pending; afterwards it is blocked as it should have been."""
    engine = Engine(SCANNED + BLOCK)
    file = upload(engine, engine.start())
    engine.store.down = True
    with pytest.raises(Unavailable):
        engine.scans.scan(file)
    assert state(engine, file) is FileState.PENDING
    engine.store.down = False
    engine.scans.scan(file)
    assert state(engine, file) is FileState.BLOCKED


def test_nothing_is_said_in_a_chat_that_is_over(held) -> None:
    """A file blocked after the end changes its state and adds no event."""
    engine = Engine(SCANNED + BLOCK)
    party = engine.start()
    file = upload(engine, party)
    engine.customers.leave(party)
    before = engine.store.last_events(party.session.id, 1)
    engine.scans.scan(file)
    assert (state(engine, file), engine.store.last_events(party.session.id, 1)) == (FileState.BLOCKED, before)


def test_a_file_deleted_during_its_scan_stays_deleted(held) -> None:
    """Neither verdict brings it back or says anything more."""
    for command in (PASS, BLOCK):
        engine = Engine(SCANNED + command)
        party = engine.start()
        file = upload(engine, party)
        engine.files.delete(party, file.id)
        before = engine.store.last_events(party.session.id, 1)
        engine.scans.scan(file)
        assert (state(engine, file), engine.store.last_events(party.session.id, 1)) == (
            FileState.DELETED,
            before,
        )
