-- Reliable delivery: one row per chat with such a subscription, model.pending.Pending. `next_ms` is NULL while
-- the resend timer has nothing to do.
CREATE TABLE pending (
    chat_id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    retrieved_next INTEGER NOT NULL,
    last_pos INTEGER NOT NULL,
    event_type TEXT NOT NULL,
    sent INTEGER NOT NULL,
    first_sent_ms INTEGER,
    last_sent_ms INTEGER,
    next_ms INTEGER,
    removal INTEGER NOT NULL,
    delivery_id TEXT
) WITHOUT ROWID;
CREATE INDEX pending_due ON pending (next_ms) WHERE next_ms IS NOT NULL;

-- NULL for notifications that are not reliable.
ALTER TABLE delivery ADD COLUMN idempotency_key TEXT;
