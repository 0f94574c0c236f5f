-- The asking surface: what analysts, the API, exports and dashboards read. Nobody but the service reads base tables.
--
-- 1. Every view shows the rows of the asker's cities and no others. It reads base tables by its owner's rights, and
--    `current_user` in it is still the asker. `ask.visible_cities()` is asked once a query.
-- 2. Whoever is in the owner's role (the service) says on his connection which cities he asks for: `atalaya.cities`,
--    names with commas between, or `*`. If he says nothing he sees nothing. What others set there means nothing: they
--    see the cities that city_reader names for a role that they are in.
-- 3. No view shows a plate or an entry's id but `ask.hit_plate`, which is granted to nobody: the service shows it, for a
--    reason, audited before.
-- 4. SELECT on every view made here later is everybody's by default; it is of use to whoever has USAGE of the schema. So an
--    analyst's role is one grant, and a new view needs none. A view with plates is to be revoked as hit_plate is.
CREATE SCHEMA ask;
ALTER DEFAULT PRIVILEGES IN SCHEMA ask GRANT SELECT ON TABLES TO PUBLIC;

CREATE VIEW ask.visible_city WITH (security_barrier) AS
SELECT city_id::text AS city
FROM city
WHERE CASE
    WHEN pg_has_role(current_user, (SELECT nspowner FROM pg_namespace WHERE nspname = 'ask'), 'USAGE')
    THEN current_setting('atalaya.cities', true) = '*'
        OR city_id = ANY (string_to_array(current_setting('atalaya.cities', true), ','))
    ELSE EXISTS (
        SELECT FROM city_reader JOIN pg_roles ON rolname = role_name
        WHERE city_reader.city_id = city.city_id AND pg_has_role(current_user, oid, 'USAGE'))
END;

CREATE FUNCTION ask.visible_cities() RETURNS text[] STABLE PARALLEL SAFE LANGUAGE sql
RETURN coalesce((SELECT array_agg(city ORDER BY city) FROM ask.visible_city), '{}'::text[]);

-- Places.

CREATE VIEW ask.city WITH (security_barrier) AS
SELECT city_id::text AS city, name, time_zone, registered_at
FROM city
WHERE city_id = ANY ((SELECT ask.visible_cities())::text[]);

CREATE VIEW ask.point WITH (security_barrier) AS
SELECT point_id::text AS point, point.city_id::text AS city, point.name, latitude, longitude,
       coalesce(point.time_zone, city.time_zone) AS time_zone, partner_id::text AS partner, point.registered_at
FROM point JOIN city USING (city_id)
WHERE point.city_id = ANY ((SELECT ask.visible_cities())::text[]);

CREATE VIEW ask.camera WITH (security_barrier) AS
SELECT camera_id::text AS camera, point_id::text AS point, city_id::text AS city, camera.name,
       heading_deg::integer AS heading_deg, lane, camera.registered_at
FROM camera JOIN point USING (point_id)
WHERE city_id = ANY ((SELECT ask.visible_cities())::text[]);

CREATE VIEW ask.device WITH (security_barrier) AS
SELECT device.device_id::text AS device, device.city_id::text AS city, device.point_id::text AS point, profile, state,
       CASE is_online WHEN true THEN 'online' WHEN false THEN 'offline' ELSE 'never seen' END AS line, presence.since,
       newest.to_at AS last_report, newest.outbox_rows, newest.dead_letters, newest.hotlist_version,
       newest.lookback_since, newest.temperature_mc / 1000.0::double precision AS temperature_c, newest.disk_free_mb,
       newest.clock_offset_ms, coalesce(gaps.missing, 0)::bigint AS missing, coalesce(gaps.lost, 0)::bigint AS lost,
       coalesce(chains.forks, 0)::bigint AS forks, coalesce(chains.breaks, 0)::bigint AS breaks, device.registered_at
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
WHERE device.city_id = ANY ((SELECT ask.visible_cities())::text[]);

