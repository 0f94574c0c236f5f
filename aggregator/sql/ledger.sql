-- Folding the ledger's old lines into ranges (aggregator/core/ledger.py has the rules).

-- name: outboxes
SELECT device_id, outbox FROM chain ORDER BY device_id, outbox;

-- Nobody writes to the ledger while lines move. Who has begun to write is waited for, but not long.
-- name: ledger_alone
SET LOCAL lock_timeout = '2s';
LOCK TABLE delivery IN SHARE ROW EXCLUSIVE MODE;

-- $1 device, $2 outbox, $3 the time before which a line is due, $4 kinds that keep their lines, and those beside them,
-- $5 a range's longest stretch of sequences, $6 its least number of them. A line that the chain auditor has not read stays.
-- name: due
WITH due AS (
    SELECT epoch, sequence, received_at,
           sequence / $5::bigint AS stretch,
           sequence - row_number() OVER (PARTITION BY epoch, sequence / $5::bigint ORDER BY sequence) AS run
    FROM delivery AS line
    WHERE device_id = $1 AND outbox = $2 AND received_at < $3 AND kind <> ALL($4::smallint[])
      AND stored_in < (SELECT read_upto FROM chain_cursor)
      AND NOT EXISTS (
          SELECT FROM delivery AS near
          WHERE near.device_id = $1 AND near.outbox = $2 AND near.sequence IN (line.sequence - 1, line.sequence + 1)
            AND near.kind = ANY($4::smallint[]))
)
SELECT epoch, min(sequence) AS first, max(sequence) AS last, min(received_at) AS first_at, max(received_at) AS last_at
FROM due GROUP BY epoch, stretch, run HAVING count(*) >= $6::integer
ORDER BY epoch, first;

-- name: fold
WITH gone AS (
    DELETE FROM delivery
    WHERE device_id = $1 AND outbox = $2 AND epoch = $3 AND sequence BETWEEN $4 AND $5
    RETURNING sequence, envelope_hash, received_at, redeliveries
)
INSERT INTO delivery_range (device_id, outbox, epoch, first, last, hashes, first_at, last_at, redeliveries)
SELECT $1, $2, $3, $4, $5, string_agg(envelope_hash, ''::bytea ORDER BY sequence), min(received_at), max(received_at),
       sum(redeliveries)
FROM gone;
