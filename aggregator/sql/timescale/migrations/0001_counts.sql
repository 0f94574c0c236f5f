-- Counts on TimescaleDB, in one transaction.
--
-- camera_minute becomes a hypertable under its own name: a chunk for each day, compressed once little comes late.

LOCK TABLE camera_minute IN ACCESS EXCLUSIVE MODE;

-- Views hold on to a table itself, not to its name. These statements make those over a table again, word for word.
CREATE OR REPLACE FUNCTION pg_temp.views_over(it regclass) RETURNS text[] LANGUAGE sql AS $$
    SELECT coalesce(array_agg(
        format('CREATE OR REPLACE VIEW %s%s AS %s', oid::regclass,
               ' WITH (' || array_to_string(reloptions, ', ') || ')', pg_get_viewdef(oid))), '{}')
    FROM pg_class
    WHERE relkind = 'v' AND oid IN (
        SELECT ev_class FROM pg_rewrite JOIN pg_depend ON pg_depend.objid = pg_rewrite.oid
        WHERE classid = 'pg_rewrite'::regclass AND refobjid = it)
$$;

DO $$
DECLARE
    made text[] := pg_temp.views_over('camera_minute')
        || ARRAY(SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = 'camera_minute'::regclass AND NOT tgisinternal);
    said text;
BEGIN
    ALTER TABLE camera_minute RENAME TO camera_minute_partitioned;
    ALTER TABLE camera_minute_partitioned RENAME CONSTRAINT camera_minute_pkey TO camera_minute_partitioned_pkey;
    ALTER INDEX camera_minute_by_time RENAME TO camera_minute_partitioned_by_time;
    CREATE TABLE camera_minute (LIKE camera_minute_partitioned INCLUDING COMMENTS INCLUDING CONSTRAINTS);
    ALTER TABLE camera_minute ADD PRIMARY KEY (point_id, counted_at, camera_id, report_hash);
    CREATE INDEX camera_minute_by_time ON camera_minute (counted_at);
    PERFORM create_hypertable('camera_minute', by_range('counted_at', interval '1 day'), create_default_indexes => false);
    FOREACH said IN ARRAY made LOOP
        EXECUTE said;
    END LOOP;
END
$$;

-- Cities apart: whoever may see one unpacks no other.
ALTER TABLE camera_minute SET (
    timescaledb.compress, timescaledb.compress_segmentby = 'city_id, point_id, camera_id',
    timescaledb.compress_orderby = 'counted_at, report_hash');

INSERT INTO camera_minute SELECT * FROM camera_minute_partitioned;
DROP TABLE camera_minute_partitioned;
DROP FUNCTION add_camera_minute_day(date);
SELECT add_compression_policy('camera_minute', compress_after => interval '7 days');

-- The sums of hours become continuous aggregates, those of local days one for each time zone. Views over them have the
-- names and columns of the tables that the aggregator fills elsewhere, so all that stands on those stays as it is, word for
-- word: what has a note in count_due is summed on the spot.
--
-- The aggregates are not real-time ones. Those add what lies beyond the last refresh and leave out what came late to an
-- hour before it; the notes know of both. A note goes after the refresh that has its minutes in.

CREATE TEMPORARY TABLE to_make_again ON COMMIT DROP AS
SELECT unnest(pg_temp.views_over(it)) AS said FROM unnest('{camera_hour, city_hour, camera_day}'::regclass[]) AS it;

ALTER TABLE camera_hour RENAME TO camera_hour_plain;
ALTER TABLE city_hour RENAME TO city_hour_plain;
ALTER TABLE camera_day RENAME TO camera_day_plain;

CREATE MATERIALIZED VIEW camera_hour_sums WITH (timescaledb.continuous, timescaledb.materialized_only = true) AS
SELECT time_bucket(interval '1 hour', counted_at) AS hour, point_id, camera_id, city_id, count(*)::integer AS minutes,
       sum(vehicles) AS vehicles, sum(reads) AS reads, sum(unreadable) AS unreadable, sum(hits) AS hits,
       sum(faces) AS faces, sum(frames_in) AS frames_in, sum(frames_processed) AS frames_processed,
       sum(sampled_out) AS sampled_out, sum(dropped) AS dropped, sum(reconnects) AS reconnects, sum(stalls) AS stalls,
       sum(decode_errors) AS decode_errors, sum(frames_face_counted) AS frames_face_counted, sum(live_ms) AS live_ms,
       sum(interval_ms) AS reported_ms
FROM camera_minute
GROUP BY 1, 2, 3, 4
WITH NO DATA;

