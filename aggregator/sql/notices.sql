-- From stored hits to notices (aggregator/adapters/notice_maker.py, at a region), and notices at the desk of a city
-- (notice_desk.py).

-- name: take_turn
SELECT pg_advisory_xact_lock(hashtext('atalaya notices'));

-- name: policy
SELECT sha256 FROM notice_policy ORDER BY number DESC LIMIT 1;

-- name: add_policy
INSERT INTO notice_policy (sha256, policy, since) VALUES ($1, $2, $3);

-- The policies that were in force, the newest first; of the one that is, none has come after: $1 limit.
-- name: policies
SELECT encode(sha256, 'hex') AS sha256, since, lead(since) OVER (ORDER BY number) AS until, policy = '' AS is_built_in
FROM notice_policy ORDER BY number DESC LIMIT $1;

-- name: due
SELECT number, hit FROM notice_due WHERE tries < $1 ORDER BY number DESC LIMIT $2;

-- name: done
DELETE FROM notice_due WHERE number = ANY($1::bigint[]);

-- name: failed
UPDATE notice_due SET tries = tries + 1 WHERE number = ANY($1::bigint[]);

-- name: stuck
SELECT count(*) FROM notice_due WHERE tries >= $1;

-- Hits as they are now, with the entries that they match and that nobody has withdrawn: $1 hits, $2 the region.
-- name: hits_now
SELECT hit.envelope_hash AS hit, hit.city_id, hit.point_id, hit.camera_id, hit.captured_at,
       hit.counted_at AS happened_at, hit.envelope, newest.plate IS NULL OR newest.plate = hit.plate AS says_the_same,
       matched.entries, matched.owners, matched.scopes, matched.qualities, matched.reasons
FROM hit
LEFT JOIN LATERAL (
    SELECT envelope_hash, plate FROM hit_amendment
    WHERE hit_hash = hit.envelope_hash AND device_id = hit.device_id ORDER BY epoch DESC, sequence DESC LIMIT 1
) AS newest ON true
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(entry_id ORDER BY entry_id), '{}') AS entries,
           coalesce(array_agg(owner ORDER BY entry_id), '{}') AS owners,
           coalesce(array_agg(array_to_string(scope, ' ') ORDER BY entry_id), '{}') AS scopes,
           coalesce(array_agg(quality ORDER BY entry_id), '{}') AS qualities,
           coalesce(array_agg(reason ORDER BY entry_id), '{}') AS reasons
    FROM (
        SELECT hit_match.entry_id, quality, hit_match.reason,
               CASE WHEN own.entry_id IS NULL THEN shared.city_id ELSE $2 END AS owner,
               coalesce(own.scope, shared.scope, '{}') AS scope
        FROM hit_match
        LEFT JOIN federated_entry AS shared ON shared.entry_id = hit_match.entry_id
        LEFT JOIN hotlist_entry AS own ON own.entry_id = hit_match.entry_id
        WHERE envelope_hash = coalesce(newest.envelope_hash, hit.envelope_hash)
          AND NOT EXISTS (SELECT FROM federated_withdrawn AS gone WHERE gone.entry_id = hit_match.entry_id)
          AND NOT EXISTS (SELECT FROM hotlist_withdrawn AS gone WHERE gone.entry_id = hit_match.entry_id)
    ) AS entry
) AS matched
WHERE hit.envelope_hash = ANY($1::bytea[]);

-- name: sent
SELECT * FROM notice_sent WHERE hit = ANY($1::bytea[]) AND NOT is_over;

-- name: save_sent
INSERT INTO notice_sent (to_city, hit, city_id, point_id, camera_id, why, reason, corridor, entries, has_plate,
                         captured_at, sent_at, until_at, is_over)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
ON CONFLICT (to_city, hit) DO UPDATE SET
    why = excluded.why, reason = excluded.reason, corridor = excluded.corridor, entries = excluded.entries,
    has_plate = excluded.has_plate, sent_at = excluded.sent_at, until_at = excluded.until_at, is_over = excluded.is_over;