-- What happened.

CREATE VIEW ask.event WITH (security_barrier) AS
SELECT encode(envelope_hash, 'hex') AS event, kind, counted_at, city_id AS city, point_id AS point, device_id AS device,
       camera_id AS camera, note, created_at, received_at, is_historical, is_clock_suspect
FROM (
    SELECT 'hit' AS kind, envelope_hash::bytea, device_id, city_id, point_id, camera_id, created_at, received_at,
           counted_at, is_historical, is_clock_suspect,
           (SELECT CASE min(quality) WHEN 1 THEN 'exact: ' ELSE 'possible: ' END
                   || string_agg(DISTINCT hit_match.reason, ', ' ORDER BY hit_match.reason)
            FROM hit_match WHERE hit_match.envelope_hash = hit.envelope_hash) AS note
    FROM hit
    UNION ALL
    SELECT 'hit-amended', amendment.envelope_hash, amendment.device_id, amendment.city_id, amendment.point_id,
           (SELECT camera_id FROM hit WHERE hit.envelope_hash = hit_hash), amendment.created_at,
           amendment.received_at, amendment.counted_at, amendment.is_historical, amendment.is_clock_suspect,
           CASE WHEN is_withdrawal THEN 'withdrawn' ELSE 'amended' END
    FROM hit_amendment AS amendment
    UNION ALL
    SELECT 'alarm', envelope_hash, device_id, city_id, point_id, camera_id, created_at, received_at, counted_at,
           is_historical, is_clock_suspect,
           concat_ws(': ', alarm || CASE WHEN is_active THEN '' ELSE ' ended' END, nullif(note, ''))
    FROM alarm
    UNION ALL
    SELECT 'evidence', envelope_hash, device_id, city_id, point_id, camera_id, created_at, received_at, counted_at,
           is_historical, is_clock_suspect,
           coalesce((SELECT state FROM picture
                     WHERE (picture.device_id, picture.sha256) = (evidence.device_id, redacted_sha256)), 'on its way')
    FROM evidence
    UNION ALL
    SELECT 'evidence-unavailable', envelope_hash, device_id, city_id, point_id, NULL, created_at, received_at,
           counted_at, is_historical, is_clock_suspect, reason
    FROM evidence_unavailable
    UNION ALL
    SELECT 'dropped', envelope_hash, device_id, city_id, point_id, NULL, created_at, received_at, counted_at,
           is_historical, is_clock_suspect, tombstones || ' messages: ' || reason
    FROM dropped
    UNION ALL
    SELECT 'camera-condition', envelope_hash, device_id, city_id, point_id, camera_id, created_at, received_at,
           counted_at, is_historical, is_clock_suspect,
           (ARRAY['blocked', 'moved', 'blurred', 'dark', 'frozen'])[condition] || CASE WHEN is_active THEN '' ELSE ' ended' END
    FROM camera_condition
    UNION ALL
    SELECT 'acceptance', envelope_hash, device_id, city_id, point_id, NULL, created_at, received_at, counted_at,
           is_historical, is_clock_suspect,
           concat_ws(': ', CASE WHEN is_drift THEN 'drift, ' ELSE '' END || (ARRAY['pass', 'warn', 'fail'])[verdict],
                     nullif((SELECT string_agg(concat_ws(' ', check_name, acceptance_check.camera_id), ', ' ORDER BY number)
                             FROM acceptance_check
                             WHERE acceptance_check.envelope_hash = acceptance.envelope_hash
                               AND acceptance_check.verdict > 1), ''))
    FROM acceptance
    UNION ALL
    SELECT 'settings-result', envelope_hash, device_id, city_id, point_id, NULL, created_at, received_at, counted_at,
           is_historical, is_clock_suspect,
           'number ' || number || ' of ' || rollout_id || ' ' || (ARRAY['kept', 'rolled back', 'refused'])[state]
           || ': ' || reason
    FROM settings_result
    UNION ALL
    SELECT 'equivocation', other_hash, device_id::text, city_id::text, point_id::text, NULL, received_at, received_at,
           received_at, false, false, 'two boxes speak as one'
    FROM equivocation JOIN device USING (device_id)
) AS event
WHERE city_id = ANY ((SELECT ask.visible_cities())::text[]);

