-- Chats. Counters, profile and events live apart because of what one message rewrites: 40 bytes of
-- counters and one appended row; together with the profile it would be a page per chat (measured: +50 %
-- commits per second at 500 active chats). `chat.seq` stands for the chat in other tables: small, and
-- chats of the same hour are neighbours in every index.
CREATE TABLE chat (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    state TEXT NOT NULL,
    next_index INTEGER NOT NULL,
    last_utc_ms INTEGER NOT NULL,
    created_ms INTEGER NOT NULL
);
CREATE INDEX chat_open ON chat (created_ms) WHERE state <> 'ended';

-- JSON of model.session.ChatProfile.
CREATE TABLE profile (
    chat INTEGER PRIMARY KEY,
    body BLOB NOT NULL
);

-- Appended in the order of arrival and found by (chat, idx): 1.6 times as many commits per second as rows
-- clustered by chat, where each chat's message is a page of its own. No foreign key: rows are written only
-- after their chat's row in one transaction, and a parent look-up per message is not free.
CREATE TABLE event (
    chat INTEGER NOT NULL,
    idx INTEGER NOT NULL,
    type TEXT NOT NULL,
    author INTEGER NOT NULL,
    utc_ms INTEGER NOT NULL,
    visibility TEXT NOT NULL,
    reason TEXT,
    ends_chat INTEGER NOT NULL,
    wire BLOB NOT NULL,
    UNIQUE (chat, idx)
);

-- Fingerprints of the secure keys in the profiles.
CREATE TABLE party_key (
    key_hash TEXT PRIMARY KEY,
    chat_id TEXT NOT NULL,
    user_id TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX party_key_chat ON party_key (chat_id);

-- The outbox. `ready_ms`: when the row may be claimed (its due time, or the end of its lease); NULL when finished.
CREATE TABLE delivery (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    chat_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    kind TEXT NOT NULL,
    event_type TEXT NOT NULL,
    device_id TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    due_ms INTEGER NOT NULL,
    provider TEXT,
    debug INTEGER NOT NULL,
    message BLOB,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    owner TEXT,
    ready_ms INTEGER
);
CREATE INDEX delivery_ready ON delivery (ready_ms) WHERE ready_ms IS NOT NULL;
CREATE INDEX delivery_order ON delivery (chat_id, device_id, position) WHERE ready_ms IS NOT NULL;
CREATE INDEX delivery_chat ON delivery (chat_id);

CREATE TABLE attempt (
    seq INTEGER PRIMARY KEY,
    delivery_id TEXT NOT NULL REFERENCES delivery (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    started_ms INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    status INTEGER,
    error TEXT,
    response_head BLOB NOT NULL
);
CREATE INDEX attempt_delivery ON attempt (delivery_id);

CREATE TABLE token (
    fingerprint TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    revoked_ms INTEGER
);

-- `attachments`: JSON list of [chat_id, user_id, channel, cursor].
CREATE TABLE comet_session (
    client_id TEXT PRIMARY KEY,
    browser TEXT NOT NULL,
    origin TEXT NOT NULL,
    updated_ms INTEGER NOT NULL,
    attachments BLOB NOT NULL,
    state BLOB NOT NULL
);
CREATE INDEX comet_browser ON comet_session (browser, origin);
CREATE INDEX comet_updated ON comet_session (updated_ms);

-- One row that check() counts up, to learn whether a write would succeed.
CREATE TABLE probe (
    id INTEGER PRIMARY KEY CHECK (id = 0),
    count INTEGER NOT NULL
);
INSERT INTO probe VALUES (0, 0);
