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

-- name: start
WITH next AS (SELECT coalesce(max(number), 0) + 1 AS number FROM rollout)
INSERT INTO rollout (rollout_id, city_id, settings_toml, trial_s, target, profile, percent, reason, started_by, started_at)
SELECT 'r-' || next.number, $1, $2, $3, $4, $5, $6, $7, $8, $9 FROM next
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

-- name: rollouts
SELECT * FROM rollout ORDER BY number DESC LIMIT $1;

-- name: running
SELECT * FROM rollout WHERE aborted_at IS NULL AND city_id = $1 ORDER BY number;

-- Each box of a rollout, with its document and what it said of it last. A newer rollout for the box, or a newer document
-- before it answered, takes the place of this one.
-- name: boxes
SELECT box.device_id, point_id, box.profile, ring, document.number, document.signed_at, result.state, result.reason,
       result.note, result.counted_at AS answered_at,
       EXISTS (SELECT FROM rollout_box AS other JOIN rollout AS newer USING (rollout_id)
               WHERE other.device_id = box.device_id AND newer.aborted_at IS NULL AND newer.number > this.number)
       OR EXISTS (SELECT FROM settings_document AS newer
                  WHERE newer.device_id = box.device_id AND newer.number > document.number
                    AND newer.rollout_id <> 'undo-' || box.rollout_id) AS is_superseded
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
WHERE box.rollout_id = $1
ORDER BY ring, box.device_id;

-- name: profiles
SELECT profile, text, trial_s FROM rollout_profile WHERE rollout_id = $1;

-- After a restore boxes may have had documents that the backup knew nothing of: their numbers are leaped over.
-- name: newest
SELECT number, rollout_id, envelope,
       number + 1 + 1000 * (SELECT count(*) FROM audit
                            WHERE subject = 'database' AND action = 'database.restore' AND at > signed_at) AS next_number
FROM settings_document WHERE device_id = $1 ORDER BY number DESC LIMIT 1;

-- What ran before a rollout: the last document before its first that the box kept, or that it never spoke of.
-- name: before
SELECT envelope FROM settings_document
LEFT JOIN LATERAL (
    SELECT state FROM settings_result
    WHERE settings_result.device_id = settings_document.device_id AND settings_result.number = settings_document.number
    ORDER BY received_at DESC LIMIT 1
) AS result ON true
WHERE settings_document.device_id = $1 AND coalesce(result.state, 1) = 1
  AND number < (SELECT min(number) FROM settings_document WHERE device_id = $1 AND rollout_id = $2)
ORDER BY number DESC LIMIT 1;

-- name: add_document
INSERT INTO settings_document (device_id, number, rollout_id, profile, sha256, envelope, signed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7);

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
