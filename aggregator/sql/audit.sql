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
