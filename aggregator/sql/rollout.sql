-- Rollouts and settings documents (aggregator/core/rollout.py has the rules).

-- Numbers are given, and documents signed, by one at a time.
-- name: take_turn
SELECT pg_advisory_xact_lock(hashtext('atalaya settings'));

-- Boxes that may be told what to run, with the profile that each runs: that of the last document it kept.
-- name: candidates
SELECT device_id, point_id, coalesce(last.profile, device.profile) AS profile
FROM device
LEFT JOIN LATERAL (
    SELECT settings_document.profile
    FROM settings_document JOIN settings_result USING (device_id, number)
    WHERE settings_document.device_id = device.device_id AND settings_result.state = 1
    ORDER BY number DESC LIMIT 1
) AS last ON true
WHERE city_id = $1 AND state = 'active'
ORDER BY device_id;

-- The same at a region: the profile is the one that the city's roster says.
-- name: candidates_of_city
SELECT device_id, point_id, profile FROM device WHERE city_id = $1 AND state = 'active' ORDER BY device_id;

-- At a region: whether a city is linked and has a log. It cannot leave until the caller's transaction ends.
-- name: hold_link
SELECT true FROM federated_city JOIN federation_log USING (city_id)
WHERE city_id = $1 AND left_at IS NULL AND log = log_id FOR SHARE OF federated_city;

-- $10: what a rollout's name begins with.
-- name: start
WITH next AS (SELECT coalesce(max(number), 0) + 1 AS number FROM rollout)
INSERT INTO rollout (rollout_id, city_id, settings_toml, trial_s, target, profile, percent, reason, started_by, started_at)
SELECT $10::text || next.number, $1, $2, $3, $4, $5, $6, $7, $8, $9 FROM next
RETURNING rollout_id;

-- name: add_profile
INSERT INTO rollout_profile (rollout_id, profile, text, ring, trial_s) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING;

-- name: add_box
INSERT INTO rollout_box (rollout_id, device_id, profile) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING;

-- name: grow
UPDATE rollout SET percent = $2 WHERE rollout_id = $1;

-- name: abort
UPDATE rollout SET aborted_by = $2, aborted_at = $3 WHERE rollout_id = $1 AND aborted_at IS NULL RETURNING rollout_id;

-- name: rollout
SELECT * FROM rollout WHERE rollout_id = $1;

-- $2 only those of this city; none: all.
-- name: rollouts
SELECT * FROM rollout WHERE $2::text IS NULL OR city_id = $2 ORDER BY number DESC LIMIT $1;

-- $1 as above.
-- name: running
SELECT * FROM rollout WHERE aborted_at IS NULL AND ($1::text IS NULL OR city_id = $1) ORDER BY number;

-- Each box of a rollout, with its document and what it said of it last. A newer rollout for the box, or a newer document
-- before it answered, takes the place of this one; at a region also one that we do not have: its city's own, which the
-- box spoke of, or of which the city's roster tells.
-- name: boxes
SELECT box.device_id, point_id, box.profile, ring, document.number, document.signed_at, result.state, result.reason,
       result.note, result.counted_at AS answered_at, other.number AS other_number, other.rollout_id AS other_rollout,
       EXISTS (SELECT FROM rollout_box AS other JOIN rollout AS newer USING (rollout_id)
               WHERE other.device_id = box.device_id AND newer.aborted_at IS NULL AND newer.number > this.number)
           AS is_in_newer,
       other.number IS NOT NULL OR settings_number > document.number
       OR EXISTS (SELECT FROM settings_document AS newer
                  WHERE newer.device_id = box.device_id AND newer.number > document.number
                    AND newer.rollout_id <> 'undo-' || box.rollout_id) AS is_outranked
FROM rollout_box AS box
JOIN rollout AS this USING (rollout_id)
JOIN rollout_profile ON (rollout_profile.rollout_id, rollout_profile.profile) = (box.rollout_id, box.profile)
JOIN device ON device.device_id = box.device_id
LEFT JOIN LATERAL (
    SELECT number, signed_at FROM settings_document
    WHERE settings_document.device_id = box.device_id AND settings_document.rollout_id = box.rollout_id
    ORDER BY number DESC LIMIT 1
) AS document ON true
LEFT JOIN LATERAL (
    SELECT settings_result.state, reason, note, counted_at FROM settings_result
    WHERE settings_result.device_id = box.device_id AND settings_result.number = document.number
      AND settings_result.rollout_id = box.rollout_id
    ORDER BY received_at DESC LIMIT 1
) AS result ON true
LEFT JOIN LATERAL (
    SELECT number, rollout_id FROM settings_result AS said
    WHERE said.device_id = box.device_id AND said.number >= document.number
      AND NOT EXISTS (SELECT FROM settings_document AS ours
                      WHERE (ours.device_id, ours.number, ours.rollout_id) = (said.device_id, said.number, said.rollout_id))
    ORDER BY number DESC LIMIT 1
) AS other ON true
WHERE box.rollout_id = $1
ORDER BY ring, box.device_id;

