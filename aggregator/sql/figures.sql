-- What /metrics tells of the database (aggregator/core/figures.py): sums by city, never a row of a box. $1 is now.

-- The newest report of each box in service; one of yesterday says nothing of today. A box that is registered and has no
-- key yet still stands in somebody's workshop.
-- name: boxes
SELECT device.city_id AS city,
       count(*) FILTER (WHERE is_online) AS online,
       count(*) FILTER (WHERE NOT is_online) AS offline,
       count(*) FILTER (WHERE is_online IS NULL) AS never_seen,
       count(*) FILTER (WHERE coalesce(newest.received_at, registered_at) < $1::timestamptz - interval '5 minutes') AS silent,
       count(*) FILTER (WHERE abs(newest.clock_offset_ms) > 5000) AS clock_off,
       coalesce(sum(newest.outbox_rows), 0)::bigint AS outbox_rows,
       coalesce(sum(newest.dead_letters), 0)::bigint AS dead_letters,
       count(*) FILTER (WHERE newest.hotlist_expires_at < $1) AS hotlist_expired,
       min(newest.disk_free_mb) AS disk_free_mb,
       max(newest.temperature_mc) AS temperature_mc,
       min(newest.oldest_unreceipted_at) AS oldest_unreceipted_at
FROM device
LEFT JOIN presence USING (device_id)
LEFT JOIN LATERAL (
    SELECT received_at, clock_offset_ms, outbox_rows, dead_letters, hotlist_expires_at, disk_free_mb, temperature_mc,
           oldest_unreceipted_at
    FROM report
    WHERE report.device_id = device.device_id AND counted_at > $1::timestamptz - interval '1 day'
    ORDER BY counted_at DESC LIMIT 1
) AS newest ON true
WHERE device.state = 'active'
  AND EXISTS (SELECT FROM device_key WHERE device_key.device_id = device.device_id AND revoked_at IS NULL)
GROUP BY 1;

-- Of points that have a box in service: a camera that is not built yet is not blind.
-- name: cameras
SELECT point.city_id AS city, count(*) AS cameras, count(*) FILTER (WHERE coalesce(live_ms, 0) = 0) AS blind
FROM camera
JOIN point USING (point_id)
LEFT JOIN (
    SELECT point_id, camera_id, sum(live_ms) AS live_ms
    FROM camera_minute
    WHERE counted_at > $1::timestamptz - interval '5 minutes'
    GROUP BY 1, 2
) AS seen USING (point_id, camera_id)
WHERE EXISTS (
    SELECT FROM device JOIN device_key USING (device_id)
    WHERE device.point_id = point.point_id AND device.state = 'active' AND revoked_at IS NULL)
GROUP BY 1;

-- name: gaps
SELECT city_id AS city,
       coalesce(sum(last - first + 1) FILTER (WHERE next_ask_at IS NOT NULL), 0)::bigint AS missing,
       coalesce(sum(last - first + 1) FILTER (WHERE next_ask_at IS NULL), 0)::bigint AS lost
FROM gap JOIN device USING (device_id)
GROUP BY 1;

-- name: alerts
SELECT city_id AS city, state, count(*) AS alerts, min(raised_at) AS oldest_at
FROM alert
WHERE state NOT IN ('rejected', 'closed', 'merged')
GROUP BY 1, 2;

-- name: webhooks
SELECT webhook_id AS webhook, delivered, count(number) FILTER (WHERE dead_at IS NULL) AS waiting, count(dead_at) AS dead
FROM webhook LEFT JOIN webhook_delivery USING (webhook_id)
GROUP BY webhook_id;

-- name: rest
SELECT (SELECT count(*) FROM alert_due WHERE tries < $1) AS alert_events_due,
       (SELECT count(*) FROM alert_due WHERE tries >= $1) AS alert_events_stuck,
       (SELECT count(*) FROM notice_due WHERE tries < $1) AS notice_hits_due,
       (SELECT count(*) FROM notice_due WHERE tries >= $1) AS notice_hits_stuck,
       (SELECT count(*) FROM notice WHERE until_at > now()) AS notices_open,
       (SELECT count(*) FROM count_due) AS counts_due,
       (SELECT ran_at FROM retention_run) AS retention_ran_at,
       pg_database_size(current_database()) AS size_bytes;

-- name: cities
SELECT city_id AS city FROM city;