CREATE MATERIALIZED VIEW city_hour_sums WITH (timescaledb.continuous, timescaledb.materialized_only = true) AS
SELECT time_bucket(interval '1 hour', hour) AS hour, city_id, count(*)::integer AS cameras,
       sum(minutes)::integer AS minutes, sum(vehicles)::bigint AS vehicles, sum(reads)::bigint AS reads,
       sum(unreadable)::bigint AS unreadable, sum(hits)::bigint AS hits, sum(faces)::bigint AS faces,
       sum(frames_in)::bigint AS frames_in, sum(frames_processed)::bigint AS frames_processed,
       sum(sampled_out)::bigint AS sampled_out, sum(dropped)::bigint AS dropped, sum(reconnects)::bigint AS reconnects,
       sum(stalls)::bigint AS stalls, sum(decode_errors)::bigint AS decode_errors,
       sum(frames_face_counted)::bigint AS frames_face_counted, sum(live_ms)::bigint AS live_ms,
       sum(reported_ms)::bigint AS reported_ms, sum(least(live_ms, 3600000))::bigint AS coverage_ms
FROM camera_hour_sums
GROUP BY 1, 2
WITH NO DATA;

CREATE VIEW camera_hour AS SELECT * FROM camera_hour_sums;
CREATE VIEW city_hour AS SELECT * FROM city_hour_sums;

-- The time zones whose days have an aggregate, camera_day_NUMBER. One that is not filled yet is not read.
CREATE TABLE camera_day_zone (
    number    integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    time_zone text NOT NULL UNIQUE,
    is_filled boolean NOT NULL DEFAULT false
);

-- An aggregate for each zone that points are in and that has none; the numbers of those that are to be filled.
CREATE FUNCTION add_camera_day_zones() RETURNS SETOF integer SET search_path FROM CURRENT LANGUAGE plpgsql AS $$
DECLARE
    made record;
BEGIN
    FOR made IN
        INSERT INTO camera_day_zone (time_zone) SELECT DISTINCT time_zone FROM point_zone
        ON CONFLICT DO NOTHING RETURNING number, time_zone
    LOOP
        EXECUTE format($made$
            CREATE MATERIALIZED VIEW %I WITH (timescaledb.continuous, timescaledb.materialized_only = true) AS
            SELECT time_bucket(interval '1 day', hour, %L) AS at, point_id, camera_id, city_id,
                   sum(minutes)::integer AS minutes, sum(vehicles)::bigint AS vehicles, sum(reads)::bigint AS reads,
                   sum(unreadable)::bigint AS unreadable, sum(hits)::bigint AS hits, sum(faces)::bigint AS faces,
                   sum(frames_in)::bigint AS frames_in, sum(frames_processed)::bigint AS frames_processed,
                   sum(sampled_out)::bigint AS sampled_out, sum(dropped)::bigint AS dropped,
                   sum(reconnects)::bigint AS reconnects, sum(stalls)::bigint AS stalls,
                   sum(decode_errors)::bigint AS decode_errors, sum(frames_face_counted)::bigint AS frames_face_counted,
                   sum(live_ms)::bigint AS live_ms, sum(reported_ms)::bigint AS reported_ms
            FROM camera_hour_sums
            GROUP BY 1, 2, 3, 4
            WITH NO DATA
        $made$, 'camera_day_' || made.number, made.time_zone);
    END LOOP;
    RETURN QUERY SELECT number FROM camera_day_zone WHERE NOT is_filled ORDER BY number;
END
$$;

-- The days of each point in its own zone: of the zone's aggregate if it is filled, else of the hours.
CREATE FUNCTION make_camera_day() RETURNS void SET search_path FROM CURRENT LANGUAGE plpgsql AS $$
DECLARE
    sums text := 'minutes, vehicles, reads, unreadable, hits, faces, frames_in, frames_processed, sampled_out, dropped, '
        'reconnects, stalls, decode_errors, frames_face_counted, live_ms, reported_ms';
    filled text[] := ARRAY(SELECT time_zone FROM camera_day_zone WHERE is_filled);
    days text;
BEGIN
    SELECT string_agg(format('SELECT at, point_id, camera_id, city_id, time_zone, %s FROM %I JOIN point_zone USING (point_id) '
                             'WHERE time_zone = %L UNION ALL ', sums, 'camera_day_' || number, time_zone), '')
    INTO days FROM camera_day_zone WHERE is_filled;
    EXECUTE format($made$
        CREATE OR REPLACE VIEW camera_day AS
        SELECT at, (at AT TIME ZONE time_zone + interval '1 day') AT TIME ZONE time_zone AS until,
               (at AT TIME ZONE time_zone)::date AS local_date, point_id, camera_id, city_id, %1$s
        FROM (
            %2$s
            SELECT date_trunc('day', hour, time_zone), point_id, camera_id, city_id, time_zone, sum(minutes)::integer, %3$s
            FROM camera_hour JOIN point_zone USING (point_id)
            WHERE time_zone <> ALL (%4$L::text[])
            GROUP BY 1, 2, 3, 4, 5
        ) AS day (at, point_id, camera_id, city_id, time_zone, %1$s)
    $made$, sums, days,
    (SELECT string_agg(format('sum(%I)::bigint', name), ', ') FROM unnest(string_to_array(sums, ', ')) AS name
     WHERE name <> 'minutes'), filled);
