-- What operators ask for. Parameters of every listing: $1 from, $2 to (not included), $3 city, $4 point, $5 camera, then
-- what the query adds, then the limit. A plate is shown by `hits` alone, and that is audited.

-- name: events
WITH event AS (
    SELECT 'hit' AS kind, envelope_hash, device_id, city_id, point_id, camera_id, created_at, received_at, counted_at,
           is_historical, is_clock_suspect,
           (SELECT string_agg(entry_id || CASE quality WHEN 1 THEN '' ELSE ' (possible)' END, ', ' ORDER BY entry_id)
            FROM hit_match WHERE hit_match.envelope_hash = hit.envelope_hash) AS note
    FROM hit WHERE counted_at >= $1 AND counted_at < $2
    UNION ALL
    SELECT 'hit-amended', hit_amendment.envelope_hash, hit_amendment.device_id, hit_amendment.city_id,
           hit_amendment.point_id, hit.camera_id, hit_amendment.created_at, hit_amendment.received_at,
           hit_amendment.counted_at, hit_amendment.is_historical, hit_amendment.is_clock_suspect,
           CASE WHEN is_withdrawal THEN 'withdrawn' ELSE 'amended' END
    FROM hit_amendment LEFT JOIN hit ON hit.envelope_hash = hit_hash
    WHERE hit_amendment.counted_at >= $1 AND hit_amendment.counted_at < $2
    UNION ALL
    SELECT 'alarm', envelope_hash, device_id, city_id, point_id, camera_id, created_at, received_at, counted_at,
           is_historical, is_clock_suspect,
           concat_ws(': ', alarm || CASE WHEN is_active THEN '' ELSE ' ended' END, nullif(note, ''))
    FROM alarm WHERE counted_at >= $1 AND counted_at < $2
    UNION ALL
    SELECT 'report', envelope_hash, device_id, city_id, point_id, NULL, created_at, received_at, counted_at,
           is_historical, is_clock_suspect, ''
    FROM report WHERE $6 = 'report' AND counted_at >= $1 AND counted_at < $2
    UNION ALL
    SELECT 'evidence', envelope_hash, evidence.device_id, city_id, point_id, camera_id, created_at, received_at, counted_at,
           is_historical, is_clock_suspect, coalesce(picture.state, 'on its way')
    FROM evidence LEFT JOIN picture ON (picture.device_id, picture.sha256) = (evidence.device_id, redacted_sha256)
    WHERE counted_at >= $1 AND counted_at < $2
    UNION ALL
    SELECT 'evidence-unavailable', envelope_hash, device_id, city_id, point_id, NULL, created_at, received_at,
           counted_at, is_historical, is_clock_suspect, reason
    FROM evidence_unavailable WHERE counted_at >= $1 AND counted_at < $2
    UNION ALL
    SELECT 'dropped', envelope_hash, device_id, city_id, point_id, NULL, created_at, received_at, counted_at,
           is_historical, is_clock_suspect, tombstones || ' messages: ' || reason
    FROM dropped WHERE counted_at >= $1 AND counted_at < $2
    UNION ALL
    SELECT 'camera-condition', envelope_hash, device_id, city_id, point_id, camera_id, created_at, received_at,
           counted_at, is_historical, is_clock_suspect,
           (ARRAY['blocked', 'moved', 'blurred', 'dark', 'frozen'])[condition] || CASE WHEN is_active THEN '' ELSE ' ended' END
    FROM camera_condition WHERE counted_at >= $1 AND counted_at < $2
    UNION ALL
    SELECT 'acceptance', envelope_hash, device_id, city_id, point_id, NULL, created_at, received_at, counted_at,
           is_historical, is_clock_suspect,
           concat_ws(': ', CASE WHEN is_drift THEN 'drift, ' ELSE '' END || (ARRAY['pass', 'warn', 'fail'])[verdict],
                     nullif((SELECT string_agg(concat_ws(' ', check_name, acceptance_check.camera_id), ', ' ORDER BY number)
                             FROM acceptance_check
                             WHERE acceptance_check.envelope_hash = acceptance.envelope_hash
                               AND acceptance_check.verdict > 1), ''))
    FROM acceptance WHERE counted_at >= $1 AND counted_at < $2
    UNION ALL
    SELECT 'settings-result', envelope_hash, device_id, city_id, point_id, NULL, created_at, received_at, counted_at,
           is_historical, is_clock_suspect,
           'number ' || number || ' of ' || rollout_id || ' ' || (ARRAY['kept', 'rolled back', 'refused'])[state]
           || ': ' || reason
    FROM settings_result WHERE counted_at >= $1 AND counted_at < $2
    UNION ALL
    SELECT 'equivocation', other_hash, device_id, city_id, point_id, NULL, received_at, received_at, received_at,
           false, false, 'two boxes speak as one'
    FROM equivocation JOIN device USING (device_id) WHERE received_at >= $1 AND received_at < $2
)
SELECT encode(envelope_hash, 'hex') AS event, kind, counted_at, city_id AS city, point_id AS point,
       device_id AS device, camera_id AS camera, note, created_at, received_at, is_historical, is_clock_suspect
FROM event
WHERE ($3::text IS NULL OR city_id = $3) AND ($4::text IS NULL OR point_id = $4)
  AND ($5::text IS NULL OR camera_id = $5) AND ($6::text IS NULL OR kind = $6)
-- The end of an alarm is counted at its start, and is told after it.
ORDER BY counted_at DESC, created_at DESC, envelope_hash
LIMIT $7;

