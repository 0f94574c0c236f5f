-- The life of certificates: boxes in service and until when they are certified.

-- name: devices_ending
SELECT d.device_id, max(k.not_after) AS not_after
FROM device d JOIN device_key k USING (device_id)
WHERE d.state = 'active' AND k.revoked_at IS NULL AND k.not_after IS NOT NULL GROUP BY d.device_id ORDER BY not_after, d.device_id;

-- name: certificates_in_service
SELECT d.device_id, k.certificate_pem
FROM device d JOIN device_key k USING (device_id)
WHERE d.state = 'active' AND k.revoked_at IS NULL AND k.certificate_pem IS NOT NULL ORDER BY d.device_id;

-- name: take_off_line
UPDATE presence SET is_online = false, since = $2 WHERE device_id = $1 AND is_online RETURNING true;

-- name: name_successor
UPDATE device SET replaces = $2 WHERE device_id = $1;

-- name: successor_of
SELECT device_id FROM device WHERE replaces = $1;

-- name: keep_place
INSERT INTO device_past_place (device_id, point_id, city_id, since, until)
SELECT device_id, point_id, city_id,
       coalesce((SELECT max(until) FROM device_past_place p WHERE p.device_id = d.device_id), registered_at), $2
FROM device d WHERE device_id = $1;

-- name: move_device
UPDATE device SET point_id = p.point_id, city_id = p.city_id FROM point p WHERE device_id = $1 AND p.point_id = $2
RETURNING device.city_id;

-- name: revoked_keys
SELECT k.key_id, k.device_id, k.revoked_at FROM device_key k JOIN device d USING (device_id)
WHERE k.revoked_at IS NOT NULL AND d.city_id = $1 ORDER BY k.key_id;
