-- The queue of what a city passes on to its region (aggregator/core/forwarding.py has the rules).

-- name: forget_rules
DELETE FROM forward_rule WHERE kind <> ALL($1::text[]);

-- name: add_rules
INSERT INTO forward_rule SELECT unnest($1::text[]) ON CONFLICT DO NOTHING;

-- A look at a lane: $1 the numbers to pass over, $2 how many. The database's clock alone says what is live.
-- name: due_alerts
SELECT number, event, kind, tries FROM forward_due
WHERE is_alert AND due_at <= now() AND number <> ALL($1::bigint[])
ORDER BY number DESC LIMIT $2;

-- name: due_live
SELECT number, event, kind, tries FROM forward_due
WHERE NOT is_alert AND noted_at > now() - $3::interval AND due_at <= now() AND number <> ALL($1::bigint[])
ORDER BY noted_at, number LIMIT $2;

-- name: due_backlog
SELECT number, event, kind, tries FROM forward_due
WHERE NOT is_alert AND noted_at <= now() - $3::interval AND due_at <= now() AND number <> ALL($1::bigint[])
ORDER BY noted_at, number LIMIT $2;

-- The bytes as they came: $1 which messages, $2 their kinds.
-- name: said
WITH due AS MATERIALIZED (SELECT event, kind FROM unnest($1::bytea[], $2::text[]) AS due (event, kind))
SELECT event, kind, city_id, point_id, device_id, envelope FROM due JOIN hit ON envelope_hash = event WHERE kind = 'hit'
UNION ALL
SELECT event, kind, city_id, point_id, device_id, envelope FROM due JOIN hit_amendment ON envelope_hash = event
WHERE kind = 'hit-amended'
UNION ALL
SELECT event, kind, city_id, point_id, device_id, envelope FROM due JOIN alarm ON envelope_hash = event
WHERE kind = 'alarm'
UNION ALL
SELECT event, kind, city_id, point_id, device_id, envelope FROM due JOIN report ON envelope_hash = event
WHERE kind = 'report'
UNION ALL
SELECT event, kind, city_id, point_id, device_id, envelope FROM due JOIN evidence ON envelope_hash = event
WHERE kind = 'evidence'
UNION ALL
SELECT event, kind, city_id, point_id, device_id, envelope FROM due JOIN evidence_unavailable ON envelope_hash = event
WHERE kind = 'evidence-unavailable'
UNION ALL
SELECT event, kind, city_id, point_id, device_id, envelope FROM due JOIN dropped ON envelope_hash = event
WHERE kind = 'dropped'
UNION ALL
SELECT event, kind, city_id, point_id, device_id, envelope FROM due JOIN camera_condition ON envelope_hash = event
WHERE kind = 'camera-condition'
UNION ALL
SELECT event, kind, city_id, point_id, device_id, envelope FROM due JOIN acceptance ON envelope_hash = event
WHERE kind = 'acceptance'
UNION ALL
SELECT event, kind, city_id, point_id, device_id, envelope FROM due JOIN settings_result ON envelope_hash = event
WHERE kind = 'settings-result';

-- What retention took before its turn came: it is not passed on.
-- name: gone
DELETE FROM forward_due WHERE event = ANY($1::bytea[]);

-- name: hurry
UPDATE forward_due SET due_at = '-infinity' WHERE due_at > now();

-- name: stored
WITH stored AS (
    DELETE FROM forward_due WHERE event = ANY($1::bytea[]) RETURNING event, kind, received_at, is_alert
), told AS (
    INSERT INTO transit_due (event, rule, received_at, is_alert) SELECT event, kind, received_at, is_alert FROM stored
    ON CONFLICT DO NOTHING
)
SELECT count(*) FROM stored;

-- name: dead
WITH refused AS (
    DELETE FROM forward_due USING unnest($1::bytea[], $2::smallint[]) AS answer (event, reason)
    WHERE forward_due.event = answer.event
    RETURNING forward_due.event, kind, received_at, answer.reason
)
INSERT INTO forward_dead (event, kind, received_at, reason, refused_at)
SELECT event, kind, received_at, reason, now() FROM refused ON CONFLICT DO NOTHING;

-- name: bound_dead
DELETE FROM forward_dead WHERE event IN (SELECT event FROM forward_dead ORDER BY refused_at DESC OFFSET $1);

-- name: put_off
UPDATE forward_due SET tries = tries + 1, due_at = now() + later.wait_s * interval '1 second', reason = later.reason
FROM unnest($1::bytea[], $2::double precision[], $3::smallint[]) AS later (event, wait_s, reason)
WHERE forward_due.event = later.event;

-- name: untold
SELECT event, rule, received_at, is_alert, extract(epoch FROM now() - noted_at)::double precision AS waited_s FROM transit_due
WHERE is_alert = $1
ORDER BY noted_at LIMIT $2;

-- name: told
DELETE FROM transit_due WHERE event = ANY($1::bytea[]);

-- There is no region any more, or another one, which never had them.
-- name: forget_untold
DELETE FROM transit_due;

-- Beyond so many the oldest are given up, those of alerts last.
-- name: bound_untold
DELETE FROM transit_due WHERE event IN (SELECT event FROM transit_due ORDER BY is_alert DESC, noted_at DESC OFFSET $1);

-- name: line_is
INSERT INTO forward_line (is_connected, since, problem) VALUES ($1, now(), $2)
ON CONFLICT (only_row) DO UPDATE SET
    since = CASE WHEN forward_line.is_connected = excluded.is_connected THEN forward_line.since ELSE excluded.since END,
    is_connected = excluded.is_connected, problem = excluded.problem;

-- name: line_heard
UPDATE forward_line SET receipt_at = $1, clock_ahead_ms = $2, stored = stored + $3;

-- name: forget_line
DELETE FROM forward_line;

-- name: standing
SELECT count(*) FILTER (WHERE is_alert) AS alerts, count(*) AS waiting, count(*) FILTER (WHERE due_at > now()) AS put_off,
       (SELECT count(*) FROM forward_dead) AS dead, (SELECT count(*) FROM transit_due) AS untold,
       min(noted_at) AS oldest_at,
       coalesce(extract(epoch FROM now() - min(noted_at)), 0)::double precision AS lag_s
FROM forward_due;

-- name: line
SELECT is_connected, since, problem, receipt_at, clock_ahead_ms, stored FROM forward_line;

-- name: reasons
SELECT reason, count(*) AS messages FROM forward_dead GROUP BY reason ORDER BY reason;

-- What the region refused for good, the newest first: at most $1, or all.
-- name: dead_letters
SELECT event, kind, received_at, reason, refused_at FROM forward_dead ORDER BY refused_at DESC, event LIMIT $1;

-- Back into the queue, as old as they are: they hold up nothing of this minute.
-- name: retry_dead
WITH again AS (
    DELETE FROM forward_dead WHERE event = ANY($1::bytea[]) RETURNING event, kind, received_at
), due AS (
    INSERT INTO forward_due (event, kind, is_alert, received_at, noted_at)
    SELECT event, kind, kind IN ('hit', 'hit-amended', 'alarm'), received_at, received_at FROM again
    ORDER BY received_at, event
    ON CONFLICT DO NOTHING
)
SELECT pg_notify('forward_due', '');

-- name: forget_dead
DELETE FROM forward_dead WHERE event = ANY($1::bytea[]);
