-- Inspection and replay of deliveries. `replays`: attempts that an operator asked for.
ALTER TABLE delivery ADD COLUMN replays INTEGER NOT NULL DEFAULT 0;

-- Every listing walks one of these in order of time and stops after a bounded number of rows. The first grows
-- at its end only; the second takes the place of delivery_chat; the third holds dead letters alone, so that a
-- notification that arrives never touches it.
CREATE INDEX delivery_time ON delivery (created_ms);
CREATE INDEX delivery_chat_time ON delivery (chat_id, created_ms);
DROP INDEX delivery_chat;
CREATE INDEX delivery_dead ON delivery (created_ms) WHERE state IN ('failed', 'exhausted');