-- One that says nothing new changes nothing; an older one neither, nor one that is over before it was told.
-- name: take
INSERT INTO notice (number, to_city, hit, city_id, point_id, camera_id, why, reason, corridor, entries, captured_at,
                    told_at, until_at, envelope, taken_at, changed_at)
SELECT nextval(pg_get_serial_sequence('alert_history', 'number')), $1::text, $2::bytea, $3::text, $4::text, $5::text,
       $6::text, $7::text, $8::text, $9::text[], $10::timestamptz, $11::timestamptz, $12::timestamptz, $13::bytea, now(),
       now()
WHERE $12 > now() OR EXISTS (SELECT FROM notice WHERE to_city = $1 AND hit = $2)
ON CONFLICT (to_city, hit) DO UPDATE SET
    number = excluded.number, why = excluded.why, reason = excluded.reason, corridor = excluded.corridor,
    entries = excluded.entries, told_at = excluded.told_at, until_at = excluded.until_at, envelope = excluded.envelope,
    changed_at = excluded.changed_at
WHERE excluded.told_at > notice.told_at
RETURNING notice_id;

-- $1 only of this reason to be told, $2 those that are over as well, $3 limit. The newest first.
-- name: list
SELECT notice_id AS notice, CASE WHEN until_at > now() THEN 'open' ELSE 'over' END AS state, why, reason, corridor,
       city_id AS city, point_id AS point, camera_id AS camera, captured_at, until_at, taken_at, changed_at,
       envelope IS NOT NULL AS has_plate, array_to_string(entries, ', ') AS entries
FROM notice
WHERE ($1::text IS NULL OR why = $1) AND ($2 OR until_at > now())
ORDER BY changed_at DESC, notice_id DESC LIMIT $3;

-- name: list_sent
SELECT to_city AS "to", CASE WHEN until_at > now() AND NOT is_over THEN 'open' ELSE 'over' END AS state, why, reason,
       corridor, city_id AS city, point_id AS point, camera_id AS camera, captured_at, until_at, sent_at, has_plate,
       array_to_string(entries, ', ') AS entries, encode(hit, 'hex') AS hit
FROM notice_sent
WHERE ($1::text IS NULL OR why = $1) AND ($2 OR until_at > now() AND NOT is_over)
ORDER BY sent_at DESC, to_city LIMIT $3;

-- The message is shown while the notice holds, and longer only under a hold.
-- name: show
SELECT notice_id AS notice, CASE WHEN until_at > now() THEN 'open' ELSE 'over' END AS state, why, reason, corridor,
       city_id AS city, point_id AS point, camera_id AS camera, encode(hit, 'hex') AS hit, captured_at, told_at, until_at,
       taken_at, changed_at, array_to_string(entries, ', ') AS entries,
       CASE WHEN until_at > now() OR is_held_notice(hit, entries) THEN envelope END AS envelope
FROM notice WHERE notice_id = $1;

-- Notices that changed since a number, as they are: $1 the number, $2 to this city, $3 limit.
-- name: happened
SELECT number, changed_at AS at, notice_act(notice) AS act, notice_id AS notice, to_city AS "to", why, reason, corridor,
       city_id AS city, point_id AS point, camera_id AS camera, captured_at, until_at
FROM notice
WHERE number > $1 AND ($2::text IS NULL OR to_city = $2)
ORDER BY number LIMIT $3;

-- The same for whoever may look at some cities alone, which the connection says: $1 the number, $2 limit.
-- name: happened_in_cities
SELECT number, changed_at AS at, notice_act(notice) AS act, notice_id AS notice, to_city AS "to", why, reason, corridor,
       city_id AS city, point_id AS point, camera_id AS camera, captured_at, until_at
FROM notice
WHERE number > $1 AND to_city = ANY ((SELECT ask.visible_cities())::text[])
ORDER BY number LIMIT $2;
