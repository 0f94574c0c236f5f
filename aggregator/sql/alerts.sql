-- From stored events to alerts (aggregator/adapters/alert_maker.py), and what is done with them (alert_desk.py).

-- Whoever writes alerts does so alone: an alert has one next state, and numbers of history rise as they are committed.
-- Statements are planned anew in each turn: a plan that was made when the tables were empty costs many times its making.
-- name: take_turn
SELECT pg_advisory_xact_lock(hashtext('atalaya alerts')), set_config('plan_cache_mode', 'force_custom_plan', true);

-- name: due
SELECT number, what, event FROM alert_due WHERE tries < $1 ORDER BY number LIMIT $2;

-- name: done
DELETE FROM alert_due WHERE number = ANY($1::bigint[]);

-- name: failed
UPDATE alert_due SET tries = tries + 1 WHERE number = ANY($1::bigint[]);

-- name: stuck
SELECT count(*) FROM alert_due WHERE tries >= $1;

-- Hits as they are now, with the keys that they had from the first: the entries of their own best quality.
-- name: hits_now
SELECT hit.envelope_hash AS event, hit.city_id, hit.point_id, hit.device_id, hit.camera_id,
       hit.counted_at AS happened_at, hit.is_historical, own.keys, said.quality, coalesce(said.entries, own.keys) AS entries,
       coalesce(said.reasons, own.reasons) AS reasons,
       (SELECT coalesce(array_agg(DISTINCT list), '{}') FROM (
            SELECT entry_id, batch_id::text AS list FROM hotlist_entry
            UNION ALL
            SELECT entry_id, foreign_batch.city_id || '/' || batch_id FROM federated_entry JOIN foreign_batch USING (sha256)
        ) AS listed WHERE entry_id = ANY(coalesce(said.entries, own.keys))) AS lists,
       coalesce(pictured.versions, presence.versions, '{}') AS versions
FROM hit
LEFT JOIN presence USING (device_id)
LEFT JOIN LATERAL (
    SELECT envelope_hash FROM hit_amendment
    WHERE hit_hash = hit.envelope_hash AND device_id = hit.device_id ORDER BY epoch DESC, sequence DESC LIMIT 1
) AS newest ON true
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(entry_id ORDER BY entry_id) FILTER (WHERE quality = best), '{}') AS keys,
           coalesce(array_agg(DISTINCT reason), '{}') AS reasons
    FROM (SELECT *, min(quality) OVER () AS best FROM hit_match WHERE envelope_hash = hit.envelope_hash) AS matched
) AS own
CROSS JOIN LATERAL (
    SELECT min(quality) AS quality, array_agg(entry_id ORDER BY entry_id) AS entries,
           array_agg(DISTINCT reason) AS reasons
    FROM hit_match WHERE envelope_hash = coalesce(newest.envelope_hash, hit.envelope_hash)
) AS said
LEFT JOIN LATERAL (
    SELECT versions FROM evidence WHERE hit_hash = hit.envelope_hash AND device_id = hit.device_id LIMIT 1
) AS pictured ON true
WHERE hit.envelope_hash = ANY($1::bytea[]);

-- name: alarms_now
SELECT envelope_hash AS event, city_id, point_id, device_id, camera_id, counted_at AS happened_at, is_historical, alarm,
       started_at, created_at, is_active, note
FROM alarm WHERE envelope_hash = ANY($1::bytea[]);

-- name: known
SELECT event, alert_id, quality FROM alert_sighting WHERE event = ANY($1::bytea[]);

-- Stretches of time that events touch: $1 cities, $2 keys, $3 and $4 from when to when.
-- name: spans
SELECT DISTINCT span.city_id, span.key, span.alert_id, span.first_at, span.last_at
FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[]) AS event (city_id, key, from_at, to_at)
JOIN alert_span AS span USING (city_id, key)
WHERE span.last_at >= event.from_at AND span.first_at <= event.to_at;

-- name: alerts
SELECT * FROM alert WHERE alert_id = ANY($1::bigint[]);

-- name: numbers
SELECT nextval(pg_get_serial_sequence('alert', 'alert_id')) AS alert_id FROM generate_series(1, $1::integer);

-- name: add_alert
INSERT INTO alert (alert_id, city_id, point_id, camera_id, kind, word, note, is_historical, raised_at, state, exact, possible,
                   withdrawn, first_at, last_at, changed_at, ended_at, outcome)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::boolean[],
                     $9::timestamptz[], $10::text[], $11::integer[], $12::integer[], $13::integer[], $14::timestamptz[],
                     $15::timestamptz[], $16::timestamptz[], $17::timestamptz[], $18::text[]);