-- name: profiles
SELECT profile, text, trial_s FROM rollout_profile WHERE rollout_id = $1;

-- name: newest
SELECT number, rollout_id, envelope FROM settings_document WHERE device_id = $1 ORDER BY number DESC LIMIT 1;

-- Above every document that we have. A region does not have those of its cities: above what the city's roster says, and
-- what the box spoke of; whoever names a number beyond reason is not heeded. After a restore boxes may have had documents
-- that the backup knew nothing of: their numbers are leaped over.
-- name: next_number
SELECT 1 + greatest(
    (SELECT number + 1000 * (SELECT count(*) FROM audit
                             WHERE subject = 'database' AND action = 'database.restore' AND at > signed_at)
     FROM settings_document WHERE device_id = $1 ORDER BY number DESC LIMIT 1),
    (SELECT max(number) FROM settings_result WHERE device_id = $1 AND number < 1000000000),
    (SELECT settings_number FROM device WHERE device_id = $1 AND settings_number < 1000000000),
    0);

-- What ran before a rollout: the last document before its first that the box kept, or that it never spoke of. $3 whether
-- it is known all the same if the box kept one since that we do not have: a city has all of them.
-- name: before
SELECT envelope FROM settings_document
LEFT JOIN LATERAL (
    SELECT state FROM settings_result
    WHERE settings_result.device_id = settings_document.device_id AND settings_result.number = settings_document.number
    ORDER BY received_at DESC LIMIT 1
) AS result ON true
WHERE settings_document.device_id = $1 AND coalesce(result.state, 1) = 1
  AND number < (SELECT min(number) FROM settings_document WHERE device_id = $1 AND rollout_id = $2)
  AND ($3 OR NOT EXISTS (
      SELECT FROM settings_result AS other
      WHERE other.device_id = $1 AND other.state = 1 AND other.number > settings_document.number
        AND other.number < (SELECT min(number) FROM settings_document WHERE device_id = $1 AND rollout_id = $2)
        AND NOT EXISTS (SELECT FROM settings_document AS ours WHERE (ours.device_id, ours.number, ours.rollout_id)
                        = (other.device_id, other.number, other.rollout_id))))
ORDER BY number DESC LIMIT 1;

-- name: add_document
INSERT INTO settings_document (device_id, number, rollout_id, profile, sha256, envelope, signed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- In a city: the boxes whose newest document is of a rollout that is not our own, and that have not rolled it back.
-- name: boxes_under
SELECT device_id, point_id, envelope
FROM device JOIN settings_document AS document USING (device_id)
LEFT JOIN LATERAL (
    SELECT state FROM settings_result AS said
    WHERE (said.device_id, said.number, said.rollout_id) = (document.device_id, document.number, document.rollout_id)
    ORDER BY received_at DESC LIMIT 1
) AS result ON true
WHERE document.rollout_id = $1 AND city_id = $2 AND device.state = 'active' AND coalesce(result.state, 1) = 1
  AND NOT EXISTS (SELECT FROM rollout WHERE rollout_id = $1)
  AND NOT EXISTS (SELECT FROM settings_document AS newer
                  WHERE newer.device_id = document.device_id AND newer.number > document.number)
ORDER BY device_id;

-- At a region: the newest documents of boxes that have said nothing of them, nor of later ones, and whose city has a
-- log that was begun since and lacks them.
-- name: untold
SELECT device.city_id, document.envelope
FROM settings_document AS document JOIN device USING (device_id) JOIN federation_log AS log USING (city_id)
WHERE log.opened_at > document.signed_at AND device.state = 'active'
  AND NOT EXISTS (SELECT FROM settings_document AS newer
                  WHERE newer.device_id = document.device_id AND newer.number > document.number)
  AND NOT EXISTS (SELECT FROM settings_result AS said
                  WHERE said.device_id = document.device_id AND said.number >= document.number)
  AND NOT EXISTS (SELECT FROM federation_log_item AS item
                  WHERE item.city_id = log.city_id AND item.sha256 = document.sha256)
ORDER BY device.device_id;

-- name: box
SELECT point_id FROM device WHERE device_id = $1 AND city_id = $2 AND state = 'active';

-- name: to_publish
SELECT device.device_id, city_id, point_id, newest.sha256
FROM device
JOIN LATERAL (
    SELECT sha256 FROM settings_document WHERE settings_document.device_id = device.device_id
    ORDER BY number DESC LIMIT 1
) AS newest ON true
WHERE state = 'active';

-- name: envelope
SELECT envelope FROM settings_document WHERE sha256 = $1;
