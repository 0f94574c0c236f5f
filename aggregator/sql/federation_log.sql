-- The region's logs (aggregator/adapters/federation_log.py). $1 is the city, where there is one.

-- Whoever appends does so alone: numbers rise as they are committed.
-- name: take_turn
SELECT pg_advisory_xact_lock(hashtext('atalaya federation logs'));

-- name: ends
SELECT city_id, log, number, hash FROM federation_log JOIN federated_city USING (city_id)
WHERE left_at IS NULL AND city_id = ANY($1::text[]) ORDER BY city_id;

-- name: all_ends
SELECT city_id, log, number, hash FROM federation_log JOIN federated_city USING (city_id)
WHERE left_at IS NULL ORDER BY city_id;

-- name: add_item
INSERT INTO federation_log_item (city_id, number, kind, origin, created_ms, sha256, hash)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: advance
UPDATE federation_log SET number = $2, hash = $3 WHERE city_id = $1;

-- A short body goes with its item; the others are fetched by their hash.
-- name: items
SELECT number, kind, origin, created_ms, item.sha256, hash, size_bytes,
       CASE WHEN size_bytes <= $4 THEN bytes ELSE '' END AS body
FROM federation_log_item AS item JOIN federation_body USING (sha256)
WHERE city_id = $1 AND number > $2
ORDER BY number LIMIT $3;

-- name: size_for
SELECT size_bytes FROM federation_body
WHERE sha256 = $2 AND EXISTS (SELECT FROM federation_log_item AS item WHERE item.sha256 = $2 AND item.city_id = $1);

-- name: part
SELECT substring(bytes FROM $2::int + 1 FOR $3::int) FROM federation_body WHERE sha256 = $1;

-- Cities that have joined, for the first time or again, since their log was opened.
-- name: to_open
SELECT c.city_id, c.log_id FROM federated_city AS c LEFT JOIN federation_log AS l USING (city_id)
WHERE c.left_at IS NULL AND (l.log IS DISTINCT FROM c.log_id OR l.opened_at < c.joined_at)
ORDER BY c.city_id;

-- A log of another id is another log.
-- name: drop_other
DELETE FROM federation_log WHERE city_id = $1 AND log <> $2;

-- name: open
INSERT INTO federation_log (city_id, log, opened_at) VALUES ($1, $2, $3)
ON CONFLICT (city_id) DO UPDATE SET opened_at = excluded.opened_at;

-- name: linked
SELECT city_id FROM federation_log JOIN federated_city USING (city_id)
WHERE left_at IS NULL AND city_id <> $1 ORDER BY city_id;

-- Items that their city has had for long; $1 is since when. What it said before this log was opened is of another log.
-- name: trim
DELETE FROM federation_log_item AS item USING federated_city AS c, federation_log AS l
WHERE c.city_id = item.city_id AND l.city_id = item.city_id AND c.contact_at > l.opened_at
  AND item.number <= c.log_number AND item.created_ms < $1;
