-- Renewal of certificates: what is known of a key that asks, and when it was last granted one.

-- Only keys that we have certified: those of another command centre's boxes are renewed there.
-- name: renewal_key
SELECT k.spki, k.algorithm, k.device_id, d.city_id, d.point_id, k.renewed_ms,
       k.revoked_at IS NOT NULL OR d.state = 'revoked' AS is_revoked,
       (SELECT count(*) FROM device_certificate c
        WHERE c.key_id = k.key_id AND c.issued_at > now() - interval '1 day') AS issued_today
FROM device_key k JOIN device d USING (device_id)
WHERE k.key_id = $1 AND k.certificate_pem IS NOT NULL FOR UPDATE OF k;

-- name: note_renewal
UPDATE device_key SET renewed_ms = $2 WHERE key_id = $1;