END
$$;

SELECT make_camera_day();

-- Retention removes sums as it does elsewhere: from the table that an aggregate keeps them in.
CREATE FUNCTION table_of_sums(aggregate text) RETURNS text STABLE LANGUAGE sql AS $$
    SELECT format('%I.%I', materialization_hypertable_schema, materialization_hypertable_name)
    FROM timescaledb_information.continuous_aggregates
    WHERE view_name = aggregate AND view_schema = current_schema()
$$;

CREATE FUNCTION forget_camera_hour() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('DELETE FROM %s WHERE hour = $1 AND point_id = $2 AND camera_id = $3 AND city_id = $4', TG_ARGV[0])
    USING OLD.hour, OLD.point_id, OLD.camera_id, OLD.city_id;
    RETURN OLD;
END
$$;

CREATE FUNCTION forget_city_hour() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('DELETE FROM %s WHERE hour = $1 AND city_id = $2', TG_ARGV[0]) USING OLD.hour, OLD.city_id;
    RETURN OLD;
END
$$;

CREATE FUNCTION forget_camera_day() RETURNS trigger SET search_path FROM CURRENT LANGUAGE plpgsql AS $$
DECLARE
    aggregate text := (SELECT 'camera_day_' || number FROM camera_day_zone JOIN point_zone USING (time_zone)
                       WHERE point_id = OLD.point_id AND is_filled);
BEGIN
    IF aggregate IS NOT NULL THEN
        EXECUTE format('DELETE FROM %s WHERE at = $1 AND point_id = $2 AND camera_id = $3 AND city_id = $4',
                       table_of_sums(aggregate))
        USING OLD.at, OLD.point_id, OLD.camera_id, OLD.city_id;
    END IF;
    RETURN OLD;
END
$$;

DO $$
BEGIN
    EXECUTE format('CREATE TRIGGER goes_from_sums INSTEAD OF DELETE ON camera_hour '
                   'FOR EACH ROW EXECUTE FUNCTION forget_camera_hour(%L)', table_of_sums('camera_hour_sums'));
    EXECUTE format('CREATE TRIGGER goes_from_sums INSTEAD OF DELETE ON city_hour '
                   'FOR EACH ROW EXECUTE FUNCTION forget_city_hour(%L)', table_of_sums('city_hour_sums'));
END
$$;
CREATE TRIGGER goes_from_sums INSTEAD OF DELETE ON camera_day FOR EACH ROW EXECUTE FUNCTION forget_camera_day();

-- The view follows a point into another zone by itself.
CREATE OR REPLACE FUNCTION days_are_due() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RETURN NULL;
END
$$;

DO $$
DECLARE
    view record;
BEGIN
    FOR view IN SELECT said FROM to_make_again LOOP
        EXECUTE view.said;
    END LOOP;
END
$$;

-- Sums of minutes that retention has removed cannot be made again: they are taken over. So are days without their hours.
DO $$
DECLARE
    purged_until timestamptz := (SELECT max(hour) + interval '1 hour' FROM camera_hour_purged);
    sums text := 'minutes, vehicles, reads, unreadable, hits, faces, frames_in, frames_processed, sampled_out, dropped, '
        'reconnects, stalls, decode_errors, frames_face_counted, live_ms, reported_ms';
    zone record;
BEGIN
    EXECUTE format('INSERT INTO %1$s (hour, point_id, camera_id, city_id, %2$s) '
                   'SELECT hour, point_id, camera_id, city_id, %2$s FROM camera_hour_plain WHERE hour < $1',
                   table_of_sums('camera_hour_sums'), sums) USING purged_until;
    EXECUTE format('INSERT INTO %1$s (hour, city_id, cameras, coverage_ms, %2$s) '
                   'SELECT hour, city_id, cameras, coverage_ms, %2$s FROM city_hour_plain WHERE hour < $1',
                   table_of_sums('city_hour_sums'), sums) USING purged_until;
    PERFORM add_camera_day_zones();
    FOR zone IN SELECT number, time_zone FROM camera_day_zone LOOP
        EXECUTE format('INSERT INTO %1$s (at, point_id, camera_id, city_id, %2$s) '
                       'SELECT at, point_id, camera_id, city_id, %2$s FROM camera_day_plain JOIN point_zone USING (point_id) '
                       'WHERE time_zone = $1 AND at < (SELECT hours_from FROM count_horizon)',
                       table_of_sums('camera_day_' || zone.number), sums) USING zone.time_zone;
    END LOOP;
END
$$;
DROP TABLE camera_hour_plain, city_hour_plain, camera_day_plain;

-- Up to where retention has removed minutes is asked often.
CREATE INDEX camera_hour_purged_by_time ON camera_hour_purged (hour);

-- Nothing is summed yet.
INSERT INTO count_due (hour, point_id, city_id)
SELECT DISTINCT time_bucket(interval '1 hour', counted_at), point_id, city_id FROM camera_minute;
