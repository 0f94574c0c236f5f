-- What is due, and how it goes (aggregator/core/retention.py has the rules). Each `due_*` takes $1 the time before which a
-- row is due, $2 and $3 the row after which to go on, $4 how many; oldest first. What is held is never among them.

-- name: take_turn
SELECT pg_advisory_xact_lock(hashtext('atalaya retention'));

-- Holds are neither placed nor released while a batch looks at them.
-- name: keep_holds
LOCK TABLE legal_hold IN SHARE MODE;

-- name: last_run
SELECT ran_at FROM retention_run;

-- name: ran
INSERT INTO retention_run (ran_at) VALUES ($1) ON CONFLICT (only_row) DO UPDATE SET ran_at = excluded.ran_at;

-- name: due_hits
SELECT received_at AS at, envelope_hash AS id
FROM hit
WHERE received_at < $1 AND (received_at, envelope_hash) > ($2, $3) AND NOT is_held_hit(envelope_hash)
ORDER BY received_at, envelope_hash
LIMIT $4;

-- Parts whose hit never came, or went before they did.
-- name: due_parts
SELECT received_at AS at, envelope_hash AS id
FROM (
    SELECT envelope_hash, hit_hash, device_id, point_id, created_at, received_at FROM hit_amendment
    UNION ALL
    SELECT envelope_hash, hit_hash, device_id, point_id, captured_at, received_at FROM evidence
    UNION ALL
    SELECT envelope_hash, hit_hash, device_id, point_id, created_at, received_at FROM evidence_unavailable
) AS part
WHERE received_at < $1 AND (received_at, envelope_hash) > ($2, $3)
  AND NOT EXISTS (SELECT FROM hit WHERE hit.envelope_hash = part.hit_hash)
  AND NOT is_held_hit(hit_hash)
  AND NOT is_held(device_id, point_id, NULL, least(created_at, received_at), received_at)
ORDER BY received_at, envelope_hash
LIMIT $4;

-- name: parts_of_hits
SELECT envelope_hash FROM hit_amendment WHERE hit_hash = ANY($1::bytea[])
UNION ALL
SELECT envelope_hash FROM evidence WHERE hit_hash = ANY($1::bytea[])
UNION ALL
SELECT envelope_hash FROM evidence_unavailable WHERE hit_hash = ANY($1::bytea[]);

-- name: forget_matches
DELETE FROM hit_match WHERE envelope_hash = ANY($1::bytea[]);

-- name: forget_hit
DELETE FROM hit WHERE envelope_hash = ANY($1::bytea[]) RETURNING envelope_hash AS id;

-- name: forget_hit_amendment
DELETE FROM hit_amendment WHERE envelope_hash = ANY($1::bytea[]) RETURNING envelope_hash AS id;

-- name: forget_evidence_unavailable
DELETE FROM evidence_unavailable WHERE envelope_hash = ANY($1::bytea[]) RETURNING envelope_hash AS id;

-- name: forget_evidence
DELETE FROM evidence WHERE envelope_hash = ANY($1::bytea[])
RETURNING envelope_hash AS id, device_id, redacted_sha256, sealed_sha256;

-- Pictures and pieces that no evidence names any more.
-- name: forget_picture
DELETE FROM picture USING unnest($1::text[], $2::bytea[]) AS gone (device_id, sha256)
WHERE (picture.device_id, picture.sha256) = (gone.device_id, gone.sha256)
  AND NOT EXISTS (
      SELECT FROM evidence
      WHERE evidence.device_id = gone.device_id AND gone.sha256 IN (redacted_sha256, sealed_sha256))
RETURNING picture.sha256 AS id;

-- name: forget_piece
DELETE FROM piece USING unnest($1::text[], $2::bytea[]) AS gone (device_id, sha256)
WHERE (piece.device_id, piece.sha256) = (gone.device_id, gone.sha256)
  AND NOT EXISTS (
      SELECT FROM evidence
      WHERE evidence.device_id = gone.device_id AND gone.sha256 IN (redacted_sha256, sealed_sha256))
