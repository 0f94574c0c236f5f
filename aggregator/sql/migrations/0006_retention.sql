-- Retention: holds that outrank it, files that are to follow their rows, and what finds the rows that are due
-- (aggregator/core/retention.py). Receipts of purges are rows of the audit.

CREATE TABLE legal_hold (
    hold_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hit_hash      sha256,
    entry_id      text,
    device_id     text,
    point_id      text,
    camera_id     text,
    from_at       timestamptz,
    to_at         timestamptz,  -- not included
    reason        text NOT NULL CHECK (reason <> ''),
    placed_by     text NOT NULL CHECK (placed_by <> ''),
    placed_at     timestamptz NOT NULL,
    released_by   text,
    released_at   timestamptz,
    CHECK (num_nonnulls(hit_hash, entry_id, device_id, point_id) = 1),
    CHECK (num_nonnulls(point_id, camera_id, from_at, to_at) IN (0, 4)),
    CHECK (from_at < to_at),
    CHECK (num_nonnulls(released_by, released_at) IN (0, 2))
);

-- A hold is released, never changed or removed: what was held when stays on record.
CREATE FUNCTION refuse_hold_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.released_at IS NULL
       AND to_jsonb(NEW) - '{released_by,released_at}'::text[] = to_jsonb(OLD) - '{released_by,released_at}'::text[] THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a legal hold is released, never changed or removed' USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER legal_hold_is_only_released BEFORE UPDATE OR DELETE ON legal_hold
    FOR EACH ROW EXECUTE FUNCTION refuse_hold_change();
CREATE TRIGGER legal_hold_is_not_emptied BEFORE TRUNCATE ON legal_hold
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_hold_change();

-- Whether a hold covers something of a device, point and stretch of time. Without a camera it may be of any: held.
CREATE FUNCTION is_held(device text, point text, camera text, first_at timestamptz, last_at timestamptz)
RETURNS boolean STABLE LANGUAGE sql AS $$
    SELECT EXISTS (
        SELECT FROM legal_hold
        WHERE released_at IS NULL
          AND (legal_hold.device_id = device
               OR legal_hold.point_id = point AND (camera IS NULL OR legal_hold.camera_id = camera)
                  AND from_at <= last_at AND to_at > first_at))
$$;

-- Whether a hold covers a hit: by its hash, by an entry that it or an amendment of it matched, by where and when.
CREATE FUNCTION is_held_hit(hit_hash bytea) RETURNS boolean STABLE LANGUAGE sql AS $$
    SELECT EXISTS (SELECT FROM legal_hold WHERE released_at IS NULL AND legal_hold.hit_hash = $1)
        OR EXISTS (
            SELECT FROM legal_hold JOIN hit_match USING (entry_id)
            WHERE released_at IS NULL
              AND (envelope_hash = $1
                   OR envelope_hash IN (SELECT envelope_hash FROM hit_amendment WHERE hit_amendment.hit_hash = $1)))
        OR EXISTS (
            SELECT FROM hit
            WHERE envelope_hash = $1
              AND is_held(device_id, point_id, camera_id, least(captured_at, counted_at),
                          greatest(captured_at, counted_at)))
$$;

-- Whether evidence that names a picture is held, or younger than a time.
CREATE FUNCTION is_picture_needed(device text, picture bytea, cutoff timestamptz)
RETURNS boolean STABLE LANGUAGE sql AS $$
    SELECT EXISTS (
        SELECT FROM evidence
        WHERE device_id = device AND (redacted_sha256 = picture OR sealed_sha256 = picture)
          AND (received_at >= cutoff OR is_held_hit(hit_hash)
               OR is_held(device_id, point_id, camera_id, captured_at, captured_at)))
$$;

-- Files whose rows are gone. Noted with the purge, forgotten once the file is.
CREATE TABLE file_to_remove (
    sha256   sha256 PRIMARY KEY,
    noted_at timestamptz NOT NULL
);

-- When retention last ran, by our clock: a clock that leaped must not purge.
CREATE TABLE retention_run (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    ran_at   timestamptz NOT NULL
);

ALTER TABLE picture DROP CONSTRAINT picture_state_check;
ALTER TABLE picture ADD CONSTRAINT picture_state_check
    CHECK (state IN ('stored', 'wrong_hash', 'contradictory', 'too_large', 'purged'));

CREATE INDEX hit_by_receipt ON hit (received_at, envelope_hash);
CREATE INDEX hit_amendment_by_receipt ON hit_amendment (received_at);
CREATE INDEX alarm_by_receipt ON alarm (received_at, envelope_hash);
CREATE INDEX report_by_receipt ON report (received_at, envelope_hash);
CREATE INDEX evidence_by_receipt ON evidence (received_at);
CREATE INDEX evidence_unavailable_by_receipt ON evidence_unavailable (received_at);
CREATE INDEX evidence_of_redacted ON evidence (redacted_sha256);
CREATE INDEX evidence_of_sealed ON evidence (sealed_sha256);
CREATE INDEX picture_by_hash ON picture (sha256);
CREATE INDEX piece_by_receipt ON piece (received_at);
CREATE INDEX audit_of_purges ON audit (number) WHERE action = 'retention.purge';
