-- Webhooks: registered (aggregator/adapters/webhook_desk.py), and served (webhook_queue.py).

-- name: is_city
SELECT EXISTS (SELECT FROM city WHERE city_id = $1);

-- name: add
INSERT INTO webhook (webhook_id, url, city_id, acts, is_private, added_by, added_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT DO NOTHING RETURNING webhook_id;

-- name: remove
DELETE FROM webhook WHERE webhook_id = $1 RETURNING webhook_id;

-- name: list
SELECT webhook_id AS webhook, url, city_id AS city, array_to_string(acts, ', ') AS acts, is_private,
       count(number) FILTER (WHERE dead_at IS NULL) AS waiting, count(dead_at) AS dead, delivered, last_delivered_at,
       failures, added_by, added_at
FROM webhook LEFT JOIN webhook_delivery USING (webhook_id)
GROUP BY webhook_id ORDER BY webhook_id;

-- name: dead
SELECT webhook_id AS webhook, number, alert_id AS alert, waiting_since, dead_at, attempts, problem, body
FROM webhook_delivery
WHERE dead_at IS NOT NULL AND ($1::text IS NULL OR webhook_id = $1)
ORDER BY webhook_id, number LIMIT $2;

-- name: retry
UPDATE webhook_delivery SET dead_at = NULL, attempts = 0, waiting_since = $3, next_try_at = $3
WHERE webhook_id = $1 AND dead_at IS NOT NULL AND ($2::bigint IS NULL OR number = $2)
RETURNING number;

-- name: wake
UPDATE webhook SET failures = 0, next_try_at = '-infinity' WHERE webhook_id = $1 RETURNING webhook_id;

-- name: hurry
UPDATE webhook_delivery SET next_try_at = $2 WHERE webhook_id = $1 AND dead_at IS NULL AND next_try_at > $2;

-- name: tell
SELECT pg_notify('webhook_due', '');

-- name: busy
SELECT DISTINCT webhook_id
FROM webhook JOIN webhook_delivery AS delivery USING (webhook_id)
WHERE dead_at IS NULL AND delivery.next_try_at <= $1 AND webhook.next_try_at <= $1;

-- Taken for a while: whoever dies with it gives it back by that.
-- name: take
UPDATE webhook_delivery SET attempts = attempts + 1, next_try_at = $3
FROM webhook
WHERE webhook.webhook_id = webhook_delivery.webhook_id
  AND (webhook_delivery.webhook_id, number) = (
    SELECT webhook_id, number
    FROM webhook_delivery AS delivery JOIN webhook AS receiver USING (webhook_id)
    WHERE webhook_id = $1 AND dead_at IS NULL AND delivery.next_try_at <= $2 AND receiver.next_try_at <= $2
    ORDER BY number LIMIT 1 FOR UPDATE OF delivery SKIP LOCKED)
RETURNING webhook_delivery.webhook_id AS webhook, number, body, waiting_since, attempts, url, is_private, failures;

-- name: delivered
WITH taken AS (DELETE FROM webhook_delivery WHERE webhook_id = $1 AND number = $2)
UPDATE webhook SET delivered = delivered + 1, last_delivered_at = $3, failures = 0, next_try_at = '-infinity'
WHERE webhook_id = $1;

-- name: failed
UPDATE webhook_delivery SET problem = $3, next_try_at = $4, dead_at = $5 WHERE webhook_id = $1 AND number = $2;

-- name: rest
UPDATE webhook SET failures = failures + 1, next_try_at = $2 WHERE webhook_id = $1;

-- name: dead_letters
SELECT webhook_id AS webhook, count(*) AS dead FROM webhook_delivery WHERE dead_at IS NOT NULL GROUP BY 1 ORDER BY 1;