RETURNING piece.sha256 AS id;

-- What a person found to be another vehicle, and was no more than `possible`: whatever is held. Parts that come late
-- are due at once. Of what is held the sealed original stays.
-- name: due_rejected
SELECT decided_at AS at, event AS id, alert_id, is_held
FROM alert_sighting AS sighting JOIN alert USING (alert_id)
CROSS JOIN LATERAL (
    SELECT is_held_hit(event)
        OR is_held(device_id, sighting.point_id, sighting.camera_id, happened_at, happened_at) AS is_held) AS held
WHERE sighting.kind = 'hit' AND NOT was_right AND quality IS DISTINCT FROM 1
  AND decided_at < $1 AND (decided_at, event::bytea) > ($2, $3)
  AND (EXISTS (SELECT FROM hit WHERE envelope_hash = event)
       OR EXISTS (SELECT FROM hit_amendment WHERE hit_hash = event)
       OR EXISTS (SELECT FROM evidence
                  CROSS JOIN LATERAL (VALUES (redacted_sha256, true), (sealed_sha256, NOT is_held)) AS named (sha256, goes)
                  WHERE hit_hash = event AND goes
                    AND (EXISTS (SELECT FROM picture
                                 WHERE (picture.device_id, picture.sha256) = (evidence.device_id, named.sha256)
                                   AND picture.state = 'stored')
                         OR EXISTS (SELECT FROM piece
                                    WHERE (piece.device_id, piece.sha256) = (evidence.device_id, named.sha256)))))
ORDER BY decided_at, event
LIMIT $4;

-- At a region, what cities sent on that is no more than `possible` now, or nothing any more. Whether a person rejects it
-- is said in the city alone: so it goes a day after the vehicle was there, and no rejection can be older. With it what
-- comes of such a hit when it has gone.
-- name: due_elsewhere
SELECT at, id, is_held
FROM (
    SELECT counted_at AS at, envelope_hash::bytea AS id,
           is_held_hit(envelope_hash) OR is_held(device_id, point_id, camera_id, counted_at, counted_at) AS is_held
    FROM hit
    WHERE EXISTS (SELECT FROM federated_city)
      AND counted_at < $1 AND city_id IN (SELECT federated_city.city_id FROM federated_city)
      AND envelope_hash IN (  -- the few that were ever in doubt; what they are now is asked of these alone
          SELECT hit_match.envelope_hash FROM hit_match WHERE quality = 2
          UNION ALL
          SELECT hit_hash FROM hit_amendment JOIN hit_match USING (envelope_hash) WHERE quality = 2
          UNION ALL
          SELECT hit_hash FROM hit_amendment WHERE is_withdrawal)
      AND (SELECT min(quality) FROM hit_match
           WHERE hit_match.envelope_hash = coalesce(
               (SELECT amendment.envelope_hash FROM hit_amendment AS amendment
                WHERE hit_hash = hit.envelope_hash AND amendment.device_id = hit.device_id
                ORDER BY epoch DESC, sequence DESC LIMIT 1), hit.envelope_hash)) IS DISTINCT FROM 1
    UNION ALL
    SELECT max(counted_at), hit_hash, is_held_hit(hit_hash)
    FROM hit_amendment
    WHERE EXISTS (SELECT FROM federated_city) AND city_id IN (SELECT federated_city.city_id FROM federated_city)
      AND NOT EXISTS (SELECT FROM hit WHERE hit.envelope_hash = hit_hash)
    GROUP BY hit_hash HAVING max(counted_at) < $1
) AS due
WHERE (at, id) > ($2, $3)
ORDER BY at, id
LIMIT $4;

-- name: amendments_of_hits
SELECT envelope_hash FROM hit_amendment WHERE hit_hash = ANY($1::bytea[]);

-- $2: the sealed ones as well.
-- name: pictures_of_hits
SELECT device_id, redacted_sha256 AS picture FROM evidence WHERE hit_hash = ANY($1::bytea[])
UNION ALL
SELECT device_id, sealed_sha256 FROM evidence WHERE hit_hash = ANY($1::bytea[]) AND $2::boolean;

