-- Certificates of acceptance, and what drifted from them.

-- name: listing
SELECT encode(envelope_hash, 'hex') AS acceptance, accepted_at, city_id AS city, point_id AS point, device_id AS device,
       technician, profile, (ARRAY['pass', 'warn', 'fail'])[verdict] AS verdict, checks, is_drift, received_at
FROM acceptance
WHERE ($1::text IS NULL OR city_id = $1) AND ($2::text IS NULL OR point_id = $2) AND ($3::text IS NULL OR device_id = $3)
  AND ($4 OR NOT is_drift)
ORDER BY counted_at DESC, envelope_hash LIMIT $5;

-- name: named
SELECT envelope_hash, encode(envelope_hash, 'hex') AS acceptance, accepted_at, city_id AS city, point_id AS point,
       device_id AS device, technician, profile, (ARRAY['pass', 'warn', 'fail'])[verdict] AS verdict, is_drift, versions,
       created_at, received_at, is_clock_suspect
FROM acceptance WHERE encode(envelope_hash, 'hex') LIKE $1 || '%' LIMIT 2;

-- name: checks
SELECT check_name AS check, camera_id AS camera, (ARRAY['pass', 'warn', 'fail'])[verdict] AS verdict, value
FROM acceptance_check WHERE envelope_hash = $1 ORDER BY number;

-- name: drift
SELECT check_name AS check, camera_id AS camera, (ARRAY['pass', 'warn', 'fail'])[acceptance_check.verdict] AS verdict, value,
       counted_at AS since
FROM (SELECT DISTINCT ON (check_name, camera_id) acceptance_check.*, counted_at
      FROM acceptance JOIN acceptance_check USING (envelope_hash)
      WHERE is_drift AND device_id = $1 AND accepted_at = $2
      ORDER BY check_name, camera_id, epoch DESC, sequence DESC) AS acceptance_check
WHERE acceptance_check.verdict > 1 ORDER BY check_name, camera_id;
