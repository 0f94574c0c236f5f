-- The HTTP API's own statements: tokens (aggregator/adapters/api_tokens.py), pictures and the live stream.

-- name: unknown_cities
SELECT named FROM unnest($1::text[]) AS named WHERE NOT EXISTS (SELECT FROM city WHERE city_id = named) ORDER BY named;

-- name: add_token
INSERT INTO api_token (token_id, hash, scopes, cities, added_by, added_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (token_id) DO NOTHING RETURNING token_id;

-- name: tokens
SELECT token_id AS token, scopes, cities, expires_at, last_used_at, added_by, added_at, revoked_at, revoked_by
FROM api_token ORDER BY token_id;

-- name: revoke_token
UPDATE api_token SET revoked_at = $2, revoked_by = $3 WHERE token_id = $1 AND revoked_at IS NULL RETURNING token_id;

-- name: token_by_hash
SELECT token_id AS token, scopes, cities, expires_at, revoked_at, last_used_at FROM api_token WHERE hash = $1;

-- name: token_by_name
SELECT token_id AS token, scopes, cities, expires_at, revoked_at, last_used_at FROM api_token WHERE token_id = $1;

-- name: token_used
UPDATE api_token SET last_used_at = $2 WHERE token_id = $1 AND (last_used_at IS NULL OR last_used_at < $2);

-- A redacted picture of the asker's cities: $1 its own SHA-256, or the hash of its hit.
-- name: picture
SELECT redacted_sha256 AS sha256
FROM evidence
JOIN picture ON picture.device_id = evidence.device_id AND picture.sha256 = redacted_sha256
JOIN hit ON hit.envelope_hash = hit_hash AND hit.device_id = evidence.device_id
WHERE (redacted_sha256 = $1 OR hit_hash = $1) AND picture.state = 'stored'
  AND hit.city_id = ANY ((SELECT ask.visible_cities())::text[])
LIMIT 1;

-- What happened to alerts of the asker's cities since a line: $1 its number, $2 how many at most.
-- name: lines
SELECT number, at, act, line.state, actor, line.outcome, line.unit, line.alert, other, line.kind, word, exact, possible,
       withdrawn, line.city, line.point, cameras, reasons, first_at, last_at, is_historical
FROM ask.alert_history AS line
CROSS JOIN LATERAL (SELECT * FROM ask.alert WHERE ask.alert.alert = line.alert) AS alert
WHERE number > $1
ORDER BY number
LIMIT $2;
