"""Database files as earlier releases left them: every table of every schema, with rows in it.

`TABLES` says of each table which rows a file holds, how the store's public methods give them back after the
upgrade, and as what. A new migration needs here: an entry for each table that it creates; for a column that
it adds, a value in the rows and, where the value is read back, in `defaults` what older rows have instead.
The test of the upgrade fails for a table, and for a column, that was forgotten.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import orjson
from store.values import NOW
from unit.store.sqlite.earlier_profiles import NEWER_MEMBERS, profile_body, whole_profile

from gateway.model.accounts import CannedReply, Duty, Login, StoredAccount
from gateway.model.change import MessageId
from gateway.model.deliveries import Attempt, Delivery, DeliveryKind, DeliveryState
from gateway.model.events import Event, EventType, QuitReason, Visibility
from gateway.model.files import FileState, StoredFile
from gateway.model.inspection import ReplayRecord
from gateway.model.pending import Pending
from gateway.model.session import ChatState
from gateway.store.push_roles import StoredDestination
from gateway.store.roles import ArchiveQuery, OpenChats, StoredAttachment, StoredCometSession, Token
from gateway.store.sqlite import SqliteStore
from gateway.store.sqlite.migrate import _scripts, _statements

NEWEST = len(_scripts())
ENDED, OPEN = "chat-1", "chat-2"
SENT, QUEUED = "msg_sent", "msg_queued"


@dataclass(frozen=True, slots=True)
class Table:
    """`rows` by column, as the newest release writes them; `read` gives `expected` in that order.

    `defaults`: what a member of a value is whose column the file's version did not have.
    """

    rows: tuple[Mapping[str, Any], ...]
    read: Callable[[SqliteStore], Collection[Any]]
    expected: tuple[Any, ...]
    defaults: Mapping[str, Any] = field(default_factory=dict)

    def expected_from(self, columns: Collection[str]) -> list[Any]:
        """What is read back of a file whose table has these columns."""
        changes = {name: value for name, value in self.defaults.items() if name not in columns}
        return [replace(value, **changes) if changes else value for value in self.expected]


def values(rows: tuple[Mapping[str, Any], ...], kind: type, **members: Any) -> tuple[Any, ...]:
    """The rows as values of this kind; `members` replaces what is written in another way than it is read."""
    names = {each.name for each in fields(kind)}
    return tuple(kind(**{k: v for k, v in row.items() if k in names} | members) for row in rows)


def earlier(path: Path, version: int) -> None:
    """A file as that version left it, with the rows of every table that it knows."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    for script in _scripts()[:version]:
        for statement in _statements(script):
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version={version}")
    for name, columns in schema(connection).items():
        for row in TABLES[name].rows if name in TABLES else ():
            known = {column: value for column, value in row.items() if column in (*columns, "rowid")}
            if name == "profile":
                known["body"] = profile_body(version)
            marks = ",".join("?" * len(known))
            connection.execute(f"INSERT INTO {name} ({','.join(known)}) VALUES ({marks})", [*known.values()])
    connection.close()


def schema(connection: sqlite3.Connection) -> dict[str, list[str]]:
    """The tables of a file with their columns, without those that SQLite keeps for itself."""
    names = connection.execute(
        "SELECT name FROM sqlite_master WHERE type='table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        " AND name NOT LIKE 'transcript\\_%' ESCAPE '\\'"
    ).fetchall()
    return {
        name: [column[1] for column in connection.execute(f"PRAGMA table_xinfo({name})") if not column[6]]
        for (name,) in names
    }


def _chat(seq: int, chat_id: str, state: ChatState, indexed: int) -> dict[str, Any]:
    counters = {"version": 3, "next_index": 3, "last_utc_ms": NOW + 2, "created_ms": NOW, "indexed": indexed}
    return {"seq": seq, "id": chat_id, "state": state.value} | counters


def _event(chat: int, idx: int, **columns: Any) -> dict[str, Any]:
    wire = orjson.dumps({"index": idx, "text": f"old words chat-{chat}"})
    plain = {"type": "Message", "author": 1, "visibility": "all", "reason": None, "ends_chat": 0}
    newer = {"idle_expire": 45, "monitored": 1}
    return {"chat": chat, "idx": idx, "utc_ms": NOW + idx, "wire": wire} | plain | newer | columns


