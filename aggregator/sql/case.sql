-- A hit and everything that belongs to it, for whoever shows or exports its evidence.

-- Without plates. $1 from, $2 to (not included), $3 city, $4 point, $5 camera, $6 limit.
-- name: list
SELECT encode(hit.envelope_hash, 'hex') AS hit, hit.counted_at, hit.city_id AS city, hit.point_id AS point,
       hit.camera_id AS camera, hit.device_id AS device,
       (SELECT string_agg(DISTINCT entry_id, ', ' ORDER BY entry_id) FROM hit_match
        WHERE hit_match.envelope_hash = hit.envelope_hash) AS entries,
       CASE WHEN evidence.envelope_hash IS NOT NULL THEN coalesce(redacted.state, 'on its way')
            ELSE coalesce(unavailable.reason, 'none yet') END AS redacted,
       CASE WHEN evidence.envelope_hash IS NOT NULL THEN coalesce(original.state, 'on its way')
            ELSE coalesce(unavailable.reason, 'none yet') END AS original,
       evidence.redacted_bytes, evidence.sealed_bytes, encode(evidence.sealed_to, 'hex') AS sealed_to
FROM hit
LEFT JOIN LATERAL (
    SELECT * FROM evidence WHERE hit_hash = hit.envelope_hash AND evidence.device_id = hit.device_id
    ORDER BY epoch, sequence LIMIT 1
) AS evidence ON true
LEFT JOIN picture AS redacted ON (redacted.device_id, redacted.sha256) = (hit.device_id, evidence.redacted_sha256)
LEFT JOIN picture AS original ON (original.device_id, original.sha256) = (hit.device_id, evidence.sealed_sha256)
LEFT JOIN LATERAL (
    SELECT reason FROM evidence_unavailable
    WHERE hit_hash = hit.envelope_hash AND evidence_unavailable.device_id = hit.device_id LIMIT 1
) AS unavailable ON true
WHERE hit.counted_at >= $1 AND hit.counted_at < $2
  AND ($3::text IS NULL OR hit.city_id = $3) AND ($4::text IS NULL OR hit.point_id = $4)
  AND ($5::text IS NULL OR hit.camera_id = $5)
ORDER BY hit.counted_at DESC, hit.envelope_hash
LIMIT $6;

-- name: find
SELECT envelope_hash FROM hit WHERE envelope_hash BETWEEN $1 AND $2 LIMIT 2;

-- The envelopes about a hit in the order of the box, the hit first.
-- name: envelopes
SELECT 'hit' AS kind, envelope, envelope_hash, device_id, outbox, epoch, sequence FROM hit WHERE envelope_hash = $1
UNION ALL
SELECT * FROM (
    SELECT 'amendment', envelope, envelope_hash, device_id, outbox, epoch, sequence
    FROM hit_amendment WHERE hit_hash = $1 AND device_id = $2 ORDER BY epoch, sequence
) AS amended
UNION ALL
SELECT * FROM (
    SELECT 'evidence', envelope, envelope_hash, device_id, outbox, epoch, sequence
    FROM evidence WHERE hit_hash = $1 AND device_id = $2 ORDER BY epoch, sequence LIMIT 1
) AS pictured
UNION ALL
SELECT * FROM (
    SELECT 'evidence-unavailable', envelope, envelope_hash, device_id, outbox, epoch, sequence
    FROM evidence_unavailable WHERE hit_hash = $1 AND device_id = $2 ORDER BY epoch, sequence LIMIT 1
) AS unavailable;

-- name: device_of
SELECT device_id FROM hit WHERE envelope_hash = $1;

-- The envelope's row in the ledger, and the rows of the numbers before and after it.
-- name: deliveries
SELECT sequence, epoch, envelope_hash, previous_hash, kind, received_at, redeliveries
FROM delivery WHERE device_id = $1 AND outbox = $2 AND sequence BETWEEN $3::bigint - 1 AND $3::bigint + 1
ORDER BY sequence, epoch;

-- name: chain
SELECT head, highest, forks, breaks FROM chain WHERE device_id = $1 AND outbox = $2;

-- name: is_cloned
SELECT EXISTS (SELECT FROM equivocation WHERE device_id = $1);

-- name: device_keys
SELECT key_id, spki, certificate_pem, issued_at, revoked_at, revoked_reason FROM device_key WHERE device_id = $1;

-- name: picture_state
SELECT state FROM picture WHERE device_id = $1 AND sha256 = $2;

-- name: trust_number_of_list
SELECT trust_number FROM hotlist_snapshot WHERE city_id = $1 AND list_version = $2;

-- Of other cities' entries: the batch as it came, which is after the second officer signed it there.
-- name: batches_of_others
SELECT e.entry_id, b.bytes, b.kept_at,
       (SELECT min(w.taken_at) FROM federated_withdrawn x JOIN foreign_withdrawal w USING (sha256)
        WHERE x.entry_id = e.entry_id) AS withdrawn_at
FROM federated_entry e JOIN federation_body b USING (sha256)
WHERE e.entry_id = ANY($1::text[])
ORDER BY e.entry_id;

-- name: batches
SELECT e.entry_id, b.batch_id, b.payload, b.approved_at, e.case_number, e.case_salt,
       (SELECT min(w.withdrawn_at) FROM hotlist_withdrawn x JOIN hotlist_withdrawal w USING (withdrawal_id)
        WHERE x.entry_id = e.entry_id) AS withdrawn_at
FROM hotlist_entry e JOIN hotlist_batch b USING (batch_id)
WHERE e.entry_id = ANY($1::text[]) AND b.approved_at IS NOT NULL
ORDER BY e.entry_id;
