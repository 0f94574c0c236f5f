-- What boxes say. An envelope's hash (SHA-256, 32 bytes) names it everywhere; `envelope` holds the received bytes, which
-- carry the device's own signature. Times: `created_at` and `captured_at` are the device's, `received_at` is ours,
-- `counted_at` is the device's where its clock was right, else ours. There is no read here that matched no entry.

CREATE DOMAIN sha256 AS bytea CHECK (octet_length(VALUE) = 32);

-- The ledger decides, in the transaction that stores, what is new.
CREATE TABLE delivery (
    device_id     text NOT NULL,
    outbox        bytea NOT NULL,
    sequence      bigint NOT NULL,
    epoch         bigint NOT NULL,
    envelope_hash bytea NOT NULL,
    previous_hash bytea NOT NULL,
    kind          smallint NOT NULL,
    received_at   timestamptz NOT NULL,
    redeliveries  integer NOT NULL DEFAULT 0,
    -- The chain auditor reads what is new by this: all of a transaction below the oldest one still running is there.
    stored_in     xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (device_id, outbox, sequence, epoch)
);
CREATE INDEX delivery_by_transaction ON delivery (stored_in);

-- One key, two envelopes: two boxes speak under one identity. The second was refused.
CREATE TABLE equivocation (
    device_id   text NOT NULL,
    outbox      bytea NOT NULL,
    sequence    bigint NOT NULL,
    epoch       bigint NOT NULL,
    first_hash  sha256 NOT NULL,
    other_hash  sha256 NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (device_id, outbox, sequence, epoch, other_hash)
);

CREATE TABLE hit (
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
    track            bigint NOT NULL,
    plate            text NOT NULL,
    observed         text NOT NULL,
    confidence       smallint NOT NULL,  -- per mille
    hotlist_version  bigint NOT NULL,
    captured_at      timestamptz NOT NULL,
    x1 bigint NOT NULL, y1 bigint NOT NULL, x2 bigint NOT NULL, y2 bigint NOT NULL,  -- pixels of the frame
    frame_width      bigint NOT NULL,
    frame_height     bigint NOT NULL,
    looks            bigint NOT NULL,
    format           text NOT NULL,
    is_from_lookback boolean NOT NULL
);
CREATE INDEX hit_by_time ON hit (counted_at);
CREATE INDEX hit_by_place ON hit (point_id, counted_at);

-- May arrive before its hit: shared subscriptions reorder.
CREATE TABLE hit_amendment (
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
    hit_hash         sha256 NOT NULL,
    plate            text,
    observed         text,
    confidence       smallint NOT NULL,
    captured_at      timestamptz,
    is_withdrawal    boolean NOT NULL  -- no match is left
);
CREATE INDEX hit_amendment_of_hit ON hit_amendment (hit_hash, sequence);

-- The entries that a hit, or an amendment of it, matched.
CREATE TABLE hit_match (
    envelope_hash sha256 NOT NULL,
    entry_id      text NOT NULL,
    quality       smallint NOT NULL,  -- 1 exact, 2 possible
    reason        text NOT NULL,
    PRIMARY KEY (envelope_hash, entry_id)
);
CREATE INDEX hit_match_of_entry ON hit_match (entry_id);

CREATE TABLE alarm (
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
    camera_id        text,
    alarm            text NOT NULL,
    started_at       timestamptz NOT NULL,
    is_active        boolean NOT NULL,
    note             text NOT NULL
);
CREATE INDEX alarm_by_time ON alarm (counted_at);

-- A box's minute: its health here, its cameras' counts in camera_minute.
CREATE TABLE report (
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
    from_at          timestamptz NOT NULL,
    to_at            timestamptz NOT NULL,
    temperature_mc   bigint,
    disk_free_mb     bigint,
    memory_mb        bigint,
    cpu_permille     bigint,
    clock_offset_ms  bigint,
    outbox_rows      bigint NOT NULL,
    outbox_bytes     bigint NOT NULL,
    oldest_unreceipted_at timestamptz,
    dead_letters     bigint NOT NULL,
    lookback_since   timestamptz,
    hotlist_version  bigint,
    hotlist_entries  bigint,
    hotlist_expires_at timestamptz,
    refused_downlinks bigint NOT NULL,
    uptime_s         bigint NOT NULL,
    versions         text[] NOT NULL
);
CREATE INDEX report_of_device ON report (device_id, counted_at);

CREATE TABLE camera_minute (
    counted_at          timestamptz NOT NULL,
    point_id            text NOT NULL,
    camera_id           text NOT NULL,
    report_hash         bytea NOT NULL,
    city_id             text NOT NULL,
    device_id           text NOT NULL,
    interval_ms         bigint NOT NULL,
    state               smallint NOT NULL,
    frames_in           bigint NOT NULL,
    frames_processed    bigint NOT NULL,
    sampled_out         bigint NOT NULL,
    dropped             bigint NOT NULL,
    reconnects          bigint NOT NULL,
    decode_errors       bigint NOT NULL,
    vehicles            bigint NOT NULL,
    reads               bigint NOT NULL,
    unreadable          bigint NOT NULL,
    hits                bigint NOT NULL,
    faces               bigint NOT NULL,
    frames_face_counted bigint NOT NULL,
    detect_us           bigint NOT NULL,
    read_us             bigint NOT NULL,
    live_ms             bigint NOT NULL,
    stalls              bigint NOT NULL,
    PRIMARY KEY (counted_at, point_id, camera_id, report_hash)
);

