-- Hotlists: what officers proposed, approved and withdrew, and the snapshots made of it.
-- The signed bytes (payload and signatures, withdrawal envelopes) are the truth and are never rewritten; the columns
-- beside them are for looking up. Case numbers and salts stay here: a box gets a hash that binds them.

-- Keys under which officers have signed, for good: a batch of years ago verifies against the key of its day. Who may
-- sign today stands in the trust bundle alone.
CREATE TABLE officer (
    key_id   bytea PRIMARY KEY CHECK (octet_length(key_id) = 16),
    name     registry_id NOT NULL,
    spki     bytea NOT NULL UNIQUE,
    seen_at  timestamptz NOT NULL DEFAULT now()
);

-- Lines that were taken from files and wait for an officer to propose them.
CREATE TABLE hotlist_import (
    import_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    file_sha256 bytea NOT NULL CHECK (octet_length(file_sha256) = 32),
    accepted    integer NOT NULL CHECK (accepted > 0),
    refused     integer NOT NULL CHECK (refused >= 0),
    imported_at timestamptz NOT NULL
);

CREATE TABLE hotlist_draft (
    import_id   bigint NOT NULL REFERENCES hotlist_import ON DELETE CASCADE,
    line        integer NOT NULL CHECK (line > 0),
    plate       text NOT NULL CHECK (plate ~ '^[A-Z0-9]{1,12}$'),
    reason      text NOT NULL,
    case_number text NOT NULL CHECK (case_number <> ''),
    expires_at  timestamptz NOT NULL,
    scope       text[] NOT NULL,  -- empty: the whole region
    PRIMARY KEY (import_id, line)
);

CREATE TABLE hotlist_batch (
    batch_id    registry_id PRIMARY KEY,
    payload     bytea NOT NULL,
    state       text NOT NULL CHECK (state IN ('proposed', 'approved', 'retired')),
    created_at  timestamptz NOT NULL,
    approved_at timestamptz,
    retired_at  timestamptz,
    CHECK (state <> 'approved' OR approved_at IS NOT NULL),
    CHECK ((state = 'retired') = (retired_at IS NOT NULL))
);
-- Read whole and rarely: kept uncompressed and out of line.
ALTER TABLE hotlist_batch ALTER COLUMN payload SET STORAGE EXTERNAL;

CREATE TABLE hotlist_signature (
    batch_id  registry_id NOT NULL REFERENCES hotlist_batch,
    key_id    bytea NOT NULL REFERENCES officer,
    protected bytea NOT NULL,
    signature bytea NOT NULL CHECK (octet_length(signature) = 64),
    signed_at timestamptz NOT NULL,
    PRIMARY KEY (batch_id, key_id)
);

CREATE TABLE hotlist_entry (
    entry_id    registry_id PRIMARY KEY,
    batch_id    registry_id NOT NULL REFERENCES hotlist_batch,
    plate       text NOT NULL CHECK (plate ~ '^[A-Z0-9]{1,12}$'),
    reason      text NOT NULL,
    case_number text NOT NULL CHECK (case_number <> ''),
    case_salt   bytea NOT NULL CHECK (octet_length(case_salt) = 16),
    expires_at  timestamptz NOT NULL,
    scope       text[] NOT NULL
);
CREATE INDEX hotlist_entry_of_batch ON hotlist_entry (batch_id);
CREATE INDEX hotlist_entry_of_plate ON hotlist_entry (plate, case_number);

CREATE TABLE hotlist_withdrawal (
    withdrawal_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    envelope      bytea NOT NULL,
    key_id        bytea NOT NULL REFERENCES officer,
    reason        text NOT NULL CHECK (reason <> ''),
    withdrawn_at  timestamptz NOT NULL
);

-- An entry may be withdrawn again, by another officer: when the grant of the first is gone, his withdrawal goes with it.
CREATE TABLE hotlist_withdrawn (
    entry_id      registry_id NOT NULL REFERENCES hotlist_entry,
    withdrawal_id bigint NOT NULL REFERENCES hotlist_withdrawal,
    PRIMARY KEY (entry_id, withdrawal_id)
);
CREATE INDEX hotlist_withdrawn_by ON hotlist_withdrawn (withdrawal_id);

-- A snapshot's bytes, by their hash. Read in parts: uncompressed, so that a part costs only its own chunks.
CREATE TABLE hotlist_artefact (
    sha256     bytea PRIMARY KEY CHECK (octet_length(sha256) = 32),
    bytes      bytea NOT NULL,
    size_bytes bigint NOT NULL,
    created_at timestamptz NOT NULL
);
ALTER TABLE hotlist_artefact ALTER COLUMN bytes SET STORAGE EXTERNAL;

CREATE TABLE hotlist_snapshot (
    city_id      registry_id NOT NULL,
    list_version bigint NOT NULL CHECK (list_version > 0),
    sha256       bytea NOT NULL,  -- its artefact may have been dropped since
    size_bytes   bigint NOT NULL,
    entries      integer NOT NULL,
    trust_number bigint NOT NULL,  -- the trust bundle under which it was composed
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (city_id, list_version)
);

-- The publisher listens for this.
CREATE FUNCTION tell_hotlist_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('hotlist_changed', NEW.city_id);
    RETURN NULL;
END
$$;

CREATE TRIGGER hotlist_snapshot_made AFTER INSERT ON hotlist_snapshot
    FOR EACH ROW EXECUTE FUNCTION tell_hotlist_changed();
