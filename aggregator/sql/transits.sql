-- What cities say of the messages that they passed on (aggregator/adapters/transit_store.py).

-- name: records
INSERT INTO transit_record (envelope_hash, city_id, created_at, received_at, lines, envelope)
SELECT * FROM unnest($1::bytea[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::integer[], $6::bytea[])
ON CONFLICT DO NOTHING;

-- The first word on a message stands: what a city says of it again under another record changes nothing.
-- name: lines
WITH added AS (
    INSERT INTO transit (event, rule, city_id, received_at, envelope_hash)
    SELECT * FROM unnest($1::bytea[], $2::text[], $3::text[], $4::timestamptz[], $5::bytea[])
    ON CONFLICT DO NOTHING
    RETURNING 1
)
SELECT count(*) FROM added;

-- How each city's records stand: the last one, and by how much its clock was ahead of ours.
-- name: cities
SELECT DISTINCT ON (city_id) city_id AS city, received_at AS told_at,
       (extract(epoch FROM created_at - received_at) * 1000)::bigint AS clock_ahead_ms
FROM transit_record ORDER BY city_id, received_at DESC;