-- name: save_alerts
UPDATE alert SET
    state = saved.state, exact = saved.exact, possible = saved.possible, withdrawn = saved.withdrawn,
    first_at = least(alert.first_at, saved.first_at), last_at = greatest(alert.last_at, saved.last_at),
    changed_at = saved.changed_at, ended_at = saved.ended_at, outcome = saved.outcome, is_true = saved.is_true,
    was_right = saved.was_right, decided_at = saved.decided_at, decided_by = saved.decided_by,
    is_erased = saved.is_erased, merged_into = saved.merged_into, unit = saved.unit
FROM unnest($1::bigint[], $2::text[], $3::integer[], $4::integer[], $5::integer[], $6::timestamptz[], $7::timestamptz[],
            $8::timestamptz[], $9::timestamptz[], $10::text[], $11::boolean[], $12::boolean[], $13::timestamptz[],
            $14::text[], $15::boolean[], $16::bigint[], $17::text[])
    AS saved (alert_id, state, exact, possible, withdrawn, first_at, last_at, changed_at, ended_at, outcome, is_true,
              was_right, decided_at, decided_by, is_erased, merged_into, unit)
WHERE alert.alert_id = saved.alert_id;

-- name: move_sightings
UPDATE alert_sighting SET alert_id = $2 WHERE alert_id = $1;

-- name: move_spans
UPDATE alert_span SET alert_id = $2 WHERE alert_id = $1;

-- name: save_sighting
INSERT INTO alert_sighting (event, alert_id, kind, city_id, point_id, device_id, camera_id, happened_at, added_at, quality,
                            entries, lists, reasons, reader, is_historical)
SELECT event, alert_id, kind, city_id, point_id, device_id, camera_id, happened_at, added_at, quality,
       string_to_array(entries, E'\n'), string_to_array(lists, E'\n'), string_to_array(reasons, E'\n'), reader,
       is_historical
FROM unnest($1::bytea[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[],
            $9::timestamptz[], $10::smallint[], $11::text[], $12::text[], $13::text[], $14::text[], $15::boolean[])
    AS row (event, alert_id, kind, city_id, point_id, device_id, camera_id, happened_at, added_at, quality, entries, lists,
            reasons, reader, is_historical)
ON CONFLICT (event) DO UPDATE SET
    quality = excluded.quality, entries = excluded.entries, lists = excluded.lists, reasons = excluded.reasons,
    reader = excluded.reader;

-- name: drop_span
DELETE FROM alert_span USING unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[], $5::timestamptz[])
    AS gone (city_id, key, alert_id, first_at, last_at)
WHERE (alert_span.city_id, alert_span.key, alert_span.alert_id, alert_span.first_at, alert_span.last_at)
    = (gone.city_id, gone.key, gone.alert_id, gone.first_at, gone.last_at);

-- name: add_span
INSERT INTO alert_span (city_id, key, alert_id, first_at, last_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[], $5::timestamptz[]);

-- name: add_history
INSERT INTO alert_history (alert_id, at, act, state, actor, event, other_id)
SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::bigint[]);

-- name: add_step
INSERT INTO alert_history (alert_id, at, act, state, actor, reason, outcome, unit) VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: alert
SELECT * FROM alert WHERE alert_id = $1;

-- name: last_step
SELECT act, actor, at, other_id FROM alert_history
WHERE alert_id = $1 AND act = ANY($2::text[]) ORDER BY number DESC LIMIT 1;

-- name: take_step
UPDATE alert SET
    state = $2, outcome = $3, is_true = $4, was_right = $5, decided_at = $6, decided_by = $7, unit = coalesce($8, unit),
    changed_at = $9
WHERE alert_id = $1;

-- name: is_camera
SELECT EXISTS (SELECT FROM point WHERE point_id = $1)
   AND ($2::text IS NULL OR EXISTS (SELECT FROM camera WHERE point_id = $1 AND camera_id = $2));

-- name: report
INSERT INTO alert (city_id, point_id, camera_id, kind, note, state, first_at, last_at, raised_at, changed_at)
SELECT city_id, point_id, $2, 'report', $3, 'new', $4, $4, $5, $5 FROM point WHERE point_id = $1
RETURNING alert_id;

-- $1 from, $2 to, of the raising; $3 city, $4 point, $5 camera, $6 states, $7 kind, $8 limit. The most urgent first.
-- name: list
SELECT alert_id AS alert, state, kind, word, note, exact, possible, withdrawn, alert.city_id AS city,
       alert.point_id AS point, coalesce(seen.cameras, alert.camera_id) AS cameras, seen.reasons, seen.entries,
       first_at, last_at, raised_at, ended_at, unit, decided_by, outcome, merged_into, alert.is_historical, is_erased
