-- Lists of open chats in order of age, so that a page costs what it holds, however many chats are open:
-- `waiting`, `parked`, and `of:NAME` with the chats in which that account is present.
CREATE TABLE listed (
    list TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    id TEXT NOT NULL,
    chat INTEGER NOT NULL,
    PRIMARY KEY (list, created_ms, id)
) WITHOUT ROWID;
CREATE INDEX listed_chat ON listed (chat);

-- What has to be in it (store.memory says the same in Python). UNION ALL, so that asking for one chat reads no
-- other; an account that is present twice is one row of the table.
CREATE VIEW listing AS
    SELECT CASE WHEN json_extract(CAST(body AS TEXT), '$.parked') THEN 'parked' ELSE 'waiting' END AS list,
        created_ms, id, seq AS chat
    FROM chat JOIN profile ON profile.chat = seq
    WHERE state = 'waiting'
    UNION ALL
    SELECT 'of:' || json_extract(party.value, '$.owner'), created_ms, chat.id, seq
    FROM chat JOIN profile ON profile.chat = seq
        JOIN json_each(CAST(body AS TEXT), '$.participants') AS party
    WHERE state <> 'ended'
        AND json_extract(party.value, '$.owner') IS NOT NULL AND json_extract(party.value, '$.left') IS NULL;

-- Triggers keep it up, not the release that writes: one that does not know the table may still be running
-- when this is applied. They touch only what differs, since most new profiles change no list.
CREATE TRIGGER listed_by_profile AFTER INSERT ON profile BEGIN
    DELETE FROM listed
        WHERE chat = NEW.chat AND list NOT IN (SELECT list FROM listing WHERE chat = NEW.chat);
    INSERT OR REPLACE INTO listed SELECT list, created_ms, id, chat FROM listing
        WHERE chat = NEW.chat AND list NOT IN (SELECT list FROM listed WHERE chat = NEW.chat);
END;
CREATE TRIGGER listed_by_state AFTER UPDATE OF state ON chat WHEN NEW.state <> OLD.state BEGIN
    DELETE FROM listed
        WHERE chat = NEW.seq AND list NOT IN (SELECT list FROM listing WHERE chat = NEW.seq);
    INSERT OR REPLACE INTO listed SELECT list, created_ms, id, chat FROM listing
        WHERE chat = NEW.seq AND list NOT IN (SELECT list FROM listed WHERE chat = NEW.seq);
END;
CREATE TRIGGER listed_by_purge AFTER DELETE ON profile BEGIN
    DELETE FROM listed WHERE chat = OLD.chat;
END;

INSERT OR REPLACE INTO listed SELECT list, created_ms, id, chat FROM listing;
