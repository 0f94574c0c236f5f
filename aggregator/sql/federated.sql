-- Cities of a region, their roots and links; and how a city last reached its region.

-- name: learn_root
INSERT INTO city_root (city_id, key_id, spki, learned_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING;

-- A root that comes back is the current one again.
-- name: make_root_current
UPDATE city_root SET learned_at = $3 WHERE city_id = $1 AND key_id = $2
  AND learned_at < (SELECT max(learned_at) FROM city_root WHERE city_id = $1);

-- name: root_of
SELECT key_id, spki FROM city_root WHERE city_id = $1 ORDER BY learned_at DESC, key_id LIMIT 1;

-- name: last_bundle
SELECT number, bundle FROM city_trust WHERE city_id = $1 AND key_id = $2 ORDER BY number DESC LIMIT 1;

-- name: bundles
SELECT number, bundle FROM city_trust WHERE city_id = $1 AND key_id = $2 ORDER BY number;

-- name: keep_bundle
INSERT INTO city_trust (city_id, key_id, number, bundle, received_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING;

-- name: hold_root
SELECT key_id, spki FROM city_root WHERE city_id = $1 ORDER BY learned_at DESC, key_id LIMIT 1 FOR UPDATE;

-- name: add_invitation
INSERT INTO federation_invitation (invitation_id, spki, city_id, invited_at, invited_by, expires_at)
VALUES ($1, $2, $3, $4, $5, $6);

-- name: cancel_invitations_of_city
UPDATE federation_invitation SET cancelled_at = $2, cancelled_by = $3
WHERE city_id = $1 AND joined_at IS NULL AND cancelled_at IS NULL RETURNING invitation_id;

-- name: invitations
SELECT * FROM federation_invitation ORDER BY invited_at, invitation_id;

-- name: invitation
SELECT * FROM federation_invitation WHERE invitation_id = $1 FOR UPDATE;

-- name: note_joined
UPDATE federation_invitation SET key_id = $2, joined_at = $3 WHERE invitation_id = $1;

-- name: join_city
INSERT INTO federated_city (city_id, joined_at, log_id) VALUES ($1, $2, $3)
ON CONFLICT (city_id) DO UPDATE
SET joined_at = excluded.joined_at, log_id = excluded.log_id, log_number = NULL, left_at = NULL, left_by = NULL,
    left_reason = NULL;

-- name: leave_city
UPDATE federated_city SET left_at = $2, left_by = $3, left_reason = $4 WHERE city_id = $1 AND left_at IS NULL
RETURNING true;

-- name: federated_city
SELECT f.*, c.name, c.time_zone FROM federated_city f JOIN city c USING (city_id) WHERE city_id = $1;

-- name: federated_cities
SELECT f.*, c.name, c.time_zone FROM federated_city f JOIN city c USING (city_id) ORDER BY city_id;

-- name: add_certificate
INSERT INTO federation_certificate (serial, city_id, key_id, certificate_der, not_after, issued_at)
VALUES ($1, $2, $3, $4, $5, $6);

-- name: city_of_key
SELECT city_id FROM federation_certificate WHERE key_id = $1 LIMIT 1;

-- name: certificate_of_key
SELECT certificate_der FROM federation_certificate WHERE city_id = $1 AND key_id = $2 AND revoked_at IS NULL
ORDER BY issued_at DESC LIMIT 1;

-- name: revoke_certificates
UPDATE federation_certificate SET revoked_at = $2 WHERE city_id = $1 AND revoked_at IS NULL AND key_id <> $3
RETURNING serial;

-- name: live_certificates
SELECT DISTINCT ON (city_id) city_id, certificate_der FROM federation_certificate
JOIN federated_city USING (city_id) WHERE revoked_at IS NULL AND left_at IS NULL
ORDER BY city_id, issued_at DESC, serial;

-- name: link_keys
SELECT key_id, city_id FROM federation_certificate JOIN federated_city USING (city_id)
WHERE revoked_at IS NULL AND left_at IS NULL;

-- name: note_contact
UPDATE federated_city SET contact_at = $2, clock_offset_ms = $3, release = $4, backlog = $5, backlog_since = $6,
       list_version = $7, log_number = $8
WHERE city_id = $1;

-- name: note_region
INSERT INTO region_contact (region_id, tried_at, answered_at, release, clock_offset_ms, log_number)
VALUES ($1, $2, $2, $3, $4, $5)
ON CONFLICT (only_row) DO UPDATE
SET region_id = excluded.region_id, tried_at = excluded.tried_at, problem = NULL, answered_at = excluded.answered_at,
    release = excluded.release, clock_offset_ms = excluded.clock_offset_ms, log_number = excluded.log_number;

-- name: note_no_region
INSERT INTO region_contact (region_id, tried_at, problem) VALUES ($1, $2, $3)
ON CONFLICT (only_row) DO UPDATE
SET region_id = excluded.region_id, tried_at = excluded.tried_at, problem = excluded.problem;

-- name: region_contact
SELECT * FROM region_contact;

-- name: forget_region
DELETE FROM region_contact;

-- Entries of a city that others look for: $1 the id of its log, $2 the city, $3 now. One that is withdrawn counts until the
-- region has the withdrawal.
-- name: shared_entries
SELECT e.entry_id AS entry, e.batch_id AS batch, array_to_string(e.scope, ' ') AS scope, e.expires_at,
       EXISTS (SELECT FROM hotlist_withdrawn AS x WHERE x.entry_id = e.entry_id) AS is_withdrawn
FROM hotlist_entry AS e
JOIN federation_sent AS s ON s.log = $1 AND s.kind = 1 AND s.subject = e.batch_id AND s.refusal IS NULL
WHERE e.expires_at > $3
  AND (e.scope = '{}' OR EXISTS (SELECT FROM unnest(e.scope) AS city WHERE city <> $2))
  AND NOT EXISTS (
      SELECT FROM hotlist_withdrawn AS x
      JOIN federation_sent AS t ON t.log = $1 AND t.kind = 2 AND t.subject = x.withdrawal_id::text AND t.refusal IS NULL
      WHERE x.entry_id = e.entry_id)
ORDER BY e.expires_at, e.entry_id;

-- At the region: how many entries of a city others look for: $1 the city, $2 now.
-- name: armed_elsewhere
SELECT count(*) FROM federated_entry AS e
WHERE e.city_id = $1 AND e.expires_at > $2
  AND (e.scope = '{}' OR EXISTS (SELECT FROM unnest(e.scope) AS city WHERE city <> $1))
  AND NOT EXISTS (SELECT FROM federated_withdrawn AS x WHERE x.entry_id = e.entry_id);

-- How a city stands, for its region: $1 the city, $2 the id of its log.
-- name: standing
SELECT (SELECT count(*) FROM forward_due) AS backlog,
       (SELECT min(noted_at) FROM forward_due) AS backlog_since,
       (SELECT max(list_version) FROM hotlist_snapshot WHERE city_id = $1) AS list_version,
       (SELECT number FROM federation_followed WHERE log = $2) AS log_number;

-- name: log_end
SELECT number FROM federation_log WHERE city_id = $1;

-- name: log_ends
SELECT city_id, number FROM federation_log;
