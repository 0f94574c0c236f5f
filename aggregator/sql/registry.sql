-- The registry's statements. Parameters of add_* and replace_* are the fields of core.registry's Structs, in order.

-- name: add_city
INSERT INTO city (city_id, name, time_zone) VALUES ($1, $2, $3) ON CONFLICT (city_id) DO NOTHING RETURNING true;

-- name: replace_city
UPDATE city SET name = $2, time_zone = $3 WHERE city_id = $1 RETURNING true;

-- name: show_city
SELECT city_id, name, time_zone FROM city WHERE city_id = $1;

-- name: list_city
SELECT c.city_id, c.name, c.time_zone, count(DISTINCT p.point_id) AS points, count(DISTINCT d.device_id) AS devices
FROM city c LEFT JOIN point p USING (city_id) LEFT JOIN device d ON d.point_id = p.point_id
GROUP BY c.city_id ORDER BY c.city_id;

-- name: add_partner
INSERT INTO partner (partner_id, name, terms, signed_on, contact) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (partner_id) DO NOTHING RETURNING true;

-- name: replace_partner
UPDATE partner SET name = $2, terms = $3, signed_on = $4, contact = $5 WHERE partner_id = $1 RETURNING true;

-- name: show_partner
SELECT partner_id, name, terms, signed_on, contact FROM partner WHERE partner_id = $1;

-- name: list_partner
SELECT r.partner_id, r.name, r.terms, r.signed_on, r.contact, count(p.point_id) AS points
FROM partner r LEFT JOIN point p USING (partner_id) GROUP BY r.partner_id ORDER BY r.partner_id;

-- name: add_point
INSERT INTO point (point_id, city_id, name, latitude, longitude, time_zone, partner_id)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (point_id) DO NOTHING RETURNING true;

-- name: replace_point
UPDATE point SET name = $3, latitude = $4, longitude = $5, time_zone = $6, partner_id = $7
WHERE point_id = $1 AND city_id = $2 RETURNING true;

-- name: show_point
SELECT point_id, city_id, name, latitude, longitude, time_zone, partner_id FROM point WHERE point_id = $1;

-- name: list_point
SELECT p.point_id, p.city_id, p.name, p.latitude, p.longitude, coalesce(p.time_zone, c.time_zone) AS time_zone,
       p.partner_id, (SELECT count(*) FROM camera k WHERE k.point_id = p.point_id) AS cameras
FROM point p JOIN city c USING (city_id) ORDER BY p.city_id, p.point_id;

-- name: add_camera
INSERT INTO camera (point_id, camera_id, heading_deg, lane, name) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (point_id, camera_id) DO NOTHING RETURNING true;

-- name: replace_camera
UPDATE camera SET heading_deg = $3, lane = $4, name = $5 WHERE point_id = $1 AND camera_id = $2 RETURNING true;

-- name: show_camera
SELECT point_id, camera_id, heading_deg, lane, name FROM camera WHERE point_id = $1 AND camera_id = $2;

-- name: list_camera
SELECT k.point_id, k.camera_id, k.heading_deg, k.lane, k.name, p.city_id
FROM camera k JOIN point p USING (point_id) ORDER BY p.city_id, k.point_id, k.camera_id;

-- name: add_device
INSERT INTO device (device_id, point_id, profile, city_id)
VALUES ($1, $2::registry_id, $3, (SELECT city_id FROM point WHERE point_id = $2)) ON CONFLICT (device_id) DO NOTHING RETURNING true;

-- name: replace_device
UPDATE device SET profile = $3 WHERE device_id = $1 AND point_id = $2 RETURNING true;

-- name: show_device
SELECT device_id, point_id, profile FROM device WHERE device_id = $1;

-- name: list_device
SELECT d.device_id, d.city_id, d.point_id, d.profile, d.state,
       (SELECT count(*) FROM device_key k WHERE k.device_id = d.device_id AND k.revoked_at IS NULL) AS keys,
       (SELECT max(k.not_after) FROM device_key k WHERE k.device_id = d.device_id AND k.revoked_at IS NULL) AS not_after
FROM device d ORDER BY d.city_id, d.point_id, d.device_id;

-- name: device_place
SELECT device_id, city_id, point_id, state FROM device WHERE device_id = $1 FOR UPDATE;

-- name: device_kin
SELECT d.replaces, s.device_id AS replaced_by
FROM device d LEFT JOIN device s ON s.replaces = d.device_id WHERE d.device_id = $1;

-- name: device_places
SELECT city_id, point_id, since, until FROM device_past_place WHERE device_id = $1 ORDER BY until;

-- name: device_keys
SELECT key_id, algorithm, serial, not_after, issued_at, revoked_at, revoked_reason
FROM device_key WHERE device_id = $1 ORDER BY issued_at, key_id;

-- name: add_device_key
INSERT INTO device_key (key_id, device_id, spki, algorithm, certificate_pem, serial, not_after)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING true;

-- name: holder_of_key
SELECT device_id, revoked_at IS NOT NULL AS is_revoked, certificate_pem IS NULL AS is_elsewhere
FROM device_key WHERE key_id = $1;

-- name: renew_device_key
UPDATE device_key SET certificate_pem = $3, serial = $4, not_after = $5, issued_at = now()
WHERE key_id = $1 AND device_id = $2 AND revoked_at IS NULL AND certificate_pem IS NOT NULL RETURNING true;

-- name: add_device_certificate
INSERT INTO device_certificate (serial, key_id, not_after) VALUES ($1, $2, $3);

-- name: revoke_device
UPDATE device SET state = 'revoked' WHERE device_id = $1 AND state <> 'revoked' RETURNING true;

-- name: revoke_device_keys
UPDATE device_key SET revoked_at = $2, revoked_reason = $3 WHERE device_id = $1 AND revoked_at IS NULL
RETURNING key_id;

-- name: hold_certificates
LOCK TABLE device_certificate, federation_certificate IN SHARE ROW EXCLUSIVE MODE;

-- Boxes' and, at a region, cities' links'.
-- name: revoked_serials
SELECT c.serial, k.revoked_at FROM device_certificate c JOIN device_key k USING (key_id)
WHERE k.revoked_at IS NOT NULL
UNION ALL
SELECT serial, revoked_at FROM federation_certificate WHERE revoked_at IS NOT NULL
ORDER BY revoked_at, serial;
