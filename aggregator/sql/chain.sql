-- The chain auditor: reads what is new of the ledger, keeps what it found. One auditor at a time.

-- name: try_lock
SELECT pg_try_advisory_xact_lock(hashtext('atalaya chain auditor'));

-- name: horizon
SELECT pg_snapshot_xmin(pg_current_snapshot())::text;

-- name: new_links
SELECT stored_in::text, device_id, outbox, sequence, envelope_hash, previous_hash
FROM delivery
WHERE stored_in >= (SELECT read_upto FROM chain_cursor) AND stored_in < $1::text::xid8
ORDER BY stored_in
LIMIT $2;

-- name: new_stones
SELECT device_id, outbox, sequence, envelope_hash
FROM tombstone
WHERE stored_in >= (SELECT read_upto FROM chain_cursor) AND stored_in < $1::text::xid8;

-- A region's: it knows of an outbox, and judges nothing.
-- name: pass_over
INSERT INTO chain (device_id, outbox, head, highest, runs, forks, breaks, updated_at)
SELECT device_id, outbox, 0, max(sequence), '[]', '{}', '{}', $2 FROM delivery
WHERE stored_in >= (SELECT read_upto FROM chain_cursor) AND stored_in < $1::text::xid8
GROUP BY device_id, outbox
ON CONFLICT (device_id, outbox) DO UPDATE SET
    highest = greatest(chain.highest, excluded.highest), updated_at = excluded.updated_at;

-- name: read_upto
UPDATE chain_cursor SET read_upto = $1::text::xid8;

-- name: chains
SELECT device_id, outbox, runs, forks, breaks
FROM chain JOIN unnest($1::text[], $2::bytea[]) AS wanted (device_id, outbox) USING (device_id, outbox);

-- name: chains_dropped
SELECT device_id, outbox, sequence, envelope_hash
FROM chain_dropped JOIN unnest($1::text[], $2::bytea[]) AS wanted (device_id, outbox) USING (device_id, outbox);

-- name: chains_gaps
SELECT device_id, outbox, first, last, opened_at, asked, next_ask_at
FROM gap JOIN unnest($1::text[], $2::bytea[]) AS wanted (device_id, outbox) USING (device_id, outbox);

-- Runs, forks and breaks come as JSON, since arrays of arrays do not pass through `unnest`.
-- name: save_chains
INSERT INTO chain (device_id, outbox, head, highest, runs, forks, breaks, updated_at)
SELECT device_id, outbox, head, highest, runs::jsonb, ARRAY(SELECT jsonb_array_elements(forks::jsonb)::bigint),
       ARRAY(SELECT jsonb_array_elements(breaks::jsonb)::bigint), updated_at
FROM unnest($1::text[], $2::bytea[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::timestamptz[])
    AS row (device_id, outbox, head, highest, runs, forks, breaks, updated_at)
ON CONFLICT (device_id, outbox) DO UPDATE SET
    head = excluded.head, highest = excluded.highest, runs = excluded.runs, forks = excluded.forks,
    breaks = excluded.breaks, updated_at = excluded.updated_at;

-- name: save_dropped
INSERT INTO chain_dropped (device_id, outbox, sequence, envelope_hash)
SELECT * FROM unnest($1::text[], $2::bytea[], $3::bigint[], $4::bytea[])
ON CONFLICT (device_id, outbox, sequence) DO UPDATE SET envelope_hash = excluded.envelope_hash;

-- name: forget_dropped
DELETE FROM chain_dropped USING unnest($1::text[], $2::bytea[], $3::bigint[]) AS arrived (device_id, outbox, sequence)
WHERE (chain_dropped.device_id, chain_dropped.outbox, chain_dropped.sequence)
    = (arrived.device_id, arrived.outbox, arrived.sequence);

-- name: forget_gaps
DELETE FROM gap USING unnest($1::text[], $2::bytea[]) AS changed (device_id, outbox)
WHERE (gap.device_id, gap.outbox) = (changed.device_id, changed.outbox);

-- name: save_gaps
INSERT INTO gap (device_id, outbox, first, last, opened_at, asked, next_ask_at)
SELECT * FROM unnest($1::text[], $2::bytea[], $3::bigint[], $4::bigint[], $5::timestamptz[], $6::integer[],
                     $7::timestamptz[]);

-- A box that is known to be off line is not asked: it would use up its turns unheard.
-- name: due_gaps
SELECT gap.device_id, gap.outbox, first, last, opened_at, asked, next_ask_at, city_id, point_id
FROM gap JOIN device USING (device_id) LEFT JOIN presence USING (device_id)
WHERE next_ask_at <= $1 AND coalesce(is_online, true)
ORDER BY gap.device_id, gap.outbox, first
LIMIT 2000
FOR UPDATE OF gap SKIP LOCKED;

-- name: gap_asked
UPDATE gap SET asked = $4, next_ask_at = $5 WHERE device_id = $1 AND outbox = $2 AND first = $3;
