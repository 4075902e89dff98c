-- Files of chats: what is known about them. The bytes lie in the file directory under the same id.
-- Deleted and blocked ones stay as rows, because a deletion gives no quota back.
CREATE TABLE file (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    chat_id TEXT NOT NULL,
    owner INTEGER NOT NULL,
    name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    state TEXT NOT NULL,
    downloads INTEGER NOT NULL
);
CREATE INDEX file_chat ON file (chat_id);
CREATE INDEX file_pending ON file (seq) WHERE state = 'pending';
