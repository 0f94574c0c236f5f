-- Invitations and what becomes of them.

-- name: add_invitation
INSERT INTO invitation
    (invitation_id, spki, device_id, settings_toml, needs_approval, invited_at, invited_by, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: cancel_invitations_of_device
UPDATE invitation SET cancelled_at = $2, cancelled_by = $3
WHERE device_id = $1 AND certified_at IS NULL AND cancelled_at IS NULL RETURNING invitation_id;

-- name: invitations
SELECT i.invitation_id, i.spki, i.device_id, d.city_id, d.point_id, d.profile, i.settings_toml, i.needs_approval,
       i.invited_at, i.invited_by, i.expires_at, i.key_id, i.claimed_at, i.approved_at, i.approved_by, i.certified_at,
       i.cancelled_at, d.state = 'revoked' AS is_revoked
FROM invitation i JOIN device d USING (device_id) ORDER BY i.invited_at, i.invitation_id;

-- name: invitation
SELECT i.invitation_id, i.spki, i.device_id, d.city_id, d.point_id, d.profile, i.settings_toml, i.needs_approval,
       i.invited_at, i.invited_by, i.expires_at, i.key_id, i.claimed_at, i.approved_at, i.approved_by, i.certified_at,
       i.cancelled_at, d.state = 'revoked' AS is_revoked
FROM invitation i JOIN device d USING (device_id) WHERE i.invitation_id = $1 FOR UPDATE;

-- name: invitations_named
SELECT invitation_id FROM invitation
WHERE (device_id = $1 OR encode(invitation_id, 'hex') = $1) AND certified_at IS NULL AND cancelled_at IS NULL;

-- name: claim
UPDATE invitation SET key_id = $2, claimed_at = $3 WHERE invitation_id = $1;

-- name: approve
UPDATE invitation SET approved_at = $2, approved_by = $3 WHERE invitation_id = $1;

-- name: cancel
UPDATE invitation SET cancelled_at = $2, cancelled_by = $3 WHERE invitation_id = $1;

-- name: note_certified
UPDATE invitation SET certified_at = $2 WHERE invitation_id = $1;

-- name: certificate_of_key
SELECT certificate_pem FROM device_key WHERE key_id = $1 AND device_id = $2 AND revoked_at IS NULL;

-- name: live_keys_of_device
SELECT count(*) FROM device_key WHERE device_id = $1 AND revoked_at IS NULL;

-- name: device_ids_at
SELECT device_id FROM device WHERE device_id LIKE $1 || '-%';
