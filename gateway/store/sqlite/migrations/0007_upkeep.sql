-- The figure of dead letters is read from this index alone; delivery_dead is for listings in order of time.
CREATE INDEX delivery_dead_count ON delivery (debug, state) WHERE state IN ('failed', 'exhausted');