_CHATS = (_chat(1, ENDED, ChatState.ENDED, indexed=3), _chat(2, OPEN, ChatState.WAITING, indexed=0))
_PARTED = {"type": "ParticipantLeft", "reason": "0", "ends_chat": 1, "visibility": "agents"}
_EVENTS = (_event(1, 1), _event(1, 2, **_PARTED), _event(2, 1), _event(2, 2))
_OUTBOX = {
    "chat_id": OPEN,
    "user_id": f"U-{OPEN}",
    "kind": "payload",
    "event_type": "Message",
    "device_id": "device-1",
    "created_ms": NOW,
    "due_ms": NOW,
    "provider": "partner",
    "debug": 1,
    "message": b'{"text":"hello"}',
    "idempotency_key": "chat-2:1",
    "replays": 1,
}
_DELIVERIES = (
    {"id": SENT, "position": 1, "state": "failed", "attempts": 2, "owner": None, "ready_ms": None} | _OUTBOX,
    {"id": QUEUED, "position": 2, "state": "queued", "attempts": 0, "owner": None, "ready_ms": NOW}
    | _OUTBOX
    | {"yields_ms": NOW + 9, "replays": 0},
)
_ATTEMPTS = tuple(
    {
        "delivery_id": SENT,
        "number": number,
        "started_ms": NOW + number,
        "duration_ms": 12,
        "status": status,
        "error": error,
        "response_head": head,
    }
    for number, status, error, head in ((1, 503, None, b"busy"), (2, None, "timeout", b""))
)
_REPLAYS = ({"delivery_id": SENT, "attempt": 2, "at_ms": NOW + 2, "asked_by": "Olga"},)
_PENDINGS = (
    {
        "chat_id": OPEN,
        "user_id": f"U-{OPEN}",
        "version": 4,
        "retrieved_next": 1,
        "last_pos": 2,
        "event_type": "Message",
        "sent": 1,
        "first_sent_ms": NOW + 1,
        "last_sent_ms": NOW + 2,
        "next_ms": NOW + 3,
        "removal": 1,
        "delivery_id": SENT,
    },
)
_DESTINATIONS = (
    {
        "key": "partner",
        "fingerprint": "f" * 64,
        "failing_since_ms": NOW,
        "disabled_ms": NOW + 1,
        "reason": "410",
    },
)
_FILES = tuple(
    {
        "id": f"file-{state.value}",
        "chat_id": OPEN,
        "owner": 1,
        "name": "Überweisung.pdf",
        "media_type": "application/pdf",
        "size": 2**31,
        "sha256": "ab" * 32,
        "created_ms": NOW,
        "state": state.value,
        "downloads": 3,
    }
    for state in FileState
)
_TOKENS = tuple(
    {"fingerprint": f"t-{name}", "name": name, "role": "agent", "created_ms": NOW, "revoked_ms": revoked}
    for name, revoked in (("Bob", None), ("Eve", NOW + 1))
)
_COMET = (
    {
        "client_id": "c1",
        "browser": "b1",
        "origin": "https://a.example",
        "updated_ms": NOW,
        "attachments": orjson.dumps([(OPEN, f"U-{OPEN}", "/service/chatV2/customer-support", 2)]),
        "state": b'{"ack":1}',
    },
)
_ACCOUNTS = (
    {
        "name": "Bob",
        "role": "agent",
        "created_ms": NOW,
        "password_hash": "$argon2id$x",
        "capacity": 3,
        "endpoints": '["Environment:0"]',
        "auto_accept": 1,
        "disabled_ms": NOW + 1,
    },
)
_DUTIES = ({"name": "Bob", "ready": 1, "reason": "back", "since_ms": NOW},)
_LOGINS = ({"fingerprint": "l1", "name": "Bob", "csrf": "c", "created_ms": NOW, "seen_ms": NOW + 1},)
_CANNED = (
    {
        "id": "r1",
        "service": "support",
        "owner": "Bob",
        "shortcut": "hi",
        "text": "Hello",
        "updated_ms": NOW,
    },
)


def _deliveries(store: SqliteStore) -> list[Delivery | None]:
    return [store.delivery(row["id"]) for row in _DELIVERIES]


def _found_words(store: SqliteStore) -> list[list[str]]:
    queries = (ArchiveQuery(text="indexed"), ArchiveQuery(customer="Ann"), ArchiveQuery(agent="Bob"))
    return [[chat.id for _, chat in store.search(query, before=None, limit=9)] for query in queries]


def listed(store: SqliteStore, **wanted: Any) -> list[str]:
    """The chats of a list."""
    return [chat.id for chat in store.open_chats(OpenChats(**wanted), after=None, limit=9)]