-- What is left of it says where and when, for the count of errors, and no longer which entry.
-- name: note_erased
WITH erased AS (
    UPDATE alert_sighting SET erased_at = coalesce(erased_at, $2), entries = NULL WHERE event = ANY($1::bytea[])
    RETURNING alert_id
), touched AS (
    UPDATE alert SET is_erased = true, changed_at = $2
    WHERE alert_id IN (SELECT alert_id FROM erased) AND NOT is_erased
    RETURNING alert_id, state
), unkeyed AS (
    DELETE FROM alert_span WHERE alert_id IN (SELECT alert_id FROM erased)
)
INSERT INTO alert_history (alert_id, at, act, state, actor) SELECT alert_id, $2, 'erase', state, $3 FROM touched;

-- An alert stays as long as anything that it tells of.
-- name: due_alerts
SELECT changed_at AS at, sha256(convert_to('alert:' || alert_id, 'UTF8')) AS id, alert_id
FROM alert
WHERE changed_at < $1 AND (changed_at, sha256(convert_to('alert:' || alert_id, 'UTF8'))) > ($2, $3)
  AND state IN ('rejected', 'closed')
  AND NOT EXISTS (
      SELECT FROM alert_sighting AS sighting
      WHERE sighting.alert_id = alert.alert_id
        AND (EXISTS (SELECT FROM hit WHERE envelope_hash = event)
             OR EXISTS (SELECT FROM alarm WHERE envelope_hash = event)
             OR is_held_hit(event) OR is_held(device_id, sighting.point_id, sighting.camera_id, happened_at, happened_at)))
ORDER BY 1, 2
LIMIT $4;

-- Its events, its history and what was merged into it go with it.
-- name: forget_alert
DELETE FROM alert WHERE alert_id = ANY($1::bigint[])
RETURNING sha256(convert_to('alert:' || alert_id, 'UTF8')) AS id;

-- name: due_sealed
SELECT evidence.received_at AS at, envelope_hash AS id, evidence.device_id, sealed_sha256 AS picture
FROM evidence JOIN picture ON (picture.device_id, picture.sha256) = (evidence.device_id, sealed_sha256)
WHERE evidence.received_at < $1 AND (evidence.received_at, envelope_hash) > ($2, $3) AND state = 'stored'
  AND NOT is_picture_needed(evidence.device_id, sealed_sha256, $1)
ORDER BY evidence.received_at, envelope_hash
LIMIT $4;

-- name: due_redacted
SELECT evidence.received_at AS at, envelope_hash AS id, evidence.device_id, redacted_sha256 AS picture
FROM evidence JOIN picture ON (picture.device_id, picture.sha256) = (evidence.device_id, redacted_sha256)
WHERE evidence.received_at < $1 AND (evidence.received_at, envelope_hash) > ($2, $3) AND state = 'stored'
  AND NOT is_picture_needed(evidence.device_id, redacted_sha256, $1)
ORDER BY evidence.received_at, envelope_hash
LIMIT $4;

-- The evidence row stays and says what there was.
-- name: purge_picture
UPDATE picture SET state = 'purged'
FROM unnest($1::text[], $2::bytea[]) AS gone (device_id, sha256)
WHERE (picture.device_id, picture.sha256) = (gone.device_id, gone.sha256) AND state = 'stored'
RETURNING picture.sha256 AS id;

-- name: due_alarms
SELECT received_at AS at, envelope_hash AS id
FROM alarm
WHERE received_at < $1 AND (received_at, envelope_hash) > ($2, $3)
  AND NOT is_held(device_id, point_id, camera_id, least(started_at, counted_at), greatest(started_at, counted_at))
ORDER BY received_at, envelope_hash
LIMIT $4;

-- name: forget_alarm
DELETE FROM alarm WHERE envelope_hash = ANY($1::bytea[]) RETURNING envelope_hash AS id;

