"""Files in the hands of agents, supervisors and bots: the rights, the rest is `chat/files`.

Whoever may read a chat may list and download its files, as often as needed; a present party may upload while
the chat is open; an uploader may delete an own file, supervisors and administrators any file of a chat they
take part in. Hidden parties only read: a file is for everybody. Called by `api/files`.
NotFound, Forbidden, StateConflict, Rejected 202 and 203, Unavailable.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from gateway.chat.accounts import ADMIN, SUPERVISOR, Account
from gateway.chat.agents import Agents
from gateway.chat.files import Download, Files, Incoming, Uploaded
from gateway.config import SettingsSource
from gateway.config.views import FileSettings
from gateway.errors import ChatGone, Forbidden, NotFound, Rejected, StateConflict
from gateway.files import limits
from gateway.files.limits import Admission, Usage
from gateway.model.change import Committed
from gateway.model.files import StoredFile
from gateway.model.participants import Participant
from gateway.model.session import ChatSession, ChatState
from gateway.observe.metrics import Metrics
from gateway.store.roles import Files as FileRows

_OVER = frozenset({ChatState.WRAP_UP, ChatState.ENDED})
_MODERATORS = frozenset({ADMIN, SUPERVISOR})
T = TypeVar("T")


class AgentFiles:
    """What the personnel can do with files."""

    def __init__(
        self,
        files: Files,
        agents: Agents,
        store: FileRows,
        *,
        settings_source: SettingsSource,
        metrics: Metrics,
    ) -> None:
        self._files = files
        self._agents = agents
        self._store = store
        self._settings_source = settings_source
        self._metrics = metrics

    @property
    def settings(self) -> FileSettings:
        """The limits in force."""
        return self._settings_source.current.files

    def list(self, account: Account, chat_id: str) -> list[StoredFile]:
        """The files of a chat that are still there, also those that wait for their scan."""
        self._agents.get(account, chat_id)
        return self._files.of_chat(chat_id)

    def begin(self, account: Account, chat_id: str, raw_name: str) -> Incoming:
        """An upload begins."""
        session = self._agents.get(account, chat_id)
        return self._files.begin_as(raw_name, lambda name: self._admission(account, session, name)[1])

    def finish(
        self, account: Account, chat_id: str, incoming: Incoming, *, user_data: Mapping[str, str]
    ) -> Uploaded:
        """The upload is complete."""
        return _translated(
            lambda: self._files.publish(
                chat_id,
                incoming,
                user_data,
                admit=lambda session: self._admission(account, session, incoming.name),
            )
        )

    def download(self, account: Account, chat_id: str, file_id: str) -> Download:
        """A file's content."""
        self._agents.get(account, chat_id)
        download = _translated(lambda: self._files.open(chat_id, file_id))
        self._metrics.bound("file_downloads_total", "agent").inc()
        return download

    def delete(self, account: Account, chat_id: str, file_id: str) -> Committed:
        """Delete a file for everybody."""

        def author(session: ChatSession, file: StoredFile) -> Participant:
            party = _speaker(account, session)
            uploader = next((one for one in session.profile.participants if one.id == file.owner), None)
            own = uploader is not None and uploader.owner == account.name
            if not own and account.role not in _MODERATORS:
                raise Forbidden("not your file")
            return party

        return _translated(lambda: self._files.remove(chat_id, file_id, author=author))

    def _admission(self, account: Account, session: ChatSession, name: str) -> tuple[Participant, Admission]:
        party = _speaker(account, session)
        customer = session.customer.id
        used = Usage.of(file for file in self._store.files(session.id) if file.owner != customer)
        return party, limits.admit_agent(self.settings, name, used)


def _speaker(account: Account, session: ChatSession) -> Participant:
    """The caller's present party in an open chat, of which the customer knows: he may fetch every file."""
    if session.state in _OVER:
        raise StateConflict("the chat has ended")
    party = session.profile.by_owner(account.name)
    if party is None:
        raise Forbidden("not a participant of this chat")
    if party.hidden:
        raise Forbidden("the customer must not know of you")
    return party


def _translated(call: Callable[[], T]) -> T:
    """The customers' errors in the words of the own APIs."""
    try:
        return call()
    except ChatGone:
        raise NotFound("no such chat") from None
    except Rejected as error:
        if error.code == limits.NO_FILE:
            raise NotFound("no such file") from None
        raise
