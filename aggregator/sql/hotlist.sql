-- name: see_officer
INSERT INTO officer (key_id, name, spki) VALUES ($1, $2, $3) ON CONFLICT (key_id) DO NOTHING;

-- name: listed
-- Plate and case of everything that still counts: on the list, proposed, or waiting.
SELECT e.plate, e.case_number
FROM hotlist_entry e JOIN hotlist_batch b USING (batch_id)
WHERE b.state <> 'retired' AND e.expires_at > $1
  AND NOT EXISTS (SELECT FROM hotlist_withdrawn w WHERE w.entry_id = e.entry_id)
UNION
SELECT plate, case_number FROM hotlist_draft WHERE expires_at > $1;

-- name: city_time_zone
SELECT time_zone FROM city WHERE city_id = $1;

-- name: cities
SELECT city_id FROM city;

-- name: add_import
INSERT INTO hotlist_import (file_sha256, accepted, refused, imported_at) VALUES ($1, $2, $3, $4) RETURNING import_id;

-- name: add_drafts
INSERT INTO hotlist_draft (import_id, line, plate, reason, case_number, expires_at, scope)
SELECT $1, line, plate, reason, case_number, expires_at, coalesce(string_to_array(NULLIF(cities, ''), ';'), '{}')
FROM unnest($2::int[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[])
     AS draft (line, plate, reason, case_number, expires_at, cities);

-- name: waiting_imports
SELECT import_id, imported_at, count(*) AS entries
FROM hotlist_import JOIN hotlist_draft USING (import_id)
GROUP BY import_id ORDER BY import_id;

-- name: take_drafts
DELETE FROM hotlist_draft WHERE import_id = $1
RETURNING line, plate, reason, case_number, expires_at, scope;

-- name: add_batch
INSERT INTO hotlist_batch (batch_id, payload, state, created_at) VALUES ($1, $2, 'proposed', $3);

-- name: add_entries
INSERT INTO hotlist_entry (entry_id, batch_id, plate, reason, case_number, case_salt, expires_at, scope)
SELECT entry_id, $1, plate, reason, case_number, case_salt, expires_at,
       coalesce(string_to_array(NULLIF(cities, ''), ';'), '{}')
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::timestamptz[], $8::text[])
     AS entry (entry_id, plate, reason, case_number, case_salt, expires_at, cities);