-- A hit as it is now: its newest amendment, by its place in the box's order, replaces what it said.
CREATE VIEW ask.hit_plate WITH (security_barrier) AS
SELECT encode(hit.envelope_hash, 'hex') AS hit, hit.counted_at, hit.captured_at, hit.city_id AS city,
       hit.point_id AS point, hit.camera_id AS camera, hit.device_id AS device,
       CASE WHEN newest.is_withdrawal THEN NULL ELSE coalesce(newest.plate, hit.plate) END AS plate,
       CASE WHEN newest.is_withdrawal THEN NULL ELSE coalesce(newest.observed, hit.observed) END AS observed,
       (CASE WHEN newest.envelope_hash IS NULL THEN hit.confidence ELSE newest.confidence END)::integer AS confidence,
       CASE matched.quality WHEN 1 THEN 'exact' WHEN 2 THEN 'possible' ELSE 'withdrawn' END AS quality,
       matched.entries, matched.reasons, newest.envelope_hash IS NOT NULL AS is_amended,
       coalesce(newest.is_withdrawal, false) AS is_withdrawn, hit.is_from_lookback, hit.is_historical,
       hit.is_clock_suspect, hit.created_at, hit.received_at,
       coalesce(pictured.state, unavailable.reason, CASE WHEN pictured.envelope_hash IS NULL THEN 'none yet'
                                                         ELSE 'on its way' END) AS picture,
       encode(pictured.redacted_sha256, 'hex') AS picture_sha256
