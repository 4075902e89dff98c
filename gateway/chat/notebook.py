"""What agents write down beside the transcript: notes, dispositions, canned replies, read positions.

Nothing of it ever reaches a customer, except how far the agents have read. Called by `api/notebook`.
Raises as `agents` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gateway.chat import limits
from gateway.chat.accounts import BOT, Account
from gateway.chat.agents import Agents
from gateway.chat.decision import NOTHING, Decision
from gateway.chat.parties import OVERSEERS, may_see, present
from gateway.clock import Clock
from gateway.config import SettingsSource
from gateway.errors import Forbidden, NotFound, Rejected, StateConflict
from gateway.ids import Ids
from gateway.model.accounts import CannedReply
from gateway.model.session import ChatSession, Disposition, Note
from gateway.store.roles import Personnel

NOTE_LENGTH = 4_000
# Notes are part of the chat's profile, which is written whole.
MAX_NOTES = 50
COMMENT_LENGTH = 1_000
CODE_LENGTH = 64
SHORTCUT_LENGTH = 32
MAX_CANNED = 2_000


class Notebook:
    """Notes, dispositions, canned replies and read positions."""

    def __init__(
        self,
        agents: Agents,
        store: Personnel,
        *,
        ids: Ids,
        settings_source: SettingsSource,
        clock: Clock,
    ) -> None:
        self._agents = agents
        self._store = store
        self._ids = ids
        self._settings_source = settings_source
        self._clock = clock

    # -- notes --------------------------------------------------------------------------------------------

    def add_note(self, account: Account, chat_id: str, text: str) -> ChatSession:
        """One more note; StateConflict when there are too many."""
        text = _note_text(text)
        now_ms = self._clock.wall_ms()

        def decide(session: ChatSession) -> Decision:
            _may_write(account, session)
            notes = session.profile.notes
            if len(notes) >= MAX_NOTES:
                raise StateConflict(f"a chat has at most {MAX_NOTES} notes")
            number = max([note.id for note in notes], default=0) + 1
            note = Note(number, account.name, text, now_ms)
            return Decision(profile=replace(session.profile, notes=(*notes, note)))

        return self._agents.change(chat_id, decide).session

    def edit_note(self, account: Account, chat_id: str, note_id: int, text: str | None) -> ChatSession:
        """Change an own note, or delete it (None); supervisors may change every note."""
        text = _note_text(text) if text is not None else None
        now_ms = self._clock.wall_ms()

        def decide(session: ChatSession) -> Decision:
            _may_write(account, session)
            found = next((note for note in session.profile.notes if note.id == note_id), None)
            if found is None:
                raise NotFound("no such note")
            if found.author != account.name and account.role not in OVERSEERS:
                raise Forbidden("not your note")
            others = [note for note in session.profile.notes if note.id != note_id]
            if text is not None:
                others.append(replace(found, text=text, utc_ms=now_ms))
            notes = tuple(sorted(others, key=lambda note: note.id))
            return Decision(profile=replace(session.profile, notes=notes))

        return self._agents.change(chat_id, decide).session

    # -- disposition --------------------------------------------------------------------------------------

    def dispose(self, account: Account, chat_id: str, code: str, *, comment: str = "") -> ChatSession:
        """How the chat ended; Rejected(101) when the code is not on the service's list."""
        comment = limits.bounded(comment, COMMENT_LENGTH, name="comment")
        now_ms = self._clock.wall_ms()

        def decide(session: ChatSession) -> Decision:
            _may_write(account, session)
            known = self._settings_source.current.for_service(session.profile.service).dispositions
            if not 1 <= len(code) <= CODE_LENGTH or not code.isprintable() or (known and code not in known):
                raise Rejected(limits.MISSING_OR_MALFORMED, "code")
            chosen = Disposition(code, account.name, comment, now_ms)
            return Decision(profile=replace(session.profile, disposition=chosen))

        return self._agents.change(chat_id, decide).session

    # -- read positions -----------------------------------------------------------------------------------

    def read(self, account: Account, chat_id: str, position: int) -> ChatSession:
        """The caller has read up to `position`; it only grows and stops at the end."""

        def decide(session: ChatSession) -> Decision:
            party = present(account, session)
            positions = session.profile.read_positions
            reached = min(position, session.next_index - 1)
            if reached <= positions.get(party.id, 0):
                return NOTHING
            return Decision(profile=replace(session.profile, read_positions={**positions, party.id: reached}))

        return self._agents.change(chat_id, decide).session

    # -- canned replies -----------------------------------------------------------------------------------

    def replies(self, account: Account, service: str | None) -> Sequence[CannedReply]:
        """Shared and own replies, of one service (and those for all) or of every service."""
        return [
            reply
            for reply in self._store.canned()
            if reply.owner in ("", account.name) and (service is None or reply.service in ("", service))
        ]

    def put_reply(
        self, account: Account, reply_id: str | None, *, shortcut: str, text: str, service: str, shared: bool
    ) -> CannedReply:
        """Create (`reply_id` None) or replace one; shared ones are the supervisors'."""
        if account.role == BOT or (shared and account.role not in OVERSEERS):
            raise Forbidden("shared replies are kept by supervisors")
        if not 1 <= len(shortcut) <= SHORTCUT_LENGTH or not shortcut.isprintable() or " " in shortcut:
            raise Rejected(limits.MISSING_OR_MALFORMED, "shortcut")
        service = limits.bounded(service, 64, name="service")
        longest = self._settings_source.current.for_service(service).max_message_length
        text = limits.message_text(text, longest)
        if reply_id is not None:
            self._own(account, reply_id)
        elif len(self._store.canned()) >= MAX_CANNED:
            raise StateConflict(f"there are {MAX_CANNED} canned replies already")
        owner = "" if shared else account.name
        reply = CannedReply(
            reply_id or self._ids.alphanumeric(16), service, owner, shortcut, text, self._clock.wall_ms()
        )
        self._store.put_canned(reply)
        return reply

    def drop_reply(self, account: Account, reply_id: str) -> None:
        """Delete one."""
        if account.role == BOT:
            raise Forbidden("not for bots")
        self._own(account, reply_id)
        self._store.drop_canned(reply_id)

    def _own(self, account: Account, reply_id: str) -> CannedReply:
        found = next((reply for reply in self._store.canned() if reply.id == reply_id), None)
        if found is None or found.owner not in ("", account.name):
            raise NotFound("no such reply")
        if not found.owner and account.role not in OVERSEERS:
            raise Forbidden("shared replies are kept by supervisors")
        return found


def _note_text(text: str) -> str:
    text = limits.bounded(text, NOTE_LENGTH, name="text")
    if not text.strip():
        raise Rejected(limits.MISSING_OR_MALFORMED, "text")
    return text


def _may_write(account: Account, session: ChatSession) -> None:
    """People who take or took part and may read the chat (no more who passed it on), and overseers."""
    if account.role == BOT:
        raise Forbidden("not for bots")
    took_part = any(party.owner == account.name for party in session.profile.participants)
    if not (took_part and may_see(account, session)) and account.role not in OVERSEERS:
        raise Forbidden("not your chat")
