-- Hotlist deltas: how the last few snapshots of a city become its current one (protocol/hotlist_delta.py).

-- What those snapshots hold, without the bytes: enough to make a delta from any of them. Packed, 48 bytes for each batch
-- and withdrawal (aggregator/adapters/hotlist_deltas.py).
CREATE TABLE hotlist_contents (
    city_id      registry_id NOT NULL,
    list_version bigint NOT NULL,
    sha256       sha256 NOT NULL,
    spans        bytea NOT NULL CHECK (octet_length(spans) % 48 = 0),
    PRIMARY KEY (city_id, list_version)
);

-- The deltas themselves are artefacts, and go with them.
CREATE TABLE hotlist_delta (
    target     sha256 NOT NULL,
    base       sha256 NOT NULL,
    sha256     bytea NOT NULL REFERENCES hotlist_artefact ON DELETE CASCADE,
    size_bytes bigint NOT NULL,
    PRIMARY KEY (target, base)
);
CREATE INDEX hotlist_delta_by_artefact ON hotlist_delta (sha256);

-- What was read of the batches in the list, so that the next list can be composed without reading them again.
CREATE TABLE hotlist_reading (
    sha256  sha256 PRIMARY KEY,
    reading bytea NOT NULL
);
ALTER TABLE hotlist_reading ALTER COLUMN reading SET STORAGE EXTERNAL;

COMMENT ON TABLE hotlist_contents IS 'What the last few snapshots of a city hold, to make deltas from.';
COMMENT ON COLUMN hotlist_contents.city_id IS 'The city';
COMMENT ON COLUMN hotlist_contents.list_version IS 'The snapshot''s number; it only rises';
COMMENT ON COLUMN hotlist_contents.sha256 IS 'SHA-256 of the snapshot';
COMMENT ON COLUMN hotlist_contents.spans IS 'Each batch and withdrawal in it: SHA-256, place, length; packed';

COMMENT ON TABLE hotlist_delta IS 'Artefacts that make one snapshot of an earlier one.';
COMMENT ON COLUMN hotlist_delta.target IS 'SHA-256 of the snapshot that it makes';
COMMENT ON COLUMN hotlist_delta.base IS 'SHA-256 of the snapshot that it starts from';
COMMENT ON COLUMN hotlist_delta.sha256 IS 'SHA-256 of the delta: its name as an artefact';
COMMENT ON COLUMN hotlist_delta.size_bytes IS 'Its length, in bytes';

COMMENT ON TABLE hotlist_reading IS 'What was read of the batches in the list, without plates; made again when it is missing.';
COMMENT ON COLUMN hotlist_reading.sha256 IS 'SHA-256 of the signed batch';
COMMENT ON COLUMN hotlist_reading.reading IS 'Ids, expiries and scopes of its entries; packed';
