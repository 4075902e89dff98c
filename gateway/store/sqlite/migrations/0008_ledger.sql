-- Message ids of clients: which event an operation became. Written with the event, kept as long as the chat.
CREATE TABLE message_id (
    chat INTEGER NOT NULL,
    sender TEXT NOT NULL,
    id TEXT NOT NULL,
    idx INTEGER NOT NULL,
    PRIMARY KEY (chat, sender, id)
) WITHOUT ROWID;

-- Full text of transcripts: row `chat * 2^20 + idx` is an event, index 0 the people of the chat. Filled by a
-- background job, never by the commit of a message: `indexed` says up to which index.
CREATE VIRTUAL TABLE transcript USING fts5 (text, customer, agent, tokenize = 'unicode61 remove_diacritics 2');
ALTER TABLE chat ADD COLUMN indexed INTEGER NOT NULL DEFAULT 0;

-- The job's work: a chat enters it once, when it ends.
CREATE INDEX chat_unindexed ON chat (seq) WHERE state = 'ended' AND indexed < next_index;
