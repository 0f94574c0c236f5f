-- The life of certificates: boxes in service and until when they are certified.

-- name: devices_ending
SELECT d.device_id, max(k.not_after) AS not_after
FROM device d JOIN device_key k USING (device_id)
WHERE d.state = 'active' AND k.revoked_at IS NULL GROUP BY d.device_id ORDER BY not_after, d.device_id;

-- name: certificates_in_service
SELECT d.device_id, k.certificate_pem
FROM device d JOIN device_key k USING (device_id)
WHERE d.state = 'active' AND k.revoked_at IS NULL ORDER BY d.device_id;