-- name: due_conditions
SELECT received_at AS at, envelope_hash AS id
FROM camera_condition
WHERE received_at < $1 AND (received_at, envelope_hash) > ($2, $3)
  AND NOT is_held(device_id, point_id, camera_id, least(since_at, counted_at), greatest(since_at, counted_at))
ORDER BY received_at, envelope_hash
LIMIT $4;

-- name: forget_camera_condition
DELETE FROM camera_condition WHERE envelope_hash = ANY($1::bytea[]) RETURNING envelope_hash AS id;

-- name: due_acceptances
SELECT received_at AS at, envelope_hash AS id
FROM acceptance
WHERE received_at < $1 AND (received_at, envelope_hash) > ($2, $3)
  AND NOT is_held(device_id, point_id, NULL, counted_at, counted_at)
ORDER BY received_at, envelope_hash
LIMIT $4;

-- Its checks go with it.
-- name: forget_acceptance
DELETE FROM acceptance WHERE envelope_hash = ANY($1::bytea[]) RETURNING envelope_hash AS id;

-- name: due_settings
SELECT received_at AS at, envelope_hash AS id
FROM settings_result
WHERE received_at < $1 AND (received_at, envelope_hash) > ($2, $3)
  AND NOT is_held(device_id, point_id, NULL, counted_at, counted_at)
ORDER BY received_at, envelope_hash
LIMIT $4;

-- name: forget_settings_result
DELETE FROM settings_result WHERE envelope_hash = ANY($1::bytea[]) RETURNING envelope_hash AS id;

-- name: due_reports
SELECT received_at AS at, envelope_hash AS id
FROM report
WHERE received_at < $1 AND (received_at, envelope_hash) > ($2, $3)
  AND NOT is_held(device_id, point_id, NULL, least(from_at, counted_at), greatest(to_at, counted_at))
ORDER BY received_at, envelope_hash
LIMIT $4;

-- name: forget_report
DELETE FROM report WHERE envelope_hash = ANY($1::bytea[]) RETURNING envelope_hash AS id;

-- A report's counts go or stay together: a camera that is held keeps the others of its minute. And none goes before the
-- sums have it in.
-- name: due_counts
SELECT counted_at AS at, report_hash AS id
FROM camera_minute
WHERE counted_at < $1 AND counted_at >= $2 AND (counted_at, report_hash) > ($2, $3)
  AND NOT EXISTS (
      SELECT FROM count_due
      WHERE count_due.point_id = camera_minute.point_id
        AND hour = date_bin('1 hour', camera_minute.counted_at, '2000-01-01Z'))
GROUP BY counted_at, report_hash
HAVING NOT bool_or(is_held(device_id, point_id, camera_id, counted_at - interval_ms * interval '1 millisecond',
                           counted_at + interval_ms * interval '1 millisecond'))
ORDER BY counted_at, report_hash
LIMIT $4;

