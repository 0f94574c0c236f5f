-- What ingest writes. Rows arrive as one array per column; their order is that of `aggregator/core/rows.py`.

-- New is what has neither a line nor a place in a range: the nearest one that begins at or before it must end before it. (A
-- scalar subquery, since the planner would turn an EXISTS into a join over all ranges of the ledger.)
-- name: ledger
INSERT INTO delivery (device_id, outbox, sequence, epoch, envelope_hash, previous_hash, kind, received_at)
SELECT *
FROM unnest($1::text[], $2::bytea[], $3::bigint[], $4::bigint[], $5::bytea[], $6::bytea[], $7::smallint[],
            $8::timestamptz[])
    AS line (device_id, outbox, sequence, epoch, envelope_hash, previous_hash, kind, received_at)
WHERE coalesce((
    SELECT last FROM delivery_range AS range
    WHERE (range.device_id, range.outbox, range.epoch) = (line.device_id, line.outbox, line.epoch)
      AND range.first <= line.sequence
    ORDER BY range.first DESC LIMIT 1) < line.sequence, true)
ON CONFLICT DO NOTHING
RETURNING envelope_hash;

-- Counted in its line or in its range, which holds the hash of each of its sequences.
-- name: redelivered
WITH again AS (
    SELECT * FROM unnest($1::text[], $2::bytea[], $3::bigint[], $4::bigint[], $5::bytea[], $6::integer[])
        AS again (device_id, outbox, sequence, epoch, envelope_hash, times)
), line AS (
    UPDATE delivery SET redeliveries = redeliveries + again.times
    FROM again
    WHERE (delivery.device_id, delivery.outbox, delivery.sequence, delivery.epoch)
        = (again.device_id, again.outbox, again.sequence, again.epoch)
      AND delivery.envelope_hash = again.envelope_hash
    RETURNING delivery.envelope_hash
), folded AS (
    SELECT again.*, range.first
    FROM again CROSS JOIN LATERAL (
        SELECT first, last, hashes FROM delivery_range
        WHERE (device_id, outbox, epoch) = (again.device_id, again.outbox, again.epoch) AND first <= again.sequence
        ORDER BY first DESC LIMIT 1
    ) AS range
    WHERE again.sequence <= range.last
      AND substr(range.hashes, (32 * (again.sequence - range.first))::integer + 1, 32) = again.envelope_hash
), counted AS (
    UPDATE delivery_range AS range SET redeliveries = redeliveries + sums.times
    FROM (SELECT device_id, outbox, epoch, first, sum(times) AS times FROM folded GROUP BY 1, 2, 3, 4) AS sums
    WHERE (range.device_id, range.outbox, range.epoch, range.first)
        = (sums.device_id, sums.outbox, sums.epoch, sums.first)
)
SELECT envelope_hash FROM line UNION ALL SELECT envelope_hash FROM folded;

-- name: equivocation
INSERT INTO equivocation (device_id, outbox, sequence, epoch, first_hash, other_hash, received_at)
SELECT other.device_id, other.outbox, other.sequence, other.epoch, coalesce(line.envelope_hash, folded.envelope_hash),
       other.envelope_hash, other.received_at
FROM unnest($1::text[], $2::bytea[], $3::bigint[], $4::bigint[], $5::bytea[], $6::timestamptz[])
    AS other (device_id, outbox, sequence, epoch, envelope_hash, received_at)
LEFT JOIN delivery AS line USING (device_id, outbox, sequence, epoch)
LEFT JOIN LATERAL (
    SELECT substr(hashes, (32 * (other.sequence - first))::integer + 1, 32) AS envelope_hash
    FROM delivery_range AS range
    WHERE (range.device_id, range.outbox, range.epoch) = (other.device_id, other.outbox, other.epoch)
      AND other.sequence BETWEEN range.first AND range.last
) AS folded ON true
WHERE coalesce(line.envelope_hash, folded.envelope_hash) IS NOT NULL
ON CONFLICT DO NOTHING;

-- name: hit
INSERT INTO hit (
    envelope_hash, device_id, city_id, point_id, outbox, epoch, sequence, created_at, received_at, counted_at,
    is_historical, is_clock_suspect, envelope, camera_id, track, plate, observed, confidence, hotlist_version,
    captured_at, x1, y1, x2, y2, frame_width, frame_height, looks, format, is_from_lookback)