-- The newest amendment of a hit, by its place in the box's order, replaces what the hit said.
-- name: hits
SELECT encode(hit.envelope_hash, 'hex') AS hit, hit.counted_at, hit.city_id AS city, hit.point_id AS point,
       hit.camera_id AS camera, hit.device_id AS device,
       CASE WHEN newest.is_withdrawal THEN NULL ELSE coalesce(newest.plate, hit.plate) END AS plate,
       CASE WHEN newest.is_withdrawal THEN NULL ELSE coalesce(newest.observed, hit.observed) END AS observed,
       CASE WHEN newest.envelope_hash IS NULL THEN hit.confidence ELSE newest.confidence END AS confidence,
       CASE matched.quality WHEN 1 THEN 'exact' WHEN 2 THEN 'possible' ELSE 'withdrawn' END AS quality,
       matched.entries, matched.reasons,
       newest.envelope_hash IS NOT NULL AS is_amended, hit.is_from_lookback, hit.captured_at, hit.created_at,
       hit.received_at, hit.is_historical, hit.is_clock_suspect,
       coalesce(pictured.state, unavailable.reason, CASE WHEN pictured.envelope_hash IS NULL THEN 'none yet'
                                                         ELSE 'on its way' END) AS picture,
       encode(pictured.redacted_sha256, 'hex') AS picture_sha256
FROM hit
LEFT JOIN LATERAL (
    SELECT * FROM hit_amendment WHERE hit_hash = hit.envelope_hash ORDER BY epoch DESC, sequence DESC LIMIT 1
) AS newest ON true
LEFT JOIN LATERAL (
    SELECT min(quality) AS quality, string_agg(entry_id, ', ' ORDER BY entry_id) AS entries,
           string_agg(DISTINCT hit_match.reason, ', ') AS reasons
    FROM hit_match WHERE hit_match.envelope_hash = coalesce(newest.envelope_hash, hit.envelope_hash)
) AS matched ON true
LEFT JOIN LATERAL (
    SELECT evidence.envelope_hash, redacted_sha256, state
    FROM evidence LEFT JOIN picture ON picture.device_id = evidence.device_id AND picture.sha256 = redacted_sha256
    WHERE hit_hash = hit.envelope_hash AND evidence.device_id = hit.device_id LIMIT 1
) AS pictured ON true
LEFT JOIN LATERAL (
    SELECT reason FROM evidence_unavailable
    WHERE hit_hash = hit.envelope_hash AND device_id = hit.device_id LIMIT 1
) AS unavailable ON true
WHERE hit.counted_at >= $1 AND hit.counted_at < $2
  AND ($3::text IS NULL OR hit.city_id = $3) AND ($4::text IS NULL OR hit.point_id = $4)
  AND ($5::text IS NULL OR hit.camera_id = $5)
ORDER BY hit.counted_at DESC, hit.envelope_hash
LIMIT $6;

-- name: devices
SELECT device.device_id AS device, device.city_id AS city, device.point_id AS point, profile, state,
       CASE is_online WHEN true THEN 'online' WHEN false THEN 'offline' ELSE 'never seen' END AS line, presence.since,
       newest.to_at AS last_report, newest.outbox_rows, newest.dead_letters, newest.hotlist_version,
       newest.lookback_since, newest.temperature_mc, newest.disk_free_mb, newest.clock_offset_ms,
       coalesce(gaps.missing, 0)::bigint AS missing, coalesce(gaps.lost, 0)::bigint AS lost,
       coalesce(chains.forks, 0)::bigint AS forks, coalesce(chains.breaks, 0)::bigint AS breaks
FROM device
LEFT JOIN presence USING (device_id)
LEFT JOIN LATERAL (
    SELECT * FROM report WHERE report.device_id = device.device_id ORDER BY counted_at DESC LIMIT 1
) AS newest ON true
LEFT JOIN LATERAL (
    SELECT sum(last - first + 1) FILTER (WHERE next_ask_at IS NOT NULL) AS missing,
           sum(last - first + 1) FILTER (WHERE next_ask_at IS NULL) AS lost
    FROM gap WHERE gap.device_id = device.device_id
) AS gaps ON true
LEFT JOIN LATERAL (
    SELECT sum(cardinality(chain.forks)) AS forks, sum(cardinality(chain.breaks)) AS breaks
    FROM chain WHERE chain.device_id = device.device_id
) AS chains ON true
WHERE ($1::text IS NULL OR device.city_id = $1) AND ($2::text IS NULL OR device.point_id = $2)
ORDER BY device.city_id, device.point_id, device.device_id
LIMIT $3;

-- name: counts
SELECT date_bin($6::interval, counted_at, $1) AS since, city_id AS city, point_id AS point, camera_id AS camera,
       sum(frames_in)::bigint AS frames_in, sum(frames_processed)::bigint AS frames_processed,
       sum(sampled_out)::bigint AS sampled_out, sum(dropped)::bigint AS dropped, sum(vehicles)::bigint AS vehicles,
       sum(reads)::bigint AS reads, sum(unreadable)::bigint AS unreadable, sum(hits)::bigint AS hits,
       sum(faces)::bigint AS faces, sum(frames_face_counted)::bigint AS frames_face_counted,
       sum(reconnects)::bigint AS reconnects, sum(stalls)::bigint AS stalls, sum(live_ms)::bigint AS live_ms,
       sum(interval_ms)::bigint AS reported_ms
FROM camera_minute
WHERE counted_at >= $1 AND counted_at < $2 AND ($3::text IS NULL OR city_id = $3)
  AND ($4::text IS NULL OR point_id = $4) AND ($5::text IS NULL OR camera_id = $5)
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, 3, 4
LIMIT $7;