-- What goes is added to what went before, hour by hour.
-- name: forget_camera_minute
WITH forgotten AS (
    DELETE FROM camera_minute USING unnest($1::timestamptz[], $2::bytea[]) AS gone (counted_at, report_hash)
    WHERE (camera_minute.counted_at, camera_minute.report_hash) = (gone.counted_at, gone.report_hash)
    RETURNING camera_minute.*
), kept AS (
    INSERT INTO camera_hour_purged AS gone (
        hour, point_id, camera_id, city_id, minutes, vehicles, reads, unreadable, hits, faces, frames_in,
        frames_processed, sampled_out, dropped, reconnects, stalls, decode_errors, frames_face_counted, live_ms,
        reported_ms)
    SELECT date_bin('1 hour', counted_at, '2000-01-01Z') AS hour, point_id, camera_id, city_id, count(*), sum(vehicles),
           sum(reads), sum(unreadable), sum(hits), sum(faces), sum(frames_in), sum(frames_processed), sum(sampled_out),
           sum(dropped), sum(reconnects), sum(stalls), sum(decode_errors), sum(frames_face_counted), sum(live_ms),
           sum(interval_ms)
    FROM forgotten
    GROUP BY 1, point_id, camera_id, city_id
    ON CONFLICT (point_id, hour, camera_id, city_id) DO UPDATE SET
        minutes = gone.minutes + excluded.minutes, vehicles = gone.vehicles + excluded.vehicles,
        reads = gone.reads + excluded.reads, unreadable = gone.unreadable + excluded.unreadable,
        hits = gone.hits + excluded.hits, faces = gone.faces + excluded.faces,
        frames_in = gone.frames_in + excluded.frames_in,
        frames_processed = gone.frames_processed + excluded.frames_processed,
        sampled_out = gone.sampled_out + excluded.sampled_out, dropped = gone.dropped + excluded.dropped,
        reconnects = gone.reconnects + excluded.reconnects, stalls = gone.stalls + excluded.stalls,
        decode_errors = gone.decode_errors + excluded.decode_errors,
        frames_face_counted = gone.frames_face_counted + excluded.frames_face_counted,
        live_ms = gone.live_ms + excluded.live_ms, reported_ms = gone.reported_ms + excluded.reported_ms
)
SELECT report_hash AS id FROM forgotten;

-- Sums go hour by hour and point by point, with what minutes that went before them had added up to.
-- name: due_hourly
SELECT at, id, point_id
FROM (
    SELECT hour AS at, point_id,
           sha256(convert_to(concat_ws('/', 'hour', point_id, extract(epoch FROM hour)), 'UTF8')) AS id
    FROM camera_hour
    WHERE hour < $1 AND hour >= $2
    GROUP BY hour, point_id
    HAVING NOT bool_or(is_held_sum(point_id, camera_id, hour, hour + interval '1 hour'))
) AS due
WHERE (at, id) > ($2, $3)
ORDER BY at, id
LIMIT $4;

-- name: forget_camera_hour
WITH gone AS (
    SELECT * FROM unnest($1::timestamptz[], $2::text[]) AS gone (hour, point_id)
), purged AS (
    DELETE FROM camera_hour_purged AS line USING gone WHERE (line.point_id, line.hour) = (gone.point_id, gone.hour)
), horizon AS (
    UPDATE count_horizon SET hours_from = greatest(hours_from, (SELECT max(hour) + interval '1 hour' FROM gone))
)
DELETE FROM camera_hour AS line USING gone WHERE (line.point_id, line.hour) = (gone.point_id, gone.hour)
RETURNING sha256(
    convert_to(concat_ws('/', 'hour', line.point_id, camera_id, extract(epoch FROM line.hour)), 'UTF8')) AS id;

-- A city's hour goes with the last of its cameras'.
-- name: forget_city_hour
DELETE FROM city_hour
WHERE hour = ANY($1::timestamptz[])
  AND NOT EXISTS (
      SELECT FROM camera_hour WHERE (camera_hour.hour, camera_hour.city_id) = (city_hour.hour, city_hour.city_id))
RETURNING sha256(convert_to(concat_ws('/', 'city hour', city_id, extract(epoch FROM hour)), 'UTF8')) AS id;

-- name: due_daily
SELECT at, id, point_id
FROM (
    SELECT at, point_id, sha256(convert_to(concat_ws('/', 'day', point_id, extract(epoch FROM at)), 'UTF8')) AS id
    FROM camera_day
    WHERE until <= $1 AND at >= $2
    GROUP BY at, point_id
    HAVING NOT bool_or(is_held_sum(point_id, camera_id, at, until))
) AS due
WHERE (at, id) > ($2, $3)
ORDER BY at, id
LIMIT $4;

-- name: forget_camera_day
DELETE FROM camera_day AS line USING unnest($1::timestamptz[], $2::text[]) AS gone (at, point_id)
WHERE (line.point_id, line.at) = (gone.point_id, gone.at)
RETURNING sha256(
    convert_to(concat_ws('/', 'day', line.point_id, camera_id, extract(epoch FROM line.at)), 'UTF8')) AS id;

