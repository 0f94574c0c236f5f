-- From minutes to sums of hours and days (aggregator/adapters/rollup_maker.py).

-- Whoever makes sums does so alone.
-- name: take_turn
SELECT pg_advisory_xact_lock(hashtext('atalaya counts'));

-- The newest first: what people look at is not held up by what is being caught up with.
-- name: due
SELECT hour, point_id, city_id, number FROM count_due ORDER BY hour DESC, point_id DESC, number DESC LIMIT $1;

-- name: due_left
SELECT count(*) FROM count_due;

-- $1 hours, $2 points.
-- name: sum_hours
INSERT INTO camera_hour (
    hour, point_id, camera_id, city_id, minutes, vehicles, reads, unreadable, hits, faces, frames_in, frames_processed,
    sampled_out, dropped, reconnects, stalls, decode_errors, frames_face_counted, live_ms, reported_ms)
SELECT touched.hour, touched.point_id, camera_id, city_id, sum(minutes), sum(vehicles), sum(reads), sum(unreadable),
       sum(hits), sum(faces), sum(frames_in), sum(frames_processed), sum(sampled_out), sum(dropped), sum(reconnects),
       sum(stalls), sum(decode_errors), sum(frames_face_counted), sum(live_ms), sum(reported_ms)
FROM (SELECT DISTINCT hour, point_id FROM unnest($1::timestamptz[], $2::text[]) AS note (hour, point_id)) AS touched
CROSS JOIN LATERAL (
    SELECT camera_id, city_id, 1 AS minutes, vehicles::bigint, reads::bigint, unreadable::bigint, hits::bigint,
           faces::bigint, frames_in::bigint, frames_processed::bigint, sampled_out::bigint, dropped::bigint,
           reconnects::bigint, stalls::bigint, decode_errors::bigint, frames_face_counted::bigint, live_ms::bigint,
           interval_ms::bigint AS reported_ms
    FROM camera_minute
    WHERE point_id = touched.point_id AND counted_at >= touched.hour AND counted_at < touched.hour + interval '1 hour'
    UNION ALL
    SELECT camera_id, city_id, minutes, vehicles, reads, unreadable, hits, faces, frames_in, frames_processed,
           sampled_out, dropped, reconnects, stalls, decode_errors, frames_face_counted, live_ms, reported_ms
    FROM camera_hour_purged
    WHERE camera_hour_purged.point_id = touched.point_id AND camera_hour_purged.hour = touched.hour
) AS kept
WHERE touched.hour >= (SELECT hours_from FROM count_horizon)
GROUP BY touched.hour, touched.point_id, camera_id, city_id
ON CONFLICT (point_id, camera_id, hour, city_id) DO UPDATE SET
    minutes = excluded.minutes, vehicles = excluded.vehicles, reads = excluded.reads, unreadable = excluded.unreadable,
    hits = excluded.hits, faces = excluded.faces, frames_in = excluded.frames_in,
    frames_processed = excluded.frames_processed, sampled_out = excluded.sampled_out, dropped = excluded.dropped,
    reconnects = excluded.reconnects, stalls = excluded.stalls, decode_errors = excluded.decode_errors,
    frames_face_counted = excluded.frames_face_counted, live_ms = excluded.live_ms, reported_ms = excluded.reported_ms;

-- $1 hours, $2 cities.
-- name: sum_cities
INSERT INTO city_hour (
    hour, city_id, cameras, minutes, vehicles, reads, unreadable, hits, faces, frames_in, frames_processed, sampled_out,
    dropped, reconnects, stalls, decode_errors, frames_face_counted, live_ms, reported_ms, coverage_ms)
SELECT hour, city_id, count(*), sum(minutes), sum(vehicles), sum(reads), sum(unreadable), sum(hits), sum(faces),
       sum(frames_in), sum(frames_processed), sum(sampled_out), sum(dropped), sum(reconnects), sum(stalls),
       sum(decode_errors), sum(frames_face_counted), sum(live_ms), sum(reported_ms), sum(least(live_ms, 3600000))
FROM (SELECT DISTINCT hour, city_id FROM unnest($1::timestamptz[], $2::text[]) AS note (hour, city_id)) AS touched
JOIN camera_hour USING (hour, city_id)
GROUP BY hour, city_id
ON CONFLICT (city_id, hour) DO UPDATE SET
    cameras = excluded.cameras, minutes = excluded.minutes, vehicles = excluded.vehicles, reads = excluded.reads,
    unreadable = excluded.unreadable, hits = excluded.hits, faces = excluded.faces, frames_in = excluded.frames_in,
    frames_processed = excluded.frames_processed, sampled_out = excluded.sampled_out, dropped = excluded.dropped,
    reconnects = excluded.reconnects, stalls = excluded.stalls, decode_errors = excluded.decode_errors,
    frames_face_counted = excluded.frames_face_counted, live_ms = excluded.live_ms, reported_ms = excluded.reported_ms,
    coverage_ms = excluded.coverage_ms;

-- $1 hours, $2 points: the local days that they lie in. One whose first hours are gone stays as it is.
-- name: sum_days
INSERT INTO camera_day (
    at, until, local_date, point_id, camera_id, city_id, minutes, vehicles, reads, unreadable, hits, faces, frames_in,
    frames_processed, sampled_out, dropped, reconnects, stalls, decode_errors, frames_face_counted, live_ms,
    reported_ms)
SELECT touched.at, touched.until, touched.local_date, touched.point_id, camera_id, city_id, sum(minutes),
       sum(vehicles), sum(reads), sum(unreadable), sum(hits), sum(faces), sum(frames_in), sum(frames_processed),
       sum(sampled_out), sum(dropped), sum(reconnects), sum(stalls), sum(decode_errors), sum(frames_face_counted),
       sum(live_ms), sum(reported_ms)
