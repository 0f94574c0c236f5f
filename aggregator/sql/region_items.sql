-- A city's side of its link (aggregator/adapters/items_up.py, items_down.py). $1 is the id of the log, where there is one.

-- name: sent
SELECT sha256 FROM federation_sent WHERE log = $1 AND kind = $2 AND subject = $3;

-- name: note_sent
INSERT INTO federation_sent (log, kind, subject, sha256, receipted_at, refusal) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (log, kind, subject) DO UPDATE
SET sha256 = excluded.sha256, receipted_at = excluded.receipted_at, refusal = excluded.refusal;

-- Approved batches with an entry that holds elsewhere too; what is nobody else's stays here.
-- name: batches_due
SELECT b.batch_id, b.payload
FROM hotlist_batch AS b
WHERE b.state = 'approved' AND EXISTS (
    SELECT FROM hotlist_entry AS e
    WHERE e.batch_id = b.batch_id AND e.expires_at > $3
      AND (e.scope = '{}' OR EXISTS (SELECT FROM unnest(e.scope) AS city WHERE city <> $2))
) AND NOT EXISTS (SELECT FROM federation_sent AS s WHERE s.log = $1 AND s.kind = 1 AND s.subject = b.batch_id)
ORDER BY b.approved_at, b.batch_id;

-- Withdrawals of entries that the region has.
-- name: withdrawals_due
SELECT w.withdrawal_id, w.envelope
FROM hotlist_withdrawal AS w
WHERE EXISTS (
    SELECT FROM hotlist_withdrawn AS x JOIN hotlist_entry AS e USING (entry_id)
    JOIN federation_sent AS s ON s.log = $1 AND s.kind = 1 AND s.subject = e.batch_id AND s.refusal IS NULL
    WHERE x.withdrawal_id = w.withdrawal_id
) AND NOT EXISTS (
    SELECT FROM federation_sent AS s WHERE s.log = $1 AND s.kind = 2 AND s.subject = w.withdrawal_id::text
)
ORDER BY w.withdrawal_id;

-- name: refused
SELECT kind, count(*) AS items FROM federation_sent WHERE log = $1 AND refusal IS NOT NULL GROUP BY kind ORDER BY kind;

-- name: revoked_keys
SELECT count(*) FROM device_key JOIN device USING (device_id) WHERE city_id = $1 AND revoked_at IS NOT NULL;

-- name: followed
SELECT number, hash, as_of_ms, heard_at, problem, problems FROM federation_followed WHERE log = $1;

-- name: advance
INSERT INTO federation_followed (log, number, hash) VALUES ($1, $2, $3)
ON CONFLICT (log) DO UPDATE SET number = excluded.number, hash = excluded.hash;

-- name: heard
INSERT INTO federation_followed (log, as_of_ms, heard_at) VALUES ($1, $2, $3)
ON CONFLICT (log) DO UPDATE
SET as_of_ms = greatest(federation_followed.as_of_ms, excluded.as_of_ms), heard_at = excluded.heard_at, problem = NULL;

-- name: note_problem
INSERT INTO federation_followed (log, problem, problems) VALUES ($1, $2, 1)
ON CONFLICT (log) DO UPDATE SET problem = excluded.problem, problems = federation_followed.problems + 1;
