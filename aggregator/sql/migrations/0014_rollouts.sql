-- What boxes are to run: rollouts, and the signed documents that carry them (aggregator/core/rollout.py has the rules).

CREATE TABLE rollout (
    number        bigint GENERATED ALWAYS AS IDENTITY,
    rollout_id    text PRIMARY KEY,
    city_id       text NOT NULL,
    settings_toml text NOT NULL,
    trial_s       integer CHECK (trial_s > 0),  -- none: as each box's profile says
    target        text NOT NULL,                -- as it was asked for
    profile       text,                         -- none: each box its own
    percent       smallint CHECK (percent BETWEEN 1 AND 100),
    reason        text NOT NULL,
    started_by    text NOT NULL,
    started_at    timestamptz NOT NULL,
    aborted_by    text,
    aborted_at    timestamptz,
    CHECK (num_nonnulls(aborted_by, aborted_at) IN (0, 2))
);

-- The profiles as they were when it began: a later release changes nothing that is on its way.
CREATE TABLE rollout_profile (
    rollout_id text NOT NULL REFERENCES rollout,
    profile    text NOT NULL,
    text       text NOT NULL,
    ring       smallint NOT NULL,  -- 0 canary: first
    trial_s    integer NOT NULL CHECK (trial_s > 0),
    PRIMARY KEY (rollout_id, profile)
);

CREATE TABLE rollout_box (
    rollout_id text NOT NULL,
    device_id  text NOT NULL,
    profile    text NOT NULL,
    PRIMARY KEY (rollout_id, device_id),
    FOREIGN KEY (rollout_id, profile) REFERENCES rollout_profile
);
CREATE INDEX rollout_box_of_device ON rollout_box (device_id);

-- Every document that a box was ever told to run. Numbers only rise; the highest is retained on the broker. A device's
-- first comes with its enrolment; what an abort brings back is a document of `undo-` and the rollout's id.
CREATE TABLE settings_document (
    device_id  text NOT NULL,
    number     bigint NOT NULL CHECK (number > 0),
    rollout_id text NOT NULL,
    profile    text NOT NULL,
    sha256     sha256 NOT NULL UNIQUE,
    envelope   bytea NOT NULL,
    signed_at  timestamptz NOT NULL,
    PRIMARY KEY (device_id, number)
);
CREATE INDEX settings_document_of_rollout ON settings_document (rollout_id);

CREATE FUNCTION tell_settings_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('settings_changed', '');
    RETURN NULL;
END
$$;

CREATE TRIGGER rollout_changed AFTER INSERT OR UPDATE ON rollout
    FOR EACH STATEMENT EXECUTE FUNCTION tell_settings_changed();
CREATE TRIGGER rollout_box_added AFTER INSERT ON rollout_box
    FOR EACH STATEMENT EXECUTE FUNCTION tell_settings_changed();
CREATE TRIGGER settings_document_made AFTER INSERT ON settings_document
    FOR EACH STATEMENT EXECUTE FUNCTION tell_settings_changed();