-- Names a hit's picture; may arrive before the hit.
CREATE TABLE evidence (
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
    hit_hash         sha256 NOT NULL,
    camera_id        text NOT NULL,
    captured_at      timestamptz NOT NULL,
    redacted_sha256  sha256 NOT NULL,
    redacted_bytes   bigint NOT NULL,
    sealed_sha256    sha256 NOT NULL,
    sealed_bytes     bigint NOT NULL,
    original_sha256  sha256 NOT NULL,
    sealed_to        bytea NOT NULL,
    faces_filled     bigint NOT NULL,
    plates_filled    bigint NOT NULL,
    versions         text[] NOT NULL
);
CREATE INDEX evidence_of_hit ON evidence (hit_hash);

CREATE TABLE evidence_unavailable (
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
    hit_hash         sha256 NOT NULL,
    reason           text NOT NULL
);
CREATE INDEX evidence_unavailable_of_hit ON evidence_unavailable (hit_hash);

-- Parts of pictures, here only until the whole lies in the evidence store and is on its disk.
CREATE TABLE piece (
    device_id   text NOT NULL,
    sha256      sha256 NOT NULL,
    at_byte     bigint NOT NULL,
    total_bytes bigint NOT NULL,
    data        bytea NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (device_id, sha256, at_byte)
);

-- What became of a picture's bytes. A wrong one keeps its pieces for whoever looks into it.
CREATE TABLE picture (
    device_id   text NOT NULL,
    sha256      sha256 NOT NULL,
    state       text NOT NULL CHECK (state IN ('stored', 'wrong_hash', 'contradictory', 'too_large')),
    total_bytes bigint NOT NULL,
    settled_at  timestamptz NOT NULL,
    PRIMARY KEY (device_id, sha256)
);

CREATE TABLE dropped (
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
    reason           text NOT NULL,
    tombstones       integer NOT NULL
);

CREATE TABLE tombstone (
    device_id     text NOT NULL,
    outbox        bytea NOT NULL,
    sequence      bigint NOT NULL,
    epoch         bigint NOT NULL,
    envelope_hash sha256 NOT NULL,
    kind          smallint NOT NULL,
    told_by       sha256 NOT NULL,  -- the `dropped` message
    stored_in     xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (device_id, outbox, sequence, epoch, envelope_hash)
);
CREATE INDEX tombstone_by_transaction ON tombstone (stored_in);

CREATE TABLE presence (
    device_id   text PRIMARY KEY,
    connection  bigint NOT NULL,
    is_online   boolean NOT NULL,
    since       timestamptz NOT NULL,  -- our time of the change
    device_time timestamptz NOT NULL,
    versions    text[] NOT NULL,
    envelope    bytea NOT NULL
);

-- What was not taken: who said it is known, the bytes only to the evidence authority.
CREATE TABLE refused (
    sha256      sha256 NOT NULL,
    reason      smallint NOT NULL,
    topic       text NOT NULL,
    key_id      bytea,
    algorithm   bigint,
    bytes       bigint NOT NULL,
    first_at    timestamptz NOT NULL,
    last_at     timestamptz NOT NULL,
    times       bigint NOT NULL DEFAULT 1,
    sealed      bytea,
    sealed_to   bytea,
    PRIMARY KEY (sha256, reason, topic)
);
CREATE INDEX refused_by_time ON refused (last_at);

-- The chain auditor's memory: one row per outbox, and how far it has read.
CREATE TABLE chain (
    device_id  text NOT NULL,
    outbox     bytea NOT NULL,
    head       bigint NOT NULL,  -- everything up to here is accounted for
    highest    bigint NOT NULL,
    runs       jsonb NOT NULL,   -- stretches without a gap: first, last, hash before the first, hash of the last
    forks      bigint[] NOT NULL,
    breaks     bigint[] NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (device_id, outbox)
);

CREATE TABLE chain_dropped (
    device_id     text NOT NULL,
    outbox        bytea NOT NULL,
    sequence      bigint NOT NULL,
    envelope_hash bytea NOT NULL,  -- empty: two tombstones contradict each other
    PRIMARY KEY (device_id, outbox, sequence)
);

CREATE TABLE gap (
    device_id   text NOT NULL,
    outbox      bytea NOT NULL,
    first       bigint NOT NULL,
    last        bigint NOT NULL,
    opened_at   timestamptz NOT NULL,
    asked       integer NOT NULL,
    next_ask_at timestamptz,  -- none: given up, `lost` until it arrives after all
    PRIMARY KEY (device_id, outbox, first)
);
CREATE INDEX gap_to_ask ON gap (next_ask_at);

CREATE TABLE chain_cursor (
    only_row  boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    read_upto xid8 NOT NULL
);
INSERT INTO chain_cursor (read_upto) VALUES ('0');