SELECT * FROM unnest(
        $1::bytea[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::bigint[], $7::bigint[],
        $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::boolean[], $12::boolean[], $13::bytea[],
        $14::text[], $15::bigint[], $16::text[], $17::text[], $18::smallint[], $19::bigint[], $20::timestamptz[],
        $21::bigint[], $22::bigint[], $23::bigint[], $24::bigint[], $25::bigint[], $26::bigint[], $27::bigint[],
        $28::text[], $29::boolean[])
ON CONFLICT DO NOTHING;

-- name: hit_amendment
INSERT INTO hit_amendment (
    envelope_hash, device_id, city_id, point_id, outbox, epoch, sequence, created_at, received_at, counted_at,
    is_historical, is_clock_suspect, envelope, hit_hash, plate, observed, confidence, captured_at, is_withdrawal)
SELECT * FROM unnest(
        $1::bytea[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::bigint[], $7::bigint[],
        $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::boolean[], $12::boolean[], $13::bytea[],
        $14::bytea[], $15::text[], $16::text[], $17::smallint[], $18::timestamptz[], $19::boolean[])
ON CONFLICT DO NOTHING;

-- name: hit_match
INSERT INTO hit_match (
    envelope_hash, entry_id, quality, reason)
SELECT * FROM unnest(
        $1::bytea[], $2::text[], $3::smallint[], $4::text[])
ON CONFLICT DO NOTHING;

-- name: alarm
INSERT INTO alarm (
    envelope_hash, device_id, city_id, point_id, outbox, epoch, sequence, created_at, received_at, counted_at,
    is_historical, is_clock_suspect, envelope, camera_id, alarm, started_at, is_active, note)
SELECT * FROM unnest(
        $1::bytea[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::bigint[], $7::bigint[],
        $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::boolean[], $12::boolean[], $13::bytea[],
        $14::text[], $15::text[], $16::timestamptz[], $17::boolean[], $18::text[])
ON CONFLICT DO NOTHING;

-- name: report
INSERT INTO report (
    envelope_hash, device_id, city_id, point_id, outbox, epoch, sequence, created_at, received_at, counted_at,
    is_historical, is_clock_suspect, envelope, from_at, to_at, temperature_mc, disk_free_mb, memory_mb,
    cpu_permille, clock_offset_ms, outbox_rows, outbox_bytes, oldest_unreceipted_at, dead_letters, lookback_since,
    hotlist_version, hotlist_entries, hotlist_expires_at, refused_downlinks, uptime_s, versions)
SELECT
    envelope_hash, device_id, city_id, point_id, outbox, epoch, sequence, created_at, received_at, counted_at,
    is_historical, is_clock_suspect, envelope, from_at, to_at, temperature_mc, disk_free_mb, memory_mb,
    cpu_permille, clock_offset_ms, outbox_rows, outbox_bytes, oldest_unreceipted_at, dead_letters, lookback_since,
    hotlist_version, hotlist_entries, hotlist_expires_at, refused_downlinks, uptime_s,
    string_to_array(versions, E'\n')
FROM unnest(
        $1::bytea[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::bigint[], $7::bigint[],
        $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::boolean[], $12::boolean[], $13::bytea[],
        $14::timestamptz[], $15::timestamptz[], $16::bigint[], $17::bigint[], $18::bigint[], $19::bigint[],
        $20::bigint[], $21::bigint[], $22::bigint[], $23::timestamptz[], $24::bigint[], $25::timestamptz[],
        $26::bigint[], $27::bigint[], $28::timestamptz[], $29::bigint[], $30::bigint[], $31::text[])
    AS row (
        envelope_hash, device_id, city_id, point_id, outbox, epoch, sequence, created_at, received_at, counted_at,
        is_historical, is_clock_suspect, envelope, from_at, to_at, temperature_mc, disk_free_mb, memory_mb,
        cpu_permille, clock_offset_ms, outbox_rows, outbox_bytes, oldest_unreceipted_at, dead_letters,
        lookback_since, hotlist_version, hotlist_entries, hotlist_expires_at, refused_downlinks, uptime_s, versions)
ON CONFLICT DO NOTHING;

-- name: camera_minute
INSERT INTO camera_minute (
    counted_at, point_id, camera_id, report_hash, city_id, device_id, state, interval_ms, frames_in,
    frames_processed, sampled_out, dropped, reconnects, decode_errors, vehicles, reads, unreadable, hits, faces,
    frames_face_counted, detect_us, read_us, live_ms, stalls)
SELECT * FROM unnest(
        $1::timestamptz[], $2::text[], $3::text[], $4::bytea[], $5::text[], $6::text[], $7::smallint[],
        $8::integer[], $9::integer[], $10::integer[], $11::integer[], $12::integer[], $13::integer[], $14::integer[],
        $15::integer[], $16::integer[], $17::integer[], $18::integer[], $19::integer[], $20::integer[], $21::integer[],
        $22::integer[], $23::integer[], $24::integer[])
ON CONFLICT DO NOTHING;

-- name: evidence
INSERT INTO evidence (
    envelope_hash, device_id, city_id, point_id, outbox, epoch, sequence, created_at, received_at, counted_at,
    is_historical, is_clock_suspect, envelope, hit_hash, camera_id, captured_at, redacted_sha256, redacted_bytes,
    sealed_sha256, sealed_bytes, original_sha256, sealed_to, faces_filled, plates_filled, versions)
SELECT
    envelope_hash, device_id, city_id, point_id, outbox, epoch, sequence, created_at, received_at, counted_at,
    is_historical, is_clock_suspect, envelope, hit_hash, camera_id, captured_at, redacted_sha256, redacted_bytes,
    sealed_sha256, sealed_bytes, original_sha256, sealed_to, faces_filled, plates_filled,
    string_to_array(versions, E'\n')
FROM unnest(
        $1::bytea[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::bigint[], $7::bigint[],
        $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::boolean[], $12::boolean[], $13::bytea[],
        $14::bytea[], $15::text[], $16::timestamptz[], $17::bytea[], $18::bigint[], $19::bytea[], $20::bigint[],
        $21::bytea[], $22::bytea[], $23::bigint[], $24::bigint[], $25::text[])
    AS row (
        envelope_hash, device_id, city_id, point_id, outbox, epoch, sequence, created_at, received_at, counted_at,
        is_historical, is_clock_suspect, envelope, hit_hash, camera_id, captured_at, redacted_sha256,
        redacted_bytes, sealed_sha256, sealed_bytes, original_sha256, sealed_to, faces_filled, plates_filled,
        versions)
ON CONFLICT DO NOTHING;

-- name: evidence_unavailable
INSERT INTO evidence_unavailable (
    envelope_hash, device_id, city_id, point_id, outbox, epoch, sequence, created_at, received_at, counted_at,
    is_historical, is_clock_suspect, envelope, hit_hash, reason)
SELECT * FROM unnest(
        $1::bytea[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::bigint[], $7::bigint[],
        $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::boolean[], $12::boolean[], $13::bytea[],
        $14::bytea[], $15::text[])
ON CONFLICT DO NOTHING;

-- name: piece
INSERT INTO piece (
    device_id, sha256, at_byte, total_bytes, data, received_at)
SELECT * FROM unnest(
        $1::text[], $2::bytea[], $3::bigint[], $4::bigint[], $5::bytea[], $6::timestamptz[])
ON CONFLICT DO NOTHING;

-- name: dropped
INSERT INTO dropped (
    envelope_hash, device_id, city_id, point_id, outbox, epoch, sequence, created_at, received_at, counted_at,
    is_historical, is_clock_suspect, envelope, reason, tombstones)
SELECT * FROM unnest(
        $1::bytea[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::bigint[], $7::bigint[],
        $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::boolean[], $12::boolean[], $13::bytea[],
        $14::text[], $15::integer[])
ON CONFLICT DO NOTHING;

-- name: tombstone
INSERT INTO tombstone (
    device_id, outbox, sequence, epoch, envelope_hash, kind, told_by)
SELECT * FROM unnest(
        $1::text[], $2::bytea[], $3::bigint[], $4::bigint[], $5::bytea[], $6::smallint[], $7::bytea[])
ON CONFLICT DO NOTHING;

-- name: camera_condition
INSERT INTO camera_condition (
    envelope_hash, device_id, city_id, point_id, outbox, epoch, sequence, created_at, received_at, counted_at,
    is_historical, is_clock_suspect, envelope, camera_id, condition, is_active, since_at,
    sharpness_before, brightness_before, contrast_before, edges_before, shift_px_before, still_ms_before,
    sharpness_after, brightness_after, contrast_after, edges_after, shift_px_after, still_ms_after,
    before_jpeg, after_jpeg)
SELECT * FROM unnest(
        $1::bytea[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::bigint[], $7::bigint[],
        $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::boolean[], $12::boolean[], $13::bytea[],
        $14::text[], $15::smallint[], $16::boolean[], $17::timestamptz[],
        $18::bigint[], $19::smallint[], $20::smallint[], $21::smallint[], $22::bigint[], $23::bigint[],
        $24::bigint[], $25::smallint[], $26::smallint[], $27::smallint[], $28::bigint[], $29::bigint[],
        $30::bytea[], $31::bytea[])
ON CONFLICT DO NOTHING;

-- name: acceptance
INSERT INTO acceptance (
    envelope_hash, device_id, city_id, point_id, outbox, epoch, sequence, created_at, received_at, counted_at,
    is_historical, is_clock_suspect, envelope, accepted_at, technician, profile, verdict, checks, is_drift, versions)
SELECT
    envelope_hash, device_id, city_id, point_id, outbox, epoch, sequence, created_at, received_at, counted_at,
    is_historical, is_clock_suspect, envelope, accepted_at, technician, profile, verdict, checks, is_drift,
    string_to_array(versions, E'\n')
FROM unnest(
        $1::bytea[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::bigint[], $7::bigint[],
        $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::boolean[], $12::boolean[], $13::bytea[],
        $14::timestamptz[], $15::text[], $16::text[], $17::smallint[], $18::integer[], $19::boolean[], $20::text[])
    AS row (
        envelope_hash, device_id, city_id, point_id, outbox, epoch, sequence, created_at, received_at, counted_at,
        is_historical, is_clock_suspect, envelope, accepted_at, technician, profile, verdict, checks, is_drift, versions)
ON CONFLICT DO NOTHING;

-- name: acceptance_check
INSERT INTO acceptance_check (
    envelope_hash, number, check_name, verdict, value, camera_id)
SELECT * FROM unnest(
        $1::bytea[], $2::integer[], $3::text[], $4::smallint[], $5::text[], $6::text[])
ON CONFLICT DO NOTHING;

-- name: settings_result
INSERT INTO settings_result (
    envelope_hash, device_id, city_id, point_id, outbox, epoch, sequence, created_at, received_at, counted_at,
    is_historical, is_clock_suspect, envelope, number, rollout_id, state, reason, note)
SELECT * FROM unnest(
        $1::bytea[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::bigint[], $7::bigint[],
        $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::boolean[], $12::boolean[], $13::bytea[],
        $14::bigint[], $15::text[], $16::smallint[], $17::text[], $18::text[])
ON CONFLICT DO NOTHING;

-- name: presence_lines
SELECT device_id, connection, is_online, outbox FROM presence WHERE device_id = ANY($1::text[]) FOR UPDATE;

-- name: presence
INSERT INTO presence (device_id, connection, is_online, outbox, since, device_time, versions, envelope)
SELECT device_id, connection, is_online, outbox, since, device_time, string_to_array(versions, E'\n'), envelope
FROM unnest($1::text[], $2::bigint[], $3::boolean[], $4::bytea[], $5::timestamptz[], $6::timestamptz[], $7::text[],
            $8::bytea[])
    AS row (device_id, connection, is_online, outbox, since, device_time, versions, envelope)
ON CONFLICT (device_id) DO UPDATE SET
    connection = excluded.connection, is_online = excluded.is_online, outbox = excluded.outbox,
    since = excluded.since, device_time = excluded.device_time, versions = excluded.versions,
    envelope = excluded.envelope;

-- name: refused
INSERT INTO refused (sha256, reason, topic, key_id, algorithm, bytes, first_at, last_at, sealed, sealed_to)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9)
ON CONFLICT (sha256, reason, topic) DO UPDATE SET last_at = excluded.last_at, times = refused.times + 1;

-- name: registered_keys
SELECT key_id, spki, algorithm, device_id, city_id, point_id, state = 'revoked' OR revoked_at IS NOT NULL AS is_revoked
FROM device_key JOIN device USING (device_id);

-- name: past_places
SELECT device_id, city_id, point_id, (extract(epoch FROM until) * 1000)::bigint AS until_ms FROM device_past_place;

-- name: registered_devices
SELECT device_id, city_id, point_id FROM device;