-- Pieces that have not made a picture: none came for so long.
-- name: due_pieces
SELECT max(received_at) AS at, sha256 AS id, piece.device_id, sha256 AS picture
FROM piece LEFT JOIN device USING (device_id) LEFT JOIN picture USING (device_id, sha256)
WHERE picture.state IS DISTINCT FROM 'stored'
GROUP BY piece.device_id, sha256, point_id
HAVING max(received_at) < $1 AND (max(received_at), sha256::bytea) > ($2, $3)
   AND NOT is_held(piece.device_id, point_id, NULL, '-infinity', max(received_at))
   AND NOT is_picture_needed(piece.device_id, sha256, 'infinity')
ORDER BY 1, 2
LIMIT $4;

-- name: forget_unfinished
DELETE FROM piece USING unnest($1::text[], $2::bytea[]) AS gone (device_id, sha256)
WHERE (piece.device_id, piece.sha256) = (gone.device_id, gone.sha256)
RETURNING piece.sha256 AS id;

-- Pictures that no evidence names.
-- name: due_pictures
SELECT settled_at AS at, sha256 AS id, picture.device_id, sha256 AS picture
FROM picture LEFT JOIN device USING (device_id)
WHERE settled_at < $1 AND (settled_at, sha256::bytea) > ($2, $3)
  AND NOT EXISTS (
      SELECT FROM evidence
      WHERE evidence.device_id = picture.device_id AND picture.sha256 IN (redacted_sha256, sealed_sha256))
  AND NOT is_held(picture.device_id, point_id, NULL, '-infinity', settled_at)
ORDER BY settled_at, sha256
LIMIT $4;

-- Plates in notices whose time is up.
-- name: due_lapsed
SELECT until_at AS at, hit AS id
FROM notice
WHERE envelope IS NOT NULL AND until_at < $1 AND (until_at, hit::bytea) > ($2, $3) AND NOT is_held_notice(hit, entries)
ORDER BY until_at, hit
LIMIT $4;

-- name: forget_lapsed
UPDATE notice SET envelope = NULL WHERE hit = ANY($1::bytea[]) RETURNING hit AS id;

-- name: due_notices
SELECT until_at AS at, hit AS id
FROM notice
WHERE until_at < $1 AND (until_at, hit::bytea) > ($2, $3) AND NOT is_held_notice(hit, entries)
ORDER BY until_at, hit
LIMIT $4;

-- name: forget_notice
DELETE FROM notice WHERE hit = ANY($1::bytea[]) RETURNING hit AS id;

-- What a region told: it holds no plate, and goes whatever is held.
-- name: due_notices_sent
SELECT at, id
FROM (SELECT until_at AS at, sha256(convert_to(to_city, 'UTF8') || hit) AS id FROM notice_sent WHERE until_at < $1) AS due
WHERE (at, id) > ($2, $3)
ORDER BY at, id
LIMIT $4;

-- name: forget_notice_sent
DELETE FROM notice_sent WHERE sha256(convert_to(to_city, 'UTF8') || hit) = ANY($1::bytea[])
RETURNING sha256(convert_to(to_city, 'UTF8') || hit) AS id;

-- What cities said of messages that they passed on; of a hit or an alarm as long as that is here.
-- name: due_transits
SELECT received_at AS at, envelope_hash AS id
FROM transit_record AS record
WHERE received_at < $1 AND (received_at, envelope_hash::bytea) > ($2, $3)
  AND NOT EXISTS (
      SELECT FROM transit
      WHERE transit.envelope_hash = record.envelope_hash
        AND (EXISTS (SELECT FROM hit WHERE hit.envelope_hash = event)
             OR EXISTS (SELECT FROM alarm WHERE alarm.envelope_hash = event)))
ORDER BY received_at, envelope_hash
LIMIT $4;

-- Its lines go with it.
-- name: forget_transit_record
DELETE FROM transit_record WHERE envelope_hash = ANY($1::bytea[]) RETURNING envelope_hash AS id;

