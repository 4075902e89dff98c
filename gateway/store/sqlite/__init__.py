"""The embedded store: one SQLite file in WAL mode with synchronous=FULL, and one writer with group commit.

Way of a write: a role (`chats`, `outbox`, `tokens`, `comet`) makes a piece of work -> `writer` runs all
pending work in one transaction, of which only the flush is off the event loop -> every caller gets its own
outcome. Reads run at once on the caller's side (`database.Readers`). `threads` knows whether callers are
greenlets.
"""

from gateway.store.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
