-- name: last_contents
SELECT sha256, spans FROM hotlist_contents WHERE city_id = $1 ORDER BY list_version DESC LIMIT $2;

-- name: add_contents
INSERT INTO hotlist_contents (city_id, list_version, sha256, spans) VALUES ($1, $2, $3, $4);

-- name: drop_contents
-- All but the newest few.
DELETE FROM hotlist_contents c WHERE c.city_id = $1 AND c.list_version < (
    SELECT min(list_version) FROM (
        SELECT list_version FROM hotlist_contents WHERE city_id = $1 ORDER BY list_version DESC LIMIT $2
    ) AS newest
);

-- name: add_delta
INSERT INTO hotlist_delta (target, base, sha256, size_bytes) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING;

-- name: deltas_to
-- The shortest first: from the snapshots that boxes most probably hold.
SELECT base, sha256, size_bytes FROM hotlist_delta WHERE target = $1 ORDER BY size_bytes, base LIMIT $2;

-- name: readings
SELECT sha256, reading FROM hotlist_reading WHERE sha256 = ANY($1::bytea[]);

-- name: add_readings
INSERT INTO hotlist_reading (sha256, reading) SELECT * FROM unnest($1::bytea[], $2::bytea[])
ON CONFLICT (sha256) DO UPDATE SET reading = excluded.reading;

-- name: drop_readings
-- Of batches that are in the list no more.
DELETE FROM hotlist_reading WHERE sha256 <> ALL($1::bytea[]);
