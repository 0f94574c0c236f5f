-- Rosters: what a city says of itself, and what its region registers of it. Arrays have a value for each row.

-- name: city
SELECT name, time_zone FROM city WHERE city_id = $1;

-- name: points
SELECT point_id, name, latitude, longitude, coalesce(time_zone, '') AS time_zone FROM point WHERE city_id = $1;

-- name: cameras
SELECT k.point_id, k.camera_id, k.heading_deg, k.name FROM camera k JOIN point p USING (point_id)
WHERE p.city_id = $1 ORDER BY k.point_id, k.camera_id;

-- With the profile that each device runs (that of the last document it kept, else the one it was registered with), and
-- the number of the newest document for it.
-- name: keys
SELECT d.device_id, d.point_id, k.spki, d.state = 'revoked' OR k.revoked_at IS NOT NULL AS is_revoked,
       coalesce(last.profile, d.profile) AS profile,
       coalesce((SELECT max(number) FROM settings_document WHERE settings_document.device_id = d.device_id), 0)
           AS settings_number
FROM device d JOIN device_key k USING (device_id)
LEFT JOIN LATERAL (
    SELECT settings_document.profile
    FROM settings_document JOIN settings_result USING (device_id, number)
    WHERE settings_document.device_id = d.device_id AND settings_result.state = 1
    ORDER BY number DESC LIMIT 1
) AS last ON true
WHERE d.city_id = $1;

-- name: past
SELECT t.device_id, t.city_id, t.point_id, t.until FROM device_past_place t JOIN device d USING (device_id)
WHERE d.city_id = $1 ORDER BY t.device_id, t.until;

-- name: made
SELECT number, content, envelope FROM roster_made FOR UPDATE;

-- name: keep_made
INSERT INTO roster_made (number, content, envelope, made_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (only_row) DO UPDATE
SET number = excluded.number, content = excluded.content, envelope = excluded.envelope, made_at = excluded.made_at;

-- name: point_holders
SELECT point_id, city_id FROM point WHERE point_id = ANY ($1::text[]);

-- name: device_holders
SELECT device_id, city_id FROM device WHERE device_id = ANY ($1::text[]);

-- name: key_holders
SELECT key_id, device_id FROM device_key WHERE key_id = ANY ($1::bytea[]);

-- name: take_city
UPDATE city SET name = $2, time_zone = $3 WHERE city_id = $1 AND (name, time_zone) <> ($2, $3);

-- name: take_points
INSERT INTO point (point_id, city_id, name, latitude, longitude, time_zone)
SELECT point_id, $1, name, latitude, longitude, nullif(time_zone, '')
FROM unnest($2::text[], $3::text[], $4::float8[], $5::float8[], $6::text[])
    AS said (point_id, name, latitude, longitude, time_zone)
ON CONFLICT (point_id) DO UPDATE
SET name = excluded.name, latitude = excluded.latitude, longitude = excluded.longitude, time_zone = excluded.time_zone
WHERE point.city_id = excluded.city_id;

-- name: take_cameras
INSERT INTO camera (point_id, camera_id, heading_deg, name)
SELECT DISTINCT ON (said.point_id, said.camera_id) said.*
FROM unnest($2::text[], $3::text[], $4::smallint[], $5::text[]) AS said (point_id, camera_id, heading_deg, name)
JOIN point ON point.point_id = said.point_id AND point.city_id = $1
ON CONFLICT (point_id, camera_id) DO UPDATE SET heading_deg = excluded.heading_deg, name = excluded.name;

-- A device belongs to the city whose roster brought it first.
-- name: take_devices
INSERT INTO device (device_id, point_id, city_id, profile, settings_number)
SELECT DISTINCT ON (said.device_id) said.device_id, said.point_id, point.city_id, said.profile, said.settings_number
FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[]) AS said (device_id, point_id, profile, settings_number)
JOIN point ON point.point_id = said.point_id AND point.city_id = $1
ON CONFLICT (device_id) DO UPDATE
SET point_id = excluded.point_id, profile = excluded.profile, settings_number = excluded.settings_number
WHERE device.city_id = excluded.city_id;

-- name: take_keys
INSERT INTO device_key (key_id, device_id, spki, algorithm)
SELECT said.* FROM unnest($2::bytea[], $3::text[], $4::bytea[], $5::integer[])
    AS said (key_id, device_id, spki, algorithm)
JOIN device ON device.device_id = said.device_id AND device.city_id = $1
ON CONFLICT DO NOTHING;

-- name: take_past
INSERT INTO device_past_place (device_id, point_id, city_id, since, until)
SELECT said.device_id, said.point_id, said.city_id, 'epoch', said.until
FROM unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[]) AS said (device_id, point_id, city_id, until)
JOIN device ON device.device_id = said.device_id AND device.city_id = $1
JOIN point ON point.point_id = said.point_id AND point.city_id = said.city_id
ON CONFLICT (device_id, until) DO NOTHING;

-- Only keys that are certified elsewhere: what this command centre certified it also revokes.
-- name: revoke_keys
UPDATE device_key SET revoked_at = $3, revoked_reason = $4 FROM device
WHERE device.device_id = device_key.device_id AND device.city_id = $1 AND certificate_pem IS NULL
  AND key_id = ANY ($2::bytea[]) AND revoked_at IS NULL RETURNING key_id;

-- name: revoke_keys_but
UPDATE device_key SET revoked_at = $3, revoked_reason = $4 FROM device
WHERE device.device_id = device_key.device_id AND device.city_id = $1 AND certificate_pem IS NULL
  AND key_id <> ALL ($2::bytea[]) AND revoked_at IS NULL RETURNING key_id;

-- name: revoke_devices
UPDATE device SET state = 'revoked' WHERE city_id = $1 AND state <> 'revoked'
  AND EXISTS (SELECT FROM device_key k WHERE k.device_id = device.device_id)
  AND NOT EXISTS (SELECT FROM device_key k WHERE k.device_id = device.device_id AND k.revoked_at IS NULL);

-- name: stands
SELECT roster_number, roster_sha256 FROM federated_city WHERE city_id = $1 FOR UPDATE;

-- name: note_roster
UPDATE federated_city SET roster_number = $2, roster_at = $3, roster_sha256 = $4, roster_left_out = $5
WHERE city_id = $1;