FROM alert
LEFT JOIN LATERAL (
    SELECT string_agg(place, ' > ' ORDER BY at) AS cameras, max(reasons) AS reasons, max(entries) AS entries
    FROM (
        SELECT concat_ws('/', point_id, camera_id) AS place, min(happened_at) AS at,
               max(array_to_string(reasons, ', ')) AS reasons, max(array_to_string(entries, ', ')) AS entries
        FROM alert_sighting WHERE alert_sighting.alert_id = alert.alert_id GROUP BY 1
    ) AS by_camera
) AS seen ON true
WHERE raised_at >= $1 AND raised_at < $2 AND ($3::text IS NULL OR alert.city_id = $3)
  AND ($4::text IS NULL OR alert.point_id = $4) AND ($5::text IS NULL OR alert.camera_id = $5)
  AND state = ANY($6::text[]) AND ($7::text IS NULL OR kind = $7) AND ($8::bigint IS NULL OR alert_id = $8)
ORDER BY CASE
        WHEN word = 'panic_test' THEN 5
        WHEN kind IN ('panic', 'report') THEN 1
        WHEN kind = 'alarm' THEN 4
        WHEN exact > 0 THEN 2
        ELSE 3
    END, raised_at DESC, alert_id DESC
LIMIT $9;

-- An alert's events in the order in which they happened. Shown with plates only.
-- name: sightings
SELECT encode(sighting.event, 'hex') AS hit, sighting.kind, sighting.happened_at AS counted_at,
       sighting.city_id AS city, sighting.point_id AS point, sighting.camera_id AS camera, sighting.device_id AS device,
       CASE sighting.quality WHEN 1 THEN 'exact' WHEN 2 THEN 'possible' END AS quality,
       array_to_string(sighting.entries, ', ') AS entries, array_to_string(sighting.reasons, ', ') AS reasons,
       CASE WHEN newest.is_withdrawal THEN NULL ELSE coalesce(newest.plate, hit.plate) END AS plate,
       coalesce(newest.confidence, hit.confidence) AS confidence, sighting.reader, sighting.is_historical,
       sighting.erased_at, coalesce(pictured.state, 'none yet') AS picture,
       encode(pictured.redacted_sha256, 'hex') AS picture_sha256
FROM alert_sighting AS sighting
LEFT JOIN hit ON hit.envelope_hash = sighting.event
LEFT JOIN LATERAL (
    SELECT * FROM hit_amendment
    WHERE hit_hash = sighting.event AND hit_amendment.device_id = sighting.device_id
    ORDER BY epoch DESC, sequence DESC LIMIT 1
) AS newest ON true
LEFT JOIN LATERAL (
    SELECT redacted_sha256, coalesce(state, 'on its way') AS state
    FROM evidence LEFT JOIN picture ON picture.device_id = evidence.device_id AND picture.sha256 = redacted_sha256
    WHERE hit_hash = sighting.event AND evidence.device_id = sighting.device_id LIMIT 1
) AS pictured ON true
WHERE sighting.alert_id = ANY($1::bigint[])
ORDER BY sighting.happened_at, sighting.event;

-- name: plates
SELECT alert_id AS alert, encode(event, 'hex') AS hit, coalesce(newest.plate, hit.plate) AS plate
FROM alert_sighting AS sighting
JOIN hit ON hit.envelope_hash = sighting.event
LEFT JOIN LATERAL (
    SELECT * FROM hit_amendment
    WHERE hit_hash = hit.envelope_hash AND hit_amendment.device_id = hit.device_id
    ORDER BY epoch DESC, sequence DESC LIMIT 1
) AS newest ON true
WHERE alert_id = ANY($1::bigint[]) AND newest.is_withdrawal IS DISTINCT FROM true
ORDER BY alert_id, event;

-- name: history
SELECT number, at, act, state, actor, reason, outcome, unit, encode(event, 'hex') AS event, other_id AS other
FROM alert_history WHERE alert_id = $1 ORDER BY number;

-- Notices take their numbers from the same sequence, under the same lock.
-- name: newest_number
SELECT greatest((SELECT max(number) FROM alert_history), (SELECT max(number) FROM notice), 0);

-- What happened since a number, with the alert as it is: $1 the number, $2 city, $3 limit.
-- name: happened
SELECT number, at, act, alert_history.state, actor, alert_history.outcome, alert_history.unit, alert_id AS alert,
       other_id AS other, kind, word, exact, possible, alert.city_id AS city, alert.point_id AS point,
       (SELECT string_agg(place, ' > ' ORDER BY at)
        FROM (SELECT concat_ws('/', point_id, camera_id) AS place, min(happened_at) AS at
              FROM alert_sighting WHERE alert_sighting.alert_id = alert.alert_id GROUP BY 1) AS by_camera) AS cameras,
       first_at, last_at, alert.is_historical
FROM alert_history JOIN alert USING (alert_id)
WHERE number > $1 AND ($2::text IS NULL OR city_id = $2)
ORDER BY number
LIMIT $3;

-- name: precision
SELECT city_id AS city, by_what AS by, what, n, errors FROM alert_precision
WHERE by_what = $1 AND ($2::text IS NULL OR city_id = $2)
ORDER BY city_id, n DESC, what;
