-- What other cities share (aggregator/adapters/foreign_lists.py): at the region what each handed up, in a city what came
-- down of the others.

-- name: keep_body
INSERT INTO federation_body (sha256, bytes, size_bytes, kept_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING;

-- name: body
SELECT bytes FROM federation_body WHERE sha256 = $1;

-- name: has_batch
SELECT EXISTS (SELECT FROM foreign_batch WHERE sha256 = $1);

-- A batch that was signed anew takes the place of what it was.
-- name: replace_batch
DELETE FROM foreign_batch WHERE city_id = $1 AND batch_id = $2;

-- name: add_batch
INSERT INTO foreign_batch (sha256, city_id, batch_id, created_ms, taken_at) VALUES ($1, $2, $3, $4, $5);

-- name: other_owner
SELECT EXISTS (SELECT FROM federated_entry WHERE entry_id = ANY($2::text[]) AND city_id <> $1)
    OR EXISTS (SELECT FROM hotlist_entry WHERE entry_id = ANY($2::text[]));

-- name: add_entries
INSERT INTO federated_entry (entry_id, city_id, sha256, reason, expires_at, scope)
SELECT entry_id, $1, $2, reason, expires_at, coalesce(string_to_array(NULLIF(cities, ''), ';'), '{}')
FROM unnest($3::text[], $4::text[], $5::timestamptz[], $6::text[]) AS entry (entry_id, reason, expires_at, cities)
ON CONFLICT (entry_id) DO UPDATE
SET sha256 = excluded.sha256, reason = excluded.reason, expires_at = excluded.expires_at, scope = excluded.scope
WHERE federated_entry.city_id = excluded.city_id;

-- name: has_withdrawal
SELECT EXISTS (SELECT FROM foreign_withdrawal WHERE sha256 = $1);

-- name: add_withdrawal
INSERT INTO foreign_withdrawal (sha256, city_id, created_ms, taken_at) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING;

-- A city withdraws what is its own.
-- name: add_withdrawn
INSERT INTO federated_withdrawn (entry_id, sha256)
SELECT entry_id, $2 FROM federated_entry WHERE city_id = $1 AND entry_id = ANY($3::text[])
ON CONFLICT DO NOTHING;

-- Where the entries hold that a batch brought, or that a withdrawal takes out.
-- name: scopes
SELECT DISTINCT scope FROM federated_entry AS e
WHERE e.sha256 = $1 OR EXISTS (SELECT FROM federated_withdrawn AS w WHERE w.entry_id = e.entry_id AND w.sha256 = $1);

-- name: add_document
INSERT INTO federated_document (city_id, kind, sha256, taken_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (city_id, kind) DO UPDATE SET sha256 = excluded.sha256, taken_at = excluded.taken_at;

-- name: document
SELECT bytes FROM federated_document JOIN federation_body USING (sha256) WHERE city_id = $1 AND kind = $2;

-- What all but one city share now, in the order in which it came; lists only while something of them holds.
-- name: shared
SELECT city_id, kind, sha256 FROM (
    SELECT city_id, kind, sha256, taken_at FROM federated_document
    UNION ALL
    SELECT b.city_id, 1, b.sha256, b.taken_at FROM foreign_batch AS b
    WHERE EXISTS (SELECT FROM federated_entry AS e WHERE e.sha256 = b.sha256 AND e.expires_at > $2)
    UNION ALL
    SELECT w.city_id, 2, w.sha256, w.taken_at FROM foreign_withdrawal AS w
    WHERE EXISTS (SELECT FROM federated_withdrawn AS x JOIN federated_entry AS e USING (entry_id)
                  WHERE x.sha256 = w.sha256 AND e.expires_at > $2)
) AS item
WHERE city_id <> $1
ORDER BY taken_at, kind, sha256;

-- Batches with an entry that a box of the city could arm, the oldest first.
-- name: batches_of_city
SELECT b.city_id || '/' || b.batch_id AS name, sha256, bytes
FROM foreign_batch AS b JOIN federation_body USING (sha256)
WHERE EXISTS (
    SELECT FROM federated_entry AS e
    WHERE e.sha256 = b.sha256 AND e.expires_at > $2 AND (e.scope = '{}' OR $1::text = ANY(e.scope))
      AND NOT EXISTS (SELECT FROM federated_withdrawn AS w WHERE w.entry_id = e.entry_id)
)
ORDER BY b.taken_at, b.sha256;

-- name: withdrawals_of_batches
SELECT DISTINCT w.sha256, bytes
FROM federated_entry AS e JOIN federated_withdrawn AS w USING (entry_id)
JOIN federation_body ON federation_body.sha256 = w.sha256
WHERE e.sha256 = ANY($1::bytea[]) ORDER BY w.sha256;

-- name: withdrawn_of_batches
SELECT DISTINCT w.entry_id FROM federated_entry AS e JOIN federated_withdrawn AS w USING (entry_id)
WHERE e.sha256 = ANY($1::bytea[]);

-- name: judge
UPDATE foreign_batch AS b SET left_out = said.left_out, judged_at = $3
FROM unnest($1::text[], $2::text[]) AS said (name, left_out)
WHERE b.city_id || '/' || b.batch_id = said.name
  AND (b.judged_at IS NULL OR b.left_out IS DISTINCT FROM said.left_out);

-- name: expired_between
SELECT count(*) FROM federated_entry AS e WHERE e.expires_at > $1 AND e.expires_at <= $2
  AND EXISTS (SELECT FROM foreign_batch AS b WHERE b.sha256 = e.sha256);

-- Nothing of it can be armed any more.
-- name: retire_batches
DELETE FROM foreign_batch AS b WHERE NOT EXISTS (
    SELECT FROM federated_entry AS e WHERE e.sha256 = b.sha256 AND e.expires_at > $1
      AND NOT EXISTS (SELECT FROM federated_withdrawn AS w WHERE w.entry_id = e.entry_id)
);

-- Entries are kept for as long as hits that name them may be asked about; $1 is that long ago.
-- name: drop_entries
DELETE FROM federated_entry AS e WHERE e.expires_at < $1
  AND NOT EXISTS (SELECT FROM foreign_batch AS b WHERE b.sha256 = e.sha256);

-- name: drop_withdrawals
DELETE FROM foreign_withdrawal AS w WHERE w.taken_at < $1
  AND NOT EXISTS (SELECT FROM federated_withdrawn AS x WHERE x.sha256 = w.sha256);

-- A batch that some hit matched is kept with it: the hit's evidence shows who had signed the entry.
-- name: drop_bodies
DELETE FROM federation_body AS b WHERE b.kept_at < $1
  AND NOT EXISTS (SELECT FROM federation_log_item AS i WHERE i.sha256 = b.sha256)
  AND NOT EXISTS (SELECT FROM foreign_batch AS f WHERE f.sha256 = b.sha256)
  AND NOT EXISTS (SELECT FROM foreign_withdrawal AS w WHERE w.sha256 = b.sha256)
  AND NOT EXISTS (SELECT FROM federated_document AS d WHERE d.sha256 = b.sha256)
  AND NOT EXISTS (SELECT FROM federated_entry AS e JOIN hit_match AS m USING (entry_id) WHERE e.sha256 = b.sha256);

-- name: forget_batches
DELETE FROM foreign_batch RETURNING sha256;

-- name: list_batches
SELECT b.city_id, b.batch_id, b.taken_at, b.judged_at, b.left_out, count(e.entry_id) AS entries,
       count(*) FILTER (WHERE e.expires_at > $1
           AND NOT EXISTS (SELECT FROM federated_withdrawn AS w WHERE w.entry_id = e.entry_id)) AS in_force
FROM foreign_batch AS b LEFT JOIN federated_entry AS e USING (sha256)
GROUP BY b.sha256 ORDER BY b.taken_at, b.city_id, b.batch_id;

-- name: left_out
SELECT city_id, left_out, count(*) AS batches FROM foreign_batch
WHERE left_out IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2;

-- name: count_batches
SELECT count(*) FROM foreign_batch;
