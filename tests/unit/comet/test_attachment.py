"""Attachments: cursor, fresh events, lagging, rewinding, the end."""

from __future__ import annotations

import orjson
import pytest
from unit.chat.engine import ALICE, Engine

from gateway.bayeux import Session
from gateway.chat.customers import TypingState
from gateway.comet.attachment import FRESH_LIMIT, PULL_BYTES, PULL_LIMIT, Attachment
from gateway.errors import Unavailable
from gateway.model.events import Event


class Chat:
    """A chat with an agent, and an attachment of its customer that starts behind the join."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.party = self.engine.start()
        self.engine.agents.accept(ALICE, self.party.session.id)
        self.reads = 0
        self.down = False
        session = Session("c", "long-polling", "", None, browser_bound=False, ack=False, created=0.0)
        self.attachment = Attachment(
            session,
            self.read,
            chat_id=self.party.session.id,
            user_id="u",
            participant=1,
            channel="/service/chatV2/x",
            cursor=2,
        )

    def read(self, chat_id: str, start: int):
        self.reads += 1
        if self.down:
            raise Unavailable("locked")
        return self.engine.store.recent(chat_id, start, limit=PULL_LIMIT, now_ms=self.engine.clock.wall_ms())

    def say(self, text: str, *, offered: bool = True) -> Event:
        committed = self.engine.agents.send(ALICE, self.party.session.id, text)
        if offered:
            self.attachment.offer(committed.events[0])
        return committed.events[0]

    def pulled(self) -> list[int]:
        """Indexes of what a pull brings."""
        frames = self.attachment.pull() if self.attachment.pending else []
        return [orjson.loads(frame)["data"]["messages"][0]["index"] for frame in frames]


@pytest.fixture
def chat() -> Chat:
    found = Chat()
    found.attachment.active = True
    assert found.pulled() == []
    found.reads = 0
    return found


def test_nothing_before_the_answer():
    """Until the answer that announces it is written an attachment owes nothing."""
    chat = Chat()
    chat.say("early")
    assert not chat.attachment.pending
    chat.attachment.active = True
    assert chat.pulled() == [3]


def test_offered_events_need_no_store(chat: Chat):
    """While the client keeps up, events come from memory, in order."""
    for text in "abc":
        chat.say(text)
    assert chat.pulled() == [3, 4, 5]
    assert (chat.reads, chat.attachment.cursor) == (0, 5)


def test_beyond_the_limit_it_lags_and_reads_the_store(chat: Chat):
    """More events than the limit: memory stays bounded and nothing is lost."""
    for number in range(FRESH_LIMIT + 5):
        chat.say(str(number))
    assert len(chat.attachment._fresh) <= FRESH_LIMIT
    assert chat.pulled() == list(range(3, 3 + FRESH_LIMIT + 5))
    assert chat.reads == 1


def test_long_absence_comes_in_pieces(chat: Chat):
    """A long gap is read in portions, by number or by size, until nothing is left."""
    for number in range(3 * PULL_LIMIT):
        chat.say(str(number), offered=False)
    for _ in range(40):
        chat.say("x" * 1000, offered=False)
    chat.attachment._lagging = True
    pieces: list[list[bytes]] = []
    indexes: list[int] = []
    while chat.attachment.pending:
        pieces.append(chat.attachment.pull())
        indexes += [orjson.loads(frame)["data"]["messages"][0]["index"] for frame in pieces[-1]]
    assert indexes == list(range(3, 3 + 3 * PULL_LIMIT + 40))
    assert len(pieces) > 4
    assert max(map(len, pieces)) <= PULL_LIMIT
    assert max(sum(map(len, piece[:-1])) for piece in pieces) < PULL_BYTES


def test_a_message_above_the_size_of_a_piece_comes_alone(chat: Chat):
    """The size ends a piece, it never keeps a message back."""
    for _ in range(3):
        chat.say("ü" * (PULL_BYTES // 2), offered=False)
    chat.attachment._lagging = True
    assert [chat.pulled() for _ in range(3)] == [[3], [4], [5]]
    assert not chat.attachment.pending


def test_rewind_delivers_again(chat: Chat):
    """After a rewind everything beyond the cursor comes again, once."""
    for text in "abc":
        chat.say(text)
    chat.pulled()
    chat.say("d")
    chat.attachment.rewind(3)
    assert chat.pulled() == [4, 5, 6]
    assert chat.pulled() == []


def test_offered_behind_the_cursor_is_ignored(chat: Chat):
    """An event that a read brought before its wake-up came is not delivered twice."""
    event = chat.say("a", offered=False)
    chat.attachment.rewind(2)
    chat.attachment._lagging = True
    assert chat.pulled() == [3]
    chat.attachment.offer(event)
    assert not chat.attachment.pending


def test_a_jump_forgets_what_the_answer_had(chat: Chat):
    """After an answer up to N only later events come; jumping back is no rewind."""
    for text in "abc":
        chat.say(text)
    chat.attachment.jump(4)
    assert chat.pulled() == [5]
    chat.attachment.jump(1)
    assert chat.pulled() == []


def test_unreadable_store_stalls_without_loss(chat: Chat):
    """While the store cannot be read nothing comes and nothing spins; a retry delivers."""
    chat.attachment.rewind(2)
    chat.say("a", offered=False)
    chat.attachment._lagging = chat.down = True
    assert chat.pulled() == []
    assert not chat.attachment.pending
    chat.down = False
    chat.attachment.retry()
    assert chat.pulled() == [3]


def test_own_typing_and_agents_only_events_are_not_shown(chat: Chat):
    """The author's typing is never echoed, and its index is passed over (decision 9)."""
    typed = chat.engine.customers.typing(chat.party, TypingState.STARTED, "x").events[0]
    chat.attachment.offer(typed)
    assert (chat.pulled(), chat.attachment.cursor) == ([], 3)
    theirs = chat.engine.agents.typing(ALICE, chat.party.session.id, TypingState.STARTED).events[0]
    chat.attachment.offer(theirs)
    assert chat.pulled() == [4]


@pytest.mark.parametrize("offered", [True, False])
def test_done_once_the_end_is_confirmed(chat: Chat, offered: bool):
    """The end is known from the wake-up or from the store; the client must have confirmed it."""
    for event in chat.engine.customers.leave(chat.party).events:
        if offered:
            chat.attachment.offer(event)
    chat.attachment._lagging = not offered
    assert chat.pulled() == [3]
    assert not chat.attachment.done
    chat.attachment.confirmed = 3
    assert chat.attachment.done


def test_a_skipped_event_never_comes(chat: Chat):
    """While the comet channel is closed events pass by, also after a rewind to the confirmed cursor."""
    chat.attachment.skip(chat.say("a", offered=False))
    chat.attachment.rewind(chat.attachment.confirmed)
    assert chat.pulled() == []
    chat.say("b")
    assert chat.pulled() == [4]


def test_live_frames_carry_no_key_and_no_ids(chat: Chat):
    """Decisions 2 and 3: the literals, no secureKey, exactly one event."""
    chat.say("a")
    (frame,) = chat.attachment.pull()
    message = orjson.loads(frame)
    assert list(message) == ["channel", "data"]
    assert {name: message["data"][name] for name in ("chatId", "userId", "alias")} == {
        "chatId": "deprecated",
        "userId": "deprecated",
        "alias": "0",
    }
    assert "secureKey" not in message["data"]
    assert message["data"]["nextPosition"] == 4