FROM (
    SELECT DISTINCT point_id, at, (at AT TIME ZONE time_zone + interval '1 day') AT TIME ZONE time_zone AS until,
           (at AT TIME ZONE time_zone)::date AS local_date
    FROM (
        SELECT note.point_id, time_zone, date_trunc('day', hour, time_zone) AS at
        FROM unnest($1::timestamptz[], $2::text[]) AS note (hour, point_id)
        JOIN point_zone ON point_zone.point_id = note.point_id
    ) AS day
) AS touched
JOIN camera_hour ON camera_hour.point_id = touched.point_id AND hour >= touched.at AND hour < touched.until
WHERE touched.at >= (SELECT hours_from FROM count_horizon)
GROUP BY 1, 2, 3, 4, camera_id, city_id
ON CONFLICT (point_id, camera_id, at, city_id) DO UPDATE SET
    until = excluded.until, local_date = excluded.local_date, minutes = excluded.minutes, vehicles = excluded.vehicles,
    reads = excluded.reads, unreadable = excluded.unreadable, hits = excluded.hits, faces = excluded.faces,
    frames_in = excluded.frames_in, frames_processed = excluded.frames_processed, sampled_out = excluded.sampled_out,
    dropped = excluded.dropped, reconnects = excluded.reconnects, stalls = excluded.stalls,
    decode_errors = excluded.decode_errors, frames_face_counted = excluded.frames_face_counted,
    live_ms = excluded.live_ms, reported_ms = excluded.reported_ms;

-- name: done
DELETE FROM count_due USING unnest($1::timestamptz[], $2::text[], $3::bigint[]) AS note (hour, point_id, number)
WHERE (count_due.hour, count_due.point_id, count_due.number) = (note.hour, note.point_id, note.number);

-- Nobody waits for a partition longer than a moment: it is made or dropped at the next look.
-- name: soon
SET LOCAL lock_timeout = '2s';

-- Not where another extension keeps the minutes.
-- name: is_partitioned
SELECT relkind = 'p' FROM pg_class WHERE oid = 'camera_minute'::regclass;

-- name: days
SELECT to_date(right(relname, 8), 'YYYYMMDD') AS day, relname::text AS name
FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
WHERE inhparent = 'camera_minute'::regclass AND relname ~ '^camera_minute_\d{8}$'
ORDER BY 1;

-- Days in the default partition that are worth one of their own: those of now, and any with so many rows.
-- name: days_outside
SELECT (counted_at AT TIME ZONE 'UTC')::date AS day
FROM camera_minute_default
GROUP BY 1
HAVING count(*) >= $1 OR (counted_at AT TIME ZONE 'UTC')::date >= $2
ORDER BY 1;

-- name: add_day
SELECT add_camera_minute_day($1::date);

-- Over a partition, whose name stands in for `minutes_of_a_day`. $1 its first moment, $2 the next one's.
-- name: is_due
SELECT EXISTS (SELECT FROM count_due WHERE hour >= $1 AND hour < $2);

-- A hold that touches the day at all.
-- name: is_held
SELECT EXISTS (
    SELECT FROM (
        SELECT device_id, point_id, camera_id, max(interval_ms) * interval '1 millisecond' AS longest
        FROM minutes_of_a_day GROUP BY 1, 2, 3) AS camera
    WHERE is_held(device_id, point_id, camera_id, $1::timestamptz - longest, $2::timestamptz + longest));

-- name: extent
SELECT count(*), min(counted_at), max(counted_at) FROM minutes_of_a_day;

-- name: ids
SELECT report_hash FROM minutes_of_a_day ORDER BY report_hash;

-- What goes is added to what went before, hour by hour.
-- name: keep_sums
INSERT INTO camera_hour_purged AS gone (
    hour, point_id, camera_id, city_id, minutes, vehicles, reads, unreadable, hits, faces, frames_in,
    frames_processed, sampled_out, dropped, reconnects, stalls, decode_errors, frames_face_counted, live_ms,
    reported_ms)
SELECT date_bin('1 hour', counted_at, '2000-01-01Z') AS hour, point_id, camera_id, city_id, count(*), sum(vehicles),
       sum(reads), sum(unreadable), sum(hits), sum(faces), sum(frames_in), sum(frames_processed), sum(sampled_out),
       sum(dropped), sum(reconnects), sum(stalls), sum(decode_errors), sum(frames_face_counted), sum(live_ms),
       sum(interval_ms)
FROM minutes_of_a_day
GROUP BY 1, point_id, camera_id, city_id
ON CONFLICT (point_id, hour, camera_id, city_id) DO UPDATE SET
    minutes = gone.minutes + excluded.minutes, vehicles = gone.vehicles + excluded.vehicles,
    reads = gone.reads + excluded.reads, unreadable = gone.unreadable + excluded.unreadable,
    hits = gone.hits + excluded.hits, faces = gone.faces + excluded.faces,
    frames_in = gone.frames_in + excluded.frames_in,
    frames_processed = gone.frames_processed + excluded.frames_processed,
    sampled_out = gone.sampled_out + excluded.sampled_out, dropped = gone.dropped + excluded.dropped,
    reconnects = gone.reconnects + excluded.reconnects, stalls = gone.stalls + excluded.stalls,
    decode_errors = gone.decode_errors + excluded.decode_errors,
    frames_face_counted = gone.frames_face_counted + excluded.frames_face_counted,
    live_ms = gone.live_ms + excluded.live_ms, reported_ms = gone.reported_ms + excluded.reported_ms;