FROM hit
LEFT JOIN LATERAL (
    SELECT * FROM hit_amendment WHERE hit_hash = hit.envelope_hash ORDER BY epoch DESC, sequence DESC LIMIT 1
) AS newest ON true
LEFT JOIN LATERAL (
    SELECT min(quality) AS quality, array_agg(entry_id ORDER BY entry_id) AS entries,
           array_agg(DISTINCT hit_match.reason ORDER BY hit_match.reason) AS reasons
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
WHERE hit.city_id = ANY ((SELECT ask.visible_cities())::text[]);
REVOKE ALL ON ask.hit_plate FROM PUBLIC;

CREATE VIEW ask.hit WITH (security_barrier) AS
SELECT hit, counted_at, captured_at, city, point, camera, device, confidence, quality,
       coalesce(cardinality(entries), 0) AS entries, reasons, is_amended, is_withdrawn, is_from_lookback, is_historical,
       is_clock_suspect, created_at, received_at, picture
FROM ask.hit_plate
WHERE city = ANY ((SELECT ask.visible_cities())::text[]);

CREATE VIEW ask.alarm WITH (security_barrier) AS
SELECT encode(envelope_hash, 'hex') AS event, counted_at, started_at, city_id AS city, point_id AS point,
       camera_id AS camera, device_id AS device, alarm, is_active, note, is_historical, is_clock_suspect, created_at,
       received_at
FROM alarm
WHERE city_id = ANY ((SELECT ask.visible_cities())::text[]);

CREATE VIEW ask.condition WITH (security_barrier) AS
SELECT encode(envelope_hash, 'hex') AS event, counted_at, since_at, city_id AS city, point_id AS point,
       camera_id AS camera, device_id AS device,
       (ARRAY['blocked', 'moved', 'blurred', 'dark', 'frozen'])[camera_condition.condition] AS condition, is_active,
       sharpness_before, sharpness_after, brightness_before::integer, brightness_after::integer,
       contrast_before::integer, contrast_after::integer, edges_before::integer, edges_after::integer, shift_px_before,
       shift_px_after, still_ms_before, still_ms_after, is_historical, is_clock_suspect, created_at, received_at
FROM camera_condition
WHERE city_id = ANY ((SELECT ask.visible_cities())::text[]);

CREATE VIEW ask.health WITH (security_barrier) AS
SELECT encode(envelope_hash, 'hex') AS report, counted_at, city_id AS city, point_id AS point, device_id AS device,
       temperature_mc / 1000.0::double precision AS temperature_c, disk_free_mb, memory_mb,
       cpu_permille / 1000.0::double precision AS cpu_share, clock_offset_ms, outbox_rows, outbox_bytes, dead_letters,
       oldest_unreceipted_at, uptime_s, hotlist_version, hotlist_entries, hotlist_expires_at, lookback_since,
       refused_downlinks, versions, from_at, to_at, is_historical, is_clock_suspect, created_at, received_at
FROM report
WHERE city_id = ANY ((SELECT ask.visible_cities())::text[]);

-- What became of it.

CREATE INDEX alert_history_by_time ON alert_history (at);
CREATE INDEX alert_by_decision ON alert (decided_at);

CREATE VIEW ask.alert WITH (security_barrier) AS
SELECT alert.alert_id AS alert, state, alert.kind, word, note, exact, possible, withdrawn, alert.city_id AS city,
       alert.point_id AS point, alert.camera_id AS camera, seen.cameras, seen.reasons, first_at, last_at, raised_at,
       changed_at, ended_at, unit, outcome, is_true, was_right, decided_at, decided_by, merged_into,
       alert.is_historical, is_erased
FROM alert
LEFT JOIN LATERAL (
    SELECT array_agg(DISTINCT concat_ws('/', point_id, camera_id)) AS cameras,
           (SELECT array_agg(DISTINCT reason ORDER BY reason)
            FROM alert_sighting CROSS JOIN unnest(alert_sighting.reasons) AS reason
            WHERE alert_sighting.alert_id = alert.alert_id) AS reasons
    FROM alert_sighting WHERE alert_sighting.alert_id = alert.alert_id
) AS seen ON true
WHERE alert.city_id = ANY ((SELECT ask.visible_cities())::text[]);

CREATE VIEW ask.alert_history WITH (security_barrier) AS
SELECT number, alert_history.alert_id AS alert, at, act, alert_history.state, actor, reason, alert_history.outcome,
       alert_history.unit, encode(event, 'hex') AS event, other_id AS other, city_id AS city, point_id AS point, kind
FROM alert_history JOIN alert USING (alert_id)
WHERE city_id = ANY ((SELECT ask.visible_cities())::text[]);

-- What one alert took, from when it happened. Alerts that were merged into others are counted there.
CREATE VIEW ask.reaction WITH (security_barrier) AS
SELECT alert.alert_id AS alert, city_id AS city, point_id AS point, camera_id AS camera, kind, word, state, outcome, first_at,
       raised_at, extract(epoch FROM raised_at - first_at)::double precision AS raised_s,
       extract(epoch FROM step.seen_at - first_at)::double precision AS seen_s,
       extract(epoch FROM step.decided_at - first_at)::double precision AS decided_s,
       extract(epoch FROM step.dispatched_at - first_at)::double precision AS dispatched_s,
       extract(epoch FROM step.on_site_at - first_at)::double precision AS on_site_s,
       extract(epoch FROM step.closed_at - first_at)::double precision AS closed_s, is_historical
FROM alert
CROSS JOIN LATERAL (
    SELECT min(at) FILTER (WHERE act IN ('ack', 'confirm', 'reject', 'dispatch')) AS seen_at,
           min(at) FILTER (WHERE act IN ('confirm', 'reject')) AS decided_at,
           min(at) FILTER (WHERE act = 'dispatch') AS dispatched_at,
           min(at) FILTER (WHERE act = 'arrive') AS on_site_at,
           min(at) FILTER (WHERE act = 'close') AS closed_at
    FROM alert_history WHERE alert_history.alert_id = alert.alert_id
) AS step
WHERE alert.state <> 'merged' AND city_id = ANY ((SELECT ask.visible_cities())::text[]);

-- One row for each hit that somebody decided on while it was there, and each thing that precision is counted by.
CREATE VIEW ask.decision WITH (security_barrier) AS
SELECT alert.alert_id AS alert, encode(event, 'hex') AS hit, sighting.city_id AS city, sighting.point_id AS point,
       sighting.camera_id AS camera, sighting.device_id AS device, happened_at, decided_at, told.by, told.what, was_right
FROM alert_sighting AS sighting JOIN alert USING (alert_id)
CROSS JOIN LATERAL (
    SELECT 'camera' AS by, concat_ws('/', sighting.point_id, sighting.camera_id) AS what
    UNION ALL SELECT 'list', unnest(lists)
    UNION ALL SELECT 'reason', unnest(reasons)
    UNION ALL SELECT 'reader', reader
    UNION ALL SELECT 'quality', CASE quality WHEN 1 THEN 'exact' WHEN 2 THEN 'possible' ELSE 'withdrawn' END
) AS told
WHERE sighting.kind = 'hit' AND was_right IS NOT NULL AND added_at <= decided_at
  AND sighting.city_id = ANY ((SELECT ask.visible_cities())::text[]);

CREATE VIEW ask.precision WITH (security_barrier) AS
SELECT city, by, what, count(*) AS n, count(*) FILTER (WHERE NOT was_right) AS errors
FROM ask.decision
WHERE city = ANY ((SELECT ask.visible_cities())::text[])
GROUP BY city, by, what;

-- For the data dictionary. Columns of one name mean one thing; what differs is said after.

COMMENT ON SCHEMA ask IS 'What may be asked: views that show each asker the cities he may read.';
COMMENT ON FUNCTION ask.visible_cities() IS 'The cities that whoever asks may read.';
COMMENT ON VIEW ask.visible_city IS 'The cities that whoever asks may read.';
COMMENT ON VIEW ask.city IS 'Cities.';
COMMENT ON VIEW ask.point IS 'Street points: where a box stands.';
COMMENT ON VIEW ask.camera IS 'Cameras.';
COMMENT ON VIEW ask.device IS 'Boxes as they are now: their line, their last report, what is missing of their messages.';
COMMENT ON VIEW ask.event IS 'Hits, alarms and what belongs to them, without plates and without the reports of each minute.';
COMMENT ON VIEW ask.hit IS 'Hits as they are now, without plates. No hit is a fact until a person has confirmed it.';
COMMENT ON VIEW ask.hit_plate IS 'Hits with their plates. The service shows them, for a reason, audited before.';
COMMENT ON VIEW ask.alarm IS 'Alarms: panic buttons and analytic events of cameras, their starts and their ends.';
COMMENT ON VIEW ask.condition IS 'Cameras whose picture went bad, or good again.';
COMMENT ON VIEW ask.health IS 'Health of boxes, from the report of each minute.';
COMMENT ON VIEW ask.alert IS 'Alerts as they are now, without plates.';
COMMENT ON VIEW ask.alert_history IS 'What happened to alerts, line by line.';
COMMENT ON VIEW ask.reaction IS 'How fast somebody reacted: one row an alert, seconds from when it happened.';
COMMENT ON VIEW ask.decision IS 'Hits that a person decided on, once for each thing that precision is counted by.';
COMMENT ON VIEW ask.precision IS 'Errors out of n decided hits, by camera, list, reason, reader and quality.';

DO $$
DECLARE
    said record;
BEGIN
    FOR said IN
        SELECT table_name, column_name, about
        FROM information_schema.columns
        JOIN (VALUES
            ('act', 'What was done: ack, confirm, reject, dispatch, arrive, close, raise, add, amend, upgrade, ...'),
            ('actor', 'Who did it: os:NAME, or a part of the service'),
            ('alarm', 'What the alarm is, such as panic or line_crossing'),
            ('alert', 'The alert''s number'),
            ('at', 'When it happened'),
            ('breaks', 'Breaks in the chain of the box''s messages'),
            ('brightness_after', 'Brightness since, per mille'),
            ('brightness_before', 'Brightness before, per mille'),
            ('by', 'What is counted by: camera, list, reason, reader or quality'),
            ('camera', 'Camera, of its point'),
            ('cameras', 'Every camera that saw it, as POINT/CAMERA'),
            ('captured_at', 'When the frame was taken, by the box''s clock'),
            ('changed_at', 'When it last changed'),
            ('city', 'City'),
            ('clock_offset_ms', 'How far the box''s clock is off, in milliseconds'),
            ('closed_s', 'Seconds from when it happened until it was closed'),
            ('condition', 'What is wrong with the picture: blocked, moved, blurred, dark or frozen'),
            ('confidence', 'How sure the reading is, per mille'),
            ('contrast_after', 'Contrast since, per mille'),
            ('contrast_before', 'Contrast before, per mille'),
            ('counted_at', 'When it happened: by the box''s clock if that was right, else when it came'),
            ('cpu_share', 'Share of the processors in use, 0 to 1'),
            ('created_at', 'When the box wrote it, by its own clock'),
            ('dead_letters', 'Messages that the box keeps because they were refused for good'),
            ('decided_at', 'When a person confirmed, rejected or corrected'),
            ('decided_by', 'Who decided'),
            ('decided_s', 'Seconds from when it happened until a person confirmed or rejected it'),
            ('device', 'The identity under which the box speaks'),
            ('disk_free_mb', 'Free disk of the box, in megabytes'),
            ('dispatched_s', 'Seconds from when it happened until somebody was sent'),
            ('edges_after', 'Edges of the picture since, per mille'),
            ('edges_before', 'Edges of the picture before, per mille'),
            ('ended_at', 'When the alarm was over'),
            ('entries', 'How many entries of the hotlist it matches'),
            ('errors', 'How many of them were wrong'),
            ('event', 'The message''s hash, hexadecimal'),
            ('exact', 'How many of its hits are exact'),
            ('first_at', 'When what it tells of happened first'),
            ('forks', 'Places where two messages of the box claim one number'),
            ('from_at', 'Since when the report counts'),
            ('happened_at', 'When the hit happened'),
            ('heading_deg', 'Where it looks, in degrees clockwise from north'),
            ('hit', 'The hit''s hash, hexadecimal'),
            ('hotlist_entries', 'Entries of the hotlist that the box matches with'),
            ('hotlist_expires_at', 'When that hotlist ends'),
            ('hotlist_version', 'The hotlist that the box matches with'),
            ('is_active', 'Whether it begins; else it is over'),
            ('is_amended', 'Whether later frames changed it'),
            ('is_clock_suspect', 'Whether the box''s clock was wrong'),
            ('is_erased', 'Whether its plate was erased'),
            ('is_from_lookback', 'Whether it was seen before its entry came'),
            ('is_historical', 'Whether it was old when it came'),
            ('is_true', 'The last word of a person who looked: confirmed or rejected'),
            ('is_withdrawn', 'Whether the box took it back'),
            ('kind', 'Kind'),
            ('lane', 'The lane it watches'),
            ('last_at', 'When what it tells of happened last'),
            ('last_report', 'Up to when the last report counts'),
            ('latitude', 'Degrees north'),
            ('line', 'online, offline or never seen'),
            ('longitude', 'Degrees east'),
            ('lookback_since', 'Since when the box remembers reads for new entries'),
            ('lost', 'Messages that never came and are no longer asked for'),
            ('memory_mb', 'Memory of the box in use, in megabytes'),
            ('merged_into', 'The alert that it became part of'),
            ('missing', 'Messages that are missing and asked for'),
            ('n', 'How many hits were decided on'),
            ('name', 'Name'),
            ('note', 'A few words on it, never a plate'),
            ('number', 'The line''s number; numbers rise'),
            ('observed', 'The plate as it was read'),
            ('oldest_unreceipted_at', 'When the oldest message was written that waits for its receipt'),
            ('on_site_s', 'Seconds from when it happened until somebody was there'),
            ('other', 'The other alert of a merger'),
            ('outbox_bytes', 'Bytes that wait in the box to be sent'),
            ('outbox_rows', 'Messages that wait in the box to be sent'),
            ('outcome', 'How it ended, from a closed list'),
            ('partner', 'The private company whose cameras they are; none: the city''s own'),
            ('picture', 'What became of its picture: stored, on its way, none yet, or why there is none'),
            ('picture_sha256', 'SHA-256 of the redacted picture, hexadecimal'),
            ('plate', 'The plate of the entry that it matches'),
            ('point', 'Street point'),
            ('possible', 'How many of its hits are possible, which is no ground to act'),
            ('profile', 'The firmware profile of the box'),
            ('quality', 'exact, possible, or withdrawn'),
            ('raised_at', 'When the alert was raised'),
            ('raised_s', 'Seconds from when it happened until it was on the screen'),
            ('reason', 'Why'),
            ('reasons', 'Reason classes of the entries that it matches'),
            ('received_at', 'When it came'),
            ('refused_downlinks', 'Messages to the box that it refused'),
            ('registered_at', 'When it was registered'),
            ('report', 'The report''s hash, hexadecimal'),
            ('seen_s', 'Seconds from when it happened until a person took it up'),
            ('sharpness_after', 'Sharpness since'),
            ('sharpness_before', 'Sharpness before'),
            ('shift_px_after', 'How far the picture has moved since, in pixels'),
            ('shift_px_before', 'How far the picture had moved before, in pixels'),
            ('since', 'Since when it is so'),
            ('since_at', 'Since when the picture is so'),
            ('started_at', 'When the alarm began'),
            ('state', 'How it stands'),
            ('still_ms_after', 'How long the picture has not changed since, in milliseconds'),
            ('still_ms_before', 'How long the picture had not changed before, in milliseconds'),
            ('temperature_c', 'Temperature of the box, in degrees Celsius'),
            ('time_zone', 'Time zone, by its IANA name'),
            ('to_at', 'Up to when the report counts'),
            ('unit', 'Who was sent'),
            ('uptime_s', 'Seconds since the agent started'),
            ('versions', 'Versions of what runs on the box'),
            ('was_right', 'Whether the read turned out right; none: nobody can tell'),
            ('what', 'Which camera, list, reason, reader or quality'),
            ('withdrawn', 'How many of its hits were withdrawn'),
            ('word', 'The alarm''s word, such as line_crossing')
        ) AS word (column_name, about) USING (column_name)
        WHERE table_schema = 'ask'
    LOOP
        EXECUTE format('COMMENT ON COLUMN ask.%I.%I IS %L', said.table_name, said.column_name, said.about);
    END LOOP;
END
$$;

COMMENT ON COLUMN ask.hit_plate.entries IS 'The entries of the hotlist that it matches';
COMMENT ON COLUMN ask.alert.state IS 'new, seen, confirmed, rejected, dispatched, on_site, closed or merged';
COMMENT ON COLUMN ask.alert_history.state IS 'How the alert stood after it';
COMMENT ON COLUMN ask.device.state IS 'active or revoked';
COMMENT ON COLUMN ask.event.kind IS 'hit, hit-amended, alarm, evidence, evidence-unavailable, dropped, camera-condition, acceptance, ...';
COMMENT ON COLUMN ask.alert.kind IS 'hit, panic, alarm or report';
COMMENT ON COLUMN ask.alert_history.kind IS 'The alert''s kind: hit, panic, alarm or report';
COMMENT ON COLUMN ask.reaction.kind IS 'hit, panic, alarm or report';
