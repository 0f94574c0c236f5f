-- Counts as time-series (docs/storage.md): minutes in a partition for each day, sums of hours and days beside them, and
-- the views of schema `ask` over both.

-- A box's report gives each camera one row, at the minute in which it was written. No honest minute comes near the
-- bounds of an integer; core/rows.py holds the others to them.
ALTER TABLE camera_minute RENAME TO camera_minute_before;
ALTER TABLE camera_minute_before RENAME CONSTRAINT camera_minute_pkey TO camera_minute_before_pkey;

CREATE TABLE camera_minute (
    counted_at          timestamptz NOT NULL,  -- cut to the minute
    point_id            text NOT NULL,
    camera_id           text NOT NULL,
    city_id             text NOT NULL,
    device_id           text NOT NULL,
    report_hash         bytea NOT NULL,
    state               smallint NOT NULL,
    interval_ms         integer NOT NULL,
    frames_in           integer NOT NULL,
    frames_processed    integer NOT NULL,
    sampled_out         integer NOT NULL,
    dropped             integer NOT NULL,
    reconnects          integer NOT NULL,
    decode_errors       integer NOT NULL,
    vehicles            integer NOT NULL,
    reads               integer NOT NULL,
    unreadable          integer NOT NULL,
    hits                integer NOT NULL,
    faces               integer NOT NULL,
    frames_face_counted integer NOT NULL,
    detect_us           integer NOT NULL,
    read_us             integer NOT NULL,
    live_ms             integer NOT NULL,
    stalls              integer NOT NULL
) PARTITION BY RANGE (counted_at);

-- What lies in no day's partition: the aggregator makes those ahead, and moves here what belongs there.
CREATE TABLE camera_minute_default PARTITION OF camera_minute DEFAULT;

-- A day (UTC) gets a partition of its own, with the rows of it that lay in the default one; how many those were. Ingest
-- into other days goes on meanwhile.
CREATE FUNCTION add_camera_minute_day(day date) RETURNS bigint SET search_path FROM CURRENT LANGUAGE plpgsql AS $$
DECLARE
    name text := 'camera_minute_' || to_char(day, 'YYYYMMDD');
    from_at timestamptz := day::timestamp AT TIME ZONE 'UTC';
    to_at timestamptz := (day + 1)::timestamp AT TIME ZONE 'UTC';
    moved bigint;
