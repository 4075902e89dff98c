-- Seconds to the next step of idle control when the event happened, while an alert stood (model.events.Event):
-- a frame that is rendered later must have the bytes that a live one had.
ALTER TABLE event ADD COLUMN idle_expire INTEGER;