-- name: add_signature
INSERT INTO hotlist_signature (batch_id, key_id, protected, signature, signed_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (batch_id, key_id) DO NOTHING RETURNING true;

-- name: batch_for_update
SELECT batch_id, payload, state FROM hotlist_batch WHERE batch_id = $1 FOR UPDATE;

-- name: signatures
SELECT key_id, protected, signature FROM hotlist_signature WHERE batch_id = $1 ORDER BY key_id;

-- name: signatures_of_batches
SELECT batch_id, protected, signature FROM hotlist_signature WHERE batch_id = ANY($1::text[]) ORDER BY batch_id, key_id;

-- name: cases
SELECT entry_id, case_number, case_salt FROM hotlist_entry WHERE batch_id = $1;

-- name: approve_batch
UPDATE hotlist_batch SET state = 'approved', approved_at = $2 WHERE batch_id = $1;

-- name: known_entries
SELECT entry_id FROM hotlist_entry WHERE entry_id = ANY($1);

-- name: add_withdrawal
INSERT INTO hotlist_withdrawal (envelope, key_id, reason, withdrawn_at) VALUES ($1, $2, $3, $4) RETURNING withdrawal_id;

-- name: add_withdrawn
INSERT INTO hotlist_withdrawn (entry_id, withdrawal_id) SELECT unnest($1::text[]), $2;

-- name: batches_of_city
-- Approved batches with an entry that a box of the city could arm, oldest first.
SELECT b.batch_id, b.payload
FROM hotlist_batch b
WHERE b.state = 'approved' AND EXISTS (
    SELECT FROM hotlist_entry e
    WHERE e.batch_id = b.batch_id AND e.expires_at > $2 AND (e.scope = '{}' OR $1::text = ANY(e.scope))
      AND NOT EXISTS (SELECT FROM hotlist_withdrawn w WHERE w.entry_id = e.entry_id)
)
ORDER BY b.approved_at, b.batch_id;

-- name: withdrawals_of_batches
SELECT DISTINCT w.withdrawal_id, w.envelope
FROM hotlist_withdrawal w JOIN hotlist_withdrawn x USING (withdrawal_id) JOIN hotlist_entry e USING (entry_id)
WHERE e.batch_id = ANY($1::text[]) ORDER BY w.withdrawal_id;

-- name: withdrawn_of_batches
SELECT DISTINCT x.entry_id FROM hotlist_withdrawn x JOIN hotlist_entry e USING (entry_id)
WHERE e.batch_id = ANY($1::text[]);

-- name: lock_snapshots
-- One writer at a time gives out list versions.
SELECT pg_advisory_xact_lock(hashtext('hotlist_snapshot'));

-- name: last_list_version
SELECT coalesce(max(list_version), 0) FROM hotlist_snapshot WHERE city_id = $1;

-- name: add_artefact
INSERT INTO hotlist_artefact (sha256, bytes, size_bytes, created_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (sha256) DO NOTHING;

-- name: add_snapshot
INSERT INTO hotlist_snapshot (city_id, list_version, sha256, size_bytes, entries, trust_number, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: current_snapshot
SELECT city_id, list_version, sha256, size_bytes, entries, trust_number, created_at
FROM hotlist_snapshot WHERE city_id = $1 ORDER BY list_version DESC LIMIT 1;

-- name: drop_artefacts
-- Only what no box can still be fetching: replaced, and long ago. A delta stays as long as what it makes.
DELETE FROM hotlist_artefact a WHERE a.created_at < $1 AND NOT EXISTS (
    SELECT FROM hotlist_snapshot s
    WHERE (s.sha256 = a.sha256 OR s.sha256 IN (SELECT d.target FROM hotlist_delta d WHERE d.sha256 = a.sha256))
      AND NOT EXISTS (
          SELECT FROM hotlist_snapshot newer
          WHERE newer.city_id = s.city_id AND newer.list_version > s.list_version AND newer.created_at < $1
      )
)
RETURNING sha256;

-- name: artefact_size
SELECT size_bytes FROM hotlist_artefact WHERE sha256 = $1;

-- name: artefact_part
SELECT substring(bytes FROM $2::int + 1 FOR $3::int) FROM hotlist_artefact WHERE sha256 = $1;

-- name: retire_batches
UPDATE hotlist_batch b SET state = 'retired', retired_at = $1
WHERE b.state <> 'retired' AND NOT EXISTS (
    SELECT FROM hotlist_entry e
    WHERE e.batch_id = b.batch_id AND e.expires_at > $1
      AND NOT EXISTS (SELECT FROM hotlist_withdrawn w WHERE w.entry_id = e.entry_id)
)
RETURNING batch_id;

-- name: drop_expired_drafts
DELETE FROM hotlist_draft WHERE expires_at <= $1 RETURNING line;

-- name: expired_since
-- Entries of approved batches that expired after the current snapshot was made.
SELECT count(*) FROM hotlist_entry e JOIN hotlist_batch b USING (batch_id)
WHERE b.approved_at IS NOT NULL AND e.expires_at > $1 AND e.expires_at <= $2;

-- name: list_batches
SELECT b.batch_id, b.state, b.created_at, b.approved_at, count(e.entry_id) AS entries,
       (SELECT string_agg(o.name, ' ' ORDER BY s.signed_at) FROM hotlist_signature s JOIN officer o USING (key_id)
        WHERE s.batch_id = b.batch_id) AS officers
FROM hotlist_batch b LEFT JOIN hotlist_entry e USING (batch_id)
GROUP BY b.batch_id ORDER BY b.created_at, b.batch_id;

-- name: list_entries
SELECT e.entry_id, e.batch_id, e.plate, e.case_number, e.reason, e.scope, e.expires_at, b.state,
       (SELECT w.withdrawn_at FROM hotlist_withdrawn x JOIN hotlist_withdrawal w USING (withdrawal_id)
        WHERE x.entry_id = e.entry_id ORDER BY w.withdrawal_id LIMIT 1) AS withdrawn_at
FROM hotlist_entry e JOIN hotlist_batch b USING (batch_id)
WHERE ($1::text IS NULL OR e.batch_id = $1::text)
ORDER BY b.created_at, e.batch_id, e.entry_id
LIMIT $2;