BEGIN
    LOCK TABLE ONLY camera_minute IN SHARE UPDATE EXCLUSIVE MODE;
    IF to_regclass(name) IS NOT NULL THEN
        RETURN 0;
    END IF;
    LOCK TABLE camera_minute_default IN ACCESS EXCLUSIVE MODE;
    EXECUTE format('CREATE TABLE %I (LIKE camera_minute, CHECK (counted_at >= %L AND counted_at < %L))',
                   name, from_at, to_at);
    EXECUTE format('INSERT INTO %I SELECT * FROM camera_minute_default WHERE counted_at >= %L AND counted_at < %L',
                   name, from_at, to_at);
    GET DIAGNOSTICS moved = ROW_COUNT;
    DELETE FROM camera_minute_default WHERE counted_at >= from_at AND counted_at < to_at;
    EXECUTE format('ALTER TABLE camera_minute ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, from_at, to_at);
    EXECUTE format('ALTER TABLE %I DROP CONSTRAINT %I', name, name || '_counted_at_check');
    RETURN moved;
END
$$;

-- The rows of an installation that has some, day by day; a day with a handful, of a clock that was wrong, needs no
-- partition.
DO $$
DECLARE
    day date;
BEGIN
    FOR day IN
        SELECT (counted_at AT TIME ZONE 'UTC')::date FROM camera_minute_before
        GROUP BY 1 HAVING count(*) >= 1000 ORDER BY 1
    LOOP
        PERFORM add_camera_minute_day(day);
    END LOOP;
END
$$;

INSERT INTO camera_minute
SELECT date_bin('1 minute', counted_at, '2000-01-01Z'), point_id, camera_id, city_id, device_id, report_hash, state,
       least(interval_ms, 2147483647), least(frames_in, 2147483647), least(frames_processed, 2147483647),
       least(sampled_out, 2147483647), least(dropped, 2147483647), least(reconnects, 2147483647),
       least(decode_errors, 2147483647), least(vehicles, 2147483647), least(reads, 2147483647),
       least(unreadable, 2147483647), least(hits, 2147483647), least(faces, 2147483647),
       least(frames_face_counted, 2147483647), least(detect_us, 2147483647), least(read_us, 2147483647),
       least(live_ms, 2147483647), least(stalls, 2147483647)
FROM camera_minute_before;
DROP TABLE camera_minute_before;

ALTER TABLE camera_minute ADD PRIMARY KEY (point_id, counted_at, camera_id, report_hash);
CREATE INDEX camera_minute_by_time ON camera_minute (counted_at);

-- Sums of an hour (UTC) and of a local day. `minutes` are reports; `live_ms`: how long the camera was seen to be live.
CREATE TABLE camera_hour (
    hour                timestamptz NOT NULL,
    point_id            text NOT NULL,
    camera_id           text NOT NULL,
    city_id             text NOT NULL,
    minutes             integer NOT NULL,
    vehicles            bigint NOT NULL,
    reads               bigint NOT NULL,
    unreadable          bigint NOT NULL,
    hits                bigint NOT NULL,
    faces               bigint NOT NULL,
    frames_in           bigint NOT NULL,
    frames_processed    bigint NOT NULL,
    sampled_out         bigint NOT NULL,
    dropped             bigint NOT NULL,
    reconnects          bigint NOT NULL,
    stalls              bigint NOT NULL,
    decode_errors       bigint NOT NULL,
    frames_face_counted bigint NOT NULL,
    live_ms             bigint NOT NULL,
    reported_ms         bigint NOT NULL,
    PRIMARY KEY (point_id, hour, camera_id, city_id)
);
CREATE INDEX camera_hour_by_time ON camera_hour (hour);

-- What minutes that retention removed had added up to: an hour is this and its minutes, so that one that comes late is
-- added to them.
CREATE TABLE camera_hour_purged (LIKE camera_hour);
ALTER TABLE camera_hour_purged ADD PRIMARY KEY (point_id, hour, camera_id, city_id);

CREATE TABLE city_hour (
    hour                timestamptz NOT NULL,
    city_id             text NOT NULL,
    cameras             integer NOT NULL,  -- that reported
    minutes             integer NOT NULL,
    vehicles            bigint NOT NULL,
    reads               bigint NOT NULL,
    unreadable          bigint NOT NULL,
    hits                bigint NOT NULL,
    faces               bigint NOT NULL,
    frames_in           bigint NOT NULL,
    frames_processed    bigint NOT NULL,
    sampled_out         bigint NOT NULL,
    dropped             bigint NOT NULL,
    reconnects          bigint NOT NULL,
    stalls              bigint NOT NULL,
    decode_errors       bigint NOT NULL,
    frames_face_counted bigint NOT NULL,
    live_ms             bigint NOT NULL,
    reported_ms         bigint NOT NULL,
    coverage_ms         bigint NOT NULL,  -- an hour of each camera at most
    PRIMARY KEY (city_id, hour)
);
CREATE INDEX city_hour_by_time ON city_hour (hour);

CREATE TABLE camera_day (
    at                  timestamptz NOT NULL,  -- the day's first moment
    until               timestamptz NOT NULL,  -- the next one's
    local_date          date NOT NULL,
    point_id            text NOT NULL,
    camera_id           text NOT NULL,
    city_id             text NOT NULL,
    minutes             integer NOT NULL,
    vehicles            bigint NOT NULL,
    reads               bigint NOT NULL,
    unreadable          bigint NOT NULL,
    hits                bigint NOT NULL,
    faces               bigint NOT NULL,
    frames_in           bigint NOT NULL,
    frames_processed    bigint NOT NULL,
    sampled_out         bigint NOT NULL,
    dropped             bigint NOT NULL,
    reconnects          bigint NOT NULL,
    stalls              bigint NOT NULL,
    decode_errors       bigint NOT NULL,
    frames_face_counted bigint NOT NULL,
    live_ms             bigint NOT NULL,
    reported_ms         bigint NOT NULL,
    PRIMARY KEY (point_id, at, camera_id, city_id)
);
CREATE INDEX camera_day_by_time ON camera_day (at);

-- Which hours of which points minutes came for since their sums were made. Written with the minutes, by a trigger that
-- waits for nobody; gone with the sums that have them in (aggregator/adapters/rollup_maker.py).
CREATE TABLE count_due (
    hour     timestamptz NOT NULL,
    point_id text NOT NULL,
    city_id  text NOT NULL,
    number   bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (hour, point_id, number)
);

CREATE FUNCTION counts_are_due() RETURNS trigger SET search_path FROM CURRENT LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO count_due (hour, point_id, city_id)
    SELECT DISTINCT date_bin('1 hour', counted_at, '2000-01-01Z'), point_id, city_id FROM stored;
    RETURN NULL;
END
$$;

CREATE TRIGGER camera_minute_makes_sums AFTER INSERT ON camera_minute
    REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION counts_are_due();

INSERT INTO count_due (hour, point_id, city_id)
SELECT DISTINCT date_bin('1 hour', counted_at, '2000-01-01Z'), point_id, city_id FROM camera_minute;

-- Hours before this are gone: nothing older is summed any more.
CREATE TABLE count_horizon (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    hours_from timestamptz NOT NULL
);
INSERT INTO count_horizon (hours_from) VALUES ('-infinity');

-- Whether a hold covers a sum: of its camera in that time, or of a device that stands or stood at its point.
CREATE FUNCTION is_held_sum(point text, camera text, first_at timestamptz, last_at timestamptz)
RETURNS boolean STABLE LANGUAGE sql AS $$
    SELECT EXISTS (
        SELECT FROM legal_hold
        WHERE released_at IS NULL
          AND (legal_hold.device_id IN (
                   SELECT device_id FROM device WHERE device.point_id = point
                   UNION ALL
                   SELECT device_id FROM device_past_place WHERE device_past_place.point_id = point)
               OR (legal_hold.point_id, legal_hold.camera_id) = (point, camera) AND from_at < last_at
                  AND to_at > first_at))
$$;

-- Days are sums of whole hours of UTC, so a zone whose midnight lies between two of them is refused.
CREATE FUNCTION has_whole_hours(zone text) RETURNS boolean STABLE LANGUAGE sql AS $$
    SELECT bool_and(extract(epoch FROM date_trunc('hour', month AT TIME ZONE zone) - month AT TIME ZONE zone) = 0)
    FROM generate_series('2020-01-01Z'::timestamptz, '2050-01-01Z', '1 month') AS month
$$;

CREATE FUNCTION refuse_odd_time_zone() RETURNS trigger SET search_path FROM CURRENT LANGUAGE plpgsql AS $$
BEGIN
    IF NOT has_whole_hours(NEW.time_zone) THEN
        RAISE EXCEPTION 'time zone % is not whole hours off UTC, and days are summed from hours of UTC', NEW.time_zone
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER city_has_whole_hours AFTER INSERT OR UPDATE OF time_zone ON city
    FOR EACH ROW EXECUTE FUNCTION refuse_odd_time_zone();
CREATE TRIGGER point_has_whole_hours AFTER INSERT OR UPDATE OF time_zone ON point
    FOR EACH ROW WHEN (NEW.time_zone IS NOT NULL) EXECUTE FUNCTION refuse_odd_time_zone();

DO $$
DECLARE
    odd text;
BEGIN
    SELECT string_agg(DISTINCT time_zone, ', ') INTO odd
    FROM (SELECT time_zone FROM city UNION SELECT time_zone FROM point WHERE time_zone IS NOT NULL) AS used
    WHERE NOT has_whole_hours(time_zone);
    IF odd IS NOT NULL THEN
        RAISE EXCEPTION 'time zone % of the registry is not whole hours off UTC: give the city or point another', odd;
    END IF;
END
$$;

CREATE VIEW point_zone AS
SELECT point_id, coalesce(point.time_zone, city.time_zone) AS time_zone FROM point JOIN city USING (city_id);

-- A point whose zone changes has other days: what its hours are there for is summed again.
CREATE FUNCTION days_are_due() RETURNS trigger SET search_path FROM CURRENT LANGUAGE plpgsql AS $$
DECLARE
    moved text[] := ARRAY(
        SELECT point_id FROM point
        WHERE CASE TG_TABLE_NAME WHEN 'point' THEN point_id = to_jsonb(NEW) ->> 'point_id'
                                 ELSE city_id = to_jsonb(NEW) ->> 'city_id' AND time_zone IS NULL END);
BEGIN
    DELETE FROM camera_day WHERE point_id = ANY(moved) AND at >= (SELECT hours_from FROM count_horizon);
    INSERT INTO count_due (hour, point_id, city_id)
    SELECT DISTINCT hour, point_id, city_id FROM camera_hour WHERE point_id = ANY(moved);
    RETURN NULL;
END
$$;

CREATE TRIGGER city_moves_days AFTER UPDATE OF time_zone ON city
    FOR EACH ROW WHEN (NEW.time_zone <> OLD.time_zone) EXECUTE FUNCTION days_are_due();
CREATE TRIGGER point_moves_days AFTER UPDATE OF time_zone ON point
    FOR EACH ROW WHEN (NEW.time_zone IS DISTINCT FROM OLD.time_zone) EXECUTE FUNCTION days_are_due();

-- What stands in the tables of sums where it is whole, and is summed on the spot where a note says that it is not: so
-- answers are exact at every moment.
CREATE VIEW camera_hour_now AS
SELECT hour, point_id, camera_id, city_id, minutes, vehicles, reads, unreadable, hits, faces, frames_in,
       frames_processed, sampled_out, dropped, reconnects, stalls, decode_errors, frames_face_counted, live_ms,
       reported_ms
FROM camera_hour
WHERE NOT EXISTS (
    SELECT FROM count_due
    WHERE (count_due.hour, count_due.point_id, count_due.city_id)
        = (camera_hour.hour, camera_hour.point_id, camera_hour.city_id))
UNION ALL
SELECT touched.hour, touched.point_id, fresh.camera_id, touched.city_id, fresh.minutes, fresh.vehicles, fresh.reads,
       fresh.unreadable, fresh.hits, fresh.faces, fresh.frames_in, fresh.frames_processed, fresh.sampled_out,
       fresh.dropped, fresh.reconnects, fresh.stalls, fresh.decode_errors, fresh.frames_face_counted, fresh.live_ms,
       fresh.reported_ms
FROM (SELECT DISTINCT hour, point_id, city_id FROM count_due) AS touched
CROSS JOIN LATERAL (
    SELECT camera_id, sum(minutes)::integer AS minutes, sum(vehicles)::bigint AS vehicles, sum(reads)::bigint AS reads,
           sum(unreadable)::bigint AS unreadable, sum(hits)::bigint AS hits, sum(faces)::bigint AS faces,
           sum(frames_in)::bigint AS frames_in, sum(frames_processed)::bigint AS frames_processed,
           sum(sampled_out)::bigint AS sampled_out, sum(dropped)::bigint AS dropped,
           sum(reconnects)::bigint AS reconnects, sum(stalls)::bigint AS stalls,
           sum(decode_errors)::bigint AS decode_errors, sum(frames_face_counted)::bigint AS frames_face_counted,
           sum(live_ms)::bigint AS live_ms, sum(reported_ms)::bigint AS reported_ms
    FROM (
        SELECT camera_id, 1 AS minutes, vehicles::bigint, reads::bigint, unreadable::bigint, hits::bigint,
               faces::bigint, frames_in::bigint, frames_processed::bigint, sampled_out::bigint, dropped::bigint,
               reconnects::bigint, stalls::bigint, decode_errors::bigint, frames_face_counted::bigint, live_ms::bigint,
               interval_ms::bigint AS reported_ms
        FROM camera_minute
        WHERE point_id = touched.point_id AND city_id = touched.city_id
          AND counted_at >= touched.hour AND counted_at < touched.hour + interval '1 hour'
        UNION ALL
        SELECT camera_id, minutes, vehicles, reads, unreadable, hits, faces, frames_in, frames_processed, sampled_out,
               dropped, reconnects, stalls, decode_errors, frames_face_counted, live_ms, reported_ms
        FROM camera_hour_purged
        WHERE (camera_hour_purged.point_id, camera_hour_purged.hour, camera_hour_purged.city_id)
            = (touched.point_id, touched.hour, touched.city_id)
    ) AS kept
    GROUP BY camera_id
) AS fresh;

CREATE VIEW city_hour_now AS
SELECT hour, city_id, cameras, minutes, vehicles, reads, unreadable, hits, faces, frames_in, frames_processed,
       sampled_out, dropped, reconnects, stalls, decode_errors, frames_face_counted, live_ms, reported_ms, coverage_ms
FROM city_hour
WHERE NOT EXISTS (SELECT FROM count_due WHERE (count_due.hour, count_due.city_id) = (city_hour.hour, city_hour.city_id))
UNION ALL
SELECT touched.hour, touched.city_id, fresh.cameras, fresh.minutes, fresh.vehicles, fresh.reads, fresh.unreadable,
       fresh.hits, fresh.faces, fresh.frames_in, fresh.frames_processed, fresh.sampled_out, fresh.dropped,
       fresh.reconnects, fresh.stalls, fresh.decode_errors, fresh.frames_face_counted, fresh.live_ms,
       fresh.reported_ms, fresh.coverage_ms
FROM (SELECT DISTINCT hour, city_id FROM count_due) AS touched
CROSS JOIN LATERAL (
    SELECT count(*)::integer AS cameras, sum(minutes)::integer AS minutes, sum(vehicles)::bigint AS vehicles,
           sum(reads)::bigint AS reads, sum(unreadable)::bigint AS unreadable, sum(hits)::bigint AS hits,
           sum(faces)::bigint AS faces, sum(frames_in)::bigint AS frames_in,
           sum(frames_processed)::bigint AS frames_processed, sum(sampled_out)::bigint AS sampled_out,
           sum(dropped)::bigint AS dropped, sum(reconnects)::bigint AS reconnects, sum(stalls)::bigint AS stalls,
           sum(decode_errors)::bigint AS decode_errors, sum(frames_face_counted)::bigint AS frames_face_counted,
           sum(live_ms)::bigint AS live_ms, sum(reported_ms)::bigint AS reported_ms,
           sum(least(live_ms, 3600000))::bigint AS coverage_ms
    FROM camera_hour_now
    WHERE camera_hour_now.hour = touched.hour AND camera_hour_now.city_id = touched.city_id
    HAVING count(*) > 0
) AS fresh;

CREATE VIEW camera_day_now AS
SELECT at, until, local_date, point_id, camera_id, city_id, minutes, vehicles, reads, unreadable, hits, faces,
       frames_in, frames_processed, sampled_out, dropped, reconnects, stalls, decode_errors, frames_face_counted,
       live_ms, reported_ms
FROM camera_day
WHERE NOT EXISTS (
    SELECT FROM count_due
    WHERE (count_due.point_id, count_due.city_id) = (camera_day.point_id, camera_day.city_id)
      AND count_due.hour >= at AND count_due.hour < until)
UNION ALL
SELECT touched.at, touched.until, touched.local_date, touched.point_id, fresh.camera_id, touched.city_id,
       fresh.minutes, fresh.vehicles, fresh.reads, fresh.unreadable, fresh.hits, fresh.faces, fresh.frames_in,
       fresh.frames_processed, fresh.sampled_out, fresh.dropped, fresh.reconnects, fresh.stalls, fresh.decode_errors,
       fresh.frames_face_counted, fresh.live_ms, fresh.reported_ms
FROM (
    SELECT DISTINCT day.point_id, day.city_id, day.at,
           (day.at AT TIME ZONE time_zone + interval '1 day') AT TIME ZONE time_zone AS until,
           (day.at AT TIME ZONE time_zone)::date AS local_date
    FROM (
        SELECT count_due.point_id, count_due.city_id, time_zone, date_trunc('day', hour, time_zone) AS at
        FROM count_due JOIN point_zone ON point_zone.point_id = count_due.point_id
    ) AS day
) AS touched
CROSS JOIN LATERAL (
    SELECT camera_id, sum(minutes)::integer AS minutes, sum(vehicles)::bigint AS vehicles, sum(reads)::bigint AS reads,
           sum(unreadable)::bigint AS unreadable, sum(hits)::bigint AS hits, sum(faces)::bigint AS faces,
           sum(frames_in)::bigint AS frames_in, sum(frames_processed)::bigint AS frames_processed,
           sum(sampled_out)::bigint AS sampled_out, sum(dropped)::bigint AS dropped,
           sum(reconnects)::bigint AS reconnects, sum(stalls)::bigint AS stalls,
           sum(decode_errors)::bigint AS decode_errors, sum(frames_face_counted)::bigint AS frames_face_counted,
           sum(live_ms)::bigint AS live_ms, sum(reported_ms)::bigint AS reported_ms
    FROM camera_hour_now
    WHERE (camera_hour_now.point_id, camera_hour_now.city_id) = (touched.point_id, touched.city_id)
      AND hour >= touched.at AND hour < touched.until
    GROUP BY camera_id
) AS fresh;

-- What analysts ask. A bucket's coverage is how long its cameras were seen to be live, and no longer than the bucket.
CREATE VIEW ask.minute WITH (security_barrier) AS
SELECT counted_at AS at, city_id AS city, point_id AS point, camera_id AS camera, sum(vehicles) AS vehicles,
       sum(reads) AS reads, sum(unreadable) AS unreadable, sum(hits) AS hits, sum(faces) AS faces,
       sum(frames_in) AS frames_in, sum(frames_processed) AS frames_processed, sum(sampled_out) AS sampled_out,
       sum(dropped) AS dropped, sum(reconnects) AS reconnects, sum(stalls) AS stalls,
       sum(decode_errors) AS decode_errors, sum(frames_face_counted) AS frames_face_counted, count(*) AS minutes,
       sum(live_ms) / 1000.0::double precision AS live_s, sum(interval_ms) / 1000.0::double precision AS reported_s,
       least(sum(live_ms), 60000) / 1000.0::double precision AS coverage_s
FROM camera_minute
WHERE city_id = ANY ((SELECT ask.visible_cities())::text[])
GROUP BY counted_at, city_id, point_id, camera_id;

CREATE VIEW ask.hour WITH (security_barrier) AS
SELECT hour AS at, city_id AS city, point_id AS point, camera_id AS camera, vehicles, reads, unreadable, hits, faces,
       frames_in, frames_processed, sampled_out, dropped, reconnects, stalls, decode_errors, frames_face_counted,
       minutes::bigint AS minutes, live_ms / 1000.0::double precision AS live_s,
       reported_ms / 1000.0::double precision AS reported_s,
       least(live_ms, 3600000) / 1000.0::double precision AS coverage_s
FROM camera_hour_now
WHERE city_id = ANY ((SELECT ask.visible_cities())::text[]);

CREATE VIEW ask.city_hour WITH (security_barrier) AS
SELECT hour AS at, city_id AS city, cameras, vehicles, reads, unreadable, hits, faces, frames_in, frames_processed,
       sampled_out, dropped, reconnects, stalls, decode_errors, frames_face_counted, minutes::bigint AS minutes,
       live_ms / 1000.0::double precision AS live_s, reported_ms / 1000.0::double precision AS reported_s,
       coverage_ms / 1000.0::double precision AS coverage_s
FROM city_hour_now
WHERE city_id = ANY ((SELECT ask.visible_cities())::text[]);

CREATE VIEW ask.day WITH (security_barrier) AS
SELECT at, local_date, city_id AS city, point_id AS point, camera_id AS camera, vehicles, reads, unreadable, hits,
       faces, frames_in, frames_processed, sampled_out, dropped, reconnects, stalls, decode_errors,
       frames_face_counted, minutes::bigint AS minutes, live_ms / 1000.0::double precision AS live_s,
       reported_ms / 1000.0::double precision AS reported_s,
       least(live_ms / 1000.0::double precision, extract(epoch FROM until - at)::double precision) AS coverage_s
FROM camera_day_now
WHERE city_id = ANY ((SELECT ask.visible_cities())::text[]);
