-- The region's logs, one for each city, what cities have handed up and have been handed down, and how far each has got
-- (aggregator/core/federation_log.py has the rules). The signed bytes are the truth and are never rewritten; the columns
-- beside them are for looking up. No plate stands in a column: those of other cities' entries are in the signed bytes alone.

-- At the region and at a city: what was handed over, by its hash. Read in parts: uncompressed.
CREATE TABLE federation_body (
    sha256     sha256 PRIMARY KEY,
    bytes      bytea NOT NULL,
    size_bytes bigint NOT NULL CHECK (size_bytes = octet_length(bytes)),
    kept_at    timestamptz NOT NULL
);
ALTER TABLE federation_body ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- The region's: where each city's log ends.
CREATE TABLE federation_log (
    city_id   registry_id PRIMARY KEY,
    log       bytea NOT NULL CHECK (octet_length(log) = 16),
    number    bigint NOT NULL DEFAULT 0 CHECK (number >= 0),
    hash      sha256 NOT NULL DEFAULT decode(repeat('00', 32), 'hex'),
    opened_at timestamptz NOT NULL
);

CREATE TABLE federation_log_item (
    city_id    registry_id NOT NULL REFERENCES federation_log ON DELETE CASCADE,
    number     bigint NOT NULL CHECK (number > 0),
    kind       smallint NOT NULL CHECK (kind > 0),
    origin     registry_id NOT NULL,
    created_ms bigint NOT NULL,
    sha256     sha256 NOT NULL REFERENCES federation_body,
    hash       sha256 NOT NULL,
    PRIMARY KEY (city_id, number)
);
CREATE INDEX federation_log_item_of_body ON federation_log_item (sha256, city_id);

-- The publisher signs a new head.
CREATE FUNCTION tell_federation_log_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('federation_log_changed', NEW.city_id);
    RETURN NULL;
END
$$;

CREATE TRIGGER federation_log_grew AFTER INSERT OR UPDATE OF log, number ON federation_log
    FOR EACH ROW EXECUTE FUNCTION tell_federation_log_changed();

-- The newest of each kind of document of each city: trust bundle, roster, revocation list.
CREATE TABLE federated_document (
    city_id  registry_id NOT NULL,
    kind     smallint NOT NULL CHECK (kind > 0),
    sha256   sha256 NOT NULL REFERENCES federation_body,
    taken_at timestamptz NOT NULL,
    PRIMARY KEY (city_id, kind)
);
CREATE INDEX federated_document_of_body ON federated_document (sha256);

-- Batches that reach beyond the city whose officers signed them.
CREATE TABLE foreign_batch (
    sha256     sha256 PRIMARY KEY REFERENCES federation_body,
    city_id    registry_id NOT NULL,
    batch_id   registry_id NOT NULL,
    created_ms bigint NOT NULL,
    taken_at   timestamptz NOT NULL,
    left_out   text,  -- none: it counts
    judged_at  timestamptz
);
CREATE INDEX foreign_batch_of_city ON foreign_batch (city_id, batch_id);

-- Whose an entry is. It stays when its batch is gone: hits name it.
CREATE TABLE federated_entry (
    entry_id   registry_id PRIMARY KEY,
    city_id    registry_id NOT NULL,
    sha256     sha256 NOT NULL,
    reason     text NOT NULL,
    expires_at timestamptz NOT NULL,
    scope      text[] NOT NULL  -- empty: the whole region
);
CREATE INDEX federated_entry_of_batch ON federated_entry (sha256, expires_at);

CREATE TABLE foreign_withdrawal (
    sha256     sha256 PRIMARY KEY REFERENCES federation_body,
    city_id    registry_id NOT NULL,
    created_ms bigint NOT NULL,
    taken_at   timestamptz NOT NULL
);

CREATE TABLE federated_withdrawn (
    entry_id registry_id NOT NULL REFERENCES federated_entry ON DELETE CASCADE,
    sha256   sha256 NOT NULL REFERENCES foreign_withdrawal ON DELETE CASCADE,
    PRIMARY KEY (entry_id, sha256)
);
CREATE INDEX federated_withdrawn_by ON federated_withdrawn (sha256);

-- A city's: how far it has taken the region's log, and when a signed head last said that this is all there is.
CREATE TABLE federation_followed (
    log      bytea PRIMARY KEY CHECK (octet_length(log) = 16),
    number   bigint NOT NULL DEFAULT 0,
    hash     sha256 NOT NULL DEFAULT decode(repeat('00', 32), 'hex'),
    as_of_ms bigint,
    heard_at timestamptz,
    problem  text,
    problems bigint NOT NULL DEFAULT 0
);

-- A city's: what it has handed up, and what the region made of it.
CREATE TABLE federation_sent (
    log          bytea NOT NULL CHECK (octet_length(log) = 16),
    kind         smallint NOT NULL CHECK (kind > 0),
    subject      text NOT NULL,
    sha256       sha256 NOT NULL,
    receipted_at timestamptz NOT NULL,
    refusal      integer,  -- none: stored
    PRIMARY KEY (log, kind, subject)
);

COMMENT ON TABLE federation_body IS 'Signed bytes that a city handed up to the region, or was handed down, by their hash.';
COMMENT ON COLUMN federation_body.sha256 IS 'SHA-256 of the bytes: their name';
COMMENT ON COLUMN federation_body.bytes IS 'As they were signed';
COMMENT ON COLUMN federation_body.size_bytes IS 'How many they are';
COMMENT ON COLUMN federation_body.kept_at IS 'Since when they lie here';

