-- The audit's table; its rows are made and checked by aggregator/core/audit.py.

-- name: take_turn
SELECT pg_advisory_xact_lock(hashtext('atalaya audit'));

-- name: last
SELECT number, at, actor, action, subject, reason, previous_hash, hash FROM audit ORDER BY number DESC LIMIT 1;

-- name: append
INSERT INTO audit (number, at, actor, action, subject, reason, previous_hash, hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: newest
SELECT number, at, actor, action, subject, reason, previous_hash, hash
FROM audit
WHERE ($1::text IS NULL OR subject = $1) AND ($2::text IS NULL OR actor = $2)
ORDER BY number DESC
LIMIT $3;

-- name: after
SELECT number, at, actor, action, subject, reason, previous_hash, hash
FROM audit WHERE number > $1 ORDER BY number LIMIT $2;

-- A hit's rows, its exports' and its pictures'. $1 hit:HASH, $2 picture:HASH of each picture.
-- name: of_hit
SELECT number, at, actor, action, subject, reason, previous_hash, hash
FROM audit WHERE subject = $1 OR subject LIKE $1 || '/%' OR subject = ANY($2::text[])
ORDER BY number;

-- name: pictures_of_hit
SELECT 'picture:' || encode(sha256, 'hex') AS subject
FROM evidence CROSS JOIN LATERAL (VALUES (redacted_sha256), (sealed_sha256)) AS named (sha256)
WHERE hit_hash = $1;

-- Who looked at an entry: at itself, at its batch, or at a hit or a picture of it.
-- name: of_entry
WITH matched AS (
    SELECT coalesce(amended.hit_hash, hit_match.envelope_hash) AS hit_hash
    FROM hit_match LEFT JOIN hit_amendment AS amended USING (envelope_hash) WHERE entry_id = $1
), subjects AS (
    SELECT $1 AS subject
    UNION SELECT batch_id FROM hotlist_entry WHERE entry_id = $1
    UNION SELECT 'hit:' || encode(hit_hash, 'hex') FROM matched
    UNION SELECT 'picture:' || encode(sha256, 'hex')
    FROM evidence JOIN matched USING (hit_hash)
    CROSS JOIN LATERAL (VALUES (redacted_sha256), (sealed_sha256)) AS named (sha256)
)
SELECT number, at, actor, action, subject, reason, previous_hash, hash
FROM audit
WHERE subject IN (SELECT subject FROM subjects)
   OR split_part(subject, '/', 1) IN (SELECT subject FROM subjects WHERE subject LIKE 'hit:%')
ORDER BY number DESC
LIMIT $2;

-- name: hashes
SELECT number, hash FROM audit WHERE number = ANY($1::bigint[]);
