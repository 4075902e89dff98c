"""The use cases around files where the wire cannot reach: races, purge, the agents' rights."""

from __future__ import annotations

import pytest
from unit.chat.engine import ALICE, BOB, SARA, Engine

from gateway.chat.files import UPLOADS_AT_ONCE
from gateway.errors import ChatGone, Forbidden, NotFound, Rejected, StateConflict, Unavailable
from gateway.model.events import EventType

PDF = b"%PDF-1.7"


def begun(engine: Engine, party, content: bytes = PDF):
    """An upload whose bytes have arrived."""
    incoming = engine.files.begin(party, "a.pdf")
    incoming.spool.write(content)
    return incoming


def agent_upload(engine: Engine, account, chat_id: str, content: bytes = PDF):
    """An agent's PDF."""
    incoming = engine.agent_files.begin(account, chat_id, "b.pdf")
    incoming.spool.write(content)
    return engine.agent_files.finish(account, chat_id, incoming, user_data={})


@pytest.mark.parametrize(("option", "code"), [("upload-max-files=1", 201), ("upload-max-total-size=10", 202)])
def test_two_uploads_cannot_both_be_the_last_one(option: str, code: int) -> None:
    """Both began while there was room; the limit holds again under the chat's lock."""
    engine = Engine(f"[client-file-transfer]\n{option}")
    party = engine.start()
    first, second = begun(engine, party), begun(engine, party)
    engine.files.finish(party, first, {})
    with pytest.raises(Rejected) as refused:
        engine.files.finish(party, second, {})
    assert (refused.value.code, len(engine.files.of_chat(party.session.id))) == (code, 1)
    assert engine.directory.used_bytes == len(PDF)


def test_uploads_of_one_chat_at_a_time_are_few() -> None:
    """A flood of uploads that never end cannot fill the disk; each one that ends makes room."""
    engine = Engine("[client-file-transfer]\nupload-max-files=100")
    party, other = engine.start(), engine.start()
    open_ones = [begun(engine, party) for _ in range(UPLOADS_AT_ONCE)]
    with pytest.raises(Unavailable):
        engine.files.begin(party, "a.pdf")
    begun(engine, other).close()
    open_ones.pop().close()
    engine.files.finish(party, open_ones.pop(), {})
    for _ in range(2):
        open_ones.append(begun(engine, party))
    with pytest.raises(Unavailable):
        engine.files.begin(party, "a.pdf")


def test_downloads_of_an_agents_file_count_in_the_limits(engine: Engine) -> None:
    """What the customer reads as used holds everything that was downloaded, not only own files."""
    party = engine.start()
    engine.agents.accept(ALICE, party.session.id)
    file = agent_upload(engine, ALICE, party.session.id).file
    engine.files.download(party, file.id).pieces.close()
    used = engine.files.usage(party)
    assert (used.files, used.total_size, used.downloads) == (0, 0, 1)


def test_a_chat_that_ends_during_the_upload(engine: Engine) -> None:
    """Nothing is added after the end, and nothing stays on the disk."""
    party = engine.start()
    incoming = begun(engine, party)
    engine.customers.leave(party)
    with pytest.raises(ChatGone):
        engine.files.finish(party, incoming, {})
    assert (engine.directory.used_bytes, engine.files.of_chat(party.session.id)) == (0, [])


def test_purge_removes_the_files_of_the_chat(engine: Engine) -> None:
    """Rows and bytes of the purged chat are gone, those of another stay."""
    party, other = engine.start(), engine.start()
    for one in (party, other):
        engine.files.finish(one, begun(engine, one), {})
    engine.files.purge(party.session.id)
    assert engine.store.session(party.session.id) is None
    assert engine.files.of_chat(party.session.id) == []
    assert engine.directory.used_bytes == len(PDF)
    assert len(engine.files.of_chat(other.session.id)) == 1


def test_the_sweep_follows_a_purge_of_the_store_alone(engine: Engine) -> None:
    """Whoever purges only the rows leaves bytes that the next sweep removes."""
    party = engine.start()
    engine.files.finish(party, begun(engine, party), {})
    engine.store.purge(party.session.id)
    assert engine.scans.sweep() == 1
    assert [path for path in engine.root.rglob("*") if path.is_file()] == []


def test_agents_upload_for_everybody(engine: Engine) -> None:
    """FileUploaded of the agent reaches the customer; downloads of agents are not counted."""
    party = engine.start()
    chat_id = party.session.id
    engine.agents.accept(ALICE, chat_id)
    uploaded = agent_upload(engine, ALICE, chat_id)
    (event,) = uploaded.committed.events
    assert (event.type, event.author, event.for_customer) == (EventType.FILE_UPLOADED, 2, True)
    assert b"".join(engine.files.download(party, uploaded.file.id).pieces) == PDF
    for _ in range(5):
        assert b"".join(engine.agent_files.download(ALICE, chat_id, uploaded.file.id).pieces) == PDF
    assert engine.store.file(uploaded.file.id).downloads == 1
    assert engine.files.usage(party).files == 0


def test_rights_of_agents(engine: Engine) -> None:
    """A stranger neither reads nor writes; a supervisor reads; only participants of an open chat upload."""
    party = engine.start()
    chat_id = party.session.id
    engine.agents.accept(ALICE, chat_id)
    file = engine.files.finish(party, begun(engine, party), {}).file
    for call in (
        lambda: engine.agent_files.list(BOB, chat_id),
        lambda: engine.agent_files.download(BOB, chat_id, file.id),
        lambda: engine.agent_files.begin(BOB, chat_id, "a.pdf"),
        lambda: engine.agent_files.begin(SARA, chat_id, "a.pdf"),
        lambda: engine.agent_files.delete(BOB, chat_id, file.id),
        lambda: engine.agent_files.delete(ALICE, chat_id, file.id),
    ):
        with pytest.raises(Forbidden):
            call()
    assert [one.id for one in engine.agent_files.list(SARA, chat_id)] == [file.id]
    own = agent_upload(engine, ALICE, chat_id).file
    assert engine.agent_files.delete(ALICE, chat_id, own.id).events[0].type is EventType.FILE_DELETED
    engine.agents.close(ALICE, chat_id)
    with pytest.raises(StateConflict):
        engine.agent_files.begin(ALICE, chat_id, "a.pdf")


def test_agents_find_files_of_the_chat_they_name_only(engine: Engine) -> None:
    """The id of another chat's file is unknown, as any other text."""
    one, two = engine.start(), engine.start()
    engine.agents.accept(ALICE, one.session.id)
    file = engine.files.finish(two, begun(engine, two), {}).file
    for file_id in (file.id, "..", ""):
        with pytest.raises(NotFound):
            engine.agent_files.download(ALICE, one.session.id, file_id)
