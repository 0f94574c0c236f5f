-- Private companies and their terms (aggregator/core/partners.py has the rules).

-- Numbers are given, and terms signed, by one at a time.
-- name: take_turn
SELECT pg_advisory_xact_lock(hashtext('atalaya partner terms'));

-- After a restore boxes may hold terms that the backup knew nothing of: their numbers are leaped over.
-- name: next_number
SELECT coalesce(max(number), 0) + 1
       + 1000 * (SELECT count(*) FROM audit
                 WHERE subject = 'database' AND action = 'database.restore'
                   AND at > coalesce((SELECT max(signed_at) FROM partner_terms WHERE city_id = $1), '-infinity'))
FROM partner_terms WHERE city_id = $1;

-- name: add
INSERT INTO partner_terms (city_id, number, partner_id, tier, is_suspended, from_at, until_at, sha256, envelope, reason,
                           signed_by, signed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);

-- name: newest
SELECT envelope, reason, signed_by, signed_at FROM partner_terms
WHERE city_id = $1 AND partner_id = $2 ORDER BY number DESC LIMIT 1;

-- name: partner
SELECT partner_id, name, contact FROM partner WHERE partner_id = $1;

-- The city's time zone, for terms that name none.
-- name: city_zone
SELECT time_zone FROM city WHERE city_id = $1;

-- Which of some points, and of their cameras, are the company's here.
-- name: own_cameras
SELECT point_id, array_remove(array_agg(camera_id::text), NULL) AS cameras
FROM point LEFT JOIN camera USING (point_id)
WHERE city_id = $1 AND partner_id = $2 GROUP BY point_id;

-- name: point_of_partner
SELECT partner_id FROM point WHERE point_id = $1;

-- Each company with its newest terms, and what its boxes were refused for them in a day.
-- name: partners
SELECT partner.partner_id, partner.name, partner.contact, newest.envelope,
       (SELECT count(*) FROM point WHERE point.partner_id = partner.partner_id AND city_id = $1) AS points,
       (SELECT count(*) FROM camera JOIN point USING (point_id)
        WHERE point.partner_id = partner.partner_id AND city_id = $1) AS cameras,
       (SELECT count(*) FROM device JOIN point USING (point_id)
        WHERE point.partner_id = partner.partner_id AND device.city_id = $1 AND state = 'active') AS boxes,
       (SELECT coalesce(sum(times), 0)::bigint FROM refused
        JOIN point ON point.point_id = split_part(topic, '/', 4)
        WHERE point.partner_id = partner.partner_id AND reason = $2 AND last_at > $3) AS refused
FROM partner
LEFT JOIN LATERAL (
    SELECT envelope FROM partner_terms
    WHERE partner_terms.partner_id = partner.partner_id AND partner_terms.city_id = $1 ORDER BY number DESC LIMIT 1
) AS newest ON true
ORDER BY partner.partner_id;

-- Every camera of a company, connected or not, with whom to ask.
-- name: cameras
SELECT point.partner_id, point.point_id, camera_id, point.name AS place, latitude, longitude, heading_deg,
       partner.name AS partner, contact, newest.envelope
FROM point
JOIN partner USING (partner_id)
JOIN camera USING (point_id)
LEFT JOIN LATERAL (
    SELECT envelope FROM partner_terms
    WHERE partner_terms.partner_id = point.partner_id AND partner_terms.city_id = $1 ORDER BY number DESC LIMIT 1
) AS newest ON true
WHERE point.city_id = $1
ORDER BY point.partner_id, point.point_id, camera_id;

-- What ingest judges by: every point of a company, with all that was signed for it, the oldest first.
-- name: terms_of_points
SELECT point.point_id, envelope
FROM point LEFT JOIN partner_terms ON (partner_terms.partner_id, partner_terms.city_id) = (point.partner_id, point.city_id)
WHERE point.partner_id IS NOT NULL
ORDER BY point.point_id, number;

-- What the companies' boxes are to hold.
-- name: to_publish
SELECT device.device_id, device.city_id, device.point_id, newest.sha256
FROM device
JOIN point USING (point_id)
JOIN LATERAL (
    SELECT sha256 FROM partner_terms
    WHERE (partner_terms.partner_id, partner_terms.city_id) = (point.partner_id, device.city_id)
    ORDER BY number DESC LIMIT 1
) AS newest ON true
WHERE state = 'active';

-- name: envelope
SELECT envelope FROM partner_terms WHERE sha256 = $1;

-- What a company may be shown, each a statement of its own, so that no more is read than is shown.
-- name: shown_counts
SELECT camera_hour_now.point_id, camera_id, hour, vehicles
FROM camera_hour_now JOIN point USING (point_id)
WHERE partner_id = $1 AND point.city_id = $2 AND hour >= $3 AND hour < $4
ORDER BY camera_hour_now.point_id, camera_id, hour;

-- name: shown_health
SELECT camera_hour_now.point_id, camera_id, sum(live_ms)::bigint AS live_ms, sum(reported_ms)::bigint AS reported_ms,
       sum(reconnects)::bigint AS reconnects, sum(stalls)::bigint AS stalls
FROM camera_hour_now JOIN point USING (point_id)
WHERE partner_id = $1 AND point.city_id = $2 AND hour >= $3 AND hour < $4
GROUP BY camera_hour_now.point_id, camera_id ORDER BY camera_hour_now.point_id, camera_id;

-- name: shown_boxes
SELECT device.device_id, device.point_id, coalesce(is_online, false) AS is_online, last.counted_at AS reported_at,
       last.outbox_rows, last.temperature_mc
FROM device
JOIN point USING (point_id)
LEFT JOIN presence ON presence.device_id = device.device_id
LEFT JOIN LATERAL (
    SELECT counted_at, outbox_rows, temperature_mc FROM report
    WHERE report.point_id = device.point_id AND report.device_id = device.device_id AND counted_at >= $3
    ORDER BY counted_at DESC LIMIT 1
) AS last ON true
WHERE partner_id = $1 AND device.city_id = $2 AND state = 'active' ORDER BY device.device_id;

-- name: shown_hit_counts
SELECT hit.point_id, camera_id, (captured_at AT TIME ZONE $5)::date AS day, count(*) AS hits
FROM hit JOIN point USING (point_id)
WHERE partner_id = $1 AND point.city_id = $2 AND captured_at >= $3 AND captured_at < $4
GROUP BY hit.point_id, camera_id, day ORDER BY hit.point_id, camera_id, day;

-- name: shown_hit_times
SELECT hit.point_id, camera_id, captured_at, string_agg(DISTINCT reason, ', ' ORDER BY reason) AS reasons
FROM hit JOIN point USING (point_id) JOIN hit_match USING (envelope_hash)
WHERE partner_id = $1 AND point.city_id = $2 AND captured_at >= $3 AND captured_at < $4
GROUP BY envelope_hash, hit.point_id, camera_id, captured_at ORDER BY captured_at;