COMMENT ON TABLE federation_log IS 'At the region: the log of each linked city and where it ends.';
COMMENT ON COLUMN federation_log.city_id IS 'The city that follows it';
COMMENT ON COLUMN federation_log.log IS 'Its random id: a city that joins again gets another log';
COMMENT ON COLUMN federation_log.number IS 'Number of its last item; 0 for none';
COMMENT ON COLUMN federation_log.hash IS 'Hash of the chain at that item';
COMMENT ON COLUMN federation_log.opened_at IS 'When the city joined';

COMMENT ON TABLE federation_log_item IS 'At the region: the items of the logs, numbered and chained.';
COMMENT ON COLUMN federation_log_item.city_id IS 'Whose log it is in';
COMMENT ON COLUMN federation_log_item.number IS 'Its place, from 1';
COMMENT ON COLUMN federation_log_item.kind IS '1 batch, 2 withdrawal, 3 revocations, 4 trust bundle, 5 roster, 6 notice, 7 settings';
COMMENT ON COLUMN federation_log_item.origin IS 'The city, or the region, that it comes from';
COMMENT ON COLUMN federation_log_item.created_ms IS 'When it was appended, in milliseconds since 1970';
COMMENT ON COLUMN federation_log_item.sha256 IS 'Its body';
COMMENT ON COLUMN federation_log_item.hash IS 'Hash of the chain with it';

COMMENT ON TABLE federated_document IS 'The newest trust bundle, roster and revocation list of each other city.';
COMMENT ON COLUMN federated_document.city_id IS 'Whose it is';
COMMENT ON COLUMN federated_document.kind IS '3 revocations, 4 trust bundle, 5 roster';
COMMENT ON COLUMN federated_document.sha256 IS 'Its bytes';
COMMENT ON COLUMN federated_document.taken_at IS 'When it came';

COMMENT ON TABLE foreign_batch IS 'Hotlist batches that other cities share: at the region those of all cities.';
COMMENT ON COLUMN foreign_batch.sha256 IS 'Its signed bytes';
COMMENT ON COLUMN foreign_batch.city_id IS 'Whose officers signed it';
COMMENT ON COLUMN foreign_batch.batch_id IS 'Its id in that city';
COMMENT ON COLUMN foreign_batch.created_ms IS 'When it was proposed, in milliseconds since 1970';
COMMENT ON COLUMN foreign_batch.taken_at IS 'When it came';
COMMENT ON COLUMN foreign_batch.left_out IS 'Why it is not in our list, such as unknown_officer; none if it is';
COMMENT ON COLUMN foreign_batch.judged_at IS 'When our list was last composed with it; none at the region, and before';

COMMENT ON TABLE federated_entry IS 'Entries of those batches: whose they are, without their plates.';
COMMENT ON COLUMN federated_entry.entry_id IS 'The entry, as hits name it';
COMMENT ON COLUMN federated_entry.city_id IS 'Whose it is';
COMMENT ON COLUMN federated_entry.sha256 IS 'The batch that brought it; its bytes may have gone since';
COMMENT ON COLUMN federated_entry.reason IS 'Reason class, such as stolen-vehicle';
COMMENT ON COLUMN federated_entry.expires_at IS 'Until when it holds';
COMMENT ON COLUMN federated_entry.scope IS 'Cities in which it holds; none: everywhere';

COMMENT ON TABLE foreign_withdrawal IS 'Withdrawals that other cities signed.';
COMMENT ON COLUMN foreign_withdrawal.sha256 IS 'Its signed bytes';
COMMENT ON COLUMN foreign_withdrawal.city_id IS 'Whose officer signed it';
COMMENT ON COLUMN foreign_withdrawal.created_ms IS 'When it was signed, in milliseconds since 1970';
COMMENT ON COLUMN foreign_withdrawal.taken_at IS 'When it came';

COMMENT ON TABLE federated_withdrawn IS 'Which entries of other cities such a withdrawal takes out.';
COMMENT ON COLUMN federated_withdrawn.entry_id IS 'The entry';
COMMENT ON COLUMN federated_withdrawn.sha256 IS 'The withdrawal';

COMMENT ON TABLE federation_followed IS 'At a city: how far it has taken the region''s log.';
COMMENT ON COLUMN federation_followed.log IS 'Which log';
COMMENT ON COLUMN federation_followed.number IS 'The last item taken';
COMMENT ON COLUMN federation_followed.hash IS 'Hash of the chain at that item';
COMMENT ON COLUMN federation_followed.as_of_ms IS 'Time in the newest signed head that said this is all, in milliseconds since 1970';
COMMENT ON COLUMN federation_followed.heard_at IS 'When that head came';
COMMENT ON COLUMN federation_followed.problem IS 'Why the newest head was not followed, such as rolled_back; none if it was';
COMMENT ON COLUMN federation_followed.problems IS 'How often a head or a page was refused';

COMMENT ON TABLE federation_sent IS 'At a city: what it has handed up to the region, and the signed answer.';
COMMENT ON COLUMN federation_sent.log IS 'The link under which it went: after joining again all goes up again';
COMMENT ON COLUMN federation_sent.kind IS '1 batch, 2 withdrawal, 3 revocations, 4 trust bundle, 5 roster';
COMMENT ON COLUMN federation_sent.subject IS 'Batch id or withdrawal number; nothing for what there is one of';
COMMENT ON COLUMN federation_sent.sha256 IS 'What went';
COMMENT ON COLUMN federation_sent.receipted_at IS 'When the region answered';
COMMENT ON COLUMN federation_sent.refusal IS 'Why the region refused it for good (protocol.refusals); none if it is stored';
