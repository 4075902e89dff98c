-- From `yields_ms` on, later notifications of the chat do not wait for this one any more (spec/push.md 10.2.7);
-- NULL: they wait until it is finished.
ALTER TABLE delivery ADD COLUMN yields_ms INTEGER;

-- What is in flight to a chat's device: at most one row each.
CREATE INDEX delivery_in_flight ON delivery (chat_id, device_id) WHERE owner IS NOT NULL;

-- Due rows are looked up destination by destination: the rows of one that is down must not be searched
-- through for every row of another.
CREATE INDEX delivery_lane ON delivery (ifnull(provider, ''), debug, ready_ms) WHERE ready_ms IS NOT NULL;

-- Destinations that fail (`disabled_ms` NULL) or get nothing any more.
CREATE TABLE destination (
    key TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    failing_since_ms INTEGER NOT NULL,
    disabled_ms INTEGER,
    reason TEXT NOT NULL
) WITHOUT ROWID;
