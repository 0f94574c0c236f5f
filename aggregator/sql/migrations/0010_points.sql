-- What points say of themselves: cameras whose picture went bad, acceptances, what became of settings.

-- A camera's picture went bad (`is_active`), or good again. Brightness, contrast and edges are per mille; the pictures are
-- redacted thumbnails.
CREATE TABLE camera_condition (
    envelope_hash    sha256 PRIMARY KEY,
    device_id        text NOT NULL,
    city_id          text NOT NULL,
    point_id         text NOT NULL,
    outbox           bytea NOT NULL,
    epoch            bigint NOT NULL,
    sequence         bigint NOT NULL,
    created_at       timestamptz NOT NULL,
    received_at      timestamptz NOT NULL,
    counted_at       timestamptz NOT NULL,
    is_historical    boolean NOT NULL,
    is_clock_suspect boolean NOT NULL,
    envelope         bytea NOT NULL,
    camera_id        text NOT NULL,
    condition        smallint NOT NULL,  -- 1 blocked, 2 moved, 3 blurred, 4 dark, 5 frozen
    is_active        boolean NOT NULL,
    since_at         timestamptz NOT NULL,
    sharpness_before bigint NOT NULL,
    brightness_before smallint NOT NULL,
    contrast_before smallint NOT NULL,
    edges_before smallint NOT NULL,
    shift_px_before bigint NOT NULL,
    still_ms_before bigint NOT NULL,
    sharpness_after bigint NOT NULL,
    brightness_after smallint NOT NULL,
    contrast_after smallint NOT NULL,
    edges_after smallint NOT NULL,
    shift_px_after bigint NOT NULL,
    still_ms_after bigint NOT NULL,
    before_jpeg      bytea,
    after_jpeg       bytea
);
CREATE INDEX camera_condition_by_time ON camera_condition (counted_at);
CREATE INDEX camera_condition_of_camera ON camera_condition (point_id, camera_id, counted_at);

-- How a point was when a technician left it; drift: how it compares with that later.
CREATE TABLE acceptance (
    envelope_hash    sha256 PRIMARY KEY,
    device_id        text NOT NULL,
    city_id          text NOT NULL,
    point_id         text NOT NULL,
    outbox           bytea NOT NULL,
    epoch            bigint NOT NULL,
    sequence         bigint NOT NULL,
    created_at       timestamptz NOT NULL,
    received_at      timestamptz NOT NULL,
    counted_at       timestamptz NOT NULL,
    is_historical    boolean NOT NULL,
    is_clock_suspect boolean NOT NULL,
    envelope         bytea NOT NULL,
    accepted_at      timestamptz NOT NULL,
    technician       text NOT NULL,
    profile          text NOT NULL,
    verdict          smallint NOT NULL,  -- 1 pass, 2 warn, 3 fail
    checks           integer NOT NULL,
    is_drift         boolean NOT NULL,
    versions         text[] NOT NULL
);
CREATE INDEX acceptance_of_device ON acceptance (device_id, counted_at);

CREATE TABLE acceptance_check (
    envelope_hash sha256 NOT NULL REFERENCES acceptance ON DELETE CASCADE,
    number        integer NOT NULL,
    check_name    text NOT NULL,
    verdict       smallint NOT NULL,
    value         text NOT NULL,
    camera_id     text,
    PRIMARY KEY (envelope_hash, number)
);

-- What a box made of a settings document.
CREATE TABLE settings_result (
    envelope_hash    sha256 PRIMARY KEY,
    device_id        text NOT NULL,
    city_id          text NOT NULL,
    point_id         text NOT NULL,
    outbox           bytea NOT NULL,
    epoch            bigint NOT NULL,
    sequence         bigint NOT NULL,
    created_at       timestamptz NOT NULL,
    received_at      timestamptz NOT NULL,
    counted_at       timestamptz NOT NULL,
    is_historical    boolean NOT NULL,
    is_clock_suspect boolean NOT NULL,
    envelope         bytea NOT NULL,
    number           bigint NOT NULL,
    rollout_id       text NOT NULL,
    state            smallint NOT NULL,  -- 1 kept, 2 rolled back, 3 refused
    reason           text NOT NULL,
    note             text NOT NULL
);
CREATE INDEX settings_result_of_device ON settings_result (device_id, number);
CREATE INDEX settings_result_by_time ON settings_result (counted_at);