-- name: due_refused
SELECT first_at AS at, sha256 AS id
FROM refused
WHERE sealed IS NOT NULL AND first_at < $1 AND (first_at, sha256::bytea) > ($2, $3)
ORDER BY first_at, sha256
LIMIT $4;

-- name: forget_refused_bytes
UPDATE refused SET sealed = NULL, sealed_to = NULL
WHERE sha256 = ANY($1::bytea[]) AND sealed IS NOT NULL
RETURNING sha256 AS id;

-- The oldest beyond so many bytes.
-- name: refused_beyond
SELECT first_at AS at, sha256 AS id
FROM (SELECT sha256, first_at, sum(octet_length(sealed)) OVER (ORDER BY first_at DESC, sha256, reason, topic) AS kept_bytes
      FROM refused WHERE sealed IS NOT NULL) AS newest
WHERE kept_bytes > $1
ORDER BY first_at
LIMIT $2;

-- name: due_refusals
SELECT last_at AS at, sha256 AS id
FROM refused
WHERE sealed IS NULL AND last_at < $1 AND (last_at, sha256::bytea) > ($2, $3)
ORDER BY last_at, sha256
LIMIT $4;

-- name: forget_refusal
DELETE FROM refused WHERE sha256 = ANY($1::bytea[]) AND sealed IS NULL AND last_at <= $2 RETURNING sha256 AS id;

-- name: note_files
INSERT INTO file_to_remove (sha256, noted_at) SELECT DISTINCT unnest($1::bytea[]), $2::timestamptz
ON CONFLICT DO NOTHING;

-- Whoever writes pictures shares this lock (evidence.sql): here nobody does.
-- name: files_alone
SELECT pg_advisory_xact_lock(hashtext('atalaya evidence files'));

-- Another device, or a picture that came again, may need the same bytes.
-- name: noted_files
SELECT sha256, EXISTS (SELECT FROM picture WHERE picture.sha256 = noted.sha256 AND state = 'stored') AS is_needed
FROM file_to_remove AS noted
WHERE sha256 > $1
ORDER BY sha256
LIMIT $2;

-- name: forget_noted
DELETE FROM file_to_remove WHERE sha256 = ANY($1::bytea[]);

-- name: stray
SELECT found.sha256
FROM unnest($1::bytea[]) AS found (sha256)
WHERE NOT EXISTS (SELECT FROM picture WHERE picture.sha256 = found.sha256 AND state = 'stored')
  AND NOT EXISTS (SELECT FROM file_to_remove WHERE file_to_remove.sha256 = found.sha256);

-- name: receipts
SELECT number, at, actor, reason FROM audit WHERE action = 'retention.purge' ORDER BY number DESC LIMIT $1;

-- name: take_hold
LOCK TABLE legal_hold IN ROW EXCLUSIVE MODE;

-- name: is_there
SELECT CASE
    WHEN $1::bytea IS NOT NULL THEN EXISTS (SELECT FROM hit WHERE envelope_hash = $1)
                                 OR EXISTS (SELECT FROM notice WHERE notice.hit = $1)
    WHEN $2::text IS NOT NULL THEN EXISTS (SELECT FROM hotlist_entry WHERE entry_id = $2)
                                OR EXISTS (SELECT FROM hit_match WHERE entry_id = $2)
    WHEN $3::text IS NOT NULL THEN EXISTS (SELECT FROM device WHERE device_id = $3)
    ELSE EXISTS (SELECT FROM camera WHERE point_id = $4 AND camera_id = $5)
END;

-- name: place_hold
INSERT INTO legal_hold (hit_hash, entry_id, device_id, point_id, camera_id, from_at, to_at, reason, placed_by, placed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
RETURNING hold_id;

-- name: release_hold
UPDATE legal_hold SET released_by = $2, released_at = $3 WHERE hold_id = $1 AND released_at IS NULL RETURNING *;

-- name: holds
SELECT * FROM legal_hold WHERE released_at IS NULL OR $1 ORDER BY hold_id;
