-- Refreshing the sums on TimescaleDB (aggregator/adapters/timescale_sums.py).

-- Nobody refreshes or removes minutes beside us. Refreshing takes no transaction, so the lock is the session's.
-- name: take_turn
SELECT pg_advisory_lock(hashtext('atalaya retention'));

-- name: give_turn
SELECT pg_advisory_unlock(hashtext('atalaya retention'));

-- One note says as much as many.
-- name: squash
DELETE FROM count_due
USING (SELECT hour, point_id, number,
              row_number() OVER (PARTITION BY hour, point_id, city_id ORDER BY number) AS place FROM count_due) AS note
WHERE place > 1 AND (count_due.hour, count_due.point_id, count_due.number) = (note.hour, note.point_id, note.number);

-- Notes on hours that are gone for good.
-- name: forget
DELETE FROM count_due WHERE hour < (SELECT hours_from FROM count_horizon);

-- Whole hours that are over. One that retention has taken minutes of is never refreshed, which would empty it: its note
-- stays, and it is summed on the spot.
-- name: due
SELECT hour, point_id, number
FROM count_due
WHERE hour < date_bin('1 hour', $1::timestamptz, '2000-01-01Z')
  AND hour >= coalesce((SELECT max(hour) + interval '1 hour' FROM camera_hour_purged), '-infinity')
ORDER BY hour DESC, point_id DESC, number DESC
LIMIT $2;

-- name: left
SELECT count(*) FROM count_due;

-- $1 the first hour, $2 the last: the local days that they lie in, zone by zone. One whose first hours are gone stays as
-- it is.
-- name: days
SELECT number, CASE WHEN from_at < hours_from THEN (from_at AT TIME ZONE time_zone + interval '1 day') AT TIME ZONE time_zone
                    ELSE from_at END AS from_at, to_at
FROM count_horizon CROSS JOIN camera_day_zone CROSS JOIN LATERAL (
    SELECT date_trunc('day', $1::timestamptz, time_zone) AS from_at,
           (date_trunc('day', $2::timestamptz, time_zone) AT TIME ZONE time_zone + interval '1 day')
           AT TIME ZONE time_zone AS to_at) AS days
ORDER BY number;

-- name: chunks
SELECT (range_start AT TIME ZONE 'UTC')::date AS day, format('%I.%I', chunk_schema, chunk_name) AS name
FROM timescaledb_information.chunks
WHERE hypertable_name = 'camera_minute' AND hypertable_schema = current_schema()
ORDER BY 1;

-- name: add_zones
SELECT add_camera_day_zones();

-- Days whose first hours are gone are not made again.
-- name: fill_from
SELECT nullif(hours_from, '-infinity') FROM count_horizon;

-- name: is_filled
UPDATE camera_day_zone SET is_filled = true WHERE number = $1;

-- name: read_zones
SELECT make_camera_day();
