-- Who replayed a notification (model.inspection.ReplayRecord); `attempt` is the number of the attempt it led to.
CREATE TABLE replay (
    seq INTEGER PRIMARY KEY,
    delivery_id TEXT NOT NULL REFERENCES delivery (id) ON DELETE CASCADE,
    attempt INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    asked_by TEXT NOT NULL
);
CREATE INDEX replay_delivery ON replay (delivery_id);
