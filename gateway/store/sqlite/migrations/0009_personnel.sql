-- Accounts of the personnel (model.accounts); `endpoints` is a JSON list. Tokens are found by name.
CREATE TABLE account (
    name TEXT PRIMARY KEY,
    role TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    password_hash TEXT,
    capacity INTEGER,
    endpoints TEXT NOT NULL,
    auto_accept INTEGER NOT NULL,
    disabled_ms INTEGER
);

CREATE TABLE duty (
    name TEXT PRIMARY KEY,
    ready INTEGER NOT NULL,
    reason TEXT NOT NULL,
    since_ms INTEGER NOT NULL
) WITHOUT ROWID;

-- Console sessions: the cookie's fingerprint, never the cookie.
CREATE TABLE login (
    fingerprint TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    csrf TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    seen_ms INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE canned_reply (
    id TEXT PRIMARY KEY,
    service TEXT NOT NULL,
    owner TEXT NOT NULL,
    shortcut TEXT NOT NULL,
    text TEXT NOT NULL,
    updated_ms INTEGER NOT NULL
) WITHOUT ROWID;

-- Whether a supervisor watched silently when the event happened: the envelope's `monitored`.
ALTER TABLE event ADD COLUMN monitored INTEGER NOT NULL DEFAULT 0;
