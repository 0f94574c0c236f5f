-- Pictures: from pieces in the database to files in the evidence store.

-- Those whose pieces may make a whole, and those that need no pieces any more.
-- name: candidates
SELECT piece.device_id, piece.sha256, max(state) AS state
FROM piece LEFT JOIN picture USING (device_id, sha256)
WHERE state IS NULL OR state IN ('stored', 'too_large', 'purged')
GROUP BY piece.device_id, piece.sha256
HAVING max(state) IS NOT NULL OR sum(octet_length(data)) >= max(piece.total_bytes) OR max(piece.total_bytes) > $1
LIMIT 100;

-- name: parts
SELECT at_byte, total_bytes, data FROM piece WHERE device_id = $1 AND sha256 = $2;

-- Whoever removes files waits for those who write some (retention.sql).
-- name: share_files
SELECT pg_advisory_xact_lock_shared(hashtext('atalaya evidence files'));

-- name: settle
INSERT INTO picture (device_id, sha256, state, total_bytes, settled_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (device_id, sha256) DO NOTHING;

-- name: forget_parts
DELETE FROM piece WHERE device_id = $1 AND sha256 = $2;