TABLES: Mapping[str, Table] = {
    "chat": Table(
        _CHATS,
        lambda store: [
            (place, chat.id, chat.version, chat.state, chat.next_index, chat.last_utc_ms)
            for place, chat in store.chats_after(0, limit=9)
        ],
        ((1, ENDED, 3, ChatState.ENDED, 3, NOW + 2), (2, OPEN, 3, ChatState.WAITING, 3, NOW + 2)),
    ),
    # A row's body is written by `profile_body`, as the version would.
    "profile": Table(
        ({"chat": 1, "body": None}, {"chat": 2, "body": None}),
        lambda store: [chat.profile for _, chat in store.chats_after(0, limit=9)],
        (whole_profile(), whole_profile()),
        {name: value for newer in NEWER_MEMBERS.values() for name, value in newer.items()},
    ),
    "event": Table(
        _EVENTS,
        lambda store: [event for chat in (ENDED, OPEN) for event in store.events(chat, 1, limit=9)],
        (
            Event(1, EventType.MESSAGE, 1, NOW + 1, _EVENTS[0]["wire"], idle_expire=45, monitored=True),
            Event(
                index=2,
                type=EventType.PARTICIPANT_LEFT,
                author=1,
                utc_ms=NOW + 2,
                wire=_EVENTS[1]["wire"],
                visibility=Visibility.AGENTS,
                reason=QuitReason.LOGOUT,
                ends_chat=True,
                idle_expire=45,
                monitored=True,
            ),
            *(
                Event(idx, EventType.MESSAGE, 1, NOW + idx, row["wire"], idle_expire=45, monitored=True)
                for idx, row in ((1, _EVENTS[2]), (2, _EVENTS[3]))
            ),
        ),
        {"idle_expire": None, "monitored": False},
    ),
    "party_key": Table(
        tuple({"key_hash": f"key-{c}", "chat_id": c, "user_id": f"U-{c}"} for c in (ENDED, OPEN)),
        lambda store: [store.find_party(f"key-{chat}") for chat in (ENDED, OPEN)],
        ((ENDED, f"U-{ENDED}"), (OPEN, f"U-{OPEN}")),
    ),
    "delivery": Table(
        _DELIVERIES,
        _deliveries,
        tuple(
            replace(one, kind=DeliveryKind(one.kind), debug=bool(one.debug), state=DeliveryState(one.state))
            for one in values(_DELIVERIES, Delivery)
        ),
        {"idempotency_key": None, "replays": 0},
    ),
    "attempt": Table(_ATTEMPTS, lambda store: store.attempts(SENT), values(_ATTEMPTS, Attempt)),
    "replay": Table(_REPLAYS, lambda store: store.replay_records(SENT), (ReplayRecord(2, NOW + 2, "Olga"),)),
    "token": Table(_TOKENS, SqliteStore.tokens, values(_TOKENS, Token)),
    "comet_session": Table(
        _COMET,
        lambda store: store.comet_by_browser("b1", "https://a.example"),
        values(
            _COMET,
            StoredCometSession,
            attachments=(StoredAttachment(OPEN, f"U-{OPEN}", "/service/chatV2/customer-support", 2),),
        ),
    ),
    # Its one row is written by its migration; whether it can be counted up is what the store asks it.
    "probe": Table((), lambda store: [store.check()], (None,)),
    "pending": Table(_PENDINGS, SqliteStore.armed_pendings, values(_PENDINGS, Pending, removal=True)),
    "destination": Table(_DESTINATIONS, SqliteStore.destinations, values(_DESTINATIONS, StoredDestination)),
    "file": Table(
        _FILES,
        lambda store: store.files(OPEN),
        tuple(replace(file, state=FileState(file.state)) for file in values(_FILES, StoredFile)),
    ),
    "message_id": Table(
        ({"chat": 2, "sender": "customer", "id": "m-1", "idx": 2},),
        lambda store: [store.message_index(OPEN, MessageId("customer", "m-1"))],
        (2,),
    ),
    "transcript": Table(
        (
            {"rowid": 1 << 20, "customer": "Ann", "agent": "Bob"},
            {"rowid": (1 << 20) + 1, "text": "already indexed"},
        ),
        _found_words,
        ([ENDED], [ENDED], [ENDED]),
    ),
    "account": Table(
        _ACCOUNTS,
        SqliteStore.accounts,
        values(_ACCOUNTS, StoredAccount, endpoints=("Environment:0",), auto_accept=True),
    ),
    "duty": Table(_DUTIES, SqliteStore.duties, values(_DUTIES, Duty, ready=True)),
    "login": Table(_LOGINS, lambda store: [store.login("l1")], values(_LOGINS, Login)),
    # Its rows are written by triggers. A sleeping chat, and who is in it.
    "listed": Table(
        (), lambda store: [*listed(store, parked=True), *listed(store, account="sara")], (OPEN, OPEN)
    ),
    "canned_reply": Table(_CANNED, SqliteStore.canned, values(_CANNED, CannedReply)),
}
