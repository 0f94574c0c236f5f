-- What the migrations make, for readers; nothing runs this. Written by scripts/dump_schema.py.

CREATE SCHEMA ask;
COMMENT ON SCHEMA ask IS 'What may be asked: views that show each asker the cities he may read.';

CREATE DOMAIN public.registry_id AS text
	CONSTRAINT registry_id_check CHECK ((VALUE ~ '^[a-z0-9][a-z0-9-]{0,31}$'::text));

CREATE DOMAIN public.sha256 AS bytea
	CONSTRAINT sha256_check CHECK ((octet_length(VALUE) = 32));

CREATE TABLE public.city (
    city_id public.registry_id NOT NULL,
    name text NOT NULL,
    time_zone text NOT NULL,
    registered_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT city_name_check CHECK ((name <> ''::text)),
    CONSTRAINT city_time_zone_check CHECK ((time_zone <> ''::text))
);
COMMENT ON TABLE public.city IS 'Cities: each the owner of its points and their command centre.';
COMMENT ON COLUMN public.city.city_id IS 'City';
COMMENT ON COLUMN public.city.name IS 'Name';
COMMENT ON COLUMN public.city.time_zone IS 'Time zone, by its IANA name';
COMMENT ON COLUMN public.city.registered_at IS 'When it was registered';

CREATE TABLE public.city_reader (
    role_name name NOT NULL,
    city_id public.registry_id NOT NULL
);
COMMENT ON TABLE public.city_reader IS 'Database roles that may read a city.';
COMMENT ON COLUMN public.city_reader.role_name IS 'The database role';
COMMENT ON COLUMN public.city_reader.city_id IS 'City';

CREATE VIEW ask.visible_city WITH (security_barrier='true') AS
 SELECT (city_id)::text AS city
   FROM public.city
  WHERE
        CASE
            WHEN pg_has_role(CURRENT_USER, ( SELECT pg_namespace.nspowner
               FROM pg_namespace
              WHERE (pg_namespace.nspname = 'ask'::name)), 'USAGE'::text) THEN ((current_setting('atalaya.cities'::text, true) = '*'::text) OR ((city_id)::text = ANY (string_to_array(current_setting('atalaya.cities'::text, true), ','::text))))
            ELSE (EXISTS ( SELECT
               FROM (public.city_reader
                 JOIN pg_roles ON ((pg_roles.rolname = city_reader.role_name)))
              WHERE (((city_reader.city_id)::text = (city.city_id)::text) AND pg_has_role(CURRENT_USER, pg_roles.oid, 'USAGE'::text))))
        END;
COMMENT ON VIEW ask.visible_city IS 'The cities that whoever asks may read.';
COMMENT ON COLUMN ask.visible_city.city IS 'City';

CREATE FUNCTION ask.visible_cities() RETURNS text[]
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN COALESCE((SELECT array_agg(visible_city.city ORDER BY visible_city.city) AS array_agg FROM ask.visible_city), '{}'::text[]);
COMMENT ON FUNCTION ask.visible_cities() IS 'The cities that whoever asks may read.';

CREATE FUNCTION public.add_camera_minute_day(day date) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO '$user', 'public'
    AS $$
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

CREATE FUNCTION public.alert_is_due() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF TG_TABLE_NAME IN ('hit', 'alarm') THEN
        INSERT INTO alert_due (what, event) SELECT TG_TABLE_NAME, envelope_hash FROM stored;
    ELSE
        INSERT INTO alert_due (what, event) SELECT 'hit', hit_hash FROM stored;
    END IF;
    PERFORM pg_notify('alert_due', '');
    RETURN NULL;
END
$$;

CREATE FUNCTION public.counts_are_due() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO '$user', 'public'
    AS $$
BEGIN
    INSERT INTO count_due (hour, point_id, city_id)
    SELECT DISTINCT date_bin('1 hour', counted_at, '2000-01-01Z'), point_id, city_id FROM stored;
    RETURN NULL;
END
$$;

CREATE FUNCTION public.days_are_due() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO '$user', 'public'
    AS $$
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

CREATE FUNCTION public.forward_is_due() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF EXISTS (SELECT FROM forward_rule WHERE kind = TG_ARGV[0]) THEN
        INSERT INTO forward_due (event, kind, is_alert, received_at)
        SELECT envelope_hash, TG_ARGV[0], TG_ARGV[0] IN ('hit', 'hit-amended', 'alarm'), received_at FROM stored
        ORDER BY received_at, epoch, sequence
        ON CONFLICT DO NOTHING;
        PERFORM pg_notify('forward_due', '');
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION public.has_whole_hours(zone text) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
    SELECT bool_and(extract(epoch FROM date_trunc('hour', month AT TIME ZONE zone) - month AT TIME ZONE zone) = 0)
    FROM generate_series('2020-01-01Z'::timestamptz, '2050-01-01Z', '1 month') AS month
$$;

CREATE FUNCTION public.is_held(device text, point text, camera text, first_at timestamp with time zone, last_at timestamp with time zone) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
    SELECT EXISTS (
        SELECT FROM legal_hold
        WHERE released_at IS NULL
          AND (legal_hold.device_id = device
               OR legal_hold.point_id = point AND (camera IS NULL OR legal_hold.camera_id = camera)
                  AND from_at <= last_at AND to_at > first_at))
$$;

CREATE FUNCTION public.is_held_hit(hit_hash bytea) RETURNS boolean
    LANGUAGE sql STABLE
    AS $_$
    SELECT EXISTS (SELECT FROM legal_hold WHERE released_at IS NULL AND legal_hold.hit_hash = $1)
        OR EXISTS (
            SELECT FROM legal_hold JOIN hit_match USING (entry_id)
            WHERE released_at IS NULL
              AND (envelope_hash = $1
                   OR envelope_hash IN (SELECT envelope_hash FROM hit_amendment WHERE hit_amendment.hit_hash = $1)))
        OR EXISTS (
            SELECT FROM hit
            WHERE envelope_hash = $1
              AND is_held(device_id, point_id, camera_id, least(captured_at, counted_at),
                          greatest(captured_at, counted_at)))
$_$;

CREATE FUNCTION public.is_held_notice(hit bytea, entries text[]) RETURNS boolean
    LANGUAGE sql STABLE
    AS $_$
    SELECT EXISTS (
        SELECT FROM legal_hold
        WHERE released_at IS NULL AND (legal_hold.hit_hash = $1 OR legal_hold.entry_id = ANY ($2)))
$_$;

CREATE FUNCTION public.is_held_sum(point text, camera text, first_at timestamp with time zone, last_at timestamp with time zone) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
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

CREATE FUNCTION public.is_picture_needed(device text, picture bytea, cutoff timestamp with time zone) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
    SELECT EXISTS (
        SELECT FROM evidence
        WHERE device_id = device AND (redacted_sha256 = picture OR sealed_sha256 = picture)
          AND (received_at >= cutoff OR is_held_hit(hit_hash)
               OR is_held(device_id, point_id, camera_id, captured_at, captured_at)))
$$;

CREATE FUNCTION public.may_read_city(reader name, city text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO '$user', 'public'
    AS $$
    SELECT EXISTS (
        SELECT FROM city_reader JOIN pg_roles ON rolname = role_name
        WHERE city_id = city AND pg_has_role(reader, oid, 'USAGE'))
$$;

CREATE TABLE public.notice (
    notice_id bigint NOT NULL,
    number bigint NOT NULL,
    to_city public.registry_id NOT NULL,
    hit public.sha256 NOT NULL,
    city_id text NOT NULL,
    point_id text NOT NULL,
    camera_id text NOT NULL,
    why text NOT NULL,
    reason text NOT NULL,
    corridor text NOT NULL,
    entries text[] NOT NULL,
    captured_at timestamp with time zone NOT NULL,
    told_at timestamp with time zone NOT NULL,
    until_at timestamp with time zone NOT NULL,
    taken_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    envelope bytea,
    CONSTRAINT notice_check CHECK ((told_at < until_at)),
    CONSTRAINT notice_why_check CHECK ((why <> ''::text))
);
COMMENT ON TABLE public.notice IS 'In a city: hits elsewhere of which its region told it.';
COMMENT ON COLUMN public.notice.notice_id IS 'Its number for people';
COMMENT ON COLUMN public.notice.number IS 'Number of its last change, in one order with alert_history.number';
COMMENT ON COLUMN public.notice.to_city IS 'The city that was told: this one';
COMMENT ON COLUMN public.notice.hit IS 'SHA-256 of the hit''s envelope';
COMMENT ON COLUMN public.notice.city_id IS 'The city that saw it';
COMMENT ON COLUMN public.notice.point_id IS 'The point that saw it';
COMMENT ON COLUMN public.notice.camera_id IS 'The camera that saw it';
COMMENT ON COLUMN public.notice.why IS 'Why we are told: asked (an entry is ours), neighbour or corridor';
COMMENT ON COLUMN public.notice.reason IS 'Why the vehicle is wanted';
COMMENT ON COLUMN public.notice.corridor IS 'The corridor, if it was told by one';
COMMENT ON COLUMN public.notice.entries IS 'The entries that it names';
COMMENT ON COLUMN public.notice.captured_at IS 'When the vehicle was there, by the box''s clock';
COMMENT ON COLUMN public.notice.told_at IS 'When the region said so, by its clock';
COMMENT ON COLUMN public.notice.until_at IS 'Until when it holds';
COMMENT ON COLUMN public.notice.taken_at IS 'When it came first';
COMMENT ON COLUMN public.notice.changed_at IS 'When it changed last';
COMMENT ON COLUMN public.notice.envelope IS 'The box''s own signed message, with the plate; none: we may not see it, or the time is up';

CREATE FUNCTION public.notice_act(told public.notice) RETURNS text
    LANGUAGE sql STABLE
    AS $$
    SELECT CASE WHEN told.until_at <= told.told_at + interval '1 millisecond' THEN 'over'
                WHEN told.changed_at = told.taken_at THEN 'new' ELSE 'changed' END
$$;

CREATE FUNCTION public.notice_is_due() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF EXISTS (SELECT FROM notice_policy) THEN
        IF TG_TABLE_NAME = 'hit' THEN
            INSERT INTO notice_due (hit) SELECT envelope_hash FROM stored;
        ELSE
            INSERT INTO notice_due (hit) SELECT hit_hash FROM stored;
        END IF;
        PERFORM pg_notify('notice_due', '');
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION public.notice_is_due_again() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF EXISTS (SELECT FROM notice_policy) THEN
        INSERT INTO notice_due (hit)
        SELECT DISTINCT coalesce(hit_hash, hit_match.envelope_hash)
        FROM stored JOIN hit_match ON hit_match.entry_id = stored.entry_id LEFT JOIN hit_amendment USING (envelope_hash);
        PERFORM pg_notify('notice_due', '');
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION public.notice_webhooks_are_due() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO webhook_delivery (webhook_id, number, notice_id, body, waiting_since, next_try_at)
    SELECT webhook_id, NEW.number, NEW.notice_id,
           jsonb_build_object(
               'type', 'notice.' || notice_act(NEW), 'number', NEW.number, 'at', utc_text(NEW.changed_at),
               'notice', NEW.notice_id, 'to', NEW.to_city, 'why', NEW.why, 'reason', NEW.reason,
               'corridor', NEW.corridor, 'city', NEW.city_id, 'point', NEW.point_id, 'camera', NEW.camera_id,
               'captured_at', utc_text(NEW.captured_at), 'until_at', utc_text(NEW.until_at))::text,
           now(), now()
    FROM webhook
    WHERE (webhook.city_id IS NULL OR webhook.city_id = NEW.to_city) AND (acts = '{}' OR 'notice' = ANY (acts));
    IF FOUND THEN
        PERFORM pg_notify('webhook_due', '');
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION public.refuse_audit_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'audit rows are never changed or removed' USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE FUNCTION public.refuse_history_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF TG_OP = 'DELETE' AND NOT EXISTS (SELECT FROM alert WHERE alert_id = OLD.alert_id) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the history of an alert is never changed or removed' USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE FUNCTION public.refuse_hold_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.released_at IS NULL
       AND to_jsonb(NEW) - '{released_by,released_at}'::text[] = to_jsonb(OLD) - '{released_by,released_at}'::text[] THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a legal hold is released, never changed or removed' USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE FUNCTION public.refuse_odd_time_zone() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO '$user', 'public'
    AS $$
BEGIN
    IF NOT has_whole_hours(NEW.time_zone) THEN
        RAISE EXCEPTION 'time zone % is not whole hours off UTC, and days are summed from hours of UTC', NEW.time_zone
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION public.tell_alert_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_notify('alert_changed', '');
    RETURN NULL;
END
$$;

CREATE FUNCTION public.tell_api_token_revoked() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_notify('api_token_revoked', NEW.token_id);
    RETURN NULL;
END
$$;

CREATE FUNCTION public.tell_federation_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_notify('federation_changed', TG_TABLE_NAME);
    RETURN NULL;
END
$$;

CREATE FUNCTION public.tell_federation_log_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_notify('federation_log_changed', NEW.city_id);
    RETURN NULL;
END
$$;

CREATE FUNCTION public.tell_hotlist_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_notify('hotlist_changed', NEW.city_id);
    RETURN NULL;
END
$$;

CREATE FUNCTION public.tell_notice_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_notify('alert_changed', '');
    RETURN NULL;
END
$$;

CREATE FUNCTION public.tell_registry_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_notify('registry_changed', TG_TABLE_NAME);
    RETURN NULL;
END
$$;

CREATE FUNCTION public.tell_settings_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_notify('settings_changed', '');
    RETURN NULL;
END
$$;

CREATE FUNCTION public.tell_terms_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_notify('registry_changed', TG_TABLE_NAME);
    PERFORM pg_notify('terms_changed', '');
    RETURN NULL;
END
$$;

CREATE FUNCTION public.utc_text(at timestamp with time zone) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

CREATE FUNCTION public.webhooks_are_due() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO webhook_delivery (webhook_id, number, alert_id, body, waiting_since, next_try_at)
    SELECT webhook_id, added.number, alert_id,
           jsonb_build_object(
               'type', 'alert.' || added.act, 'number', added.number, 'at', utc_text(added.at), 'actor', added.actor,
               'alert', alert_id, 'state', added.state, 'kind', kind, 'word', word,
               'quality', CASE WHEN exact > 0 THEN 'exact' WHEN possible > 0 THEN 'possible' END,
               'city', alert.city_id, 'point', point_id, 'camera', camera_id, 'first_at', utc_text(first_at),
               'last_at', utc_text(last_at), 'unit', added.unit, 'outcome', added.outcome, 'merged_with', added.other_id,
               'is_historical', is_historical,
               'cameras', (SELECT coalesce(jsonb_agg(place ORDER BY first_at), '[]')
                           FROM (SELECT concat_ws('/', point_id, camera_id) AS place, min(happened_at) AS first_at
                                 FROM alert_sighting WHERE alert_sighting.alert_id = alert.alert_id GROUP BY 1) AS seen),
               'reasons', (SELECT coalesce(jsonb_agg(DISTINCT reason), '[]')
                           FROM alert_sighting CROSS JOIN unnest(reasons) AS reason
                           WHERE alert_sighting.alert_id = alert.alert_id))::text,
           now(), now()
    FROM added JOIN alert USING (alert_id)
    JOIN webhook ON (webhook.city_id IS NULL OR webhook.city_id = alert.city_id)
                AND (acts = '{}' OR added.act = ANY(acts));
    IF FOUND THEN
        PERFORM pg_notify('webhook_due', '');
    END IF;
    RETURN NULL;
END
$$;

CREATE TABLE public.alarm (
    envelope_hash public.sha256 NOT NULL,
    device_id text NOT NULL,
    city_id text NOT NULL,
    point_id text NOT NULL,
    outbox bytea NOT NULL,
    epoch bigint NOT NULL,
    sequence bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    counted_at timestamp with time zone NOT NULL,
    is_historical boolean NOT NULL,
    is_clock_suspect boolean NOT NULL,
    envelope bytea NOT NULL,
    camera_id text,
    alarm text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    is_active boolean NOT NULL,
    note text NOT NULL
);
COMMENT ON TABLE public.alarm IS 'Analytic events of cameras and presses of panic buttons, their starts and their ends.';
COMMENT ON COLUMN public.alarm.envelope_hash IS 'SHA-256 of the messages envelope, which names it everywhere';
COMMENT ON COLUMN public.alarm.device_id IS 'The identity under which the box speaks';
COMMENT ON COLUMN public.alarm.city_id IS 'City';
COMMENT ON COLUMN public.alarm.point_id IS 'Street point';
COMMENT ON COLUMN public.alarm.outbox IS 'The boxs outbox: 16 random bytes, new when a box is imaged';
COMMENT ON COLUMN public.alarm.epoch IS 'How often the boxs outbox was started';
COMMENT ON COLUMN public.alarm.sequence IS 'Place in the order of the boxs messages, across restarts';
COMMENT ON COLUMN public.alarm.created_at IS 'When it was made; of a message, by the boxs clock';
COMMENT ON COLUMN public.alarm.received_at IS 'When it came, by our clock';
COMMENT ON COLUMN public.alarm.counted_at IS 'When it happened: by the boxs clock if that was right, else when it came';
COMMENT ON COLUMN public.alarm.is_historical IS 'Whether it was old when it came';
COMMENT ON COLUMN public.alarm.is_clock_suspect IS 'Whether the boxs clock was wrong';
COMMENT ON COLUMN public.alarm.envelope IS 'The bytes as they came, with the devices own signature';
COMMENT ON COLUMN public.alarm.camera_id IS 'Camera, of its point';
COMMENT ON COLUMN public.alarm.alarm IS 'What the alarm is, such as panic_button or line_crossing';
COMMENT ON COLUMN public.alarm.started_at IS 'When it began';
COMMENT ON COLUMN public.alarm.is_active IS 'Whether it begins; else it is over';
COMMENT ON COLUMN public.alarm.note IS 'A few words on it, never a plate';

CREATE VIEW ask.alarm WITH (security_barrier='true') AS
 SELECT encode((envelope_hash)::bytea, 'hex'::text) AS event,
    counted_at,
    started_at,
    city_id AS city,
    point_id AS point,
    camera_id AS camera,
    device_id AS device,
    alarm,
    is_active,
    note,
    is_historical,
    is_clock_suspect,
    created_at,
    received_at
   FROM public.alarm
  WHERE (city_id = ANY (( SELECT ask.visible_cities() AS visible_cities)::text[]));
COMMENT ON VIEW ask.alarm IS 'Alarms: panic buttons and analytic events of cameras, their starts and their ends.';
COMMENT ON COLUMN ask.alarm.event IS 'The message''s hash, hexadecimal';
COMMENT ON COLUMN ask.alarm.counted_at IS 'When it happened: by the box''s clock if that was right, else when it came';
COMMENT ON COLUMN ask.alarm.started_at IS 'When the alarm began';
COMMENT ON COLUMN ask.alarm.city IS 'City';
COMMENT ON COLUMN ask.alarm.point IS 'Street point';
COMMENT ON COLUMN ask.alarm.camera IS 'Camera, of its point';
COMMENT ON COLUMN ask.alarm.device IS 'The identity under which the box speaks';
COMMENT ON COLUMN ask.alarm.alarm IS 'What the alarm is, such as panic or line_crossing';
COMMENT ON COLUMN ask.alarm.is_active IS 'Whether it begins; else it is over';
COMMENT ON COLUMN ask.alarm.note IS 'A few words on it, never a plate';
COMMENT ON COLUMN ask.alarm.is_historical IS 'Whether it was old when it came';
COMMENT ON COLUMN ask.alarm.is_clock_suspect IS 'Whether the box''s clock was wrong';
COMMENT ON COLUMN ask.alarm.created_at IS 'When the box wrote it, by its own clock';
COMMENT ON COLUMN ask.alarm.received_at IS 'When it came';

CREATE TABLE public.alert (
    alert_id bigint NOT NULL,
    city_id text NOT NULL,
    point_id text NOT NULL,
    camera_id text,
    kind text NOT NULL,
    word text DEFAULT ''::text NOT NULL,
    note text DEFAULT ''::text NOT NULL,
    state text NOT NULL,
    exact integer DEFAULT 0 NOT NULL,
    possible integer DEFAULT 0 NOT NULL,
    withdrawn integer DEFAULT 0 NOT NULL,
    first_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone NOT NULL,
    raised_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    unit text,
    outcome text,
    is_true boolean,
    was_right boolean,
    decided_at timestamp with time zone,
    decided_by text,
    merged_into bigint,
    is_historical boolean DEFAULT false NOT NULL,
    is_erased boolean DEFAULT false NOT NULL,
    CONSTRAINT alert_check CHECK (((state = 'merged'::text) = (merged_into IS NOT NULL))),
    CONSTRAINT alert_check1 CHECK (((state = 'merged'::text) OR ((state = 'closed'::text) = (outcome IS NOT NULL)))),
    CONSTRAINT alert_check2 CHECK ((num_nonnulls(decided_at, decided_by) = ANY (ARRAY[0, 2]))),
    CONSTRAINT alert_exact_check CHECK ((exact >= 0)),
    CONSTRAINT alert_kind_check CHECK ((kind = ANY (ARRAY['hit'::text, 'panic'::text, 'alarm'::text, 'report'::text]))),
    CONSTRAINT alert_possible_check CHECK ((possible >= 0)),
    CONSTRAINT alert_state_check CHECK ((state = ANY (ARRAY['new'::text, 'seen'::text, 'confirmed'::text, 'rejected'::text, 'dispatched'::text, 'on_site'::text, 'closed'::text, 'merged'::text]))),
    CONSTRAINT alert_withdrawn_check CHECK ((withdrawn >= 0))
);
COMMENT ON TABLE public.alert IS 'Alerts, as they stand. No plates.';
COMMENT ON COLUMN public.alert.alert_id IS 'The alerts number';
COMMENT ON COLUMN public.alert.city_id IS 'City';
COMMENT ON COLUMN public.alert.point_id IS 'Where it began';
COMMENT ON COLUMN public.alert.camera_id IS 'Camera, of its point';
COMMENT ON COLUMN public.alert.kind IS 'hit, panic, alarm or report';
COMMENT ON COLUMN public.alert.word IS 'The alarms word, such as line_crossing';
COMMENT ON COLUMN public.alert.note IS 'A few words on it, never a plate';
COMMENT ON COLUMN public.alert.state IS 'new, seen, confirmed, rejected, dispatched, on_site, closed or merged';
COMMENT ON COLUMN public.alert.exact IS 'How many of its hits are exact';
COMMENT ON COLUMN public.alert.possible IS 'How many of its hits are possible, which is no ground to act';
COMMENT ON COLUMN public.alert.withdrawn IS 'How many of its hits were withdrawn';
COMMENT ON COLUMN public.alert.first_at IS 'When what it tells of happened first';
COMMENT ON COLUMN public.alert.last_at IS 'When what it tells of happened last';
COMMENT ON COLUMN public.alert.raised_at IS 'When the alert was raised';
COMMENT ON COLUMN public.alert.changed_at IS 'When it last changed';
COMMENT ON COLUMN public.alert.ended_at IS 'When the alarm was over; its alert is not';
COMMENT ON COLUMN public.alert.unit IS 'Who was sent';
COMMENT ON COLUMN public.alert.outcome IS 'How it ended, from a closed list';
COMMENT ON COLUMN public.alert.is_true IS 'The last word of a person who looked: confirmed or rejected';
COMMENT ON COLUMN public.alert.was_right IS 'Whether the read turned out right; none: nobody can tell';
COMMENT ON COLUMN public.alert.decided_at IS 'When a person confirmed, rejected or corrected';
COMMENT ON COLUMN public.alert.decided_by IS 'Who decided';
COMMENT ON COLUMN public.alert.merged_into IS 'The alert that it became part of';
COMMENT ON COLUMN public.alert.is_historical IS 'Whether it was old when it came';
COMMENT ON COLUMN public.alert.is_erased IS 'Whether its plate was erased';

CREATE TABLE public.alert_sighting (
    event public.sha256 NOT NULL,
    alert_id bigint NOT NULL,
    kind text NOT NULL,
    city_id text NOT NULL,
    point_id text NOT NULL,
    device_id text NOT NULL,
    camera_id text,
    happened_at timestamp with time zone NOT NULL,
    added_at timestamp with time zone NOT NULL,
    quality smallint,
    entries text[],
    lists text[] NOT NULL,
    reasons text[] NOT NULL,
    reader text NOT NULL,
    is_historical boolean NOT NULL,
    erased_at timestamp with time zone
);
COMMENT ON TABLE public.alert_sighting IS 'The events that an alert is made of; each is in one alert.';
COMMENT ON COLUMN public.alert_sighting.event IS 'The hit, alarm or report, by its hash';
COMMENT ON COLUMN public.alert_sighting.alert_id IS 'The alerts number';
COMMENT ON COLUMN public.alert_sighting.kind IS 'hit, panic, alarm or report';
COMMENT ON COLUMN public.alert_sighting.city_id IS 'City';
COMMENT ON COLUMN public.alert_sighting.point_id IS 'Street point';
COMMENT ON COLUMN public.alert_sighting.device_id IS 'The identity under which the box speaks';
COMMENT ON COLUMN public.alert_sighting.camera_id IS 'Camera, of its point';
COMMENT ON COLUMN public.alert_sighting.happened_at IS 'When it happened';
COMMENT ON COLUMN public.alert_sighting.added_at IS 'When it was added';
COMMENT ON COLUMN public.alert_sighting.quality IS '1 exact, 2 possible, as it is now; none: withdrawn, or no hit';
COMMENT ON COLUMN public.alert_sighting.entries IS 'The entries that it matches; none once its plate is erased';
COMMENT ON COLUMN public.alert_sighting.lists IS 'Batches of the entries that it matches';
COMMENT ON COLUMN public.alert_sighting.reasons IS 'Reason classes of the entries that it matches';
COMMENT ON COLUMN public.alert_sighting.reader IS 'The model that read the plate';
COMMENT ON COLUMN public.alert_sighting.is_historical IS 'Whether it was old when it came';
COMMENT ON COLUMN public.alert_sighting.erased_at IS 'When its plate was erased';

CREATE VIEW ask.alert WITH (security_barrier='true') AS
 SELECT alert.alert_id AS alert,
    alert.state,
    alert.kind,
    alert.word,
    alert.note,
    alert.exact,
    alert.possible,
    alert.withdrawn,
    alert.city_id AS city,
    alert.point_id AS point,
    alert.camera_id AS camera,
    seen.cameras,
    seen.reasons,
    alert.first_at,
    alert.last_at,
    alert.raised_at,
    alert.changed_at,
    alert.ended_at,
    alert.unit,
    alert.outcome,
    alert.is_true,
    alert.was_right,
    alert.decided_at,
    alert.decided_by,
    alert.merged_into,
    alert.is_historical,
    alert.is_erased
   FROM (public.alert
     LEFT JOIN LATERAL ( SELECT array_agg(DISTINCT concat_ws('/'::text, alert_sighting.point_id, alert_sighting.camera_id)) AS cameras,
            ( SELECT array_agg(DISTINCT reason.reason ORDER BY reason.reason) AS array_agg
                   FROM (public.alert_sighting alert_sighting_1
                     CROSS JOIN LATERAL unnest(alert_sighting_1.reasons) reason(reason))
                  WHERE (alert_sighting_1.alert_id = alert.alert_id)) AS reasons
           FROM public.alert_sighting
          WHERE (alert_sighting.alert_id = alert.alert_id)) seen ON (true))
  WHERE (alert.city_id = ANY (( SELECT ask.visible_cities() AS visible_cities)::text[]));
COMMENT ON VIEW ask.alert IS 'Alerts as they are now, without plates.';
COMMENT ON COLUMN ask.alert.alert IS 'The alert''s number';
COMMENT ON COLUMN ask.alert.state IS 'new, seen, confirmed, rejected, dispatched, on_site, closed or merged';
COMMENT ON COLUMN ask.alert.kind IS 'hit, panic, alarm or report';
COMMENT ON COLUMN ask.alert.word IS 'The alarm''s word, such as line_crossing';
COMMENT ON COLUMN ask.alert.note IS 'A few words on it, never a plate';
COMMENT ON COLUMN ask.alert.exact IS 'How many of its hits are exact';
COMMENT ON COLUMN ask.alert.possible IS 'How many of its hits are possible, which is no ground to act';
COMMENT ON COLUMN ask.alert.withdrawn IS 'How many of its hits were withdrawn';
COMMENT ON COLUMN ask.alert.city IS 'City';
COMMENT ON COLUMN ask.alert.point IS 'Street point';
COMMENT ON COLUMN ask.alert.camera IS 'Camera, of its point';
COMMENT ON COLUMN ask.alert.cameras IS 'Every camera that saw it, as POINT/CAMERA';
COMMENT ON COLUMN ask.alert.reasons IS 'Reason classes of the entries that it matches';
COMMENT ON COLUMN ask.alert.first_at IS 'When what it tells of happened first';
COMMENT ON COLUMN ask.alert.last_at IS 'When what it tells of happened last';
COMMENT ON COLUMN ask.alert.raised_at IS 'When the alert was raised';
COMMENT ON COLUMN ask.alert.changed_at IS 'When it last changed';
COMMENT ON COLUMN ask.alert.ended_at IS 'When the alarm was over';
COMMENT ON COLUMN ask.alert.unit IS 'Who was sent';
COMMENT ON COLUMN ask.alert.outcome IS 'How it ended, from a closed list';
COMMENT ON COLUMN ask.alert.is_true IS 'The last word of a person who looked: confirmed or rejected';
COMMENT ON COLUMN ask.alert.was_right IS 'Whether the read turned out right; none: nobody can tell';
COMMENT ON COLUMN ask.alert.decided_at IS 'When a person confirmed, rejected or corrected';
COMMENT ON COLUMN ask.alert.decided_by IS 'Who decided';
COMMENT ON COLUMN ask.alert.merged_into IS 'The alert that it became part of';
COMMENT ON COLUMN ask.alert.is_historical IS 'Whether it was old when it came';
COMMENT ON COLUMN ask.alert.is_erased IS 'Whether its plate was erased';

CREATE TABLE public.alert_history (
    number bigint NOT NULL,
    alert_id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    act text NOT NULL,
    state text NOT NULL,
    actor text NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    outcome text,
    unit text,
    event public.sha256,
    other_id bigint,
    CONSTRAINT alert_history_actor_check CHECK ((actor <> ''::text))
);
COMMENT ON TABLE public.alert_history IS 'What happened to alerts, line by line, only ever added to.';
COMMENT ON COLUMN public.alert_history.number IS 'The lines number; numbers rise';
COMMENT ON COLUMN public.alert_history.alert_id IS 'The alerts number';
COMMENT ON COLUMN public.alert_history.at IS 'When it happened';
COMMENT ON COLUMN public.alert_history.act IS 'What was done: ack, confirm, reject, dispatch, arrive, close, raise, add, amend, upgrade, ...';
COMMENT ON COLUMN public.alert_history.state IS 'How the alert stood after it';
COMMENT ON COLUMN public.alert_history.actor IS 'Who did it: os:NAME, or a part of the service';
COMMENT ON COLUMN public.alert_history.reason IS 'Why';
COMMENT ON COLUMN public.alert_history.outcome IS 'How it ended, from a closed list';
COMMENT ON COLUMN public.alert_history.unit IS 'Who was sent';
COMMENT ON COLUMN public.alert_history.event IS 'The event that it is about, by its envelope''s hash';
COMMENT ON COLUMN public.alert_history.other_id IS 'The other alert of a merger';

CREATE VIEW ask.alert_history WITH (security_barrier='true') AS
 SELECT alert_history.number,
    alert_history.alert_id AS alert,
    alert_history.at,
    alert_history.act,
    alert_history.state,
    alert_history.actor,
    alert_history.reason,
    alert_history.outcome,
    alert_history.unit,
    encode((alert_history.event)::bytea, 'hex'::text) AS event,
    alert_history.other_id AS other,
    alert.city_id AS city,
    alert.point_id AS point,
    alert.kind
   FROM (public.alert_history
     JOIN public.alert USING (alert_id))
  WHERE (alert.city_id = ANY (( SELECT ask.visible_cities() AS visible_cities)::text[]));
COMMENT ON VIEW ask.alert_history IS 'What happened to alerts, line by line.';
COMMENT ON COLUMN ask.alert_history.number IS 'The line''s number; numbers rise';
COMMENT ON COLUMN ask.alert_history.alert IS 'The alert''s number';
COMMENT ON COLUMN ask.alert_history.at IS 'When it happened';
COMMENT ON COLUMN ask.alert_history.act IS 'What was done: ack, confirm, reject, dispatch, arrive, close, raise, add, amend, upgrade, ...';
COMMENT ON COLUMN ask.alert_history.state IS 'How the alert stood after it';
COMMENT ON COLUMN ask.alert_history.actor IS 'Who did it: os:NAME, or a part of the service';
COMMENT ON COLUMN ask.alert_history.reason IS 'Why';
COMMENT ON COLUMN ask.alert_history.outcome IS 'How it ended, from a closed list';
COMMENT ON COLUMN ask.alert_history.unit IS 'Who was sent';
COMMENT ON COLUMN ask.alert_history.event IS 'The message''s hash, hexadecimal';
COMMENT ON COLUMN ask.alert_history.other IS 'The other alert of a merger';
COMMENT ON COLUMN ask.alert_history.city IS 'City';
COMMENT ON COLUMN ask.alert_history.point IS 'Street point';
COMMENT ON COLUMN ask.alert_history.kind IS 'The alert''s kind: hit, panic, alarm or report';

CREATE TABLE public.camera (
    point_id public.registry_id NOT NULL,
    camera_id public.registry_id NOT NULL,
    name text DEFAULT ''::text NOT NULL,
    heading_deg smallint NOT NULL,
    lane text DEFAULT ''::text NOT NULL,
    registered_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT camera_heading_deg_check CHECK (((heading_deg >= 0) AND (heading_deg <= 359)))
);
COMMENT ON TABLE public.camera IS 'Cameras of the points.';
COMMENT ON COLUMN public.camera.point_id IS 'Street point';
COMMENT ON COLUMN public.camera.camera_id IS 'Camera, of its point';
COMMENT ON COLUMN public.camera.name IS 'Name';
COMMENT ON COLUMN public.camera.heading_deg IS 'Where it looks, in degrees clockwise from north';
COMMENT ON COLUMN public.camera.lane IS 'The lane it watches';
COMMENT ON COLUMN public.camera.registered_at IS 'When it was registered';

CREATE TABLE public.point (
    point_id public.registry_id NOT NULL,
    city_id public.registry_id NOT NULL,
    name text NOT NULL,
    latitude double precision NOT NULL,
    longitude double precision NOT NULL,
    time_zone text,
    partner_id public.registry_id,
    registered_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT point_latitude_check CHECK (((latitude >= ('-90'::integer)::double precision) AND (latitude <= (90)::double precision))),
    CONSTRAINT point_longitude_check CHECK (((longitude >= ('-180'::integer)::double precision) AND (longitude <= (180)::double precision))),
    CONSTRAINT point_name_check CHECK ((name <> ''::text)),
    CONSTRAINT point_time_zone_check CHECK ((time_zone <> ''::text))
);
COMMENT ON TABLE public.point IS 'Street points: where a box stands.';
COMMENT ON COLUMN public.point.point_id IS 'Street point';
COMMENT ON COLUMN public.point.city_id IS 'City';
COMMENT ON COLUMN public.point.name IS 'Name';
COMMENT ON COLUMN public.point.latitude IS 'Degrees north';
COMMENT ON COLUMN public.point.longitude IS 'Degrees east';
COMMENT ON COLUMN public.point.time_zone IS 'Time zone, by its IANA name; none: the city''s';
COMMENT ON COLUMN public.point.partner_id IS 'The private company whose cameras they are; none: the citys own';
COMMENT ON COLUMN public.point.registered_at IS 'When it was registered';

CREATE VIEW ask.camera WITH (security_barrier='true') AS
 SELECT (camera.camera_id)::text AS camera,
    (camera.point_id)::text AS point,
    (point.city_id)::text AS city,
    camera.name,
    (camera.heading_deg)::integer AS heading_deg,
    camera.lane,
    camera.registered_at
   FROM (public.camera
     JOIN public.point USING (point_id))
  WHERE ((point.city_id)::text = ANY (( SELECT ask.visible_cities() AS visible_cities)::text[]));
COMMENT ON VIEW ask.camera IS 'Cameras.';
COMMENT ON COLUMN ask.camera.camera IS 'Camera, of its point';
COMMENT ON COLUMN ask.camera.point IS 'Street point';
COMMENT ON COLUMN ask.camera.city IS 'City';
COMMENT ON COLUMN ask.camera.name IS 'Name';
COMMENT ON COLUMN ask.camera.heading_deg IS 'Where it looks, in degrees clockwise from north';
COMMENT ON COLUMN ask.camera.lane IS 'The lane it watches';
COMMENT ON COLUMN ask.camera.registered_at IS 'When it was registered';

CREATE VIEW ask.city WITH (security_barrier='true') AS
 SELECT (city_id)::text AS city,
    name,
    time_zone,
    registered_at
   FROM public.city
  WHERE ((city_id)::text = ANY (( SELECT ask.visible_cities() AS visible_cities)::text[]));
COMMENT ON VIEW ask.city IS 'Cities.';
COMMENT ON COLUMN ask.city.city IS 'City';
COMMENT ON COLUMN ask.city.name IS 'Name';
COMMENT ON COLUMN ask.city.time_zone IS 'Time zone, by its IANA name';
COMMENT ON COLUMN ask.city.registered_at IS 'When it was registered';

CREATE TABLE public.camera_hour (
    hour timestamp with time zone NOT NULL,
    point_id text NOT NULL,
    camera_id text NOT NULL,
    city_id text NOT NULL,
    minutes integer NOT NULL,
    vehicles bigint NOT NULL,
    reads bigint NOT NULL,
    unreadable bigint NOT NULL,
    hits bigint NOT NULL,
    faces bigint NOT NULL,
    frames_in bigint NOT NULL,
    frames_processed bigint NOT NULL,
    sampled_out bigint NOT NULL,
    dropped bigint NOT NULL,
    reconnects bigint NOT NULL,
    stalls bigint NOT NULL,
    decode_errors bigint NOT NULL,
    frames_face_counted bigint NOT NULL,
    live_ms bigint NOT NULL,
    reported_ms bigint NOT NULL
);
COMMENT ON TABLE public.camera_hour IS 'Sums of a camera''s minutes by the hour (UTC).';
COMMENT ON COLUMN public.camera_hour.hour IS 'The hours first moment (UTC)';
COMMENT ON COLUMN public.camera_hour.point_id IS 'Street point';
COMMENT ON COLUMN public.camera_hour.camera_id IS 'Camera, of its point';
COMMENT ON COLUMN public.camera_hour.city_id IS 'City';
COMMENT ON COLUMN public.camera_hour.minutes IS 'Reports that are added up';
COMMENT ON COLUMN public.camera_hour.vehicles IS 'Vehicles that passed: those read and those not';
COMMENT ON COLUMN public.camera_hour.reads IS 'Vehicles whose plate was read, hits among them';
COMMENT ON COLUMN public.camera_hour.unreadable IS 'Vehicles whose plate was seen and not read';
COMMENT ON COLUMN public.camera_hour.hits IS 'Vehicles whose plate matched the hotlist';
COMMENT ON COLUMN public.camera_hour.faces IS 'Faces in the frames that were sampled for it; nobody is recognised';
COMMENT ON COLUMN public.camera_hour.frames_in IS 'Frames that came from the camera';
COMMENT ON COLUMN public.camera_hour.frames_processed IS 'Frames that were looked at';
COMMENT ON COLUMN public.camera_hour.sampled_out IS 'Frames left out by plan';
COMMENT ON COLUMN public.camera_hour.dropped IS 'Frames given up because the box could not keep up';
COMMENT ON COLUMN public.camera_hour.reconnects IS 'Times the stream was connected again';
COMMENT ON COLUMN public.camera_hour.stalls IS 'Times the camera showed a standing picture';
COMMENT ON COLUMN public.camera_hour.decode_errors IS 'Frames that could not be decoded';
COMMENT ON COLUMN public.camera_hour.frames_face_counted IS 'Frames in which faces were counted';
COMMENT ON COLUMN public.camera_hour.live_ms IS 'How long the camera was seen to be live, in milliseconds';
COMMENT ON COLUMN public.camera_hour.reported_ms IS 'How long reports count, in milliseconds';

CREATE TABLE public.camera_hour_purged (
    hour timestamp with time zone CONSTRAINT camera_hour_hour_not_null NOT NULL,
    point_id text CONSTRAINT camera_hour_point_id_not_null NOT NULL,
    camera_id text CONSTRAINT camera_hour_camera_id_not_null NOT NULL,
    city_id text CONSTRAINT camera_hour_city_id_not_null NOT NULL,
    minutes integer CONSTRAINT camera_hour_minutes_not_null NOT NULL,
    vehicles bigint CONSTRAINT camera_hour_vehicles_not_null NOT NULL,
    reads bigint CONSTRAINT camera_hour_reads_not_null NOT NULL,
    unreadable bigint CONSTRAINT camera_hour_unreadable_not_null NOT NULL,
    hits bigint CONSTRAINT camera_hour_hits_not_null NOT NULL,
    faces bigint CONSTRAINT camera_hour_faces_not_null NOT NULL,
    frames_in bigint CONSTRAINT camera_hour_frames_in_not_null NOT NULL,
    frames_processed bigint CONSTRAINT camera_hour_frames_processed_not_null NOT NULL,
    sampled_out bigint CONSTRAINT camera_hour_sampled_out_not_null NOT NULL,
    dropped bigint CONSTRAINT camera_hour_dropped_not_null NOT NULL,
    reconnects bigint CONSTRAINT camera_hour_reconnects_not_null NOT NULL,
    stalls bigint CONSTRAINT camera_hour_stalls_not_null NOT NULL,
    decode_errors bigint CONSTRAINT camera_hour_decode_errors_not_null NOT NULL,
    frames_face_counted bigint CONSTRAINT camera_hour_frames_face_counted_not_null NOT NULL,
    live_ms bigint CONSTRAINT camera_hour_live_ms_not_null NOT NULL,
    reported_ms bigint CONSTRAINT camera_hour_reported_ms_not_null NOT NULL
);
COMMENT ON TABLE public.camera_hour_purged IS 'What minutes that retention removed had added up to.';
COMMENT ON COLUMN public.camera_hour_purged.hour IS 'The hours first moment (UTC)';
COMMENT ON COLUMN public.camera_hour_purged.point_id IS 'Street point';
COMMENT ON COLUMN public.camera_hour_purged.camera_id IS 'Camera, of its point';
COMMENT ON COLUMN public.camera_hour_purged.city_id IS 'City';
COMMENT ON COLUMN public.camera_hour_purged.minutes IS 'Reports that are added up';
COMMENT ON COLUMN public.camera_hour_purged.vehicles IS 'Vehicles that passed: those read and those not';
COMMENT ON COLUMN public.camera_hour_purged.reads IS 'Vehicles whose plate was read, hits among them';
COMMENT ON COLUMN public.camera_hour_purged.unreadable IS 'Vehicles whose plate was seen and not read';
COMMENT ON COLUMN public.camera_hour_purged.hits IS 'Vehicles whose plate matched the hotlist';
COMMENT ON COLUMN public.camera_hour_purged.faces IS 'Faces in the frames that were sampled for it; nobody is recognised';
COMMENT ON COLUMN public.camera_hour_purged.frames_in IS 'Frames that came from the camera';
COMMENT ON COLUMN public.camera_hour_purged.frames_processed IS 'Frames that were looked at';
COMMENT ON COLUMN public.camera_hour_purged.sampled_out IS 'Frames left out by plan';
COMMENT ON COLUMN public.camera_hour_purged.dropped IS 'Frames given up because the box could not keep up';
COMMENT ON COLUMN public.camera_hour_purged.reconnects IS 'Times the stream was connected again';
COMMENT ON COLUMN public.camera_hour_purged.stalls IS 'Times the camera showed a standing picture';
COMMENT ON COLUMN public.camera_hour_purged.decode_errors IS 'Frames that could not be decoded';
COMMENT ON COLUMN public.camera_hour_purged.frames_face_counted IS 'Frames in which faces were counted';
COMMENT ON COLUMN public.camera_hour_purged.live_ms IS 'How long the camera was seen to be live, in milliseconds';
COMMENT ON COLUMN public.camera_hour_purged.reported_ms IS 'How long reports count, in milliseconds';

CREATE TABLE public.camera_minute (
    counted_at timestamp with time zone CONSTRAINT camera_minute_counted_at_not_null1 NOT NULL,
    point_id text CONSTRAINT camera_minute_point_id_not_null1 NOT NULL,
    camera_id text CONSTRAINT camera_minute_camera_id_not_null1 NOT NULL,
    city_id text CONSTRAINT camera_minute_city_id_not_null1 NOT NULL,
    device_id text CONSTRAINT camera_minute_device_id_not_null1 NOT NULL,
    report_hash bytea CONSTRAINT camera_minute_report_hash_not_null1 NOT NULL,
    state smallint CONSTRAINT camera_minute_state_not_null1 NOT NULL,
    interval_ms integer CONSTRAINT camera_minute_interval_ms_not_null1 NOT NULL,
    frames_in integer CONSTRAINT camera_minute_frames_in_not_null1 NOT NULL,
    frames_processed integer CONSTRAINT camera_minute_frames_processed_not_null1 NOT NULL,
    sampled_out integer CONSTRAINT camera_minute_sampled_out_not_null1 NOT NULL,
    dropped integer CONSTRAINT camera_minute_dropped_not_null1 NOT NULL,
    reconnects integer CONSTRAINT camera_minute_reconnects_not_null1 NOT NULL,
    decode_errors integer CONSTRAINT camera_minute_decode_errors_not_null1 NOT NULL,
    vehicles integer CONSTRAINT camera_minute_vehicles_not_null1 NOT NULL,
    reads integer CONSTRAINT camera_minute_reads_not_null1 NOT NULL,
    unreadable integer CONSTRAINT camera_minute_unreadable_not_null1 NOT NULL,
    hits integer CONSTRAINT camera_minute_hits_not_null1 NOT NULL,
    faces integer CONSTRAINT camera_minute_faces_not_null1 NOT NULL,
    frames_face_counted integer CONSTRAINT camera_minute_frames_face_counted_not_null1 NOT NULL,
    detect_us integer CONSTRAINT camera_minute_detect_us_not_null1 NOT NULL,
    read_us integer CONSTRAINT camera_minute_read_us_not_null1 NOT NULL,
    live_ms integer CONSTRAINT camera_minute_live_ms_not_null1 NOT NULL,
    stalls integer CONSTRAINT camera_minute_stalls_not_null1 NOT NULL
)
PARTITION BY RANGE (counted_at);
COMMENT ON TABLE public.camera_minute IS 'Counts of a camera, minute by minute, in a partition for each day (UTC).';
COMMENT ON COLUMN public.camera_minute.counted_at IS 'The minute (UTC): by the box''s clock if that was right, else when it came';
COMMENT ON COLUMN public.camera_minute.point_id IS 'Street point';
COMMENT ON COLUMN public.camera_minute.camera_id IS 'Camera, of its point';
COMMENT ON COLUMN public.camera_minute.city_id IS 'City';
COMMENT ON COLUMN public.camera_minute.device_id IS 'The identity under which the box speaks';
COMMENT ON COLUMN public.camera_minute.report_hash IS 'The report: SHA-256 of its envelope';
COMMENT ON COLUMN public.camera_minute.state IS 'The stream when the report was made: 1 live, 2 connecting, 3 stalled, 4 ended';
COMMENT ON COLUMN public.camera_minute.interval_ms IS 'How long the report counts, in milliseconds';
COMMENT ON COLUMN public.camera_minute.frames_in IS 'Frames that came from the camera';
COMMENT ON COLUMN public.camera_minute.frames_processed IS 'Frames that were looked at';
COMMENT ON COLUMN public.camera_minute.sampled_out IS 'Frames left out by plan';
COMMENT ON COLUMN public.camera_minute.dropped IS 'Frames given up because the box could not keep up';
COMMENT ON COLUMN public.camera_minute.reconnects IS 'Times the stream was connected again';
COMMENT ON COLUMN public.camera_minute.decode_errors IS 'Frames that could not be decoded';
COMMENT ON COLUMN public.camera_minute.vehicles IS 'Vehicles that passed: those read and those not';
COMMENT ON COLUMN public.camera_minute.reads IS 'Vehicles whose plate was read, hits among them';
COMMENT ON COLUMN public.camera_minute.unreadable IS 'Vehicles whose plate was seen and not read';
COMMENT ON COLUMN public.camera_minute.hits IS 'Vehicles whose plate matched the hotlist';
COMMENT ON COLUMN public.camera_minute.faces IS 'Faces in the frames that were sampled for it; nobody is recognised';
COMMENT ON COLUMN public.camera_minute.frames_face_counted IS 'Frames in which faces were counted';
COMMENT ON COLUMN public.camera_minute.detect_us IS 'Mean time to find plates in a frame, in microseconds';
COMMENT ON COLUMN public.camera_minute.read_us IS 'Mean time to read a plate, in microseconds';
COMMENT ON COLUMN public.camera_minute.live_ms IS 'How long the camera was seen to be live, in milliseconds';
COMMENT ON COLUMN public.camera_minute.stalls IS 'Times the camera showed a standing picture';

CREATE TABLE public.count_due (
    hour timestamp with time zone NOT NULL,
    point_id text NOT NULL,
    city_id text NOT NULL,
    number bigint NOT NULL
);
COMMENT ON TABLE public.count_due IS 'Hours of points that minutes came for since they were summed.';
COMMENT ON COLUMN public.count_due.hour IS 'The hours first moment (UTC)';
COMMENT ON COLUMN public.count_due.point_id IS 'Street point';
COMMENT ON COLUMN public.count_due.city_id IS 'City';
COMMENT ON COLUMN public.count_due.number IS 'The lines number; numbers rise';

CREATE VIEW public.camera_hour_now AS
 SELECT camera_hour.hour,
    camera_hour.point_id,
    camera_hour.camera_id,
    camera_hour.city_id,
    camera_hour.minutes,
    camera_hour.vehicles,
    camera_hour.reads,
    camera_hour.unreadable,
    camera_hour.hits,
    camera_hour.faces,
    camera_hour.frames_in,
    camera_hour.frames_processed,
    camera_hour.sampled_out,
    camera_hour.dropped,
    camera_hour.reconnects,
    camera_hour.stalls,
    camera_hour.decode_errors,
    camera_hour.frames_face_counted,
    camera_hour.live_ms,
    camera_hour.reported_ms
   FROM public.camera_hour
  WHERE (NOT (EXISTS ( SELECT
           FROM public.count_due
          WHERE ((count_due.hour = camera_hour.hour) AND (count_due.point_id = camera_hour.point_id) AND (count_due.city_id = camera_hour.city_id)))))
UNION ALL
 SELECT touched.hour,
    touched.point_id,
    fresh.camera_id,
    touched.city_id,
    fresh.minutes,
    fresh.vehicles,
    fresh.reads,
    fresh.unreadable,
    fresh.hits,
    fresh.faces,
    fresh.frames_in,
    fresh.frames_processed,
    fresh.sampled_out,
    fresh.dropped,
    fresh.reconnects,
    fresh.stalls,
    fresh.decode_errors,
    fresh.frames_face_counted,
    fresh.live_ms,
    fresh.reported_ms
   FROM (( SELECT DISTINCT count_due.hour,
            count_due.point_id,
            count_due.city_id
           FROM public.count_due) touched
     CROSS JOIN LATERAL ( SELECT kept.camera_id,
            (sum(kept.minutes))::integer AS minutes,
            (sum(kept.vehicles))::bigint AS vehicles,
            (sum(kept.reads))::bigint AS reads,
            (sum(kept.unreadable))::bigint AS unreadable,
            (sum(kept.hits))::bigint AS hits,
            (sum(kept.faces))::bigint AS faces,
            (sum(kept.frames_in))::bigint AS frames_in,
            (sum(kept.frames_processed))::bigint AS frames_processed,
            (sum(kept.sampled_out))::bigint AS sampled_out,
            (sum(kept.dropped))::bigint AS dropped,
            (sum(kept.reconnects))::bigint AS reconnects,
            (sum(kept.stalls))::bigint AS stalls,
            (sum(kept.decode_errors))::bigint AS decode_errors,
            (sum(kept.frames_face_counted))::bigint AS frames_face_counted,
            (sum(kept.live_ms))::bigint AS live_ms,
            (sum(kept.reported_ms))::bigint AS reported_ms
           FROM ( SELECT camera_minute.camera_id,
                    1 AS minutes,
                    (camera_minute.vehicles)::bigint AS vehicles,
                    (camera_minute.reads)::bigint AS reads,
                    (camera_minute.unreadable)::bigint AS unreadable,
                    (camera_minute.hits)::bigint AS hits,
                    (camera_minute.faces)::bigint AS faces,
                    (camera_minute.frames_in)::bigint AS frames_in,
                    (camera_minute.frames_processed)::bigint AS frames_processed,
                    (camera_minute.sampled_out)::bigint AS sampled_out,
                    (camera_minute.dropped)::bigint AS dropped,
                    (camera_minute.reconnects)::bigint AS reconnects,
                    (camera_minute.stalls)::bigint AS stalls,
                    (camera_minute.decode_errors)::bigint AS decode_errors,
                    (camera_minute.frames_face_counted)::bigint AS frames_face_counted,
                    (camera_minute.live_ms)::bigint AS live_ms,
                    (camera_minute.interval_ms)::bigint AS reported_ms
                   FROM public.camera_minute
                  WHERE ((camera_minute.point_id = touched.point_id) AND (camera_minute.city_id = touched.city_id) AND (camera_minute.counted_at >= touched.hour) AND (camera_minute.counted_at < (touched.hour + '01:00:00'::interval)))
                UNION ALL
                 SELECT camera_hour_purged.camera_id,
                    camera_hour_purged.minutes,
                    camera_hour_purged.vehicles,
                    camera_hour_purged.reads,
                    camera_hour_purged.unreadable,
                    camera_hour_purged.hits,
                    camera_hour_purged.faces,
                    camera_hour_purged.frames_in,
                    camera_hour_purged.frames_processed,
                    camera_hour_purged.sampled_out,
                    camera_hour_purged.dropped,
                    camera_hour_purged.reconnects,
                    camera_hour_purged.stalls,
                    camera_hour_purged.decode_errors,
                    camera_hour_purged.frames_face_counted,
                    camera_hour_purged.live_ms,
                    camera_hour_purged.reported_ms
                   FROM public.camera_hour_purged
                  WHERE ((camera_hour_purged.point_id = touched.point_id) AND (camera_hour_purged.hour = touched.hour) AND (camera_hour_purged.city_id = touched.city_id))) kept
          GROUP BY kept.camera_id) fresh);
COMMENT ON VIEW public.camera_hour_now IS 'Sums by the hour, exact at every moment: what is due is summed on the spot.';
COMMENT ON COLUMN public.camera_hour_now.hour IS 'The hours first moment (UTC)';
COMMENT ON COLUMN public.camera_hour_now.point_id IS 'Street point';
COMMENT ON COLUMN public.camera_hour_now.camera_id IS 'Camera, of its point';
COMMENT ON COLUMN public.camera_hour_now.city_id IS 'City';
COMMENT ON COLUMN public.camera_hour_now.minutes IS 'Reports that are added up';
COMMENT ON COLUMN public.camera_hour_now.vehicles IS 'Vehicles that passed: those read and those not';
COMMENT ON COLUMN public.camera_hour_now.reads IS 'Vehicles whose plate was read, hits among them';
COMMENT ON COLUMN public.camera_hour_now.unreadable IS 'Vehicles whose plate was seen and not read';
COMMENT ON COLUMN public.camera_hour_now.hits IS 'Vehicles whose plate matched the hotlist';
COMMENT ON COLUMN public.camera_hour_now.faces IS 'Faces in the frames that were sampled for it; nobody is recognised';
COMMENT ON COLUMN public.camera_hour_now.frames_in IS 'Frames that came from the camera';
COMMENT ON COLUMN public.camera_hour_now.frames_processed IS 'Frames that were looked at';
COMMENT ON COLUMN public.camera_hour_now.sampled_out IS 'Frames left out by plan';
COMMENT ON COLUMN public.camera_hour_now.dropped IS 'Frames given up because the box could not keep up';
COMMENT ON COLUMN public.camera_hour_now.reconnects IS 'Times the stream was connected again';
COMMENT ON COLUMN public.camera_hour_now.stalls IS 'Times the camera showed a standing picture';
COMMENT ON COLUMN public.camera_hour_now.decode_errors IS 'Frames that could not be decoded';
COMMENT ON COLUMN public.camera_hour_now.frames_face_counted IS 'Frames in which faces were counted';
COMMENT ON COLUMN public.camera_hour_now.live_ms IS 'How long the camera was seen to be live, in milliseconds';
COMMENT ON COLUMN public.camera_hour_now.reported_ms IS 'How long reports count, in milliseconds';

CREATE TABLE public.city_hour (
    hour timestamp with time zone NOT NULL,
    city_id text NOT NULL,
    cameras integer NOT NULL,
    minutes integer NOT NULL,
    vehicles bigint NOT NULL,
    reads bigint NOT NULL,
    unreadable bigint NOT NULL,
    hits bigint NOT NULL,
    faces bigint NOT NULL,
    frames_in bigint NOT NULL,
    frames_processed bigint NOT NULL,
    sampled_out bigint NOT NULL,
    dropped bigint NOT NULL,
    reconnects bigint NOT NULL,
    stalls bigint NOT NULL,
    decode_errors bigint NOT NULL,
    frames_face_counted bigint NOT NULL,
    live_ms bigint NOT NULL,
    reported_ms bigint NOT NULL,
    coverage_ms bigint NOT NULL
);
COMMENT ON TABLE public.city_hour IS 'Sums of a city''s cameras by the hour (UTC).';
COMMENT ON COLUMN public.city_hour.hour IS 'The hours first moment (UTC)';
COMMENT ON COLUMN public.city_hour.city_id IS 'City';
COMMENT ON COLUMN public.city_hour.cameras IS 'Cameras that reported';
COMMENT ON COLUMN public.city_hour.minutes IS 'Reports that are added up';
COMMENT ON COLUMN public.city_hour.vehicles IS 'Vehicles that passed: those read and those not';
COMMENT ON COLUMN public.city_hour.reads IS 'Vehicles whose plate was read, hits among them';
COMMENT ON COLUMN public.city_hour.unreadable IS 'Vehicles whose plate was seen and not read';
COMMENT ON COLUMN public.city_hour.hits IS 'Vehicles whose plate matched the hotlist';
COMMENT ON COLUMN public.city_hour.faces IS 'Faces in the frames that were sampled for it; nobody is recognised';
COMMENT ON COLUMN public.city_hour.frames_in IS 'Frames that came from the camera';
COMMENT ON COLUMN public.city_hour.frames_processed IS 'Frames that were looked at';
COMMENT ON COLUMN public.city_hour.sampled_out IS 'Frames left out by plan';
COMMENT ON COLUMN public.city_hour.dropped IS 'Frames given up because the box could not keep up';
COMMENT ON COLUMN public.city_hour.reconnects IS 'Times the stream was connected again';
COMMENT ON COLUMN public.city_hour.stalls IS 'Times the camera showed a standing picture';
COMMENT ON COLUMN public.city_hour.decode_errors IS 'Frames that could not be decoded';
COMMENT ON COLUMN public.city_hour.frames_face_counted IS 'Frames in which faces were counted';
COMMENT ON COLUMN public.city_hour.live_ms IS 'How long the camera was seen to be live, in milliseconds';
COMMENT ON COLUMN public.city_hour.reported_ms IS 'How long reports count, in milliseconds';
COMMENT ON COLUMN public.city_hour.coverage_ms IS 'How long cameras were seen to be live, in milliseconds, each an hour at most';

CREATE VIEW public.city_hour_now AS
 SELECT city_hour.hour,
    city_hour.city_id,
    city_hour.cameras,
    city_hour.minutes,
    city_hour.vehicles,
    city_hour.reads,
    city_hour.unreadable,
    city_hour.hits,
    city_hour.faces,
    city_hour.frames_in,
    city_hour.frames_processed,
    city_hour.sampled_out,
    city_hour.dropped,
    city_hour.reconnects,
    city_hour.stalls,
    city_hour.decode_errors,
    city_hour.frames_face_counted,
    city_hour.live_ms,
    city_hour.reported_ms,
    city_hour.coverage_ms
   FROM public.city_hour
  WHERE (NOT (EXISTS ( SELECT
           FROM public.count_due
          WHERE ((count_due.hour = city_hour.hour) AND (count_due.city_id = city_hour.city_id)))))
UNION ALL
 SELECT touched.hour,
    touched.city_id,
    fresh.cameras,
    fresh.minutes,
    fresh.vehicles,
    fresh.reads,
    fresh.unreadable,
    fresh.hits,
    fresh.faces,
    fresh.frames_in,
    fresh.frames_processed,
    fresh.sampled_out,
    fresh.dropped,
    fresh.reconnects,
    fresh.stalls,
    fresh.decode_errors,
    fresh.frames_face_counted,
    fresh.live_ms,
    fresh.reported_ms,
    fresh.coverage_ms
   FROM (( SELECT DISTINCT count_due.hour,
            count_due.city_id
           FROM public.count_due) touched
     CROSS JOIN LATERAL ( SELECT (count(*))::integer AS cameras,
            (sum(camera_hour_now.minutes))::integer AS minutes,
            (sum(camera_hour_now.vehicles))::bigint AS vehicles,
            (sum(camera_hour_now.reads))::bigint AS reads,
            (sum(camera_hour_now.unreadable))::bigint AS unreadable,
            (sum(camera_hour_now.hits))::bigint AS hits,
            (sum(camera_hour_now.faces))::bigint AS faces,
            (sum(camera_hour_now.frames_in))::bigint AS frames_in,
            (sum(camera_hour_now.frames_processed))::bigint AS frames_processed,
            (sum(camera_hour_now.sampled_out))::bigint AS sampled_out,
            (sum(camera_hour_now.dropped))::bigint AS dropped,
            (sum(camera_hour_now.reconnects))::bigint AS reconnects,
            (sum(camera_hour_now.stalls))::bigint AS stalls,
            (sum(camera_hour_now.decode_errors))::bigint AS decode_errors,
            (sum(camera_hour_now.frames_face_counted))::bigint AS frames_face_counted,
            (sum(camera_hour_now.live_ms))::bigint AS live_ms,
            (sum(camera_hour_now.reported_ms))::bigint AS reported_ms,
            (sum(LEAST(camera_hour_now.live_ms, (3600000)::bigint)))::bigint AS coverage_ms
           FROM public.camera_hour_now
          WHERE ((camera_hour_now.hour = touched.hour) AND (camera_hour_now.city_id = touched.city_id))
         HAVING (count(*) > 0)) fresh);
COMMENT ON VIEW public.city_hour_now IS 'Sums of cities by the hour, exact at every moment.';
COMMENT ON COLUMN public.city_hour_now.hour IS 'The hours first moment (UTC)';
COMMENT ON COLUMN public.city_hour_now.city_id IS 'City';
COMMENT ON COLUMN public.city_hour_now.cameras IS 'Cameras that reported';
COMMENT ON COLUMN public.city_hour_now.minutes IS 'Reports that are added up';
COMMENT ON COLUMN public.city_hour_now.vehicles IS 'Vehicles that passed: those read and those not';
COMMENT ON COLUMN public.city_hour_now.reads IS 'Vehicles whose plate was read, hits among them';
COMMENT ON COLUMN public.city_hour_now.unreadable IS 'Vehicles whose plate was seen and not read';
COMMENT ON COLUMN public.city_hour_now.hits IS 'Vehicles whose plate matched the hotlist';
COMMENT ON COLUMN public.city_hour_now.faces IS 'Faces in the frames that were sampled for it; nobody is recognised';
COMMENT ON COLUMN public.city_hour_now.frames_in IS 'Frames that came from the camera';
COMMENT ON COLUMN public.city_hour_now.frames_processed IS 'Frames that were looked at';
COMMENT ON COLUMN public.city_hour_now.sampled_out IS 'Frames left out by plan';
COMMENT ON COLUMN public.city_hour_now.dropped IS 'Frames given up because the box could not keep up';
COMMENT ON COLUMN public.city_hour_now.reconnects IS 'Times the stream was connected again';
COMMENT ON COLUMN public.city_hour_now.stalls IS 'Times the camera showed a standing picture';
COMMENT ON COLUMN public.city_hour_now.decode_errors IS 'Frames that could not be decoded';
COMMENT ON COLUMN public.city_hour_now.frames_face_counted IS 'Frames in which faces were counted';
COMMENT ON COLUMN public.city_hour_now.live_ms IS 'How long the camera was seen to be live, in milliseconds';
COMMENT ON COLUMN public.city_hour_now.reported_ms IS 'How long reports count, in milliseconds';
COMMENT ON COLUMN public.city_hour_now.coverage_ms IS 'How long cameras were seen to be live, in milliseconds, each an hour at most';

CREATE VIEW ask.city_hour WITH (security_barrier='true') AS
 SELECT hour AS at,
    city_id AS city,
    cameras,
    vehicles,
    reads,
    unreadable,
    hits,
    faces,
    frames_in,
    frames_processed,
    sampled_out,
    dropped,
    reconnects,
    stalls,
    decode_errors,
    frames_face_counted,
    (minutes)::bigint AS minutes,
    ((live_ms)::double precision / (1000.0)::double precision) AS live_s,
    ((reported_ms)::double precision / (1000.0)::double precision) AS reported_s,
    ((coverage_ms)::double precision / (1000.0)::double precision) AS coverage_s
   FROM public.city_hour_now
  WHERE (city_id = ANY (( SELECT ask.visible_cities() AS visible_cities)::text[]));
COMMENT ON VIEW ask.city_hour IS 'Counts of cities by the hour (UTC), with the time that they cover.';
COMMENT ON COLUMN ask.city_hour.at IS 'The buckets first moment';
COMMENT ON COLUMN ask.city_hour.city IS 'City';
COMMENT ON COLUMN ask.city_hour.cameras IS 'Cameras that reported';
COMMENT ON COLUMN ask.city_hour.vehicles IS 'Vehicles that passed: those read and those not';
COMMENT ON COLUMN ask.city_hour.reads IS 'Vehicles whose plate was read, hits among them';
COMMENT ON COLUMN ask.city_hour.unreadable IS 'Vehicles whose plate was seen and not read';
COMMENT ON COLUMN ask.city_hour.hits IS 'Vehicles whose plate matched the hotlist';
COMMENT ON COLUMN ask.city_hour.faces IS 'Faces in the frames that were sampled for it; nobody is recognised';
COMMENT ON COLUMN ask.city_hour.frames_in IS 'Frames that came from the camera';
COMMENT ON COLUMN ask.city_hour.frames_processed IS 'Frames that were looked at';
COMMENT ON COLUMN ask.city_hour.sampled_out IS 'Frames left out by plan';
COMMENT ON COLUMN ask.city_hour.dropped IS 'Frames given up because the box could not keep up';
COMMENT ON COLUMN ask.city_hour.reconnects IS 'Times the stream was connected again';
COMMENT ON COLUMN ask.city_hour.stalls IS 'Times the camera showed a standing picture';
COMMENT ON COLUMN ask.city_hour.decode_errors IS 'Frames that could not be decoded';
COMMENT ON COLUMN ask.city_hour.frames_face_counted IS 'Frames in which faces were counted';
COMMENT ON COLUMN ask.city_hour.minutes IS 'Reports that are added up';
COMMENT ON COLUMN ask.city_hour.live_s IS 'How long cameras were seen to be live, in seconds';
COMMENT ON COLUMN ask.city_hour.reported_s IS 'How long reports count, in seconds';
COMMENT ON COLUMN ask.city_hour.coverage_s IS 'How long cameras were seen to be live, in seconds, each no longer than the bucket: where that is short, counts are of less than all that passed';

CREATE TABLE public.camera_condition (
    envelope_hash public.sha256 NOT NULL,
    device_id text NOT NULL,
    city_id text NOT NULL,
    point_id text NOT NULL,
    outbox bytea NOT NULL,
    epoch bigint NOT NULL,
    sequence bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    counted_at timestamp with time zone NOT NULL,
    is_historical boolean NOT NULL,
    is_clock_suspect boolean NOT NULL,
    envelope bytea NOT NULL,
    camera_id text NOT NULL,
    condition smallint NOT NULL,
    is_active boolean NOT NULL,
    since_at timestamp with time zone NOT NULL,
    sharpness_before bigint NOT NULL,
    brightness_before smallint NOT NULL,
    contrast_before smallint NOT NULL,
    edges_before smallint NOT NULL,
    shift_px_before bigint NOT NULL,
    still_ms_before bigint NOT NULL,
    sharpness_after bigint NOT NULL,
    brightness_after smallint NOT NULL,
    contrast_after smallint NOT NULL,
    edges_after smallint NOT NULL,
    shift_px_after bigint NOT NULL,
    still_ms_after bigint NOT NULL,
    before_jpeg bytea,
    after_jpeg bytea
);
COMMENT ON TABLE public.camera_condition IS 'Cameras whose picture went bad, or good again.';
COMMENT ON COLUMN public.camera_condition.envelope_hash IS 'SHA-256 of the messages envelope, which names it everywhere';
COMMENT ON COLUMN public.camera_condition.device_id IS 'The identity under which the box speaks';
COMMENT ON COLUMN public.camera_condition.city_id IS 'City';
COMMENT ON COLUMN public.camera_condition.point_id IS 'Street point';
COMMENT ON COLUMN public.camera_condition.outbox IS 'The boxs outbox: 16 random bytes, new when a box is imaged';
COMMENT ON COLUMN public.camera_condition.epoch IS 'How often the boxs outbox was started';
COMMENT ON COLUMN public.camera_condition.sequence IS 'Place in the order of the boxs messages, across restarts';
COMMENT ON COLUMN public.camera_condition.created_at IS 'When it was made; of a message, by the boxs clock';
COMMENT ON COLUMN public.camera_condition.received_at IS 'When it came, by our clock';
COMMENT ON COLUMN public.camera_condition.counted_at IS 'When it happened: by the boxs clock if that was right, else when it came';
COMMENT ON COLUMN public.camera_condition.is_historical IS 'Whether it was old when it came';
COMMENT ON COLUMN public.camera_condition.is_clock_suspect IS 'Whether the boxs clock was wrong';
COMMENT ON COLUMN public.camera_condition.envelope IS 'The bytes as they came, with the devices own signature';
COMMENT ON COLUMN public.camera_condition.camera_id IS 'Camera, of its point';
COMMENT ON COLUMN public.camera_condition.condition IS 'What is wrong: 1 blocked, 2 moved, 3 blurred, 4 dark, 5 frozen';
COMMENT ON COLUMN public.camera_condition.is_active IS 'Whether it begins; else it is over';
COMMENT ON COLUMN public.camera_condition.since_at IS 'Since when the picture is so';
COMMENT ON COLUMN public.camera_condition.sharpness_before IS 'Sharpness of the picture before it went bad';
COMMENT ON COLUMN public.camera_condition.brightness_before IS 'Brightness before it went bad, per mille';
COMMENT ON COLUMN public.camera_condition.contrast_before IS 'Contrast before it went bad, per mille';
COMMENT ON COLUMN public.camera_condition.edges_before IS 'Share of edges in the picture before it went bad, per mille';
COMMENT ON COLUMN public.camera_condition.shift_px_before IS 'How far the picture had moved before it went bad, in pixels';
COMMENT ON COLUMN public.camera_condition.still_ms_before IS 'How long the picture had not changed before it went bad, in milliseconds';
COMMENT ON COLUMN public.camera_condition.sharpness_after IS 'Sharpness of the picture when it was told';
COMMENT ON COLUMN public.camera_condition.brightness_after IS 'Brightness when it was told, per mille';
COMMENT ON COLUMN public.camera_condition.contrast_after IS 'Contrast when it was told, per mille';
COMMENT ON COLUMN public.camera_condition.edges_after IS 'Share of edges in the picture when it was told, per mille';
COMMENT ON COLUMN public.camera_condition.shift_px_after IS 'How far the picture had moved when it was told, in pixels';
COMMENT ON COLUMN public.camera_condition.still_ms_after IS 'How long the picture had not changed when it was told, in milliseconds';
COMMENT ON COLUMN public.camera_condition.before_jpeg IS 'Redacted thumbnail from before';
COMMENT ON COLUMN public.camera_condition.after_jpeg IS 'Redacted thumbnail of what is wrong';

CREATE VIEW ask.condition WITH (security_barrier='true') AS
 SELECT encode((envelope_hash)::bytea, 'hex'::text) AS event,
    counted_at,
    since_at,
    city_id AS city,
    point_id AS point,
    camera_id AS camera,
    device_id AS device,
    (ARRAY['blocked'::text, 'moved'::text, 'blurred'::text, 'dark'::text, 'frozen'::text])[condition] AS condition,
    is_active,
    sharpness_before,
    sharpness_after,
    (brightness_before)::integer AS brightness_before,
    (brightness_after)::integer AS brightness_after,
    (contrast_before)::integer AS contrast_before,
    (contrast_after)::integer AS contrast_after,
    (edges_before)::integer AS edges_before,
    (edges_after)::integer AS edges_after,
    shift_px_before,
    shift_px_after,
    still_ms_before,
    still_ms_after,
    is_historical,
    is_clock_suspect,
    created_at,
    received_at
   FROM public.camera_condition
  WHERE (city_id = ANY (( SELECT ask.visible_cities() AS visible_cities)::text[]));
COMMENT ON VIEW ask.condition IS 'Cameras whose picture went bad, or good again.';
COMMENT ON COLUMN ask.condition.event IS 'The message''s hash, hexadecimal';
COMMENT ON COLUMN ask.condition.counted_at IS 'When it happened: by the box''s clock if that was right, else when it came';
COMMENT ON COLUMN ask.condition.since_at IS 'Since when the picture is so';
COMMENT ON COLUMN ask.condition.city IS 'City';
COMMENT ON COLUMN ask.condition.point IS 'Street point';
COMMENT ON COLUMN ask.condition.camera IS 'Camera, of its point';
COMMENT ON COLUMN ask.condition.device IS 'The identity under which the box speaks';
COMMENT ON COLUMN ask.condition.condition IS 'What is wrong with the picture: blocked, moved, blurred, dark or frozen';
COMMENT ON COLUMN ask.condition.is_active IS 'Whether it begins; else it is over';
COMMENT ON COLUMN ask.condition.sharpness_before IS 'Sharpness before';
COMMENT ON COLUMN ask.condition.sharpness_after IS 'Sharpness since';
COMMENT ON COLUMN ask.condition.brightness_before IS 'Brightness before, per mille';
COMMENT ON COLUMN ask.condition.brightness_after IS 'Brightness since, per mille';
COMMENT ON COLUMN ask.condition.contrast_before IS 'Contrast before, per mille';
COMMENT ON COLUMN ask.condition.contrast_after IS 'Contrast since, per mille';
COMMENT ON COLUMN ask.condition.edges_before IS 'Edges of the picture before, per mille';
COMMENT ON COLUMN ask.condition.edges_after IS 'Edges of the picture since, per mille';
COMMENT ON COLUMN ask.condition.shift_px_before IS 'How far the picture had moved before, in pixels';
COMMENT ON COLUMN ask.condition.shift_px_after IS 'How far the picture has moved since, in pixels';
COMMENT ON COLUMN ask.condition.still_ms_before IS 'How long the picture had not changed before, in milliseconds';
COMMENT ON COLUMN ask.condition.still_ms_after IS 'How long the picture has not changed since, in milliseconds';
COMMENT ON COLUMN ask.condition.is_historical IS 'Whether it was old when it came';
COMMENT ON COLUMN ask.condition.is_clock_suspect IS 'Whether the box''s clock was wrong';
COMMENT ON COLUMN ask.condition.created_at IS 'When the box wrote it, by its own clock';
COMMENT ON COLUMN ask.condition.received_at IS 'When it came';

CREATE TABLE public.camera_day (
    at timestamp with time zone NOT NULL,
    until timestamp with time zone NOT NULL,
    local_date date NOT NULL,
    point_id text NOT NULL,
    camera_id text NOT NULL,
    city_id text NOT NULL,
    minutes integer NOT NULL,
    vehicles bigint NOT NULL,
    reads bigint NOT NULL,
    unreadable bigint NOT NULL,
    hits bigint NOT NULL,
    faces bigint NOT NULL,
    frames_in bigint NOT NULL,
    frames_processed bigint NOT NULL,
    sampled_out bigint NOT NULL,
    dropped bigint NOT NULL,
    reconnects bigint NOT NULL,
    stalls bigint NOT NULL,
    decode_errors bigint NOT NULL,
    frames_face_counted bigint NOT NULL,
    live_ms bigint NOT NULL,
    reported_ms bigint NOT NULL
);
COMMENT ON TABLE public.camera_day IS 'Sums of a camera''s hours by the point''s own day.';
COMMENT ON COLUMN public.camera_day.at IS 'The buckets first moment';
COMMENT ON COLUMN public.camera_day.until IS 'The next days first moment';
COMMENT ON COLUMN public.camera_day.local_date IS 'The day, by the calendar of the point';
COMMENT ON COLUMN public.camera_day.point_id IS 'Street point';
COMMENT ON COLUMN public.camera_day.camera_id IS 'Camera, of its point';
COMMENT ON COLUMN public.camera_day.city_id IS 'City';
COMMENT ON COLUMN public.camera_day.minutes IS 'Reports that are added up';
COMMENT ON COLUMN public.camera_day.vehicles IS 'Vehicles that passed: those read and those not';
COMMENT ON COLUMN public.camera_day.reads IS 'Vehicles whose plate was read, hits among them';
COMMENT ON COLUMN public.camera_day.unreadable IS 'Vehicles whose plate was seen and not read';
COMMENT ON COLUMN public.camera_day.hits IS 'Vehicles whose plate matched the hotlist';
COMMENT ON COLUMN public.camera_day.faces IS 'Faces in the frames that were sampled for it; nobody is recognised';
COMMENT ON COLUMN public.camera_day.frames_in IS 'Frames that came from the camera';
COMMENT ON COLUMN public.camera_day.frames_processed IS 'Frames that were looked at';
COMMENT ON COLUMN public.camera_day.sampled_out IS 'Frames left out by plan';
COMMENT ON COLUMN public.camera_day.dropped IS 'Frames given up because the box could not keep up';
COMMENT ON COLUMN public.camera_day.reconnects IS 'Times the stream was connected again';
COMMENT ON COLUMN public.camera_day.stalls IS 'Times the camera showed a standing picture';
COMMENT ON COLUMN public.camera_day.decode_errors IS 'Frames that could not be decoded';
COMMENT ON COLUMN public.camera_day.frames_face_counted IS 'Frames in which faces were counted';
COMMENT ON COLUMN public.camera_day.live_ms IS 'How long the camera was seen to be live, in milliseconds';
COMMENT ON COLUMN public.camera_day.reported_ms IS 'How long reports count, in milliseconds';

CREATE VIEW public.point_zone AS
 SELECT point.point_id,
    COALESCE(point.time_zone, city.time_zone) AS time_zone
   FROM (public.point
     JOIN public.city USING (city_id));
COMMENT ON VIEW public.point_zone IS 'The time zone of each point: its own, else its city''s.';
COMMENT ON COLUMN public.point_zone.point_id IS 'Street point';
COMMENT ON COLUMN public.point_zone.time_zone IS 'Time zone, by its IANA name';

CREATE VIEW public.camera_day_now AS
 SELECT camera_day.at,
    camera_day.until,
    camera_day.local_date,
    camera_day.point_id,
    camera_day.camera_id,
    camera_day.city_id,
    camera_day.minutes,
    camera_day.vehicles,
    camera_day.reads,
    camera_day.unreadable,
    camera_day.hits,
    camera_day.faces,
    camera_day.frames_in,
    camera_day.frames_processed,
    camera_day.sampled_out,
    camera_day.dropped,
    camera_day.reconnects,
    camera_day.stalls,
    camera_day.decode_errors,
    camera_day.frames_face_counted,
    camera_day.live_ms,
    camera_day.reported_ms
   FROM public.camera_day
  WHERE (NOT (EXISTS ( SELECT
           FROM public.count_due
          WHERE (((count_due.point_id = camera_day.point_id) AND (count_due.city_id = camera_day.city_id)) AND (count_due.hour >= camera_day.at) AND (count_due.hour < camera_day.until)))))
UNION ALL
 SELECT touched.at,
    touched.until,
    touched.local_date,
    touched.point_id,
    fresh.camera_id,
    touched.city_id,
    fresh.minutes,
    fresh.vehicles,
    fresh.reads,
    fresh.unreadable,
    fresh.hits,
    fresh.faces,
    fresh.frames_in,
    fresh.frames_processed,
    fresh.sampled_out,
    fresh.dropped,
    fresh.reconnects,
    fresh.stalls,
    fresh.decode_errors,
    fresh.frames_face_counted,
    fresh.live_ms,
    fresh.reported_ms
   FROM (( SELECT DISTINCT day.point_id,
            day.city_id,
            day.at,
            (((day.at AT TIME ZONE day.time_zone) + '1 day'::interval) AT TIME ZONE day.time_zone) AS until,
            ((day.at AT TIME ZONE day.time_zone))::date AS local_date
           FROM ( SELECT count_due.point_id,
                    count_due.city_id,
                    point_zone.time_zone,
                    date_trunc('day'::text, count_due.hour, point_zone.time_zone) AS at
                   FROM (public.count_due
                     JOIN public.point_zone ON (((point_zone.point_id)::text = count_due.point_id)))) day) touched
     CROSS JOIN LATERAL ( SELECT camera_hour_now.camera_id,
            (sum(camera_hour_now.minutes))::integer AS minutes,
            (sum(camera_hour_now.vehicles))::bigint AS vehicles,
            (sum(camera_hour_now.reads))::bigint AS reads,
            (sum(camera_hour_now.unreadable))::bigint AS unreadable,
            (sum(camera_hour_now.hits))::bigint AS hits,
            (sum(camera_hour_now.faces))::bigint AS faces,
            (sum(camera_hour_now.frames_in))::bigint AS frames_in,
            (sum(camera_hour_now.frames_processed))::bigint AS frames_processed,
            (sum(camera_hour_now.sampled_out))::bigint AS sampled_out,
            (sum(camera_hour_now.dropped))::bigint AS dropped,
            (sum(camera_hour_now.reconnects))::bigint AS reconnects,
            (sum(camera_hour_now.stalls))::bigint AS stalls,
            (sum(camera_hour_now.decode_errors))::bigint AS decode_errors,
            (sum(camera_hour_now.frames_face_counted))::bigint AS frames_face_counted,
            (sum(camera_hour_now.live_ms))::bigint AS live_ms,
            (sum(camera_hour_now.reported_ms))::bigint AS reported_ms
           FROM public.camera_hour_now
          WHERE (((camera_hour_now.point_id = touched.point_id) AND (camera_hour_now.city_id = touched.city_id)) AND (camera_hour_now.hour >= touched.at) AND (camera_hour_now.hour < touched.until))
          GROUP BY camera_hour_now.camera_id) fresh);
COMMENT ON VIEW public.camera_day_now IS 'Sums by the day, exact at every moment.';
COMMENT ON COLUMN public.camera_day_now.at IS 'The buckets first moment';
COMMENT ON COLUMN public.camera_day_now.until IS 'The next days first moment';
COMMENT ON COLUMN public.camera_day_now.local_date IS 'The day, by the calendar of the point';
COMMENT ON COLUMN public.camera_day_now.point_id IS 'Street point';
COMMENT ON COLUMN public.camera_day_now.camera_id IS 'Camera, of its point';
COMMENT ON COLUMN public.camera_day_now.city_id IS 'City';
COMMENT ON COLUMN public.camera_day_now.minutes IS 'Reports that are added up';
COMMENT ON COLUMN public.camera_day_now.vehicles IS 'Vehicles that passed: those read and those not';
COMMENT ON COLUMN public.camera_day_now.reads IS 'Vehicles whose plate was read, hits among them';
COMMENT ON COLUMN public.camera_day_now.unreadable IS 'Vehicles whose plate was seen and not read';
COMMENT ON COLUMN public.camera_day_now.hits IS 'Vehicles whose plate matched the hotlist';
COMMENT ON COLUMN public.camera_day_now.faces IS 'Faces in the frames that were sampled for it; nobody is recognised';
COMMENT ON COLUMN public.camera_day_now.frames_in IS 'Frames that came from the camera';
COMMENT ON COLUMN public.camera_day_now.frames_processed IS 'Frames that were looked at';
COMMENT ON COLUMN public.camera_day_now.sampled_out IS 'Frames left out by plan';
COMMENT ON COLUMN public.camera_day_now.dropped IS 'Frames given up because the box could not keep up';
COMMENT ON COLUMN public.camera_day_now.reconnects IS 'Times the stream was connected again';
COMMENT ON COLUMN public.camera_day_now.stalls IS 'Times the camera showed a standing picture';
COMMENT ON COLUMN public.camera_day_now.decode_errors IS 'Frames that could not be decoded';
COMMENT ON COLUMN public.camera_day_now.frames_face_counted IS 'Frames in which faces were counted';
COMMENT ON COLUMN public.camera_day_now.live_ms IS 'How long the camera was seen to be live, in milliseconds';
COMMENT ON COLUMN public.camera_day_now.reported_ms IS 'How long reports count, in milliseconds';

CREATE VIEW ask.day WITH (security_barrier='true') AS
 SELECT at,
    local_date,
    city_id AS city,
    point_id AS point,
    camera_id AS camera,
    vehicles,
    reads,
    unreadable,
    hits,
    faces,
    frames_in,
    frames_processed,
    sampled_out,
    dropped,
    reconnects,
    stalls,
    decode_errors,
    frames_face_counted,
    (minutes)::bigint AS minutes,
    ((live_ms)::double precision / (1000.0)::double precision) AS live_s,
    ((reported_ms)::double precision / (1000.0)::double precision) AS reported_s,
    LEAST(((live_ms)::double precision / (1000.0)::double precision), (EXTRACT(epoch FROM (until - at)))::double precision) AS coverage_s
   FROM public.camera_day_now
  WHERE (city_id = ANY (( SELECT ask.visible_cities() AS visible_cities)::text[]));
COMMENT ON VIEW ask.day IS 'Counts of cameras by the point''s own day, with the time that they cover.';
COMMENT ON COLUMN ask.day.at IS 'The buckets first moment';
COMMENT ON COLUMN ask.day.local_date IS 'The day, by the calendar of the point';
COMMENT ON COLUMN ask.day.city IS 'City';
COMMENT ON COLUMN ask.day.point IS 'Street point';
COMMENT ON COLUMN ask.day.camera IS 'Camera, of its point';
COMMENT ON COLUMN ask.day.vehicles IS 'Vehicles that passed: those read and those not';
COMMENT ON COLUMN ask.day.reads IS 'Vehicles whose plate was read, hits among them';
COMMENT ON COLUMN ask.day.unreadable IS 'Vehicles whose plate was seen and not read';
COMMENT ON COLUMN ask.day.hits IS 'Vehicles whose plate matched the hotlist';
COMMENT ON COLUMN ask.day.faces IS 'Faces in the frames that were sampled for it; nobody is recognised';
COMMENT ON COLUMN ask.day.frames_in IS 'Frames that came from the camera';
COMMENT ON COLUMN ask.day.frames_processed IS 'Frames that were looked at';
COMMENT ON COLUMN ask.day.sampled_out IS 'Frames left out by plan';
COMMENT ON COLUMN ask.day.dropped IS 'Frames given up because the box could not keep up';
COMMENT ON COLUMN ask.day.reconnects IS 'Times the stream was connected again';
COMMENT ON COLUMN ask.day.stalls IS 'Times the camera showed a standing picture';
COMMENT ON COLUMN ask.day.decode_errors IS 'Frames that could not be decoded';
COMMENT ON COLUMN ask.day.frames_face_counted IS 'Frames in which faces were counted';
COMMENT ON COLUMN ask.day.minutes IS 'Reports that are added up';
COMMENT ON COLUMN ask.day.live_s IS 'How long cameras were seen to be live, in seconds';
COMMENT ON COLUMN ask.day.reported_s IS 'How long reports count, in seconds';
COMMENT ON COLUMN ask.day.coverage_s IS 'How long cameras were seen to be live, in seconds, each no longer than the bucket: where that is short, counts are of less than all that passed';

CREATE VIEW ask.decision WITH (security_barrier='true') AS
 SELECT alert.alert_id AS alert,
    encode((sighting.event)::bytea, 'hex'::text) AS hit,
    sighting.city_id AS city,
    sighting.point_id AS point,
    sighting.camera_id AS camera,
    sighting.device_id AS device,
    sighting.happened_at,
    alert.decided_at,
    told.by,
    told.what,
    alert.was_right
   FROM ((public.alert_sighting sighting
     JOIN public.alert USING (alert_id))
     CROSS JOIN LATERAL ( SELECT 'camera'::text AS by,
            concat_ws('/'::text, sighting.point_id, sighting.camera_id) AS what
        UNION ALL
         SELECT 'list'::text,
            unnest(sighting.lists) AS unnest
        UNION ALL
         SELECT 'reason'::text,
            unnest(sighting.reasons) AS unnest
        UNION ALL
         SELECT 'reader'::text,
            sighting.reader
        UNION ALL
         SELECT 'quality'::text,
                CASE sighting.quality
                    WHEN 1 THEN 'exact'::text
                    WHEN 2 THEN 'possible'::text
                    ELSE 'withdrawn'::text
                END AS "case") told)
  WHERE ((sighting.kind = 'hit'::text) AND (alert.was_right IS NOT NULL) AND (sighting.added_at <= alert.decided_at) AND (sighting.city_id = ANY (( SELECT ask.visible_cities() AS visible_cities)::text[])));
COMMENT ON VIEW ask.decision IS 'Hits that a person decided on, once for each thing that precision is counted by.';
COMMENT ON COLUMN ask.decision.alert IS 'The alert''s number';
COMMENT ON COLUMN ask.decision.hit IS 'The hit''s hash, hexadecimal';
COMMENT ON COLUMN ask.decision.city IS 'City';
COMMENT ON COLUMN ask.decision.point IS 'Street point';
COMMENT ON COLUMN ask.decision.camera IS 'Camera, of its point';
COMMENT ON COLUMN ask.decision.device IS 'The identity under which the box speaks';
COMMENT ON COLUMN ask.decision.happened_at IS 'When the hit happened';
COMMENT ON COLUMN ask.decision.decided_at IS 'When a person confirmed, rejected or corrected';
COMMENT ON COLUMN ask.decision.by IS 'What is counted by: camera, list, reason, reader or quality';
COMMENT ON COLUMN ask.decision.what IS 'Which camera, list, reason, reader or quality';
COMMENT ON COLUMN ask.decision.was_right IS 'Whether the read turned out right; none: nobody can tell';

CREATE TABLE public.chain (
    device_id text NOT NULL,
    outbox bytea NOT NULL,
    head bigint NOT NULL,
    highest bigint NOT NULL,
    runs jsonb NOT NULL,
    forks bigint[] NOT NULL,
    breaks bigint[] NOT NULL,
    updated_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE public.chain IS 'What the chain auditor knows of the order of a box''s messages.';
COMMENT ON COLUMN public.chain.device_id IS 'The identity under which the box speaks';
COMMENT ON COLUMN public.chain.outbox IS 'The boxs outbox: 16 random bytes, new when a box is imaged';
COMMENT ON COLUMN public.chain.head IS 'Everything up to this sequence number is accounted for';
COMMENT ON COLUMN public.chain.highest IS 'The highest sequence number known';
COMMENT ON COLUMN public.chain.runs IS 'Stretches without a gap: first, last, the hashes at their ends';
COMMENT ON COLUMN public.chain.forks IS 'Sequence numbers that two messages claim';
COMMENT ON COLUMN public.chain.breaks IS 'Sequence numbers whose message names another predecessor than there is';
COMMENT ON COLUMN public.chain.updated_at IS 'When the auditor last took something in';

CREATE TABLE public.device (
    device_id public.registry_id NOT NULL,
    point_id public.registry_id NOT NULL,
    city_id public.registry_id NOT NULL,
    profile text DEFAULT ''::text NOT NULL,
    state text DEFAULT 'active'::text NOT NULL,
    registered_at timestamp with time zone DEFAULT now() NOT NULL,
    replaces public.registry_id,
    settings_number bigint DEFAULT 0 NOT NULL,
    CONSTRAINT device_check CHECK (((replaces)::text <> (device_id)::text)),
    CONSTRAINT device_settings_number_check CHECK ((settings_number >= 0)),
    CONSTRAINT device_state_check CHECK ((state = ANY (ARRAY['active'::text, 'revoked'::text])))
);
COMMENT ON TABLE public.device IS 'Boxes, by the identity under which they speak.';
COMMENT ON COLUMN public.device.device_id IS 'The identity under which the box speaks';
COMMENT ON COLUMN public.device.point_id IS 'Street point';
COMMENT ON COLUMN public.device.city_id IS 'City';
COMMENT ON COLUMN public.device.profile IS 'The firmware profile of the box';
COMMENT ON COLUMN public.device.state IS 'active or revoked';
COMMENT ON COLUMN public.device.registered_at IS 'When it was registered';
COMMENT ON COLUMN public.device.replaces IS 'The broken box whose point it took over';
COMMENT ON COLUMN public.device.settings_number IS 'At a region: number of the newest settings document that the city has for it; 0 for none';

CREATE TABLE public.gap (
    device_id text NOT NULL,
    outbox bytea NOT NULL,
    first bigint NOT NULL,
    last bigint NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    asked integer NOT NULL,
    next_ask_at timestamp with time zone
);
COMMENT ON TABLE public.gap IS 'Messages that are missing, and when they are asked for next.';
COMMENT ON COLUMN public.gap.device_id IS 'The identity under which the box speaks';
COMMENT ON COLUMN public.gap.outbox IS 'The boxs outbox: 16 random bytes, new when a box is imaged';
COMMENT ON COLUMN public.gap.first IS 'First sequence number that is missing';
COMMENT ON COLUMN public.gap.last IS 'Last sequence number that is missing';
COMMENT ON COLUMN public.gap.opened_at IS 'When it was found missing';
COMMENT ON COLUMN public.gap.asked IS 'How often it was asked for';
COMMENT ON COLUMN public.gap.next_ask_at IS 'When it is asked for next; none: given up, lost until it comes';

CREATE TABLE public.presence (
    device_id text NOT NULL,
    connection bigint NOT NULL,
    is_online boolean NOT NULL,
    since timestamp with time zone NOT NULL,
    device_time timestamp with time zone NOT NULL,
    versions text[] NOT NULL,
    envelope bytea NOT NULL,
    outbox bytea DEFAULT decode(repeat('00'::text, 16), 'hex'::text) NOT NULL,
    CONSTRAINT presence_outbox_check CHECK ((octet_length(outbox) = 16))
);
COMMENT ON TABLE public.presence IS 'Which boxes are on line, since when.';
COMMENT ON COLUMN public.presence.device_id IS 'The identity under which the box speaks';
COMMENT ON COLUMN public.presence.connection IS 'Number of the connection; the box counts them';
COMMENT ON COLUMN public.presence.is_online IS 'Whether it is on line';
COMMENT ON COLUMN public.presence.since IS 'Since when, by our clock';
COMMENT ON COLUMN public.presence.device_time IS 'When, by the boxs clock';
COMMENT ON COLUMN public.presence.versions IS 'Versions of what runs on the box';
COMMENT ON COLUMN public.presence.envelope IS 'The signed bytes of its last birth or will';
COMMENT ON COLUMN public.presence.outbox IS 'The outbox in which it counts its connections; zeros: not told';

CREATE TABLE public.report (
    envelope_hash public.sha256 NOT NULL,
    device_id text NOT NULL,
    city_id text NOT NULL,
    point_id text NOT NULL,
    outbox bytea NOT NULL,
    epoch bigint NOT NULL,
    sequence bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    counted_at timestamp with time zone NOT NULL,
    is_historical boolean NOT NULL,
    is_clock_suspect boolean NOT NULL,
    envelope bytea NOT NULL,
    from_at timestamp with time zone NOT NULL,
    to_at timestamp with time zone NOT NULL,
    temperature_mc bigint,
    disk_free_mb bigint,
    memory_mb bigint,
    cpu_permille bigint,
    clock_offset_ms bigint,
    outbox_rows bigint NOT NULL,
    outbox_bytes bigint NOT NULL,
    oldest_unreceipted_at timestamp with time zone,
    dead_letters bigint NOT NULL,
    lookback_since timestamp with time zone,
    hotlist_version bigint,
    hotlist_entries bigint,
    hotlist_expires_at timestamp with time zone,
    refused_downlinks bigint NOT NULL,
    uptime_s bigint NOT NULL,
    versions text[] NOT NULL
);
COMMENT ON TABLE public.report IS 'Health of a box, minute by minute.';
COMMENT ON COLUMN public.report.envelope_hash IS 'SHA-256 of the messages envelope, which names it everywhere';
COMMENT ON COLUMN public.report.device_id IS 'The identity under which the box speaks';
COMMENT ON COLUMN public.report.city_id IS 'City';
COMMENT ON COLUMN public.report.point_id IS 'Street point';
COMMENT ON COLUMN public.report.outbox IS 'The boxs outbox: 16 random bytes, new when a box is imaged';
COMMENT ON COLUMN public.report.epoch IS 'How often the boxs outbox was started';
COMMENT ON COLUMN public.report.sequence IS 'Place in the order of the boxs messages, across restarts';
COMMENT ON COLUMN public.report.created_at IS 'When it was made; of a message, by the boxs clock';
COMMENT ON COLUMN public.report.received_at IS 'When it came, by our clock';
COMMENT ON COLUMN public.report.counted_at IS 'When it happened: by the boxs clock if that was right, else when it came';
COMMENT ON COLUMN public.report.is_historical IS 'Whether it was old when it came';
COMMENT ON COLUMN public.report.is_clock_suspect IS 'Whether the boxs clock was wrong';
COMMENT ON COLUMN public.report.envelope IS 'The bytes as they came, with the devices own signature';
COMMENT ON COLUMN public.report.from_at IS 'Since when it counts';
COMMENT ON COLUMN public.report.to_at IS 'Up to when it counts';
COMMENT ON COLUMN public.report.temperature_mc IS 'Temperature of the box, in thousandths of a degree Celsius';
COMMENT ON COLUMN public.report.disk_free_mb IS 'Free disk of the box, in megabytes';
COMMENT ON COLUMN public.report.memory_mb IS 'Memory that the agent uses, in megabytes';
COMMENT ON COLUMN public.report.cpu_permille IS 'Share of the processors in use, per mille';
COMMENT ON COLUMN public.report.clock_offset_ms IS 'How far the boxs clock is off, in milliseconds';
COMMENT ON COLUMN public.report.outbox_rows IS 'Messages that wait in the box to be sent';
COMMENT ON COLUMN public.report.outbox_bytes IS 'Bytes that wait in the box to be sent';
COMMENT ON COLUMN public.report.oldest_unreceipted_at IS 'When the oldest message was written that waits for its receipt';
COMMENT ON COLUMN public.report.dead_letters IS 'Messages that the box keeps because they were refused for good';
COMMENT ON COLUMN public.report.lookback_since IS 'Since when the box remembers reads for new entries';
COMMENT ON COLUMN public.report.hotlist_version IS 'The hotlist that the box matches with; none: it has none';
COMMENT ON COLUMN public.report.hotlist_entries IS 'Entries of the hotlist that the box matches with';
COMMENT ON COLUMN public.report.hotlist_expires_at IS 'When that hotlist ends';
COMMENT ON COLUMN public.report.refused_downlinks IS 'Messages to the box that it refused';
COMMENT ON COLUMN public.report.uptime_s IS 'Seconds since the agent started';
COMMENT ON COLUMN public.report.versions IS 'Versions of what runs on the box';

CREATE VIEW ask.device WITH (security_barrier='true') AS
 SELECT (device.device_id)::text AS device,
    (device.city_id)::text AS city,
    (device.point_id)::text AS point,
    device.profile,
    device.state,
        CASE presence.is_online
            WHEN true THEN 'online'::text
            WHEN false THEN 'offline'::text
            ELSE 'never seen'::text
        END AS line,
    presence.since,
    newest.to_at AS last_report,
    newest.outbox_rows,
    newest.dead_letters,
    newest.hotlist_version,
    newest.lookback_since,
    ((newest.temperature_mc)::double precision / (1000.0)::double precision) AS temperature_c,
    newest.disk_free_mb,
    newest.clock_offset_ms,
    (COALESCE(gaps.missing, (0)::numeric))::bigint AS missing,
    (COALESCE(gaps.lost, (0)::numeric))::bigint AS lost,
    COALESCE(chains.forks, (0)::bigint) AS forks,
    COALESCE(chains.breaks, (0)::bigint) AS breaks,
    device.registered_at
   FROM ((((public.device
     LEFT JOIN public.presence USING (device_id))
     LEFT JOIN LATERAL ( SELECT report.envelope_hash,
            report.device_id,
            report.city_id,
            report.point_id,
            report.outbox,
            report.epoch,
            report.sequence,
            report.created_at,
            report.received_at,
            report.counted_at,
            report.is_historical,
            report.is_clock_suspect,
            report.envelope,
            report.from_at,
            report.to_at,
            report.temperature_mc,
            report.disk_free_mb,
            report.memory_mb,
            report.cpu_permille,
            report.clock_offset_ms,
            report.outbox_rows,
            report.outbox_bytes,
            report.oldest_unreceipted_at,
            report.dead_letters,
            report.lookback_since,
            report.hotlist_version,
            report.hotlist_entries,
            report.hotlist_expires_at,
            report.refused_downlinks,
            report.uptime_s,
            report.versions
           FROM public.report
          WHERE (report.device_id = (device.device_id)::text)
          ORDER BY report.counted_at DESC
         LIMIT 1) newest(envelope_hash, device_id_1, city_id, point_id, outbox, epoch, sequence, created_at, received_at, counted_at, is_historical, is_clock_suspect, envelope, from_at, to_at, temperature_mc, disk_free_mb, memory_mb, cpu_permille, clock_offset_ms, outbox_rows, outbox_bytes, oldest_unreceipted_at, dead_letters, lookback_since, hotlist_version, hotlist_entries, hotlist_expires_at, refused_downlinks, uptime_s, versions) ON (true))
     LEFT JOIN LATERAL ( SELECT sum(((gap.last - gap.first) + 1)) FILTER (WHERE (gap.next_ask_at IS NOT NULL)) AS missing,
            sum(((gap.last - gap.first) + 1)) FILTER (WHERE (gap.next_ask_at IS NULL)) AS lost
           FROM public.gap
          WHERE (gap.device_id = (device.device_id)::text)) gaps ON (true))
     LEFT JOIN LATERAL ( SELECT sum(cardinality(chain.forks)) AS forks,
            sum(cardinality(chain.breaks)) AS breaks
           FROM public.chain
          WHERE (chain.device_id = (device.device_id)::text)) chains ON (true))
  WHERE ((device.city_id)::text = ANY (( SELECT ask.visible_cities() AS visible_cities)::text[]));
COMMENT ON VIEW ask.device IS 'Boxes as they are now: their line, their last report, what is missing of their messages.';
COMMENT ON COLUMN ask.device.device IS 'The identity under which the box speaks';
COMMENT ON COLUMN ask.device.city IS 'City';
COMMENT ON COLUMN ask.device.point IS 'Street point';
COMMENT ON COLUMN ask.device.profile IS 'The firmware profile of the box';
COMMENT ON COLUMN ask.device.state IS 'active or revoked';
COMMENT ON COLUMN ask.device.line IS 'online, offline or never seen';
COMMENT ON COLUMN ask.device.since IS 'Since when it is so';
COMMENT ON COLUMN ask.device.last_report IS 'Up to when the last report counts';
COMMENT ON COLUMN ask.device.outbox_rows IS 'Messages that wait in the box to be sent';
COMMENT ON COLUMN ask.device.dead_letters IS 'Messages that the box keeps because they were refused for good';
COMMENT ON COLUMN ask.device.hotlist_version IS 'The hotlist that the box matches with';
COMMENT ON COLUMN ask.device.lookback_since IS 'Since when the box remembers reads for new entries';
COMMENT ON COLUMN ask.device.temperature_c IS 'Temperature of the box, in degrees Celsius';
COMMENT ON COLUMN ask.device.disk_free_mb IS 'Free disk of the box, in megabytes';
COMMENT ON COLUMN ask.device.clock_offset_ms IS 'How far the box''s clock is off, in milliseconds';
COMMENT ON COLUMN ask.device.missing IS 'Messages that are missing and asked for';
COMMENT ON COLUMN ask.device.lost IS 'Messages that never came and are no longer asked for';
COMMENT ON COLUMN ask.device.forks IS 'Places where two messages of the box claim one number';
COMMENT ON COLUMN ask.device.breaks IS 'Breaks in the chain of the box''s messages';
COMMENT ON COLUMN ask.device.registered_at IS 'When it was registered';

CREATE TABLE public.acceptance (
    envelope_hash public.sha256 NOT NULL,
    device_id text NOT NULL,
    city_id text NOT NULL,
    point_id text NOT NULL,
    outbox bytea NOT NULL,
    epoch bigint NOT NULL,
    sequence bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    counted_at timestamp with time zone NOT NULL,
    is_historical boolean NOT NULL,
    is_clock_suspect boolean NOT NULL,
    envelope bytea NOT NULL,
    accepted_at timestamp with time zone NOT NULL,
    technician text NOT NULL,
    profile text NOT NULL,
    verdict smallint NOT NULL,
    checks integer NOT NULL,
    is_drift boolean NOT NULL,
    versions text[] NOT NULL
);
COMMENT ON TABLE public.acceptance IS 'How a technician left a point, and how it compared with that later.';
COMMENT ON COLUMN public.acceptance.envelope_hash IS 'SHA-256 of the messages envelope, which names it everywhere';
COMMENT ON COLUMN public.acceptance.device_id IS 'The identity under which the box speaks';
COMMENT ON COLUMN public.acceptance.city_id IS 'City';
COMMENT ON COLUMN public.acceptance.point_id IS 'Street point';
COMMENT ON COLUMN public.acceptance.outbox IS 'The boxs outbox: 16 random bytes, new when a box is imaged';
COMMENT ON COLUMN public.acceptance.epoch IS 'How often the boxs outbox was started';
COMMENT ON COLUMN public.acceptance.sequence IS 'Place in the order of the boxs messages, across restarts';
COMMENT ON COLUMN public.acceptance.created_at IS 'When it was made; of a message, by the boxs clock';
COMMENT ON COLUMN public.acceptance.received_at IS 'When it came, by our clock';
COMMENT ON COLUMN public.acceptance.counted_at IS 'When it happened: by the boxs clock if that was right, else when it came';
COMMENT ON COLUMN public.acceptance.is_historical IS 'Whether it was old when it came';
COMMENT ON COLUMN public.acceptance.is_clock_suspect IS 'Whether the boxs clock was wrong';
COMMENT ON COLUMN public.acceptance.envelope IS 'The bytes as they came, with the devices own signature';
COMMENT ON COLUMN public.acceptance.accepted_at IS 'When the technician accepted the point';
COMMENT ON COLUMN public.acceptance.technician IS 'Who accepted it';
COMMENT ON COLUMN public.acceptance.profile IS 'The firmware profile that the box was checked against';
COMMENT ON COLUMN public.acceptance.verdict IS '1 pass, 2 warn, 3 fail';
COMMENT ON COLUMN public.acceptance.checks IS 'How many checks were made';
COMMENT ON COLUMN public.acceptance.is_drift IS 'Whether it is a later comparison';
COMMENT ON COLUMN public.acceptance.versions IS 'Versions of what runs on the box';

CREATE TABLE public.acceptance_check (
    envelope_hash public.sha256 NOT NULL,
    number integer NOT NULL,
    check_name text NOT NULL,
    verdict smallint NOT NULL,
    value text NOT NULL,
    camera_id text
);
COMMENT ON TABLE public.acceptance_check IS 'The checks of an acceptance.';
COMMENT ON COLUMN public.acceptance_check.envelope_hash IS 'The acceptance: SHA-256 of its envelope';
COMMENT ON COLUMN public.acceptance_check.number IS 'Which check, from 1';
COMMENT ON COLUMN public.acceptance_check.check_name IS 'What was checked';
COMMENT ON COLUMN public.acceptance_check.verdict IS '1 pass, 2 warn, 3 fail';
COMMENT ON COLUMN public.acceptance_check.value IS 'What was found';
COMMENT ON COLUMN public.acceptance_check.camera_id IS 'Camera, of its point';

CREATE TABLE public.dropped (
    envelope_hash public.sha256 NOT NULL,
    device_id text NOT NULL,
    city_id text NOT NULL,
    point_id text NOT NULL,
    outbox bytea NOT NULL,
    epoch bigint NOT NULL,
    sequence bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    counted_at timestamp with time zone NOT NULL,
    is_historical boolean NOT NULL,
    is_clock_suspect boolean NOT NULL,
    envelope bytea NOT NULL,
    reason text NOT NULL,
    tombstones integer NOT NULL
);
COMMENT ON TABLE public.dropped IS 'Messages of boxes that say what they gave up for want of room.';
COMMENT ON COLUMN public.dropped.envelope_hash IS 'SHA-256 of the messages envelope, which names it everywhere';
COMMENT ON COLUMN public.dropped.device_id IS 'The identity under which the box speaks';
COMMENT ON COLUMN public.dropped.city_id IS 'City';
COMMENT ON COLUMN public.dropped.point_id IS 'Street point';
COMMENT ON COLUMN public.dropped.outbox IS 'The boxs outbox: 16 random bytes, new when a box is imaged';
COMMENT ON COLUMN public.dropped.epoch IS 'How often the boxs outbox was started';
COMMENT ON COLUMN public.dropped.sequence IS 'Place in the order of the boxs messages, across restarts';
COMMENT ON COLUMN public.dropped.created_at IS 'When it was made; of a message, by the boxs clock';
COMMENT ON COLUMN public.dropped.received_at IS 'When it came, by our clock';
COMMENT ON COLUMN public.dropped.counted_at IS 'When it happened: by the boxs clock if that was right, else when it came';
COMMENT ON COLUMN public.dropped.is_historical IS 'Whether it was old when it came';
COMMENT ON COLUMN public.dropped.is_clock_suspect IS 'Whether the boxs clock was wrong';
COMMENT ON COLUMN public.dropped.envelope IS 'The bytes as they came, with the devices own signature';
COMMENT ON COLUMN public.dropped.reason IS 'Why, in a word';
COMMENT ON COLUMN public.dropped.tombstones IS 'How many messages it gave up';

CREATE TABLE public.equivocation (
    device_id text NOT NULL,
    outbox bytea NOT NULL,
    sequence bigint NOT NULL,
    epoch bigint NOT NULL,
    first_hash public.sha256 NOT NULL,
    other_hash public.sha256 NOT NULL,
    received_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE public.equivocation IS 'One place in a box''s order with two messages: two boxes speak as one. The second was refused.';
COMMENT ON COLUMN public.equivocation.device_id IS 'The identity under which the box speaks';
COMMENT ON COLUMN public.equivocation.outbox IS 'The boxs outbox: 16 random bytes, new when a box is imaged';
COMMENT ON COLUMN public.equivocation.sequence IS 'Place in the order of the boxs messages, across restarts';
COMMENT ON COLUMN public.equivocation.epoch IS 'How often the boxs outbox was started';
COMMENT ON COLUMN public.equivocation.first_hash IS 'The envelope that was taken';
COMMENT ON COLUMN public.equivocation.other_hash IS 'The envelope that was refused';
COMMENT ON COLUMN public.equivocation.received_at IS 'When it came, by our clock';

CREATE TABLE public.evidence (
    envelope_hash public.sha256 NOT NULL,
    device_id text NOT NULL,
    city_id text NOT NULL,
    point_id text NOT NULL,
    outbox bytea NOT NULL,
    epoch bigint NOT NULL,
    sequence bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    counted_at timestamp with time zone NOT NULL,
    is_historical boolean NOT NULL,
    is_clock_suspect boolean NOT NULL,
    envelope bytea NOT NULL,
    hit_hash public.sha256 NOT NULL,
    camera_id text NOT NULL,
    captured_at timestamp with time zone NOT NULL,
    redacted_sha256 public.sha256 NOT NULL,
    redacted_bytes bigint NOT NULL,
    sealed_sha256 public.sha256 NOT NULL,
    sealed_bytes bigint NOT NULL,
    original_sha256 public.sha256 NOT NULL,
    sealed_to bytea NOT NULL,
    faces_filled bigint NOT NULL,
    plates_filled bigint NOT NULL,
    versions text[] NOT NULL
);
COMMENT ON TABLE public.evidence IS 'Names the picture of a hit and the hashes of its bytes. May come before the hit.';
COMMENT ON COLUMN public.evidence.envelope_hash IS 'SHA-256 of the messages envelope, which names it everywhere';
COMMENT ON COLUMN public.evidence.device_id IS 'The identity under which the box speaks';
COMMENT ON COLUMN public.evidence.city_id IS 'City';
COMMENT ON COLUMN public.evidence.point_id IS 'Street point';
COMMENT ON COLUMN public.evidence.outbox IS 'The boxs outbox: 16 random bytes, new when a box is imaged';
COMMENT ON COLUMN public.evidence.epoch IS 'How often the boxs outbox was started';
COMMENT ON COLUMN public.evidence.sequence IS 'Place in the order of the boxs messages, across restarts';
COMMENT ON COLUMN public.evidence.created_at IS 'When it was made; of a message, by the boxs clock';
COMMENT ON COLUMN public.evidence.received_at IS 'When it came, by our clock';
COMMENT ON COLUMN public.evidence.counted_at IS 'When it happened: by the boxs clock if that was right, else when it came';
COMMENT ON COLUMN public.evidence.is_historical IS 'Whether it was old when it came';
COMMENT ON COLUMN public.evidence.is_clock_suspect IS 'Whether the boxs clock was wrong';
COMMENT ON COLUMN public.evidence.envelope IS 'The bytes as they came, with the devices own signature';
COMMENT ON COLUMN public.evidence.hit_hash IS 'The hit: SHA-256 of its envelope';
COMMENT ON COLUMN public.evidence.camera_id IS 'Camera, of its point';
COMMENT ON COLUMN public.evidence.captured_at IS 'When the frame was taken, by the boxs clock';
COMMENT ON COLUMN public.evidence.redacted_sha256 IS 'SHA-256 of the redacted picture';
COMMENT ON COLUMN public.evidence.redacted_bytes IS 'Length of the redacted picture, in bytes';
COMMENT ON COLUMN public.evidence.sealed_sha256 IS 'SHA-256 of the sealed original';
COMMENT ON COLUMN public.evidence.sealed_bytes IS 'Length of the sealed original, in bytes';
COMMENT ON COLUMN public.evidence.original_sha256 IS 'SHA-256 of what the seal holds';
COMMENT ON COLUMN public.evidence.sealed_to IS 'Id of the key of the evidence authority that it is sealed to';
COMMENT ON COLUMN public.evidence.faces_filled IS 'Faces that were covered';
COMMENT ON COLUMN public.evidence.plates_filled IS 'Plates that were covered';
COMMENT ON COLUMN public.evidence.versions IS 'Versions of what runs on the box';

CREATE TABLE public.evidence_unavailable (
    envelope_hash public.sha256 NOT NULL,
    device_id text NOT NULL,
    city_id text NOT NULL,
    point_id text NOT NULL,
    outbox bytea NOT NULL,
    epoch bigint NOT NULL,
    sequence bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    counted_at timestamp with time zone NOT NULL,
    is_historical boolean NOT NULL,
    is_clock_suspect boolean NOT NULL,
    envelope bytea NOT NULL,
    hit_hash public.sha256 NOT NULL,
    reason text NOT NULL
);
COMMENT ON TABLE public.evidence_unavailable IS 'There is no picture of a hit, and why.';
COMMENT ON COLUMN public.evidence_unavailable.envelope_hash IS 'SHA-256 of the messages envelope, which names it everywhere';
COMMENT ON COLUMN public.evidence_unavailable.device_id IS 'The identity under which the box speaks';
COMMENT ON COLUMN public.evidence_unavailable.city_id IS 'City';
COMMENT ON COLUMN public.evidence_unavailable.point_id IS 'Street point';
COMMENT ON COLUMN public.evidence_unavailable.outbox IS 'The boxs outbox: 16 random bytes, new when a box is imaged';
COMMENT ON COLUMN public.evidence_unavailable.epoch IS 'How often the boxs outbox was started';
COMMENT ON COLUMN public.evidence_unavailable.sequence IS 'Place in the order of the boxs messages, across restarts';
COMMENT ON COLUMN public.evidence_unavailable.created_at IS 'When it was made; of a message, by the boxs clock';
COMMENT ON COLUMN public.evidence_unavailable.received_at IS 'When it came, by our clock';
COMMENT ON COLUMN public.evidence_unavailable.counted_at IS 'When it happened: by the boxs clock if that was right, else when it came';
COMMENT ON COLUMN public.evidence_unavailable.is_historical IS 'Whether it was old when it came';
COMMENT ON COLUMN public.evidence_unavailable.is_clock_suspect IS 'Whether the boxs clock was wrong';
COMMENT ON COLUMN public.evidence_unavailable.envelope IS 'The bytes as they came, with the devices own signature';
COMMENT ON COLUMN public.evidence_unavailable.hit_hash IS 'The hit: SHA-256 of its envelope';
COMMENT ON COLUMN public.evidence_unavailable.reason IS 'Why, in a word, such as redaction_failed or disk_full';

CREATE TABLE public.hit (
    envelope_hash public.sha256 NOT NULL,
    device_id text NOT NULL,
    city_id text NOT NULL,
    point_id text NOT NULL,
    outbox bytea NOT NULL,
    epoch bigint NOT NULL,
    sequence bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    counted_at timestamp with time zone NOT NULL,
    is_historical boolean NOT NULL,
    is_clock_suspect boolean NOT NULL,
    envelope bytea NOT NULL,
    camera_id text NOT NULL,
    track bigint NOT NULL,
    plate text NOT NULL,
    observed text NOT NULL,
    confidence smallint NOT NULL,
    hotlist_version bigint NOT NULL,
    captured_at timestamp with time zone NOT NULL,
    x1 bigint NOT NULL,
    y1 bigint NOT NULL,
    x2 bigint NOT NULL,
    y2 bigint NOT NULL,
    frame_width bigint NOT NULL,
    frame_height bigint NOT NULL,
    looks bigint NOT NULL,
    format text NOT NULL,
    is_from_lookback boolean NOT NULL
);
COMMENT ON TABLE public.hit IS 'Reads that match an entry of the hotlist. None is a fact until a person confirms it.';
COMMENT ON COLUMN public.hit.envelope_hash IS 'SHA-256 of the messages envelope, which names it everywhere';
COMMENT ON COLUMN public.hit.device_id IS 'The identity under which the box speaks';
COMMENT ON COLUMN public.hit.city_id IS 'City';
COMMENT ON COLUMN public.hit.point_id IS 'Street point';
COMMENT ON COLUMN public.hit.outbox IS 'The boxs outbox: 16 random bytes, new when a box is imaged';
COMMENT ON COLUMN public.hit.epoch IS 'How often the boxs outbox was started';
COMMENT ON COLUMN public.hit.sequence IS 'Place in the order of the boxs messages, across restarts';
COMMENT ON COLUMN public.hit.created_at IS 'When it was made; of a message, by the boxs clock';
COMMENT ON COLUMN public.hit.received_at IS 'When it came, by our clock';
COMMENT ON COLUMN public.hit.counted_at IS 'When it happened: by the boxs clock if that was right, else when it came';
COMMENT ON COLUMN public.hit.is_historical IS 'Whether it was old when it came';
COMMENT ON COLUMN public.hit.is_clock_suspect IS 'Whether the boxs clock was wrong';
COMMENT ON COLUMN public.hit.envelope IS 'The bytes as they came, with the devices own signature';
COMMENT ON COLUMN public.hit.camera_id IS 'Camera, of its point';
COMMENT ON COLUMN public.hit.track IS 'Number of the vehicles passage at the camera, since the agent started';
COMMENT ON COLUMN public.hit.plate IS 'The plate, by the vote over the passage';
COMMENT ON COLUMN public.hit.observed IS 'The plate as the best single look has it';
COMMENT ON COLUMN public.hit.confidence IS 'How sure the reading is, per mille';
COMMENT ON COLUMN public.hit.hotlist_version IS 'The hotlist that it was matched with';
COMMENT ON COLUMN public.hit.captured_at IS 'When the frame was taken, by the boxs clock';
COMMENT ON COLUMN public.hit.x1 IS 'Left edge of the plate in the frame, in pixels';
COMMENT ON COLUMN public.hit.y1 IS 'Upper edge of the plate in the frame, in pixels';
COMMENT ON COLUMN public.hit.x2 IS 'Right edge of the plate in the frame, in pixels';
COMMENT ON COLUMN public.hit.y2 IS 'Lower edge of the plate in the frame, in pixels';
COMMENT ON COLUMN public.hit.frame_width IS 'Width of the frame, in pixels';
COMMENT ON COLUMN public.hit.frame_height IS 'Height of the frame, in pixels';
COMMENT ON COLUMN public.hit.looks IS 'How many looks voted';
COMMENT ON COLUMN public.hit.format IS 'The plate format that the text fits; empty: none';
COMMENT ON COLUMN public.hit.is_from_lookback IS 'Whether it was seen before its entry came';

CREATE TABLE public.hit_amendment (
    envelope_hash public.sha256 NOT NULL,
    device_id text NOT NULL,
    city_id text NOT NULL,
    point_id text NOT NULL,
    outbox bytea NOT NULL,
    epoch bigint NOT NULL,
    sequence bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    counted_at timestamp with time zone NOT NULL,
    is_historical boolean NOT NULL,
    is_clock_suspect boolean NOT NULL,
    envelope bytea NOT NULL,
    hit_hash public.sha256 NOT NULL,
    plate text,
    observed text,
    confidence smallint NOT NULL,
    captured_at timestamp with time zone,
    is_withdrawal boolean NOT NULL
);
COMMENT ON TABLE public.hit_amendment IS 'What later frames changed of a hit, or that the box took it back. May come before its hit.';
COMMENT ON COLUMN public.hit_amendment.envelope_hash IS 'SHA-256 of the messages envelope, which names it everywhere';
COMMENT ON COLUMN public.hit_amendment.device_id IS 'The identity under which the box speaks';
COMMENT ON COLUMN public.hit_amendment.city_id IS 'City';
COMMENT ON COLUMN public.hit_amendment.point_id IS 'Street point';
COMMENT ON COLUMN public.hit_amendment.outbox IS 'The boxs outbox: 16 random bytes, new when a box is imaged';
COMMENT ON COLUMN public.hit_amendment.epoch IS 'How often the boxs outbox was started';
COMMENT ON COLUMN public.hit_amendment.sequence IS 'Place in the order of the boxs messages, across restarts';
COMMENT ON COLUMN public.hit_amendment.created_at IS 'When it was made; of a message, by the boxs clock';
COMMENT ON COLUMN public.hit_amendment.received_at IS 'When it came, by our clock';
COMMENT ON COLUMN public.hit_amendment.counted_at IS 'When it happened: by the boxs clock if that was right, else when it came';
COMMENT ON COLUMN public.hit_amendment.is_historical IS 'Whether it was old when it came';
COMMENT ON COLUMN public.hit_amendment.is_clock_suspect IS 'Whether the boxs clock was wrong';
COMMENT ON COLUMN public.hit_amendment.envelope IS 'The bytes as they came, with the devices own signature';
COMMENT ON COLUMN public.hit_amendment.hit_hash IS 'The hit: SHA-256 of its envelope';
COMMENT ON COLUMN public.hit_amendment.plate IS 'The plate, by the vote over more frames; none: withdrawn';
COMMENT ON COLUMN public.hit_amendment.observed IS 'The plate as the best single look has it';
COMMENT ON COLUMN public.hit_amendment.confidence IS 'How sure the reading is, per mille';
COMMENT ON COLUMN public.hit_amendment.captured_at IS 'When the better frame was taken, by the box''s clock';
COMMENT ON COLUMN public.hit_amendment.is_withdrawal IS 'Whether the box takes the hit back';

CREATE TABLE public.hit_match (
    envelope_hash public.sha256 NOT NULL,
    entry_id text NOT NULL,
    quality smallint NOT NULL,
    reason text NOT NULL
);
COMMENT ON TABLE public.hit_match IS 'The entries that a hit, or an amendment of one, matched.';
COMMENT ON COLUMN public.hit_match.envelope_hash IS 'SHA-256 of the hit''s or the amendment''s envelope';
COMMENT ON COLUMN public.hit_match.entry_id IS 'Entry of the hotlist';
COMMENT ON COLUMN public.hit_match.quality IS '1 exact, 2 possible';
COMMENT ON COLUMN public.hit_match.reason IS 'Reason class of the entry';

CREATE TABLE public.picture (
    device_id text NOT NULL,
    sha256 public.sha256 NOT NULL,
    state text NOT NULL,
    total_bytes bigint NOT NULL,
    settled_at timestamp with time zone NOT NULL,
    CONSTRAINT picture_state_check CHECK ((state = ANY (ARRAY['stored'::text, 'wrong_hash'::text, 'contradictory'::text, 'too_large'::text, 'purged'::text])))
);
COMMENT ON TABLE public.picture IS 'What became of a picture''s bytes.';
COMMENT ON COLUMN public.picture.device_id IS 'The identity under which the box speaks';
COMMENT ON COLUMN public.picture.sha256 IS 'SHA-256 of the picture''s bytes, which is its file''s name';
COMMENT ON COLUMN public.picture.state IS 'stored, wrong_hash, contradictory, too_large or purged';
COMMENT ON COLUMN public.picture.total_bytes IS 'Length of the whole picture, in bytes';
COMMENT ON COLUMN public.picture.settled_at IS 'When it was decided';

CREATE TABLE public.settings_result (
    envelope_hash public.sha256 NOT NULL,
    device_id text NOT NULL,
    city_id text NOT NULL,
    point_id text NOT NULL,
    outbox bytea NOT NULL,
    epoch bigint NOT NULL,
    sequence bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    counted_at timestamp with time zone NOT NULL,
    is_historical boolean NOT NULL,
    is_clock_suspect boolean NOT NULL,
    envelope bytea NOT NULL,
    number bigint NOT NULL,
    rollout_id text NOT NULL,
    state smallint NOT NULL,
    reason text NOT NULL,
    note text NOT NULL
);
COMMENT ON TABLE public.settings_result IS 'What a box made of a settings document.';
COMMENT ON COLUMN public.settings_result.envelope_hash IS 'SHA-256 of the messages envelope, which names it everywhere';
COMMENT ON COLUMN public.settings_result.device_id IS 'The identity under which the box speaks';
COMMENT ON COLUMN public.settings_result.city_id IS 'City';
COMMENT ON COLUMN public.settings_result.point_id IS 'Street point';
COMMENT ON COLUMN public.settings_result.outbox IS 'The boxs outbox: 16 random bytes, new when a box is imaged';
COMMENT ON COLUMN public.settings_result.epoch IS 'How often the boxs outbox was started';
COMMENT ON COLUMN public.settings_result.sequence IS 'Place in the order of the boxs messages, across restarts';
COMMENT ON COLUMN public.settings_result.created_at IS 'When it was made; of a message, by the boxs clock';
COMMENT ON COLUMN public.settings_result.received_at IS 'When it came, by our clock';
COMMENT ON COLUMN public.settings_result.counted_at IS 'When it happened: by the boxs clock if that was right, else when it came';
COMMENT ON COLUMN public.settings_result.is_historical IS 'Whether it was old when it came';
COMMENT ON COLUMN public.settings_result.is_clock_suspect IS 'Whether the boxs clock was wrong';
COMMENT ON COLUMN public.settings_result.envelope IS 'The bytes as they came, with the devices own signature';
COMMENT ON COLUMN public.settings_result.number IS 'The settings document''s number';
COMMENT ON COLUMN public.settings_result.rollout_id IS 'The rollout';
COMMENT ON COLUMN public.settings_result.state IS '1 kept, 2 rolled back, 3 refused';
COMMENT ON COLUMN public.settings_result.reason IS 'Why, in a word, such as healthy or bad_signature';
COMMENT ON COLUMN public.settings_result.note IS 'A few words on it, never a plate';

CREATE VIEW ask.event WITH (security_barrier='true') AS
 SELECT encode(envelope_hash, 'hex'::text) AS event,
    kind,
    counted_at,
    city_id AS city,
    point_id AS point,
    device_id AS device,
    camera_id AS camera,
    note,
    created_at,
    received_at,
    is_historical,
    is_clock_suspect
   FROM ( SELECT 'hit'::text AS kind,
            (hit.envelope_hash)::bytea AS envelope_hash,
            hit.device_id,
            hit.city_id,
            hit.point_id,
            hit.camera_id,
            hit.created_at,
            hit.received_at,
            hit.counted_at,
            hit.is_historical,
            hit.is_clock_suspect,
            ( SELECT (
                        CASE min(hit_match.quality)
                            WHEN 1 THEN 'exact: '::text
                            ELSE 'possible: '::text
                        END || string_agg(DISTINCT hit_match.reason, ', '::text ORDER BY hit_match.reason))
                   FROM public.hit_match
                  WHERE ((hit_match.envelope_hash)::bytea = (hit.envelope_hash)::bytea)) AS note
           FROM public.hit
        UNION ALL
         SELECT 'hit-amended'::text,
            amendment.envelope_hash,
            amendment.device_id,
            amendment.city_id,
            amendment.point_id,
            ( SELECT hit.camera_id
                   FROM public.hit
                  WHERE ((hit.envelope_hash)::bytea = (amendment.hit_hash)::bytea)) AS camera_id,
            amendment.created_at,
            amendment.received_at,
            amendment.counted_at,
            amendment.is_historical,
            amendment.is_clock_suspect,
                CASE
                    WHEN amendment.is_withdrawal THEN 'withdrawn'::text
                    ELSE 'amended'::text
                END AS "case"
           FROM public.hit_amendment amendment
        UNION ALL
         SELECT 'alarm'::text,
            alarm.envelope_hash,
            alarm.device_id,
            alarm.city_id,
            alarm.point_id,
            alarm.camera_id,
            alarm.created_at,
            alarm.received_at,
            alarm.counted_at,
            alarm.is_historical,
            alarm.is_clock_suspect,
            concat_ws(': '::text, (alarm.alarm ||
                CASE
                    WHEN alarm.is_active THEN ''::text
                    ELSE ' ended'::text
                END), NULLIF(alarm.note, ''::text)) AS concat_ws
           FROM public.alarm
        UNION ALL
         SELECT 'evidence'::text,
            evidence.envelope_hash,
            evidence.device_id,
            evidence.city_id,
            evidence.point_id,
            evidence.camera_id,
            evidence.created_at,
            evidence.received_at,
            evidence.counted_at,
            evidence.is_historical,
            evidence.is_clock_suspect,
            COALESCE(( SELECT picture.state
                   FROM public.picture
                  WHERE ((picture.device_id = evidence.device_id) AND ((picture.sha256)::bytea = (evidence.redacted_sha256)::bytea))), 'on its way'::text) AS "coalesce"
           FROM public.evidence
        UNION ALL
         SELECT 'evidence-unavailable'::text,
            evidence_unavailable.envelope_hash,
            evidence_unavailable.device_id,
            evidence_unavailable.city_id,
            evidence_unavailable.point_id,
            NULL::text,
            evidence_unavailable.created_at,
            evidence_unavailable.received_at,
            evidence_unavailable.counted_at,
            evidence_unavailable.is_historical,
            evidence_unavailable.is_clock_suspect,
            evidence_unavailable.reason
           FROM public.evidence_unavailable
        UNION ALL
         SELECT 'dropped'::text,
            dropped.envelope_hash,
            dropped.device_id,
            dropped.city_id,
            dropped.point_id,
            NULL::text,
            dropped.created_at,
            dropped.received_at,
            dropped.counted_at,
            dropped.is_historical,
            dropped.is_clock_suspect,
            ((dropped.tombstones || ' messages: '::text) || dropped.reason)
           FROM public.dropped
        UNION ALL
         SELECT 'camera-condition'::text,
            camera_condition.envelope_hash,
            camera_condition.device_id,
            camera_condition.city_id,
            camera_condition.point_id,
            camera_condition.camera_id,
            camera_condition.created_at,
            camera_condition.received_at,
            camera_condition.counted_at,
            camera_condition.is_historical,
            camera_condition.is_clock_suspect,
            ((ARRAY['blocked'::text, 'moved'::text, 'blurred'::text, 'dark'::text, 'frozen'::text])[camera_condition.condition] ||
                CASE
                    WHEN camera_condition.is_active THEN ''::text
                    ELSE ' ended'::text
                END)
           FROM public.camera_condition
        UNION ALL
         SELECT 'acceptance'::text,
            acceptance.envelope_hash,
            acceptance.device_id,
            acceptance.city_id,
            acceptance.point_id,
            NULL::text,
            acceptance.created_at,
            acceptance.received_at,
            acceptance.counted_at,
            acceptance.is_historical,
            acceptance.is_clock_suspect,
            concat_ws(': '::text, (
                CASE
                    WHEN acceptance.is_drift THEN 'drift, '::text
                    ELSE ''::text
                END || (ARRAY['pass'::text, 'warn'::text, 'fail'::text])[acceptance.verdict]), NULLIF(( SELECT string_agg(concat_ws(' '::text, acceptance_check.check_name, acceptance_check.camera_id), ', '::text ORDER BY acceptance_check.number) AS string_agg
                   FROM public.acceptance_check
                  WHERE (((acceptance_check.envelope_hash)::bytea = (acceptance.envelope_hash)::bytea) AND (acceptance_check.verdict > 1))), ''::text)) AS concat_ws
           FROM public.acceptance
        UNION ALL
         SELECT 'settings-result'::text,
            settings_result.envelope_hash,
            settings_result.device_id,
            settings_result.city_id,
            settings_result.point_id,
            NULL::text,
            settings_result.created_at,
            settings_result.received_at,
            settings_result.counted_at,
            settings_result.is_historical,
            settings_result.is_clock_suspect,
            ((((((('number '::text || settings_result.number) || ' of '::text) || settings_result.rollout_id) || ' '::text) || (ARRAY['kept'::text, 'rolled back'::text, 'refused'::text])[settings_result.state]) || ': '::text) || settings_result.reason)
           FROM public.settings_result
        UNION ALL
         SELECT 'equivocation'::text,
            equivocation.other_hash,
            equivocation.device_id,
            (device.city_id)::text AS city_id,
            (device.point_id)::text AS point_id,
            NULL::text,
            equivocation.received_at,
            equivocation.received_at,
            equivocation.received_at,
            false,
            false,
            'two boxes speak as one'::text
           FROM (public.equivocation
             JOIN public.device USING (device_id))) event
  WHERE (city_id = ANY (( SELECT ask.visible_cities() AS visible_cities)::text[]));
COMMENT ON VIEW ask.event IS 'Hits, alarms and what belongs to them, without plates and without the reports of each minute.';
COMMENT ON COLUMN ask.event.event IS 'The message''s hash, hexadecimal';
COMMENT ON COLUMN ask.event.kind IS 'hit, hit-amended, alarm, evidence, evidence-unavailable, dropped, camera-condition, acceptance, ...';
COMMENT ON COLUMN ask.event.counted_at IS 'When it happened: by the box''s clock if that was right, else when it came';
COMMENT ON COLUMN ask.event.city IS 'City';
COMMENT ON COLUMN ask.event.point IS 'Street point';
COMMENT ON COLUMN ask.event.device IS 'The identity under which the box speaks';
COMMENT ON COLUMN ask.event.camera IS 'Camera, of its point';
COMMENT ON COLUMN ask.event.note IS 'A few words on it, never a plate';
COMMENT ON COLUMN ask.event.created_at IS 'When the box wrote it, by its own clock';
COMMENT ON COLUMN ask.event.received_at IS 'When it came';
COMMENT ON COLUMN ask.event.is_historical IS 'Whether it was old when it came';
COMMENT ON COLUMN ask.event.is_clock_suspect IS 'Whether the box''s clock was wrong';

CREATE VIEW ask.health WITH (security_barrier='true') AS
 SELECT encode((envelope_hash)::bytea, 'hex'::text) AS report,
    counted_at,
    city_id AS city,
    point_id AS point,
    device_id AS device,
    ((temperature_mc)::double precision / (1000.0)::double precision) AS temperature_c,
    disk_free_mb,
    memory_mb,
    ((cpu_permille)::double precision / (1000.0)::double precision) AS cpu_share,
    clock_offset_ms,
    outbox_rows,
    outbox_bytes,
    dead_letters,
    oldest_unreceipted_at,
    uptime_s,
    hotlist_version,
    hotlist_entries,
    hotlist_expires_at,
    lookback_since,
    refused_downlinks,
    versions,
    from_at,
    to_at,
    is_historical,
    is_clock_suspect,
    created_at,
    received_at
   FROM public.report
  WHERE (city_id = ANY (( SELECT ask.visible_cities() AS visible_cities)::text[]));
COMMENT ON VIEW ask.health IS 'Health of boxes, from the report of each minute.';
COMMENT ON COLUMN ask.health.report IS 'The report''s hash, hexadecimal';
COMMENT ON COLUMN ask.health.counted_at IS 'When it happened: by the box''s clock if that was right, else when it came';
COMMENT ON COLUMN ask.health.city IS 'City';
COMMENT ON COLUMN ask.health.point IS 'Street point';
COMMENT ON COLUMN ask.health.device IS 'The identity under which the box speaks';
COMMENT ON COLUMN ask.health.temperature_c IS 'Temperature of the box, in degrees Celsius';
COMMENT ON COLUMN ask.health.disk_free_mb IS 'Free disk of the box, in megabytes';
COMMENT ON COLUMN ask.health.memory_mb IS 'Memory of the box in use, in megabytes';
COMMENT ON COLUMN ask.health.cpu_share IS 'Share of the processors in use, 0 to 1';
COMMENT ON COLUMN ask.health.clock_offset_ms IS 'How far the box''s clock is off, in milliseconds';
COMMENT ON COLUMN ask.health.outbox_rows IS 'Messages that wait in the box to be sent';
COMMENT ON COLUMN ask.health.outbox_bytes IS 'Bytes that wait in the box to be sent';
COMMENT ON COLUMN ask.health.dead_letters IS 'Messages that the box keeps because they were refused for good';
COMMENT ON COLUMN ask.health.oldest_unreceipted_at IS 'When the oldest message was written that waits for its receipt';
COMMENT ON COLUMN ask.health.uptime_s IS 'Seconds since the agent started';
COMMENT ON COLUMN ask.health.hotlist_version IS 'The hotlist that the box matches with';
COMMENT ON COLUMN ask.health.hotlist_entries IS 'Entries of the hotlist that the box matches with';
COMMENT ON COLUMN ask.health.hotlist_expires_at IS 'When that hotlist ends';
COMMENT ON COLUMN ask.health.lookback_since IS 'Since when the box remembers reads for new entries';
COMMENT ON COLUMN ask.health.refused_downlinks IS 'Messages to the box that it refused';
COMMENT ON COLUMN ask.health.versions IS 'Versions of what runs on the box';
COMMENT ON COLUMN ask.health.from_at IS 'Since when the report counts';
COMMENT ON COLUMN ask.health.to_at IS 'Up to when the report counts';
COMMENT ON COLUMN ask.health.is_historical IS 'Whether it was old when it came';
COMMENT ON COLUMN ask.health.is_clock_suspect IS 'Whether the box''s clock was wrong';
COMMENT ON COLUMN ask.health.created_at IS 'When the box wrote it, by its own clock';
COMMENT ON COLUMN ask.health.received_at IS 'When it came';

CREATE VIEW ask.hit_plate WITH (security_barrier='true') AS
 SELECT encode((hit.envelope_hash)::bytea, 'hex'::text) AS hit,
    hit.counted_at,
    hit.captured_at,
    hit.city_id AS city,
    hit.point_id AS point,
    hit.camera_id AS camera,
    hit.device_id AS device,
        CASE
            WHEN newest.is_withdrawal THEN NULL::text
            ELSE COALESCE(newest.plate, hit.plate)
        END AS plate,
        CASE
            WHEN newest.is_withdrawal THEN NULL::text
            ELSE COALESCE(newest.observed, hit.observed)
        END AS observed,
    (
        CASE
            WHEN (newest.envelope_hash IS NULL) THEN hit.confidence
            ELSE newest.confidence
        END)::integer AS confidence,
        CASE matched.quality
            WHEN 1 THEN 'exact'::text
            WHEN 2 THEN 'possible'::text
            ELSE 'withdrawn'::text
        END AS quality,
    matched.entries,
    matched.reasons,
    (newest.envelope_hash IS NOT NULL) AS is_amended,
    COALESCE(newest.is_withdrawal, false) AS is_withdrawn,
    hit.is_from_lookback,
    hit.is_historical,
    hit.is_clock_suspect,
    hit.created_at,
    hit.received_at,
    COALESCE(pictured.state, unavailable.reason,
        CASE
            WHEN (pictured.envelope_hash IS NULL) THEN 'none yet'::text
            ELSE 'on its way'::text
        END) AS picture,
    encode((pictured.redacted_sha256)::bytea, 'hex'::text) AS picture_sha256
   FROM ((((public.hit
     LEFT JOIN LATERAL ( SELECT hit_amendment.envelope_hash,
            hit_amendment.device_id,
            hit_amendment.city_id,
            hit_amendment.point_id,
            hit_amendment.outbox,
            hit_amendment.epoch,
            hit_amendment.sequence,
            hit_amendment.created_at,
            hit_amendment.received_at,
            hit_amendment.counted_at,
            hit_amendment.is_historical,
            hit_amendment.is_clock_suspect,
            hit_amendment.envelope,
            hit_amendment.hit_hash,
            hit_amendment.plate,
            hit_amendment.observed,
            hit_amendment.confidence,
            hit_amendment.captured_at,
            hit_amendment.is_withdrawal
           FROM public.hit_amendment
          WHERE ((hit_amendment.hit_hash)::bytea = (hit.envelope_hash)::bytea)
          ORDER BY hit_amendment.epoch DESC, hit_amendment.sequence DESC
         LIMIT 1) newest ON (true))
     LEFT JOIN LATERAL ( SELECT min(hit_match.quality) AS quality,
            array_agg(hit_match.entry_id ORDER BY hit_match.entry_id) AS entries,
            array_agg(DISTINCT hit_match.reason ORDER BY hit_match.reason) AS reasons
           FROM public.hit_match
          WHERE ((hit_match.envelope_hash)::bytea = (COALESCE(newest.envelope_hash, hit.envelope_hash))::bytea)) matched ON (true))
     LEFT JOIN LATERAL ( SELECT evidence.envelope_hash,
            evidence.redacted_sha256,
            picture.state
           FROM (public.evidence
             LEFT JOIN public.picture ON (((picture.device_id = evidence.device_id) AND ((picture.sha256)::bytea = (evidence.redacted_sha256)::bytea))))
          WHERE (((evidence.hit_hash)::bytea = (hit.envelope_hash)::bytea) AND (evidence.device_id = hit.device_id))
         LIMIT 1) pictured ON (true))
     LEFT JOIN LATERAL ( SELECT evidence_unavailable.reason
           FROM public.evidence_unavailable
          WHERE (((evidence_unavailable.hit_hash)::bytea = (hit.envelope_hash)::bytea) AND (evidence_unavailable.device_id = hit.device_id))
         LIMIT 1) unavailable ON (true))
  WHERE (hit.city_id = ANY (( SELECT ask.visible_cities() AS visible_cities)::text[]));
COMMENT ON VIEW ask.hit_plate IS 'Hits with their plates. The service shows them, for a reason, audited before.';
COMMENT ON COLUMN ask.hit_plate.hit IS 'The hit''s hash, hexadecimal';
COMMENT ON COLUMN ask.hit_plate.counted_at IS 'When it happened: by the box''s clock if that was right, else when it came';
COMMENT ON COLUMN ask.hit_plate.captured_at IS 'When the frame was taken, by the box''s clock';
COMMENT ON COLUMN ask.hit_plate.city IS 'City';
COMMENT ON COLUMN ask.hit_plate.point IS 'Street point';
COMMENT ON COLUMN ask.hit_plate.camera IS 'Camera, of its point';
COMMENT ON COLUMN ask.hit_plate.device IS 'The identity under which the box speaks';
COMMENT ON COLUMN ask.hit_plate.plate IS 'The plate of the entry that it matches';
COMMENT ON COLUMN ask.hit_plate.observed IS 'The plate as it was read';
COMMENT ON COLUMN ask.hit_plate.confidence IS 'How sure the reading is, per mille';
COMMENT ON COLUMN ask.hit_plate.quality IS 'exact, possible, or withdrawn';
COMMENT ON COLUMN ask.hit_plate.entries IS 'The entries of the hotlist that it matches';
COMMENT ON COLUMN ask.hit_plate.reasons IS 'Reason classes of the entries that it matches';
COMMENT ON COLUMN ask.hit_plate.is_amended IS 'Whether later frames changed it';
COMMENT ON COLUMN ask.hit_plate.is_withdrawn IS 'Whether the box took it back';
COMMENT ON COLUMN ask.hit_plate.is_from_lookback IS 'Whether it was seen before its entry came';
COMMENT ON COLUMN ask.hit_plate.is_historical IS 'Whether it was old when it came';
COMMENT ON COLUMN ask.hit_plate.is_clock_suspect IS 'Whether the box''s clock was wrong';
COMMENT ON COLUMN ask.hit_plate.created_at IS 'When the box wrote it, by its own clock';
COMMENT ON COLUMN ask.hit_plate.received_at IS 'When it came';
COMMENT ON COLUMN ask.hit_plate.picture IS 'What became of its picture: stored, on its way, none yet, or why there is none';
COMMENT ON COLUMN ask.hit_plate.picture_sha256 IS 'SHA-256 of the redacted picture, hexadecimal';

CREATE VIEW ask.hit WITH (security_barrier='true') AS
 SELECT hit,
    counted_at,
    captured_at,
    city,
    point,
    camera,
    device,
    confidence,
    quality,
    COALESCE(cardinality(entries), 0) AS entries,
    reasons,
    is_amended,
    is_withdrawn,
    is_from_lookback,
    is_historical,
    is_clock_suspect,
    created_at,
    received_at,
    picture
   FROM ask.hit_plate
  WHERE (city = ANY (( SELECT ask.visible_cities() AS visible_cities)::text[]));
COMMENT ON VIEW ask.hit IS 'Hits as they are now, without plates. No hit is a fact until a person has confirmed it.';
COMMENT ON COLUMN ask.hit.hit IS 'The hit''s hash, hexadecimal';
COMMENT ON COLUMN ask.hit.counted_at IS 'When it happened: by the box''s clock if that was right, else when it came';
COMMENT ON COLUMN ask.hit.captured_at IS 'When the frame was taken, by the box''s clock';
COMMENT ON COLUMN ask.hit.city IS 'City';
COMMENT ON COLUMN ask.hit.point IS 'Street point';
COMMENT ON COLUMN ask.hit.camera IS 'Camera, of its point';
COMMENT ON COLUMN ask.hit.device IS 'The identity under which the box speaks';
COMMENT ON COLUMN ask.hit.confidence IS 'How sure the reading is, per mille';
COMMENT ON COLUMN ask.hit.quality IS 'exact, possible, or withdrawn';
COMMENT ON COLUMN ask.hit.entries IS 'How many entries of the hotlist it matches';
COMMENT ON COLUMN ask.hit.reasons IS 'Reason classes of the entries that it matches';
COMMENT ON COLUMN ask.hit.is_amended IS 'Whether later frames changed it';
COMMENT ON COLUMN ask.hit.is_withdrawn IS 'Whether the box took it back';
COMMENT ON COLUMN ask.hit.is_from_lookback IS 'Whether it was seen before its entry came';
COMMENT ON COLUMN ask.hit.is_historical IS 'Whether it was old when it came';
COMMENT ON COLUMN ask.hit.is_clock_suspect IS 'Whether the box''s clock was wrong';
COMMENT ON COLUMN ask.hit.created_at IS 'When the box wrote it, by its own clock';
COMMENT ON COLUMN ask.hit.received_at IS 'When it came';
COMMENT ON COLUMN ask.hit.picture IS 'What became of its picture: stored, on its way, none yet, or why there is none';

CREATE VIEW ask.hour WITH (security_barrier='true') AS
 SELECT hour AS at,
    city_id AS city,
    point_id AS point,
    camera_id AS camera,
    vehicles,
    reads,
    unreadable,
    hits,
    faces,
    frames_in,
    frames_processed,
    sampled_out,
    dropped,
    reconnects,
    stalls,
    decode_errors,
    frames_face_counted,
    (minutes)::bigint AS minutes,
    ((live_ms)::double precision / (1000.0)::double precision) AS live_s,
    ((reported_ms)::double precision / (1000.0)::double precision) AS reported_s,
    ((LEAST(live_ms, (3600000)::bigint))::double precision / (1000.0)::double precision) AS coverage_s
   FROM public.camera_hour_now
  WHERE (city_id = ANY (( SELECT ask.visible_cities() AS visible_cities)::text[]));
COMMENT ON VIEW ask.hour IS 'Counts of cameras by the hour (UTC), with the time that they cover.';
COMMENT ON COLUMN ask.hour.at IS 'The buckets first moment';
COMMENT ON COLUMN ask.hour.city IS 'City';
COMMENT ON COLUMN ask.hour.point IS 'Street point';
COMMENT ON COLUMN ask.hour.camera IS 'Camera, of its point';
COMMENT ON COLUMN ask.hour.vehicles IS 'Vehicles that passed: those read and those not';
COMMENT ON COLUMN ask.hour.reads IS 'Vehicles whose plate was read, hits among them';
COMMENT ON COLUMN ask.hour.unreadable IS 'Vehicles whose plate was seen and not read';
COMMENT ON COLUMN ask.hour.hits IS 'Vehicles whose plate matched the hotlist';
COMMENT ON COLUMN ask.hour.faces IS 'Faces in the frames that were sampled for it; nobody is recognised';
COMMENT ON COLUMN ask.hour.frames_in IS 'Frames that came from the camera';
COMMENT ON COLUMN ask.hour.frames_processed IS 'Frames that were looked at';
COMMENT ON COLUMN ask.hour.sampled_out IS 'Frames left out by plan';
COMMENT ON COLUMN ask.hour.dropped IS 'Frames given up because the box could not keep up';
COMMENT ON COLUMN ask.hour.reconnects IS 'Times the stream was connected again';
COMMENT ON COLUMN ask.hour.stalls IS 'Times the camera showed a standing picture';
COMMENT ON COLUMN ask.hour.decode_errors IS 'Frames that could not be decoded';
COMMENT ON COLUMN ask.hour.frames_face_counted IS 'Frames in which faces were counted';
COMMENT ON COLUMN ask.hour.minutes IS 'Reports that are added up';
COMMENT ON COLUMN ask.hour.live_s IS 'How long cameras were seen to be live, in seconds';
COMMENT ON COLUMN ask.hour.reported_s IS 'How long reports count, in seconds';
COMMENT ON COLUMN ask.hour.coverage_s IS 'How long cameras were seen to be live, in seconds, each no longer than the bucket: where that is short, counts are of less than all that passed';

CREATE VIEW ask.minute WITH (security_barrier='true') AS
 SELECT counted_at AS at,
    city_id AS city,
    point_id AS point,
    camera_id AS camera,
    sum(vehicles) AS vehicles,
    sum(reads) AS reads,
    sum(unreadable) AS unreadable,
    sum(hits) AS hits,
    sum(faces) AS faces,
    sum(frames_in) AS frames_in,
    sum(frames_processed) AS frames_processed,
    sum(sampled_out) AS sampled_out,
    sum(dropped) AS dropped,
    sum(reconnects) AS reconnects,
    sum(stalls) AS stalls,
    sum(decode_errors) AS decode_errors,
    sum(frames_face_counted) AS frames_face_counted,
    count(*) AS minutes,
    ((sum(live_ms))::double precision / (1000.0)::double precision) AS live_s,
    ((sum(interval_ms))::double precision / (1000.0)::double precision) AS reported_s,
    ((LEAST(sum(live_ms), (60000)::bigint))::double precision / (1000.0)::double precision) AS coverage_s
   FROM public.camera_minute
  WHERE (city_id = ANY (( SELECT ask.visible_cities() AS visible_cities)::text[]))
  GROUP BY counted_at, city_id, point_id, camera_id;
COMMENT ON VIEW ask.minute IS 'Counts of cameras by the minute, with the time that they cover.';
COMMENT ON COLUMN ask.minute.at IS 'The buckets first moment';
COMMENT ON COLUMN ask.minute.city IS 'City';
COMMENT ON COLUMN ask.minute.point IS 'Street point';
COMMENT ON COLUMN ask.minute.camera IS 'Camera, of its point';
COMMENT ON COLUMN ask.minute.vehicles IS 'Vehicles that passed: those read and those not';
COMMENT ON COLUMN ask.minute.reads IS 'Vehicles whose plate was read, hits among them';
COMMENT ON COLUMN ask.minute.unreadable IS 'Vehicles whose plate was seen and not read';
COMMENT ON COLUMN ask.minute.hits IS 'Vehicles whose plate matched the hotlist';
COMMENT ON COLUMN ask.minute.faces IS 'Faces in the frames that were sampled for it; nobody is recognised';
COMMENT ON COLUMN ask.minute.frames_in IS 'Frames that came from the camera';
COMMENT ON COLUMN ask.minute.frames_processed IS 'Frames that were looked at';
COMMENT ON COLUMN ask.minute.sampled_out IS 'Frames left out by plan';
COMMENT ON COLUMN ask.minute.dropped IS 'Frames given up because the box could not keep up';
COMMENT ON COLUMN ask.minute.reconnects IS 'Times the stream was connected again';
COMMENT ON COLUMN ask.minute.stalls IS 'Times the camera showed a standing picture';
COMMENT ON COLUMN ask.minute.decode_errors IS 'Frames that could not be decoded';
COMMENT ON COLUMN ask.minute.frames_face_counted IS 'Frames in which faces were counted';
COMMENT ON COLUMN ask.minute.minutes IS 'Reports that are added up';
COMMENT ON COLUMN ask.minute.live_s IS 'How long cameras were seen to be live, in seconds';
COMMENT ON COLUMN ask.minute.reported_s IS 'How long reports count, in seconds';
COMMENT ON COLUMN ask.minute.coverage_s IS 'How long cameras were seen to be live, in seconds, each no longer than the bucket: where that is short, counts are of less than all that passed';

CREATE TABLE public.notice_sent (
    to_city public.registry_id NOT NULL,
    hit public.sha256 NOT NULL,
    city_id text NOT NULL,
    point_id text NOT NULL,
    camera_id text NOT NULL,
    why text NOT NULL,
    reason text NOT NULL,
    corridor text DEFAULT ''::text NOT NULL,
    entries text[] NOT NULL,
    has_plate boolean NOT NULL,
    captured_at timestamp with time zone NOT NULL,
    sent_at timestamp with time zone NOT NULL,
    until_at timestamp with time zone NOT NULL,
    is_over boolean DEFAULT false NOT NULL,
    CONSTRAINT notice_sent_why_check CHECK ((why = ANY (ARRAY['asked'::text, 'neighbour'::text, 'corridor'::text])))
);
COMMENT ON TABLE public.notice_sent IS 'At a region: which city was told of which hit, and what.';
COMMENT ON COLUMN public.notice_sent.to_city IS 'The city that was told';
COMMENT ON COLUMN public.notice_sent.hit IS 'SHA-256 of the hit''s envelope';
COMMENT ON COLUMN public.notice_sent.city_id IS 'The city that saw it';
COMMENT ON COLUMN public.notice_sent.point_id IS 'The point that saw it';
COMMENT ON COLUMN public.notice_sent.camera_id IS 'The camera that saw it';
COMMENT ON COLUMN public.notice_sent.why IS 'Why it was told: asked, neighbour or corridor';
COMMENT ON COLUMN public.notice_sent.reason IS 'Why the vehicle is wanted';
COMMENT ON COLUMN public.notice_sent.corridor IS 'The corridor, if it was told by one';
COMMENT ON COLUMN public.notice_sent.entries IS 'The entries that the notice names';
COMMENT ON COLUMN public.notice_sent.has_plate IS 'Whether the box''s own message, and so the plate, went along';
COMMENT ON COLUMN public.notice_sent.captured_at IS 'When the vehicle was there, by the box''s clock';
COMMENT ON COLUMN public.notice_sent.sent_at IS 'When it was told last';
COMMENT ON COLUMN public.notice_sent.until_at IS 'Until when the notice holds';
COMMENT ON COLUMN public.notice_sent.is_over IS 'Whether it was taken back before that';

CREATE VIEW ask.notice WITH (security_barrier='true') AS
 SELECT notice,
    told_at,
    (to_city)::text AS city,
    why,
    reason,
    corridor,
        CASE
            WHEN (is_over OR (until_at <= now())) THEN 'over'::text
            ELSE 'open'::text
        END AS state,
    city_id AS seen_city,
    point_id AS seen_point,
    camera_id AS seen_camera,
    captured_at,
    until_at,
    has_plate,
    encode((hit)::bytea, 'hex'::text) AS hit
   FROM ( SELECT notice.notice_id AS notice,
            notice.told_at,
            notice.to_city,
            notice.why,
            notice.reason,
            notice.corridor,
            false AS is_over,
            notice.city_id,
            notice.point_id,
            notice.camera_id,
            notice.captured_at,
            notice.until_at,
            (notice.envelope IS NOT NULL) AS has_plate,
            notice.hit
           FROM public.notice
        UNION ALL
         SELECT NULL::bigint,
            notice_sent.sent_at,
            notice_sent.to_city,
            notice_sent.why,
            notice_sent.reason,
            notice_sent.corridor,
            notice_sent.is_over,
            notice_sent.city_id,
            notice_sent.point_id,
            notice_sent.camera_id,
            notice_sent.captured_at,
            notice_sent.until_at,
            notice_sent.has_plate,
            notice_sent.hit
           FROM public.notice_sent) told
  WHERE ((to_city)::text = ANY (( SELECT ask.visible_cities() AS visible_cities)::text[]));
COMMENT ON VIEW ask.notice IS 'What cities were told of hits in others, without plates.';
COMMENT ON COLUMN ask.notice.notice IS 'The notice''s number in its city; none: a region told it';
COMMENT ON COLUMN ask.notice.told_at IS 'When it was told last, by the region''s clock';
COMMENT ON COLUMN ask.notice.city IS 'The city that was told';
COMMENT ON COLUMN ask.notice.why IS 'Why it was told: asked, neighbour or corridor';
COMMENT ON COLUMN ask.notice.reason IS 'Why the vehicle is wanted';
COMMENT ON COLUMN ask.notice.corridor IS 'The corridor, if it was told by one';
COMMENT ON COLUMN ask.notice.state IS 'open or over';
COMMENT ON COLUMN ask.notice.seen_city IS 'The city that saw it';
COMMENT ON COLUMN ask.notice.seen_point IS 'The street point that saw it, in that city';
COMMENT ON COLUMN ask.notice.seen_camera IS 'The camera that saw it, of that point';
COMMENT ON COLUMN ask.notice.captured_at IS 'When the frame was taken, by the box''s clock';
COMMENT ON COLUMN ask.notice.until_at IS 'Until when it holds';
COMMENT ON COLUMN ask.notice.has_plate IS 'Whether it has the plate with it';
COMMENT ON COLUMN ask.notice.hit IS 'The hit''s hash, hexadecimal';

CREATE VIEW ask.point WITH (security_barrier='true') AS
 SELECT (point.point_id)::text AS point,
    (point.city_id)::text AS city,
    point.name,
    point.latitude,
    point.longitude,
    COALESCE(point.time_zone, city.time_zone) AS time_zone,
    (point.partner_id)::text AS partner,
    point.registered_at
   FROM (public.point
     JOIN public.city USING (city_id))
  WHERE ((point.city_id)::text = ANY (( SELECT ask.visible_cities() AS visible_cities)::text[]));
COMMENT ON VIEW ask.point IS 'Street points: where a box stands.';
COMMENT ON COLUMN ask.point.point IS 'Street point';
COMMENT ON COLUMN ask.point.city IS 'City';
COMMENT ON COLUMN ask.point.name IS 'Name';
COMMENT ON COLUMN ask.point.latitude IS 'Degrees north';
COMMENT ON COLUMN ask.point.longitude IS 'Degrees east';
COMMENT ON COLUMN ask.point.time_zone IS 'Time zone, by its IANA name';
COMMENT ON COLUMN ask.point.partner IS 'The private company whose cameras they are; none: the city''s own';
COMMENT ON COLUMN ask.point.registered_at IS 'When it was registered';

CREATE VIEW ask."precision" WITH (security_barrier='true') AS
 SELECT city,
    by,
    what,
    count(*) AS n,
    count(*) FILTER (WHERE (NOT was_right)) AS errors
   FROM ask.decision
  WHERE (city = ANY (( SELECT ask.visible_cities() AS visible_cities)::text[]))
  GROUP BY city, by, what;
COMMENT ON VIEW ask."precision" IS 'Errors out of n decided hits, by camera, list, reason, reader and quality.';
COMMENT ON COLUMN ask."precision".city IS 'City';
COMMENT ON COLUMN ask."precision".by IS 'What is counted by: camera, list, reason, reader or quality';
COMMENT ON COLUMN ask."precision".what IS 'Which camera, list, reason, reader or quality';
COMMENT ON COLUMN ask."precision".n IS 'How many hits were decided on';
COMMENT ON COLUMN ask."precision".errors IS 'How many of them were wrong';

CREATE VIEW ask.reaction WITH (security_barrier='true') AS
 SELECT alert.alert_id AS alert,
    alert.city_id AS city,
    alert.point_id AS point,
    alert.camera_id AS camera,
    alert.kind,
    alert.word,
    alert.state,
    alert.outcome,
    alert.first_at,
    alert.raised_at,
    (EXTRACT(epoch FROM (alert.raised_at - alert.first_at)))::double precision AS raised_s,
    (EXTRACT(epoch FROM (step.seen_at - alert.first_at)))::double precision AS seen_s,
    (EXTRACT(epoch FROM (step.decided_at - alert.first_at)))::double precision AS decided_s,
    (EXTRACT(epoch FROM (step.dispatched_at - alert.first_at)))::double precision AS dispatched_s,
    (EXTRACT(epoch FROM (step.on_site_at - alert.first_at)))::double precision AS on_site_s,
    (EXTRACT(epoch FROM (step.closed_at - alert.first_at)))::double precision AS closed_s,
    alert.is_historical
   FROM (public.alert
     CROSS JOIN LATERAL ( SELECT min(alert_history.at) FILTER (WHERE (alert_history.act = ANY (ARRAY['ack'::text, 'confirm'::text, 'reject'::text, 'dispatch'::text]))) AS seen_at,
            min(alert_history.at) FILTER (WHERE (alert_history.act = ANY (ARRAY['confirm'::text, 'reject'::text]))) AS decided_at,
            min(alert_history.at) FILTER (WHERE (alert_history.act = 'dispatch'::text)) AS dispatched_at,
            min(alert_history.at) FILTER (WHERE (alert_history.act = 'arrive'::text)) AS on_site_at,
            min(alert_history.at) FILTER (WHERE (alert_history.act = 'close'::text)) AS closed_at
           FROM public.alert_history
          WHERE (alert_history.alert_id = alert.alert_id)) step)
  WHERE ((alert.state <> 'merged'::text) AND (alert.city_id = ANY (( SELECT ask.visible_cities() AS visible_cities)::text[])));
COMMENT ON VIEW ask.reaction IS 'How fast somebody reacted: one row an alert, seconds from when it happened.';
COMMENT ON COLUMN ask.reaction.alert IS 'The alert''s number';
COMMENT ON COLUMN ask.reaction.city IS 'City';
COMMENT ON COLUMN ask.reaction.point IS 'Street point';
COMMENT ON COLUMN ask.reaction.camera IS 'Camera, of its point';
COMMENT ON COLUMN ask.reaction.kind IS 'hit, panic, alarm or report';
COMMENT ON COLUMN ask.reaction.word IS 'The alarm''s word, such as line_crossing';
COMMENT ON COLUMN ask.reaction.state IS 'How it stands';
COMMENT ON COLUMN ask.reaction.outcome IS 'How it ended, from a closed list';
COMMENT ON COLUMN ask.reaction.first_at IS 'When what it tells of happened first';
COMMENT ON COLUMN ask.reaction.raised_at IS 'When the alert was raised';
COMMENT ON COLUMN ask.reaction.raised_s IS 'Seconds from when it happened until it was on the screen';
COMMENT ON COLUMN ask.reaction.seen_s IS 'Seconds from when it happened until a person took it up';
COMMENT ON COLUMN ask.reaction.decided_s IS 'Seconds from when it happened until a person confirmed or rejected it';
COMMENT ON COLUMN ask.reaction.dispatched_s IS 'Seconds from when it happened until somebody was sent';
COMMENT ON COLUMN ask.reaction.on_site_s IS 'Seconds from when it happened until somebody was there';
COMMENT ON COLUMN ask.reaction.closed_s IS 'Seconds from when it happened until it was closed';
COMMENT ON COLUMN ask.reaction.is_historical IS 'Whether it was old when it came';
ALTER TABLE public.alert ALTER COLUMN alert_id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.alert_alert_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE VIEW public.alert_decided WITH (security_invoker='true') AS
 SELECT alert_sighting.alert_id,
    alert_sighting.event,
    alert_sighting.city_id,
    alert_sighting.point_id,
    alert_sighting.camera_id,
    alert_sighting.device_id,
    alert_sighting.happened_at,
    alert.decided_at,
    alert_sighting.quality,
    alert_sighting.lists,
    alert_sighting.reasons,
    alert_sighting.reader,
    alert.was_right
   FROM (public.alert_sighting
     JOIN public.alert USING (alert_id))
  WHERE ((alert_sighting.kind = 'hit'::text) AND (alert.was_right IS NOT NULL) AND (alert_sighting.added_at <= alert.decided_at));
COMMENT ON VIEW public.alert_decided IS 'Hits on which a person decided.';
COMMENT ON COLUMN public.alert_decided.alert_id IS 'The alerts number';
COMMENT ON COLUMN public.alert_decided.event IS 'The hit, alarm or report, by its hash';
COMMENT ON COLUMN public.alert_decided.city_id IS 'City';
COMMENT ON COLUMN public.alert_decided.point_id IS 'Street point';
COMMENT ON COLUMN public.alert_decided.camera_id IS 'Camera, of its point';
COMMENT ON COLUMN public.alert_decided.device_id IS 'The identity under which the box speaks';
COMMENT ON COLUMN public.alert_decided.happened_at IS 'When it happened';
COMMENT ON COLUMN public.alert_decided.decided_at IS 'When a person confirmed, rejected or corrected';
COMMENT ON COLUMN public.alert_decided.quality IS '1 exact, 2 possible; none: withdrawn';
COMMENT ON COLUMN public.alert_decided.lists IS 'Batches of the entries that it matches';
COMMENT ON COLUMN public.alert_decided.reasons IS 'Reason classes of the entries that it matches';
COMMENT ON COLUMN public.alert_decided.reader IS 'The model that read the plate';
COMMENT ON COLUMN public.alert_decided.was_right IS 'Whether the read turned out right; none: nobody can tell';

CREATE TABLE public.alert_due (
    number bigint NOT NULL,
    what text NOT NULL,
    event public.sha256 NOT NULL,
    tries smallint DEFAULT 0 NOT NULL,
    CONSTRAINT alert_due_what_check CHECK ((what = ANY (ARRAY['hit'::text, 'alarm'::text])))
);
COMMENT ON TABLE public.alert_due IS 'Events that are to become alerts, or to change one.';
COMMENT ON COLUMN public.alert_due.number IS 'Which comes first';
COMMENT ON COLUMN public.alert_due.what IS 'hit (also of what belongs to one) or alarm';
COMMENT ON COLUMN public.alert_due.event IS 'The hit or alarm, by its envelope''s hash';
COMMENT ON COLUMN public.alert_due.tries IS 'How often it was tried';
ALTER TABLE public.alert_due ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.alert_due_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE public.alert_history ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.alert_history_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE VIEW public.alert_precision WITH (security_invoker='true') AS
 SELECT alert_decided.city_id,
    told.by_what,
    told.what,
    count(*) AS n,
    count(*) FILTER (WHERE (NOT alert_decided.was_right)) AS errors
   FROM (public.alert_decided
     CROSS JOIN LATERAL ( SELECT 'camera'::text AS by_what,
            concat_ws('/'::text, alert_decided.point_id, alert_decided.camera_id) AS what
        UNION ALL
         SELECT 'list'::text,
            unnest(alert_decided.lists) AS unnest
        UNION ALL
         SELECT 'reason'::text,
            unnest(alert_decided.reasons) AS unnest
        UNION ALL
         SELECT 'reader'::text,
            alert_decided.reader
        UNION ALL
         SELECT 'quality'::text,
                CASE alert_decided.quality
                    WHEN 1 THEN 'exact'::text
                    WHEN 2 THEN 'possible'::text
                    ELSE 'withdrawn'::text
                END AS "case") told)
  GROUP BY alert_decided.city_id, told.by_what, told.what;
COMMENT ON VIEW public.alert_precision IS 'Errors out of n decided hits, by camera, list, reason, reader and quality.';
COMMENT ON COLUMN public.alert_precision.city_id IS 'City';
COMMENT ON COLUMN public.alert_precision.by_what IS 'What is counted by: camera, list, reason, reader or quality';
COMMENT ON COLUMN public.alert_precision.what IS 'Which camera, list, reason, reader or quality';
COMMENT ON COLUMN public.alert_precision.n IS 'How many hits were decided on';
COMMENT ON COLUMN public.alert_precision.errors IS 'How many of them were wrong';

CREATE TABLE public.alert_span (
    city_id text NOT NULL,
    key text NOT NULL,
    alert_id bigint NOT NULL,
    first_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone NOT NULL,
    CONSTRAINT alert_span_check CHECK ((first_at <= last_at))
);
COMMENT ON TABLE public.alert_span IS 'Stretches of time in which events of one key belong to an alert.';
COMMENT ON COLUMN public.alert_span.city_id IS 'City';
COMMENT ON COLUMN public.alert_span.key IS 'What holds them together: an entry of the city, an alarm';
COMMENT ON COLUMN public.alert_span.alert_id IS 'The alerts number';
COMMENT ON COLUMN public.alert_span.first_at IS 'Since when';
COMMENT ON COLUMN public.alert_span.last_at IS 'Up to when';

CREATE TABLE public.api_token (
    token_id public.registry_id NOT NULL,
    hash public.sha256 NOT NULL,
    scopes text[] NOT NULL,
    cities text[],
    added_by text NOT NULL,
    added_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    revoked_by text,
    last_used_at timestamp with time zone,
    CONSTRAINT api_token_added_by_check CHECK ((added_by <> ''::text)),
    CONSTRAINT api_token_check CHECK ((expires_at > added_at)),
    CONSTRAINT api_token_check1 CHECK ((num_nonnulls(revoked_at, revoked_by) = ANY (ARRAY[0, 2]))),
    CONSTRAINT api_token_cities_check CHECK ((cardinality(cities) > 0)),
    CONSTRAINT api_token_scopes_check CHECK (((cardinality(scopes) > 0) AND (scopes <@ ARRAY['counts'::text, 'events'::text, 'alerts'::text, 'plates'::text, 'pictures'::text, 'health'::text])))
);
COMMENT ON TABLE public.api_token IS 'Tokens of the HTTP API; what is kept of one is its hash.';
COMMENT ON COLUMN public.api_token.token_id IS 'The tokens name';
COMMENT ON COLUMN public.api_token.hash IS 'SHA-256 of the token';
COMMENT ON COLUMN public.api_token.scopes IS 'What it opens';
COMMENT ON COLUMN public.api_token.cities IS 'Cities it may ask about; none: every one';
COMMENT ON COLUMN public.api_token.added_by IS 'Who added it';
COMMENT ON COLUMN public.api_token.added_at IS 'When it was added';
COMMENT ON COLUMN public.api_token.expires_at IS 'When it ends';
COMMENT ON COLUMN public.api_token.revoked_at IS 'When it was revoked; none: it holds';
COMMENT ON COLUMN public.api_token.revoked_by IS 'Who revoked it';
COMMENT ON COLUMN public.api_token.last_used_at IS 'When it was last used';

CREATE TABLE public.audit (
    number bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    reason text NOT NULL,
    previous_hash public.sha256 NOT NULL,
    hash public.sha256 NOT NULL,
    CONSTRAINT audit_action_check CHECK ((action <> ''::text)),
    CONSTRAINT audit_actor_check CHECK ((actor <> ''::text)),
    CONSTRAINT audit_number_check CHECK ((number > 0))
);
COMMENT ON TABLE public.audit IS 'Who looked at what and why: a chain of hashes, only ever added to. Never a plate.';
COMMENT ON COLUMN public.audit.number IS 'The row''s number, from 1 without gaps';
COMMENT ON COLUMN public.audit.at IS 'When it was done, by our clock';
COMMENT ON COLUMN public.audit.actor IS 'Who did it: os:NAME, or a part of the service';
COMMENT ON COLUMN public.audit.action IS 'What was done, such as hit.show';
COMMENT ON COLUMN public.audit.subject IS 'What it was done to, by id';
COMMENT ON COLUMN public.audit.reason IS 'Why';
COMMENT ON COLUMN public.audit.previous_hash IS 'The hash of the row before; zeros: the first';
COMMENT ON COLUMN public.audit.hash IS 'SHA-256 over the row and the hash before it';

CREATE TABLE public.camera_minute_default (
    counted_at timestamp with time zone CONSTRAINT camera_minute_counted_at_not_null1 NOT NULL,
    point_id text CONSTRAINT camera_minute_point_id_not_null1 NOT NULL,
    camera_id text CONSTRAINT camera_minute_camera_id_not_null1 NOT NULL,
    city_id text CONSTRAINT camera_minute_city_id_not_null1 NOT NULL,
    device_id text CONSTRAINT camera_minute_device_id_not_null1 NOT NULL,
    report_hash bytea CONSTRAINT camera_minute_report_hash_not_null1 NOT NULL,
    state smallint CONSTRAINT camera_minute_state_not_null1 NOT NULL,
    interval_ms integer CONSTRAINT camera_minute_interval_ms_not_null1 NOT NULL,
    frames_in integer CONSTRAINT camera_minute_frames_in_not_null1 NOT NULL,
    frames_processed integer CONSTRAINT camera_minute_frames_processed_not_null1 NOT NULL,
    sampled_out integer CONSTRAINT camera_minute_sampled_out_not_null1 NOT NULL,
    dropped integer CONSTRAINT camera_minute_dropped_not_null1 NOT NULL,
    reconnects integer CONSTRAINT camera_minute_reconnects_not_null1 NOT NULL,
    decode_errors integer CONSTRAINT camera_minute_decode_errors_not_null1 NOT NULL,
    vehicles integer CONSTRAINT camera_minute_vehicles_not_null1 NOT NULL,
    reads integer CONSTRAINT camera_minute_reads_not_null1 NOT NULL,
    unreadable integer CONSTRAINT camera_minute_unreadable_not_null1 NOT NULL,
    hits integer CONSTRAINT camera_minute_hits_not_null1 NOT NULL,
    faces integer CONSTRAINT camera_minute_faces_not_null1 NOT NULL,
    frames_face_counted integer CONSTRAINT camera_minute_frames_face_counted_not_null1 NOT NULL,
    detect_us integer CONSTRAINT camera_minute_detect_us_not_null1 NOT NULL,
    read_us integer CONSTRAINT camera_minute_read_us_not_null1 NOT NULL,
    live_ms integer CONSTRAINT camera_minute_live_ms_not_null1 NOT NULL,
    stalls integer CONSTRAINT camera_minute_stalls_not_null1 NOT NULL
);

CREATE TABLE public.chain_cursor (
    only_row boolean DEFAULT true NOT NULL,
    read_upto xid8 NOT NULL,
    CONSTRAINT chain_cursor_only_row_check CHECK (only_row)
);
COMMENT ON TABLE public.chain_cursor IS 'How far the chain auditor has read the ledger.';
COMMENT ON COLUMN public.chain_cursor.only_row IS 'Always true: there is one row';
COMMENT ON COLUMN public.chain_cursor.read_upto IS 'The transaction up to which the ledger was read';

CREATE TABLE public.chain_dropped (
    device_id text NOT NULL,
    outbox bytea NOT NULL,
    sequence bigint NOT NULL,
    envelope_hash bytea NOT NULL
);
COMMENT ON TABLE public.chain_dropped IS 'Messages that the auditor knows only by their tombstones.';
COMMENT ON COLUMN public.chain_dropped.device_id IS 'The identity under which the box speaks';
COMMENT ON COLUMN public.chain_dropped.outbox IS 'The boxs outbox: 16 random bytes, new when a box is imaged';
COMMENT ON COLUMN public.chain_dropped.sequence IS 'Place in the order of the boxs messages, across restarts';
COMMENT ON COLUMN public.chain_dropped.envelope_hash IS 'SHA-256 of the envelope given up; empty: two tombstones contradict each other';

CREATE TABLE public.city_root (
    city_id public.registry_id NOT NULL,
    key_id bytea NOT NULL,
    spki bytea NOT NULL,
    learned_at timestamp with time zone NOT NULL,
    CONSTRAINT city_root_key_id_check CHECK ((octet_length(key_id) = 16))
);
COMMENT ON TABLE public.city_root IS 'Roots of other cities: at the region of those that joined, in a city of those it heard of.';
COMMENT ON COLUMN public.city_root.city_id IS 'The city';
COMMENT ON COLUMN public.city_root.key_id IS 'Id of the root''s key';
COMMENT ON COLUMN public.city_root.spki IS 'The root''s public key: SubjectPublicKeyInfo, DER';
COMMENT ON COLUMN public.city_root.learned_at IS 'When it joined, or was first heard of';

CREATE TABLE public.city_trust (
    city_id public.registry_id NOT NULL,
    key_id bytea NOT NULL,
    number bigint NOT NULL,
    bundle bytea NOT NULL,
    received_at timestamp with time zone NOT NULL,
    CONSTRAINT city_trust_number_check CHECK ((number > 0))
);
COMMENT ON TABLE public.city_trust IS 'Trust bundles of other cities, every one that came.';
COMMENT ON COLUMN public.city_trust.city_id IS 'The city';
COMMENT ON COLUMN public.city_trust.key_id IS 'The root that signed it';
COMMENT ON COLUMN public.city_trust.number IS 'The bundle''s number';
COMMENT ON COLUMN public.city_trust.bundle IS 'The bundle, as that city''s root signed it';
COMMENT ON COLUMN public.city_trust.received_at IS 'When it came, by our clock';
ALTER TABLE public.count_due ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.count_due_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.count_horizon (
    only_row boolean DEFAULT true NOT NULL,
    hours_from timestamp with time zone NOT NULL,
    CONSTRAINT count_horizon_only_row_check CHECK (only_row)
);
COMMENT ON TABLE public.count_horizon IS 'Since when there are sums; one row.';
COMMENT ON COLUMN public.count_horizon.only_row IS 'Always true: there is one row';
COMMENT ON COLUMN public.count_horizon.hours_from IS 'Hours before this are gone, and summed no more';

CREATE TABLE public.delivery (
    device_id text NOT NULL,
    outbox bytea NOT NULL,
    sequence bigint NOT NULL,
    epoch bigint NOT NULL,
    envelope_hash bytea NOT NULL,
    previous_hash bytea NOT NULL,
    kind smallint NOT NULL,
    received_at timestamp with time zone NOT NULL,
    redeliveries integer DEFAULT 0 NOT NULL,
    stored_in xid8 DEFAULT pg_current_xact_id() NOT NULL
);
COMMENT ON TABLE public.delivery IS 'The ledger: one line for each message taken, which decides what is new.';
COMMENT ON COLUMN public.delivery.device_id IS 'The identity under which the box speaks';
COMMENT ON COLUMN public.delivery.outbox IS 'The boxs outbox: 16 random bytes, new when a box is imaged';
COMMENT ON COLUMN public.delivery.sequence IS 'Place in the order of the boxs messages, across restarts';
COMMENT ON COLUMN public.delivery.epoch IS 'How often the boxs outbox was started';
COMMENT ON COLUMN public.delivery.envelope_hash IS 'SHA-256 of the messages envelope, which names it everywhere';
COMMENT ON COLUMN public.delivery.previous_hash IS 'SHA-256 of the envelope before it in the boxs order';
COMMENT ON COLUMN public.delivery.kind IS 'Kind of message: 1 hit, 2 amendment, 3 alarm, 4 report, 5 evidence, 6 piece, 7 no picture, 8 dropped, 9 camera condition, 10 acceptance, 11 settings result';
COMMENT ON COLUMN public.delivery.received_at IS 'When it came, by our clock';
COMMENT ON COLUMN public.delivery.redeliveries IS 'How often it came again';
COMMENT ON COLUMN public.delivery.stored_in IS 'Transaction that stored it: the chain auditor reads by this';

CREATE TABLE public.delivery_range (
    device_id text NOT NULL,
    outbox bytea NOT NULL,
    epoch bigint NOT NULL,
    first bigint NOT NULL,
    last bigint NOT NULL,
    hashes bytea NOT NULL,
    first_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone NOT NULL,
    redeliveries bigint DEFAULT 0 NOT NULL,
    CONSTRAINT delivery_range_check CHECK ((last >= first)),
    CONSTRAINT delivery_range_check1 CHECK ((octet_length(hashes) = (32 * ((last - first) + 1))))
);
ALTER TABLE ONLY public.delivery_range ALTER COLUMN hashes SET STORAGE EXTERNAL;
COMMENT ON TABLE public.delivery_range IS 'The ledger''s old lines, folded to the hashes of a stretch of messages.';
COMMENT ON COLUMN public.delivery_range.device_id IS 'The identity under which the box speaks';
COMMENT ON COLUMN public.delivery_range.outbox IS 'The boxs outbox: 16 random bytes, new when a box is imaged';
COMMENT ON COLUMN public.delivery_range.epoch IS 'How often the boxs outbox was started';
COMMENT ON COLUMN public.delivery_range.first IS 'First sequence number';
COMMENT ON COLUMN public.delivery_range.last IS 'Last sequence number';
COMMENT ON COLUMN public.delivery_range.hashes IS 'SHA-256 of each of them, one after the other';
COMMENT ON COLUMN public.delivery_range.first_at IS 'When the first of them came';
COMMENT ON COLUMN public.delivery_range.last_at IS 'When the last of them came';
COMMENT ON COLUMN public.delivery_range.redeliveries IS 'How often it came again';

CREATE TABLE public.device_certificate (
    serial text NOT NULL,
    key_id bytea NOT NULL,
    not_after timestamp with time zone NOT NULL,
    issued_at timestamp with time zone DEFAULT now() NOT NULL
);
COMMENT ON TABLE public.device_certificate IS 'Every certificate that a key ever had.';
COMMENT ON COLUMN public.device_certificate.serial IS 'The certificate''s serial number, lower-case hexadecimal';
COMMENT ON COLUMN public.device_certificate.key_id IS 'Id of the key: the first 16 bytes of its SHA-256';
COMMENT ON COLUMN public.device_certificate.not_after IS 'When the certificate ends';
COMMENT ON COLUMN public.device_certificate.issued_at IS 'When it was issued';

CREATE TABLE public.device_key (
    key_id bytea NOT NULL,
    device_id public.registry_id NOT NULL,
    spki bytea NOT NULL,
    algorithm integer NOT NULL,
    certificate_pem text,
    serial text,
    not_after timestamp with time zone,
    issued_at timestamp with time zone DEFAULT now() NOT NULL,
    revoked_at timestamp with time zone,
    revoked_reason text,
    renewed_ms bigint DEFAULT 0 NOT NULL,
    CONSTRAINT device_key_algorithm_check CHECK ((algorithm = ANY (ARRAY['-19'::integer, '-9'::integer]))),
    CONSTRAINT device_key_certified CHECK ((num_nulls(certificate_pem, serial, not_after) = ANY (ARRAY[0, 3]))),
    CONSTRAINT device_key_check CHECK (((revoked_at IS NULL) = (revoked_reason IS NULL))),
    CONSTRAINT device_key_key_id_check CHECK ((octet_length(key_id) = 16)),
    CONSTRAINT device_key_renewed_ms_check CHECK ((renewed_ms >= 0))
);
COMMENT ON TABLE public.device_key IS 'Keys of boxes, for good: what one signed years ago verifies against the key of its day.';
COMMENT ON COLUMN public.device_key.key_id IS 'Id of the key: the first 16 bytes of its SHA-256';
COMMENT ON COLUMN public.device_key.device_id IS 'The identity under which the box speaks';
COMMENT ON COLUMN public.device_key.spki IS 'The public key (SubjectPublicKeyInfo, DER)';
COMMENT ON COLUMN public.device_key.algorithm IS 'How it signs, by its COSE number: -19 Ed25519, -9 ESP256';
COMMENT ON COLUMN public.device_key.certificate_pem IS 'Its certificate; none: the device is another command centre''s';
COMMENT ON COLUMN public.device_key.serial IS 'The certificate''s serial number, lower-case hexadecimal; none: as there';
COMMENT ON COLUMN public.device_key.not_after IS 'Until when the certificate holds; none: as there';
COMMENT ON COLUMN public.device_key.issued_at IS 'When it was issued';
COMMENT ON COLUMN public.device_key.revoked_at IS 'When it was revoked; none: it holds';
COMMENT ON COLUMN public.device_key.revoked_reason IS 'Why it was revoked';
COMMENT ON COLUMN public.device_key.renewed_ms IS 'Time in the last renewal request that was granted, in milliseconds since 1970';

CREATE TABLE public.device_past_place (
    device_id public.registry_id NOT NULL,
    point_id public.registry_id NOT NULL,
    city_id public.registry_id NOT NULL,
    since timestamp with time zone NOT NULL,
    until timestamp with time zone NOT NULL,
    CONSTRAINT device_past_place_check CHECK ((until > since))
);
COMMENT ON TABLE public.device_past_place IS 'Where a box stood before it was moved: what it said there is taken when it comes late.';
COMMENT ON COLUMN public.device_past_place.device_id IS 'The identity under which the box speaks';
COMMENT ON COLUMN public.device_past_place.point_id IS 'Street point';
COMMENT ON COLUMN public.device_past_place.city_id IS 'City';
COMMENT ON COLUMN public.device_past_place.since IS 'Since when it stood there';
COMMENT ON COLUMN public.device_past_place.until IS 'Until when it stood there';

CREATE TABLE public.federated_city (
    city_id public.registry_id NOT NULL,
    joined_at timestamp with time zone NOT NULL,
    left_at timestamp with time zone,
    left_by text,
    left_reason text,
    log_id bytea NOT NULL,
    roster_number bigint DEFAULT 0 NOT NULL,
    roster_at timestamp with time zone,
    roster_sha256 public.sha256,
    roster_left_out text[] DEFAULT '{}'::text[] NOT NULL,
    contact_at timestamp with time zone,
    release text DEFAULT ''::text NOT NULL,
    clock_offset_ms bigint,
    backlog bigint,
    backlog_since timestamp with time zone,
    list_version bigint,
    log_number bigint,
    CONSTRAINT federated_city_check CHECK ((num_nonnulls(left_at, left_by, left_reason) = ANY (ARRAY[0, 3]))),
    CONSTRAINT federated_city_log_id_check CHECK ((octet_length(log_id) = 16))
);
COMMENT ON TABLE public.federated_city IS 'Cities of this region, those that left too, and how each stands.';
COMMENT ON COLUMN public.federated_city.city_id IS 'The city';
COMMENT ON COLUMN public.federated_city.joined_at IS 'When it joined last';
COMMENT ON COLUMN public.federated_city.left_at IS 'When it left; none: it is linked';
COMMENT ON COLUMN public.federated_city.left_by IS 'Who said so';
COMMENT ON COLUMN public.federated_city.left_reason IS 'Why';
COMMENT ON COLUMN public.federated_city.log_id IS 'The id of its log';
COMMENT ON COLUMN public.federated_city.roster_number IS 'The number of its last roster; 0: none came';
COMMENT ON COLUMN public.federated_city.roster_at IS 'When that roster was made, by the city''s clock';
COMMENT ON COLUMN public.federated_city.roster_sha256 IS 'SHA-256 of that roster''s envelope';
COMMENT ON COLUMN public.federated_city.roster_left_out IS 'What of it is not registered here, since another city has the name';
COMMENT ON COLUMN public.federated_city.contact_at IS 'When it last said how it stands, by our clock';
COMMENT ON COLUMN public.federated_city.release IS 'The release that it runs';
COMMENT ON COLUMN public.federated_city.clock_offset_ms IS 'How far its clock is ahead of ours, in milliseconds';
COMMENT ON COLUMN public.federated_city.backlog IS 'How many messages it has still to send on';
COMMENT ON COLUMN public.federated_city.backlog_since IS 'Since when the oldest of them waits; none: nothing waits';
COMMENT ON COLUMN public.federated_city.list_version IS 'The version of its boxes'' hotlist';
COMMENT ON COLUMN public.federated_city.log_number IS 'How far it has taken its log';

CREATE TABLE public.federated_document (
    city_id public.registry_id NOT NULL,
    kind smallint NOT NULL,
    sha256 public.sha256 NOT NULL,
    taken_at timestamp with time zone NOT NULL,
    CONSTRAINT federated_document_kind_check CHECK ((kind > 0))
);
COMMENT ON TABLE public.federated_document IS 'The newest trust bundle, roster and revocation list of each other city.';
COMMENT ON COLUMN public.federated_document.city_id IS 'Whose it is';
COMMENT ON COLUMN public.federated_document.kind IS '3 revocations, 4 trust bundle, 5 roster';
COMMENT ON COLUMN public.federated_document.sha256 IS 'Its bytes';
COMMENT ON COLUMN public.federated_document.taken_at IS 'When it came';

CREATE TABLE public.federated_entry (
    entry_id public.registry_id NOT NULL,
    city_id public.registry_id NOT NULL,
    sha256 public.sha256 NOT NULL,
    reason text NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    scope text[] NOT NULL
);
COMMENT ON TABLE public.federated_entry IS 'Entries of those batches: whose they are, without their plates.';
COMMENT ON COLUMN public.federated_entry.entry_id IS 'The entry, as hits name it';
COMMENT ON COLUMN public.federated_entry.city_id IS 'Whose it is';
COMMENT ON COLUMN public.federated_entry.sha256 IS 'The batch that brought it; its bytes may have gone since';
COMMENT ON COLUMN public.federated_entry.reason IS 'Reason class, such as stolen-vehicle';
COMMENT ON COLUMN public.federated_entry.expires_at IS 'Until when it holds';
COMMENT ON COLUMN public.federated_entry.scope IS 'Cities in which it holds; none: everywhere';

CREATE TABLE public.federated_withdrawn (
    entry_id public.registry_id NOT NULL,
    sha256 public.sha256 NOT NULL
);
COMMENT ON TABLE public.federated_withdrawn IS 'Which entries of other cities such a withdrawal takes out.';
COMMENT ON COLUMN public.federated_withdrawn.entry_id IS 'The entry';
COMMENT ON COLUMN public.federated_withdrawn.sha256 IS 'The withdrawal';

CREATE TABLE public.federation_body (
    sha256 public.sha256 NOT NULL,
    bytes bytea NOT NULL,
    size_bytes bigint NOT NULL,
    kept_at timestamp with time zone NOT NULL,
    CONSTRAINT federation_body_check CHECK ((size_bytes = octet_length(bytes)))
);
ALTER TABLE ONLY public.federation_body ALTER COLUMN bytes SET STORAGE EXTERNAL;
COMMENT ON TABLE public.federation_body IS 'Signed bytes that a city handed up to the region, or was handed down, by their hash.';
COMMENT ON COLUMN public.federation_body.sha256 IS 'SHA-256 of the bytes: their name';
COMMENT ON COLUMN public.federation_body.bytes IS 'As they were signed';
COMMENT ON COLUMN public.federation_body.size_bytes IS 'How many they are';
COMMENT ON COLUMN public.federation_body.kept_at IS 'Since when they lie here';

CREATE TABLE public.federation_certificate (
    serial text NOT NULL,
    city_id public.registry_id NOT NULL,
    key_id bytea NOT NULL,
    certificate_der bytea NOT NULL,
    not_after timestamp with time zone NOT NULL,
    issued_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    CONSTRAINT federation_certificate_key_id_check CHECK ((octet_length(key_id) = 16))
);
COMMENT ON TABLE public.federation_certificate IS 'Certificates of the cities'' links, every one that was issued.';
COMMENT ON COLUMN public.federation_certificate.serial IS 'The certificate''s serial number, lower-case hexadecimal';
COMMENT ON COLUMN public.federation_certificate.city_id IS 'The city';
COMMENT ON COLUMN public.federation_certificate.key_id IS 'Id of the link''s key';
COMMENT ON COLUMN public.federation_certificate.certificate_der IS 'The certificate, DER';
COMMENT ON COLUMN public.federation_certificate.not_after IS 'Until when it holds';
COMMENT ON COLUMN public.federation_certificate.issued_at IS 'When it was issued';
COMMENT ON COLUMN public.federation_certificate.revoked_at IS 'Since when it holds no more';

CREATE TABLE public.federation_followed (
    log bytea NOT NULL,
    number bigint DEFAULT 0 NOT NULL,
    hash public.sha256 DEFAULT decode(repeat('00'::text, 32), 'hex'::text) NOT NULL,
    as_of_ms bigint,
    heard_at timestamp with time zone,
    problem text,
    problems bigint DEFAULT 0 NOT NULL,
    CONSTRAINT federation_followed_log_check CHECK ((octet_length(log) = 16))
);
COMMENT ON TABLE public.federation_followed IS 'At a city: how far it has taken the region''s log.';
COMMENT ON COLUMN public.federation_followed.log IS 'Which log';
COMMENT ON COLUMN public.federation_followed.number IS 'The last item taken';
COMMENT ON COLUMN public.federation_followed.hash IS 'Hash of the chain at that item';
COMMENT ON COLUMN public.federation_followed.as_of_ms IS 'Time in the newest signed head that said this is all, in milliseconds since 1970';
COMMENT ON COLUMN public.federation_followed.heard_at IS 'When that head came';
COMMENT ON COLUMN public.federation_followed.problem IS 'Why the newest head was not followed, such as rolled_back; none if it was';
COMMENT ON COLUMN public.federation_followed.problems IS 'How often a head or a page was refused';

CREATE TABLE public.federation_invitation (
    invitation_id bytea NOT NULL,
    spki bytea NOT NULL,
    city_id public.registry_id NOT NULL,
    invited_at timestamp with time zone NOT NULL,
    invited_by text NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    key_id bytea,
    joined_at timestamp with time zone,
    cancelled_at timestamp with time zone,
    cancelled_by text,
    CONSTRAINT federation_invitation_check CHECK ((expires_at > invited_at)),
    CONSTRAINT federation_invitation_check1 CHECK (((key_id IS NULL) = (joined_at IS NULL))),
    CONSTRAINT federation_invitation_check2 CHECK (((cancelled_at IS NULL) = (cancelled_by IS NULL))),
    CONSTRAINT federation_invitation_check3 CHECK (((joined_at IS NULL) OR (cancelled_at IS NULL))),
    CONSTRAINT federation_invitation_invitation_id_check CHECK ((octet_length(invitation_id) = 16)),
    CONSTRAINT federation_invitation_invited_by_check CHECK ((invited_by <> ''::text)),
    CONSTRAINT federation_invitation_key_id_check CHECK ((octet_length(key_id) = 16))
);
COMMENT ON TABLE public.federation_invitation IS 'Which city may join, until when. Of a token''s secret there is only a public key.';
COMMENT ON COLUMN public.federation_invitation.invitation_id IS 'Its name: the id of the key that was made from the token''s secret';
COMMENT ON COLUMN public.federation_invitation.spki IS 'Public key made from the token''s secret';
COMMENT ON COLUMN public.federation_invitation.city_id IS 'The city that is invited';
COMMENT ON COLUMN public.federation_invitation.invited_at IS 'When it was made';
COMMENT ON COLUMN public.federation_invitation.invited_by IS 'Who made it';
COMMENT ON COLUMN public.federation_invitation.expires_at IS 'Until when it holds';
COMMENT ON COLUMN public.federation_invitation.key_id IS 'The link''s key that joined with it';
COMMENT ON COLUMN public.federation_invitation.joined_at IS 'When the city joined with it';
COMMENT ON COLUMN public.federation_invitation.cancelled_at IS 'When it was cancelled';
COMMENT ON COLUMN public.federation_invitation.cancelled_by IS 'Who cancelled it';

CREATE TABLE public.federation_log (
    city_id public.registry_id NOT NULL,
    log bytea NOT NULL,
    number bigint DEFAULT 0 NOT NULL,
    hash public.sha256 DEFAULT decode(repeat('00'::text, 32), 'hex'::text) NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    CONSTRAINT federation_log_log_check CHECK ((octet_length(log) = 16)),
    CONSTRAINT federation_log_number_check CHECK ((number >= 0))
);
COMMENT ON TABLE public.federation_log IS 'At the region: the log of each linked city and where it ends.';
COMMENT ON COLUMN public.federation_log.city_id IS 'The city that follows it';
COMMENT ON COLUMN public.federation_log.log IS 'Its random id: a city that joins again gets another log';
COMMENT ON COLUMN public.federation_log.number IS 'Number of its last item; 0 for none';
COMMENT ON COLUMN public.federation_log.hash IS 'Hash of the chain at that item';
COMMENT ON COLUMN public.federation_log.opened_at IS 'When the city joined';

CREATE TABLE public.federation_log_item (
    city_id public.registry_id NOT NULL,
    number bigint NOT NULL,
    kind smallint NOT NULL,
    origin public.registry_id NOT NULL,
    created_ms bigint NOT NULL,
    sha256 public.sha256 NOT NULL,
    hash public.sha256 NOT NULL,
    CONSTRAINT federation_log_item_kind_check CHECK ((kind > 0)),
    CONSTRAINT federation_log_item_number_check CHECK ((number > 0))
);
COMMENT ON TABLE public.federation_log_item IS 'At the region: the items of the logs, numbered and chained.';
COMMENT ON COLUMN public.federation_log_item.city_id IS 'Whose log it is in';
COMMENT ON COLUMN public.federation_log_item.number IS 'Its place, from 1';
COMMENT ON COLUMN public.federation_log_item.kind IS '1 batch, 2 withdrawal, 3 revocations, 4 trust bundle, 5 roster, 6 notice, 7 settings';
COMMENT ON COLUMN public.federation_log_item.origin IS 'The city, or the region, that it comes from';
COMMENT ON COLUMN public.federation_log_item.created_ms IS 'When it was appended, in milliseconds since 1970';
COMMENT ON COLUMN public.federation_log_item.sha256 IS 'Its body';
COMMENT ON COLUMN public.federation_log_item.hash IS 'Hash of the chain with it';

CREATE TABLE public.federation_sent (
    log bytea NOT NULL,
    kind smallint NOT NULL,
    subject text NOT NULL,
    sha256 public.sha256 NOT NULL,
    receipted_at timestamp with time zone NOT NULL,
    refusal integer,
    CONSTRAINT federation_sent_kind_check CHECK ((kind > 0)),
    CONSTRAINT federation_sent_log_check CHECK ((octet_length(log) = 16))
);
COMMENT ON TABLE public.federation_sent IS 'At a city: what it has handed up to the region, and the signed answer.';
COMMENT ON COLUMN public.federation_sent.log IS 'The link under which it went: after joining again all goes up again';
COMMENT ON COLUMN public.federation_sent.kind IS '1 batch, 2 withdrawal, 3 revocations, 4 trust bundle, 5 roster';
COMMENT ON COLUMN public.federation_sent.subject IS 'Batch id or withdrawal number; nothing for what there is one of';
COMMENT ON COLUMN public.federation_sent.sha256 IS 'What went';
COMMENT ON COLUMN public.federation_sent.receipted_at IS 'When the region answered';
COMMENT ON COLUMN public.federation_sent.refusal IS 'Why the region refused it for good (protocol.refusals); none if it is stored';

CREATE TABLE public.file_to_remove (
    sha256 public.sha256 NOT NULL,
    noted_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE public.file_to_remove IS 'Files whose rows are gone, until they are gone too.';
COMMENT ON COLUMN public.file_to_remove.sha256 IS 'SHA-256 of the picture, which is the file''s name';
COMMENT ON COLUMN public.file_to_remove.noted_at IS 'When its rows went';

CREATE TABLE public.foreign_batch (
    sha256 public.sha256 NOT NULL,
    city_id public.registry_id NOT NULL,
    batch_id public.registry_id NOT NULL,
    created_ms bigint NOT NULL,
    taken_at timestamp with time zone NOT NULL,
    left_out text,
    judged_at timestamp with time zone
);
COMMENT ON TABLE public.foreign_batch IS 'Hotlist batches that other cities share: at the region those of all cities.';
COMMENT ON COLUMN public.foreign_batch.sha256 IS 'Its signed bytes';
COMMENT ON COLUMN public.foreign_batch.city_id IS 'Whose officers signed it';
COMMENT ON COLUMN public.foreign_batch.batch_id IS 'Its id in that city';
COMMENT ON COLUMN public.foreign_batch.created_ms IS 'When it was proposed, in milliseconds since 1970';
COMMENT ON COLUMN public.foreign_batch.taken_at IS 'When it came';
COMMENT ON COLUMN public.foreign_batch.left_out IS 'Why it is not in our list, such as unknown_officer; none if it is';
COMMENT ON COLUMN public.foreign_batch.judged_at IS 'When our list was last composed with it; none at the region, and before';

CREATE TABLE public.foreign_withdrawal (
    sha256 public.sha256 NOT NULL,
    city_id public.registry_id NOT NULL,
    created_ms bigint NOT NULL,
    taken_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE public.foreign_withdrawal IS 'Withdrawals that other cities signed.';
COMMENT ON COLUMN public.foreign_withdrawal.sha256 IS 'Its signed bytes';
COMMENT ON COLUMN public.foreign_withdrawal.city_id IS 'Whose officer signed it';
COMMENT ON COLUMN public.foreign_withdrawal.created_ms IS 'When it was signed, in milliseconds since 1970';
COMMENT ON COLUMN public.foreign_withdrawal.taken_at IS 'When it came';

CREATE TABLE public.forward_dead (
    event public.sha256 NOT NULL,
    kind text NOT NULL,
    received_at timestamp with time zone NOT NULL,
    reason smallint NOT NULL,
    refused_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE public.forward_dead IS 'Messages that the region refused for good; the newest of them.';
COMMENT ON COLUMN public.forward_dead.event IS 'The message, by its envelope''s hash';
COMMENT ON COLUMN public.forward_dead.kind IS 'Kind of message, by its word in topics';
COMMENT ON COLUMN public.forward_dead.received_at IS 'When it came, by our clock';
COMMENT ON COLUMN public.forward_dead.reason IS 'Why, numbered as in refused';
COMMENT ON COLUMN public.forward_dead.refused_at IS 'When the region said so';

CREATE TABLE public.forward_due (
    number bigint NOT NULL,
    event public.sha256 NOT NULL,
    kind text NOT NULL,
    is_alert boolean NOT NULL,
    received_at timestamp with time zone NOT NULL,
    noted_at timestamp with time zone DEFAULT now() NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    due_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    reason smallint
);
COMMENT ON TABLE public.forward_due IS 'Messages that are still to be passed on to the region. Their bytes lie in their own tables.';
COMMENT ON COLUMN public.forward_due.number IS 'Which was noted first';
COMMENT ON COLUMN public.forward_due.event IS 'The message, by its envelope''s hash';
COMMENT ON COLUMN public.forward_due.kind IS 'Kind of message, by its word in topics';
COMMENT ON COLUMN public.forward_due.is_alert IS 'It is a hit, an amendment or an alarm, and goes first';
COMMENT ON COLUMN public.forward_due.received_at IS 'When it came, by our clock';
COMMENT ON COLUMN public.forward_due.noted_at IS 'When it was stored, by the database''s clock';
COMMENT ON COLUMN public.forward_due.tries IS 'How often it was sent in vain';
COMMENT ON COLUMN public.forward_due.due_at IS 'Before this it is not sent again';
COMMENT ON COLUMN public.forward_due.reason IS 'Why the region did not take it last time, numbered as in refused; none: no answer';
ALTER TABLE public.forward_due ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.forward_due_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.forward_line (
    only_row boolean DEFAULT true NOT NULL,
    is_connected boolean NOT NULL,
    since timestamp with time zone NOT NULL,
    problem text NOT NULL,
    receipt_at timestamp with time zone,
    clock_ahead_ms bigint,
    stored bigint DEFAULT 0 NOT NULL,
    CONSTRAINT forward_line_only_row_check CHECK (only_row)
);
COMMENT ON TABLE public.forward_line IS 'How the line to the region stands; one row.';
COMMENT ON COLUMN public.forward_line.only_row IS 'There is one row';
COMMENT ON COLUMN public.forward_line.is_connected IS 'The line is up';
COMMENT ON COLUMN public.forward_line.since IS 'Since when it is so';
COMMENT ON COLUMN public.forward_line.problem IS 'Why it is down';
COMMENT ON COLUMN public.forward_line.receipt_at IS 'When the region last answered, by our clock';
COMMENT ON COLUMN public.forward_line.clock_ahead_ms IS 'By how many ms the region''s clock was ahead of ours then';
COMMENT ON COLUMN public.forward_line.stored IS 'How many messages the region has taken since the link was made';

CREATE TABLE public.forward_rule (
    kind text NOT NULL
);
COMMENT ON TABLE public.forward_rule IS 'Kinds of messages that go on to the region; none without a link.';
COMMENT ON COLUMN public.forward_rule.kind IS 'Kind of message, by its word in topics';

CREATE TABLE public.hotlist_artefact (
    sha256 bytea NOT NULL,
    bytes bytea NOT NULL,
    size_bytes bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT hotlist_artefact_sha256_check CHECK ((octet_length(sha256) = 32))
);
ALTER TABLE ONLY public.hotlist_artefact ALTER COLUMN bytes SET STORAGE EXTERNAL;
COMMENT ON TABLE public.hotlist_artefact IS 'Bytes that boxes fetch by their hash.';
COMMENT ON COLUMN public.hotlist_artefact.sha256 IS 'SHA-256 of its bytes';
COMMENT ON COLUMN public.hotlist_artefact.bytes IS 'The artefact';
COMMENT ON COLUMN public.hotlist_artefact.size_bytes IS 'Length, in bytes';
COMMENT ON COLUMN public.hotlist_artefact.created_at IS 'When it was made; of a message, by the boxs clock';

CREATE TABLE public.hotlist_batch (
    batch_id public.registry_id NOT NULL,
    payload bytea NOT NULL,
    state text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    approved_at timestamp with time zone,
    retired_at timestamp with time zone,
    CONSTRAINT hotlist_batch_check CHECK (((state <> 'approved'::text) OR (approved_at IS NOT NULL))),
    CONSTRAINT hotlist_batch_check1 CHECK (((state = 'retired'::text) = (retired_at IS NOT NULL))),
    CONSTRAINT hotlist_batch_state_check CHECK ((state = ANY (ARRAY['proposed'::text, 'approved'::text, 'retired'::text])))
);
ALTER TABLE ONLY public.hotlist_batch ALTER COLUMN payload SET STORAGE EXTERNAL;
COMMENT ON TABLE public.hotlist_batch IS 'Batches of entries, as officers signed them.';
COMMENT ON COLUMN public.hotlist_batch.batch_id IS 'The batch';
COMMENT ON COLUMN public.hotlist_batch.payload IS 'The signed bytes';
COMMENT ON COLUMN public.hotlist_batch.state IS 'proposed, approved or retired';
COMMENT ON COLUMN public.hotlist_batch.created_at IS 'When it was made; of a message, by the boxs clock';
COMMENT ON COLUMN public.hotlist_batch.approved_at IS 'When it was approved';
COMMENT ON COLUMN public.hotlist_batch.retired_at IS 'When it was retired';

CREATE TABLE public.hotlist_contents (
    city_id public.registry_id NOT NULL,
    list_version bigint NOT NULL,
    sha256 public.sha256 NOT NULL,
    spans bytea NOT NULL,
    CONSTRAINT hotlist_contents_spans_check CHECK (((octet_length(spans) % 48) = 0))
);
COMMENT ON TABLE public.hotlist_contents IS 'What the last few snapshots of a city hold, to make deltas from.';
COMMENT ON COLUMN public.hotlist_contents.city_id IS 'The city';
COMMENT ON COLUMN public.hotlist_contents.list_version IS 'The snapshot''s number; it only rises';
COMMENT ON COLUMN public.hotlist_contents.sha256 IS 'SHA-256 of the snapshot';
COMMENT ON COLUMN public.hotlist_contents.spans IS 'Each batch and withdrawal in it: SHA-256, place, length; packed';

CREATE TABLE public.hotlist_delta (
    target public.sha256 NOT NULL,
    base public.sha256 NOT NULL,
    sha256 bytea NOT NULL,
    size_bytes bigint NOT NULL
);
COMMENT ON TABLE public.hotlist_delta IS 'Artefacts that make one snapshot of an earlier one.';
COMMENT ON COLUMN public.hotlist_delta.target IS 'SHA-256 of the snapshot that it makes';
COMMENT ON COLUMN public.hotlist_delta.base IS 'SHA-256 of the snapshot that it starts from';
COMMENT ON COLUMN public.hotlist_delta.sha256 IS 'SHA-256 of the delta: its name as an artefact';
COMMENT ON COLUMN public.hotlist_delta.size_bytes IS 'Its length, in bytes';

CREATE TABLE public.hotlist_draft (
    import_id bigint NOT NULL,
    line integer NOT NULL,
    plate text NOT NULL,
    reason text NOT NULL,
    case_number text NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    scope text[] NOT NULL,
    CONSTRAINT hotlist_draft_case_number_check CHECK ((case_number <> ''::text)),
    CONSTRAINT hotlist_draft_line_check CHECK ((line > 0)),
    CONSTRAINT hotlist_draft_plate_check CHECK ((plate ~ '^[A-Z0-9]{1,12}$'::text))
);
COMMENT ON TABLE public.hotlist_draft IS 'The lines of such a file.';
COMMENT ON COLUMN public.hotlist_draft.import_id IS 'The file';
COMMENT ON COLUMN public.hotlist_draft.line IS 'The line''s number in the file';
COMMENT ON COLUMN public.hotlist_draft.plate IS 'The wanted plate';
COMMENT ON COLUMN public.hotlist_draft.reason IS 'Reason class, such as stolen-vehicle';
COMMENT ON COLUMN public.hotlist_draft.case_number IS 'The case, which no box gets';
COMMENT ON COLUMN public.hotlist_draft.expires_at IS 'When it ends';
COMMENT ON COLUMN public.hotlist_draft.scope IS 'The cities where it is searched for; none: the whole region';

CREATE TABLE public.hotlist_entry (
    entry_id public.registry_id NOT NULL,
    batch_id public.registry_id NOT NULL,
    plate text NOT NULL,
    reason text NOT NULL,
    case_number text NOT NULL,
    case_salt bytea NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    scope text[] NOT NULL,
    CONSTRAINT hotlist_entry_case_number_check CHECK ((case_number <> ''::text)),
    CONSTRAINT hotlist_entry_case_salt_check CHECK ((octet_length(case_salt) = 16)),
    CONSTRAINT hotlist_entry_plate_check CHECK ((plate ~ '^[A-Z0-9]{1,12}$'::text))
);
COMMENT ON TABLE public.hotlist_entry IS 'Wanted vehicles. Boxes get the plate, reason class, scope and end, never the case.';
COMMENT ON COLUMN public.hotlist_entry.entry_id IS 'Entry of the hotlist';
COMMENT ON COLUMN public.hotlist_entry.batch_id IS 'The batch';
COMMENT ON COLUMN public.hotlist_entry.plate IS 'The wanted plate';
COMMENT ON COLUMN public.hotlist_entry.reason IS 'Reason class, such as stolen-vehicle';
COMMENT ON COLUMN public.hotlist_entry.case_number IS 'The case, which no box gets';
COMMENT ON COLUMN public.hotlist_entry.case_salt IS 'Salt of the hash that binds the case';
COMMENT ON COLUMN public.hotlist_entry.expires_at IS 'When it ends';
COMMENT ON COLUMN public.hotlist_entry.scope IS 'The cities where it is searched for; none: the whole region';

CREATE TABLE public.hotlist_import (
    import_id bigint NOT NULL,
    file_sha256 bytea NOT NULL,
    accepted integer NOT NULL,
    refused integer NOT NULL,
    imported_at timestamp with time zone NOT NULL,
    CONSTRAINT hotlist_import_accepted_check CHECK ((accepted > 0)),
    CONSTRAINT hotlist_import_file_sha256_check CHECK ((octet_length(file_sha256) = 32)),
    CONSTRAINT hotlist_import_refused_check CHECK ((refused >= 0))
);
COMMENT ON TABLE public.hotlist_import IS 'Files of plates that wait for an officer to propose them.';
COMMENT ON COLUMN public.hotlist_import.import_id IS 'The file';
COMMENT ON COLUMN public.hotlist_import.file_sha256 IS 'SHA-256 of the file';
COMMENT ON COLUMN public.hotlist_import.accepted IS 'Lines of the file that were taken';
COMMENT ON COLUMN public.hotlist_import.refused IS 'Lines of the file that were not taken';
COMMENT ON COLUMN public.hotlist_import.imported_at IS 'When it was taken in';
ALTER TABLE public.hotlist_import ALTER COLUMN import_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.hotlist_import_import_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.hotlist_reading (
    sha256 public.sha256 NOT NULL,
    reading bytea NOT NULL
);
ALTER TABLE ONLY public.hotlist_reading ALTER COLUMN reading SET STORAGE EXTERNAL;
COMMENT ON TABLE public.hotlist_reading IS 'What was read of the batches in the list, without plates; made again when it is missing.';
COMMENT ON COLUMN public.hotlist_reading.sha256 IS 'SHA-256 of the signed batch';
COMMENT ON COLUMN public.hotlist_reading.reading IS 'Ids, expiries and scopes of its entries; packed';

CREATE TABLE public.hotlist_signature (
    batch_id public.registry_id NOT NULL,
    key_id bytea NOT NULL,
    protected bytea NOT NULL,
    signature bytea NOT NULL,
    signed_at timestamp with time zone NOT NULL,
    CONSTRAINT hotlist_signature_signature_check CHECK ((octet_length(signature) = 64))
);
COMMENT ON TABLE public.hotlist_signature IS 'Officers'' signatures under batches; two of different officers make one valid.';
COMMENT ON COLUMN public.hotlist_signature.batch_id IS 'The batch';
COMMENT ON COLUMN public.hotlist_signature.key_id IS 'Id of the key: the first 16 bytes of its SHA-256';
COMMENT ON COLUMN public.hotlist_signature.protected IS 'The signed header';
COMMENT ON COLUMN public.hotlist_signature.signature IS 'The signature';
COMMENT ON COLUMN public.hotlist_signature.signed_at IS 'When it was signed';

CREATE TABLE public.hotlist_snapshot (
    city_id public.registry_id NOT NULL,
    list_version bigint NOT NULL,
    sha256 bytea NOT NULL,
    size_bytes bigint NOT NULL,
    entries integer NOT NULL,
    trust_number bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT hotlist_snapshot_list_version_check CHECK ((list_version > 0))
);
COMMENT ON TABLE public.hotlist_snapshot IS 'Hotlists as they were made for boxes, version by version.';
COMMENT ON COLUMN public.hotlist_snapshot.city_id IS 'City';
COMMENT ON COLUMN public.hotlist_snapshot.list_version IS 'The version; a citys only rise';
COMMENT ON COLUMN public.hotlist_snapshot.sha256 IS 'SHA-256 of its artefact, which may have been dropped since';
COMMENT ON COLUMN public.hotlist_snapshot.size_bytes IS 'Length, in bytes';
COMMENT ON COLUMN public.hotlist_snapshot.entries IS 'How many entries it has';
COMMENT ON COLUMN public.hotlist_snapshot.trust_number IS 'The trust bundle under which it was made';
COMMENT ON COLUMN public.hotlist_snapshot.created_at IS 'When it was made; of a message, by the boxs clock';

CREATE TABLE public.hotlist_withdrawal (
    withdrawal_id bigint NOT NULL,
    envelope bytea NOT NULL,
    key_id bytea NOT NULL,
    reason text NOT NULL,
    withdrawn_at timestamp with time zone NOT NULL,
    CONSTRAINT hotlist_withdrawal_reason_check CHECK ((reason <> ''::text))
);
COMMENT ON TABLE public.hotlist_withdrawal IS 'Withdrawals of entries, each signed by one officer.';
COMMENT ON COLUMN public.hotlist_withdrawal.withdrawal_id IS 'The withdrawal';
COMMENT ON COLUMN public.hotlist_withdrawal.envelope IS 'The signed bytes of the withdrawal';
COMMENT ON COLUMN public.hotlist_withdrawal.key_id IS 'Id of the key: the first 16 bytes of its SHA-256';
COMMENT ON COLUMN public.hotlist_withdrawal.reason IS 'Why';
COMMENT ON COLUMN public.hotlist_withdrawal.withdrawn_at IS 'When it was withdrawn';
ALTER TABLE public.hotlist_withdrawal ALTER COLUMN withdrawal_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.hotlist_withdrawal_withdrawal_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.hotlist_withdrawn (
    entry_id public.registry_id NOT NULL,
    withdrawal_id bigint NOT NULL
);
COMMENT ON TABLE public.hotlist_withdrawn IS 'Which entries a withdrawal takes out.';
COMMENT ON COLUMN public.hotlist_withdrawn.entry_id IS 'Entry of the hotlist';
COMMENT ON COLUMN public.hotlist_withdrawn.withdrawal_id IS 'The withdrawal';

CREATE TABLE public.invitation (
    invitation_id bytea NOT NULL,
    spki bytea NOT NULL,
    device_id public.registry_id NOT NULL,
    settings_toml text DEFAULT ''::text NOT NULL,
    needs_approval boolean NOT NULL,
    invited_at timestamp with time zone NOT NULL,
    invited_by text NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    key_id bytea,
    claimed_at timestamp with time zone,
    approved_at timestamp with time zone,
    approved_by text,
    certified_at timestamp with time zone,
    cancelled_at timestamp with time zone,
    cancelled_by text,
    CONSTRAINT invitation_check CHECK ((expires_at > invited_at)),
    CONSTRAINT invitation_check1 CHECK (((key_id IS NULL) = (claimed_at IS NULL))),
    CONSTRAINT invitation_check2 CHECK (((approved_at IS NULL) = (approved_by IS NULL))),
    CONSTRAINT invitation_check3 CHECK (((cancelled_at IS NULL) = (cancelled_by IS NULL))),
    CONSTRAINT invitation_check4 CHECK (((approved_at IS NULL) OR (claimed_at IS NOT NULL))),
    CONSTRAINT invitation_check5 CHECK (((certified_at IS NULL) OR ((claimed_at IS NOT NULL) AND ((approved_at IS NOT NULL) OR (NOT needs_approval))))),
    CONSTRAINT invitation_check6 CHECK (((certified_at IS NULL) OR (cancelled_at IS NULL))),
    CONSTRAINT invitation_invitation_id_check CHECK ((octet_length(invitation_id) = 16)),
    CONSTRAINT invitation_invited_by_check CHECK ((invited_by <> ''::text)),
    CONSTRAINT invitation_key_id_check CHECK ((octet_length(key_id) = 16))
);
COMMENT ON TABLE public.invitation IS 'Who may enrol as which box, until when. Of a token''s secret there is only a public key.';
COMMENT ON COLUMN public.invitation.invitation_id IS 'The invitations id, part of its token';
COMMENT ON COLUMN public.invitation.spki IS 'Public key made from the token''s secret';
COMMENT ON COLUMN public.invitation.device_id IS 'The identity under which the box speaks';
COMMENT ON COLUMN public.invitation.settings_toml IS 'Settings that go along, TOML';
COMMENT ON COLUMN public.invitation.needs_approval IS 'Whether a person must approve the key first';
COMMENT ON COLUMN public.invitation.invited_at IS 'When it was made';
COMMENT ON COLUMN public.invitation.invited_by IS 'Who made it';
COMMENT ON COLUMN public.invitation.expires_at IS 'Until when it holds';
COMMENT ON COLUMN public.invitation.key_id IS 'Id of the key: the first 16 bytes of its SHA-256';
COMMENT ON COLUMN public.invitation.claimed_at IS 'When a key claimed it';
COMMENT ON COLUMN public.invitation.approved_at IS 'When it was approved';
COMMENT ON COLUMN public.invitation.approved_by IS 'Who approved it';
COMMENT ON COLUMN public.invitation.certified_at IS 'When the key got its certificate';
COMMENT ON COLUMN public.invitation.cancelled_at IS 'When it was cancelled';
COMMENT ON COLUMN public.invitation.cancelled_by IS 'Who cancelled it';

CREATE TABLE public.legal_hold (
    hold_id bigint NOT NULL,
    hit_hash public.sha256,
    entry_id text,
    device_id text,
    point_id text,
    camera_id text,
    from_at timestamp with time zone,
    to_at timestamp with time zone,
    reason text NOT NULL,
    placed_by text NOT NULL,
    placed_at timestamp with time zone NOT NULL,
    released_by text,
    released_at timestamp with time zone,
    CONSTRAINT legal_hold_check CHECK ((num_nonnulls(hit_hash, entry_id, device_id, point_id) = 1)),
    CONSTRAINT legal_hold_check1 CHECK ((num_nonnulls(point_id, camera_id, from_at, to_at) = ANY (ARRAY[0, 4]))),
    CONSTRAINT legal_hold_check2 CHECK ((from_at < to_at)),
    CONSTRAINT legal_hold_check3 CHECK ((num_nonnulls(released_by, released_at) = ANY (ARRAY[0, 2]))),
    CONSTRAINT legal_hold_placed_by_check CHECK ((placed_by <> ''::text)),
    CONSTRAINT legal_hold_reason_check CHECK ((reason <> ''::text))
);
COMMENT ON TABLE public.legal_hold IS 'What must stay, whatever retention says.';
COMMENT ON COLUMN public.legal_hold.hold_id IS 'The holds number';
COMMENT ON COLUMN public.legal_hold.hit_hash IS 'This hit and all that belongs to it is held';
COMMENT ON COLUMN public.legal_hold.entry_id IS 'Every hit of this entry is held';
COMMENT ON COLUMN public.legal_hold.device_id IS 'All that this box says is held';
COMMENT ON COLUMN public.legal_hold.point_id IS 'What a camera of this point saw is held';
COMMENT ON COLUMN public.legal_hold.camera_id IS 'That camera';
COMMENT ON COLUMN public.legal_hold.from_at IS 'Since when what it saw is held';
COMMENT ON COLUMN public.legal_hold.to_at IS 'Up to when, not included';
COMMENT ON COLUMN public.legal_hold.reason IS 'Why';
COMMENT ON COLUMN public.legal_hold.placed_by IS 'Who placed it';
COMMENT ON COLUMN public.legal_hold.placed_at IS 'When it was placed';
COMMENT ON COLUMN public.legal_hold.released_by IS 'Who released it';
COMMENT ON COLUMN public.legal_hold.released_at IS 'When it was released; none: in force';
ALTER TABLE public.legal_hold ALTER COLUMN hold_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.legal_hold_hold_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.notice_due (
    number bigint NOT NULL,
    hit public.sha256 NOT NULL,
    tries smallint DEFAULT 0 NOT NULL
);
COMMENT ON TABLE public.notice_due IS 'At a region: hits of which other cities may have to be told; gone once they have.';
COMMENT ON COLUMN public.notice_due.number IS 'In the order in which they were stored';
COMMENT ON COLUMN public.notice_due.hit IS 'SHA-256 of the hit''s envelope';
COMMENT ON COLUMN public.notice_due.tries IS 'How often it failed';
ALTER TABLE public.notice_due ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.notice_due_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE public.notice ALTER COLUMN notice_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.notice_notice_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.notice_policy (
    number bigint NOT NULL,
    sha256 public.sha256 NOT NULL,
    policy text NOT NULL,
    since timestamp with time zone NOT NULL
);
COMMENT ON TABLE public.notice_policy IS 'At a region: the policies of who sees what that were in force.';
COMMENT ON COLUMN public.notice_policy.number IS 'Rises; the highest is in force';
COMMENT ON COLUMN public.notice_policy.sha256 IS 'SHA-256 of the file';
COMMENT ON COLUMN public.notice_policy.policy IS 'The file, TOML; empty: there is none, and what the program has holds';
COMMENT ON COLUMN public.notice_policy.since IS 'Since when it has been in force';
ALTER TABLE public.notice_policy ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.notice_policy_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.officer (
    key_id bytea NOT NULL,
    name public.registry_id NOT NULL,
    spki bytea NOT NULL,
    seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT officer_key_id_check CHECK ((octet_length(key_id) = 16))
);
COMMENT ON TABLE public.officer IS 'Keys under which officers signed, for good. Who may sign today stands in the trust bundle.';
COMMENT ON COLUMN public.officer.key_id IS 'Id of the key: the first 16 bytes of its SHA-256';
COMMENT ON COLUMN public.officer.name IS 'The officer, as the trust bundle names him';
COMMENT ON COLUMN public.officer.spki IS 'The public key (SubjectPublicKeyInfo, DER)';
COMMENT ON COLUMN public.officer.seen_at IS 'When the key signed first';

CREATE TABLE public.partner (
    partner_id public.registry_id NOT NULL,
    name text NOT NULL,
    terms text NOT NULL,
    signed_on date NOT NULL,
    registered_at timestamp with time zone DEFAULT now() NOT NULL,
    contact text DEFAULT ''::text NOT NULL,
    CONSTRAINT partner_name_check CHECK ((name <> ''::text)),
    CONSTRAINT partner_terms_check CHECK ((terms <> ''::text))
);
COMMENT ON TABLE public.partner IS 'Private companies that connect cameras of their own under signed terms.';
COMMENT ON COLUMN public.partner.partner_id IS 'The private company whose cameras they are; none: the citys own';
COMMENT ON COLUMN public.partner.name IS 'The company''s name';
COMMENT ON COLUMN public.partner.terms IS 'Which signed terms it connects under';
COMMENT ON COLUMN public.partner.signed_on IS 'When they were signed';
COMMENT ON COLUMN public.partner.registered_at IS 'When it was registered';
COMMENT ON COLUMN public.partner.contact IS 'Whom to ask about its cameras, by day and by night';

CREATE TABLE public.partner_terms (
    city_id public.registry_id NOT NULL,
    number bigint NOT NULL,
    partner_id public.registry_id NOT NULL,
    tier smallint NOT NULL,
    is_suspended boolean NOT NULL,
    from_at timestamp with time zone NOT NULL,
    until_at timestamp with time zone NOT NULL,
    sha256 public.sha256 NOT NULL,
    envelope bytea NOT NULL,
    reason text NOT NULL,
    signed_by text NOT NULL,
    signed_at timestamp with time zone NOT NULL,
    CONSTRAINT partner_terms_check1 CHECK ((from_at < until_at)),
    CONSTRAINT partner_terms_number_check CHECK ((number > 0)),
    CONSTRAINT partner_terms_tier_check CHECK ((tier = ANY (ARRAY[1, 2])))
);
COMMENT ON TABLE public.partner_terms IS 'Terms of private companies, as they were signed, suspensions among them. None is ever removed.';
COMMENT ON COLUMN public.partner_terms.city_id IS 'The city that signed them';
COMMENT ON COLUMN public.partner_terms.number IS 'Rises within the city, whichever company it is';
COMMENT ON COLUMN public.partner_terms.partner_id IS 'The company';
COMMENT ON COLUMN public.partner_terms.tier IS '1 registered only, 2 connected';
COMMENT ON COLUMN public.partner_terms.is_suspended IS 'Whether they say that nothing is allowed for now';
COMMENT ON COLUMN public.partner_terms.from_at IS 'Since when they allow anything';
COMMENT ON COLUMN public.partner_terms.until_at IS 'The first moment that they allow nothing any more';
COMMENT ON COLUMN public.partner_terms.sha256 IS 'SHA-256 of the document';
COMMENT ON COLUMN public.partner_terms.envelope IS 'The document, as it was signed';
COMMENT ON COLUMN public.partner_terms.reason IS 'Why they were signed, in words';
COMMENT ON COLUMN public.partner_terms.signed_by IS 'Who had them signed';
COMMENT ON COLUMN public.partner_terms.signed_at IS 'When they were signed; from then on ingest judges by them';

CREATE TABLE public.piece (
    device_id text NOT NULL,
    sha256 public.sha256 NOT NULL,
    at_byte bigint NOT NULL,
    total_bytes bigint NOT NULL,
    data bytea NOT NULL,
    received_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE public.piece IS 'Parts of pictures on their way, here until the whole is in the store.';
COMMENT ON COLUMN public.piece.device_id IS 'The identity under which the box speaks';
COMMENT ON COLUMN public.piece.sha256 IS 'SHA-256 of the whole picture';
COMMENT ON COLUMN public.piece.at_byte IS 'Where in the picture it belongs';
COMMENT ON COLUMN public.piece.total_bytes IS 'Length of the whole picture, in bytes';
COMMENT ON COLUMN public.piece.data IS 'The part''s bytes';
COMMENT ON COLUMN public.piece.received_at IS 'When it came, by our clock';

CREATE TABLE public.refused (
    sha256 public.sha256 NOT NULL,
    reason smallint NOT NULL,
    topic text NOT NULL,
    key_id bytea,
    algorithm bigint,
    bytes bigint NOT NULL,
    first_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone NOT NULL,
    times bigint DEFAULT 1 NOT NULL,
    sealed bytea,
    sealed_to bytea
);
COMMENT ON TABLE public.refused IS 'What was not taken, and why. Its bytes are sealed to the evidence authority, for a week at most.';
COMMENT ON COLUMN public.refused.sha256 IS 'SHA-256 of its bytes';
COMMENT ON COLUMN public.refused.reason IS 'Why: 1 too large, 2 bad form, 3 version, 4 unknown key, 5 revoked key, 6 signature, 7 algorithm, 8 topic, 9 place, 10 kind, 11 equivocation, 12 busy, 13 internal';
COMMENT ON COLUMN public.refused.topic IS 'The topic on which it came';
COMMENT ON COLUMN public.refused.key_id IS 'The key that it names, where it names one';
COMMENT ON COLUMN public.refused.algorithm IS 'The algorithm that it names, by its COSE number';
COMMENT ON COLUMN public.refused.bytes IS 'How long it was, in bytes';
COMMENT ON COLUMN public.refused.first_at IS 'When it came first';
COMMENT ON COLUMN public.refused.last_at IS 'When it came last';
COMMENT ON COLUMN public.refused.times IS 'How often it came';
COMMENT ON COLUMN public.refused.sealed IS 'Its bytes, sealed; gone after a week at most';
COMMENT ON COLUMN public.refused.sealed_to IS 'Id of the key of the evidence authority that it is sealed to';

CREATE TABLE public.region_contact (
    only_row boolean DEFAULT true NOT NULL,
    region_id public.registry_id NOT NULL,
    tried_at timestamp with time zone NOT NULL,
    problem text,
    answered_at timestamp with time zone,
    release text DEFAULT ''::text NOT NULL,
    clock_offset_ms bigint,
    log_number bigint,
    CONSTRAINT region_contact_only_row_check CHECK (only_row)
);
COMMENT ON TABLE public.region_contact IS 'How this city last reached its region; one row.';
COMMENT ON COLUMN public.region_contact.only_row IS 'Always true: there is one row';
COMMENT ON COLUMN public.region_contact.region_id IS 'The region';
COMMENT ON COLUMN public.region_contact.tried_at IS 'When it was last tried';
COMMENT ON COLUMN public.region_contact.problem IS 'What went wrong then; none: it answered';
COMMENT ON COLUMN public.region_contact.answered_at IS 'When it last answered, by our clock';
COMMENT ON COLUMN public.region_contact.release IS 'The release that it runs';
COMMENT ON COLUMN public.region_contact.clock_offset_ms IS 'How far its clock is ahead of ours, in milliseconds';
COMMENT ON COLUMN public.region_contact.log_number IS 'The last number of our log there';

CREATE TABLE public.retention_run (
    only_row boolean DEFAULT true NOT NULL,
    ran_at timestamp with time zone NOT NULL,
    CONSTRAINT retention_run_only_row_check CHECK (only_row)
);
COMMENT ON TABLE public.retention_run IS 'When retention last ran; one row.';
COMMENT ON COLUMN public.retention_run.only_row IS 'Always true: there is one row';
COMMENT ON COLUMN public.retention_run.ran_at IS 'When it last ran, by our clock';

CREATE TABLE public.rollout (
    number bigint NOT NULL,
    rollout_id text NOT NULL,
    city_id text NOT NULL,
    settings_toml text NOT NULL,
    trial_s integer,
    target text NOT NULL,
    profile text,
    percent smallint,
    reason text NOT NULL,
    started_by text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    aborted_by text,
    aborted_at timestamp with time zone,
    CONSTRAINT rollout_check CHECK ((num_nonnulls(aborted_by, aborted_at) = ANY (ARRAY[0, 2]))),
    CONSTRAINT rollout_percent_check CHECK (((percent >= 1) AND (percent <= 100))),
    CONSTRAINT rollout_trial_s_check CHECK ((trial_s > 0))
);
COMMENT ON TABLE public.rollout IS 'Changes of what boxes run.';
COMMENT ON COLUMN public.rollout.number IS 'Which comes first';
COMMENT ON COLUMN public.rollout.rollout_id IS 'The rollout';
COMMENT ON COLUMN public.rollout.city_id IS 'City';
COMMENT ON COLUMN public.rollout.settings_toml IS 'Settings that go along, TOML';
COMMENT ON COLUMN public.rollout.trial_s IS 'How long boxes try it, in seconds; none: as their profile says';
COMMENT ON COLUMN public.rollout.target IS 'Which boxes, as it was asked for';
COMMENT ON COLUMN public.rollout.profile IS 'The profile that boxes get; none: each keeps its own';
COMMENT ON COLUMN public.rollout.percent IS 'What share of them';
COMMENT ON COLUMN public.rollout.reason IS 'Why';
COMMENT ON COLUMN public.rollout.started_by IS 'Who began it';
COMMENT ON COLUMN public.rollout.started_at IS 'When it began';
COMMENT ON COLUMN public.rollout.aborted_by IS 'Who ended it';
COMMENT ON COLUMN public.rollout.aborted_at IS 'When it was ended';

CREATE TABLE public.rollout_box (
    rollout_id text NOT NULL,
    device_id text NOT NULL,
    profile text NOT NULL
);
COMMENT ON TABLE public.rollout_box IS 'The boxes of a rollout.';
COMMENT ON COLUMN public.rollout_box.rollout_id IS 'The rollout';
COMMENT ON COLUMN public.rollout_box.device_id IS 'The identity under which the box speaks';
COMMENT ON COLUMN public.rollout_box.profile IS 'The firmware profile of the box';
ALTER TABLE public.rollout ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.rollout_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.rollout_profile (
    rollout_id text NOT NULL,
    profile text NOT NULL,
    text text NOT NULL,
    ring smallint NOT NULL,
    trial_s integer NOT NULL,
    CONSTRAINT rollout_profile_trial_s_check CHECK ((trial_s > 0))
);
COMMENT ON TABLE public.rollout_profile IS 'The profiles of a rollout, as they were when it began.';
COMMENT ON COLUMN public.rollout_profile.rollout_id IS 'The rollout';
COMMENT ON COLUMN public.rollout_profile.profile IS 'The firmware profile of the box';
COMMENT ON COLUMN public.rollout_profile.text IS 'The profile''s TOML';
COMMENT ON COLUMN public.rollout_profile.ring IS 'Which ring: 0 goes first';
COMMENT ON COLUMN public.rollout_profile.trial_s IS 'How long boxes try it, in seconds';

CREATE TABLE public.roster_made (
    only_row boolean DEFAULT true NOT NULL,
    number bigint NOT NULL,
    content public.sha256 NOT NULL,
    envelope bytea NOT NULL,
    made_at timestamp with time zone NOT NULL,
    CONSTRAINT roster_made_number_check CHECK ((number > 0)),
    CONSTRAINT roster_made_only_row_check CHECK (only_row)
);
COMMENT ON TABLE public.roster_made IS 'The roster that this city last signed for its region; one row.';
COMMENT ON COLUMN public.roster_made.only_row IS 'Always true: there is one row';
COMMENT ON COLUMN public.roster_made.number IS 'Its number; the next one''s is higher';
COMMENT ON COLUMN public.roster_made.content IS 'SHA-256 of what it says, without number and time';
COMMENT ON COLUMN public.roster_made.envelope IS 'The signed bytes';
COMMENT ON COLUMN public.roster_made.made_at IS 'When it was signed';

CREATE TABLE public.schema_migration (
    number integer NOT NULL,
    name text NOT NULL,
    sha256 bytea NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);
COMMENT ON TABLE public.schema_migration IS 'Steps of this schema that were applied.';
COMMENT ON COLUMN public.schema_migration.number IS 'The step''s number';
COMMENT ON COLUMN public.schema_migration.name IS 'The step''s name';
COMMENT ON COLUMN public.schema_migration.sha256 IS 'SHA-256 of the step''s text';
COMMENT ON COLUMN public.schema_migration.applied_at IS 'When it was applied';

CREATE TABLE public.settings_document (
    device_id text NOT NULL,
    number bigint NOT NULL,
    rollout_id text NOT NULL,
    profile text NOT NULL,
    sha256 public.sha256 NOT NULL,
    envelope bytea NOT NULL,
    signed_at timestamp with time zone NOT NULL,
    CONSTRAINT settings_document_number_check CHECK ((number > 0))
);
COMMENT ON TABLE public.settings_document IS 'Every signed document that a box was told to run.';
COMMENT ON COLUMN public.settings_document.device_id IS 'The identity under which the box speaks';
COMMENT ON COLUMN public.settings_document.number IS 'The document''s number; a box''s numbers only rise';
COMMENT ON COLUMN public.settings_document.rollout_id IS 'The rollout that it came of; undo- before one''s id: what its end brought back';
COMMENT ON COLUMN public.settings_document.profile IS 'The firmware profile of the box';
COMMENT ON COLUMN public.settings_document.sha256 IS 'SHA-256 of its envelope';
COMMENT ON COLUMN public.settings_document.envelope IS 'The bytes as they came, with the devices own signature';
COMMENT ON COLUMN public.settings_document.signed_at IS 'When it was signed';

CREATE TABLE public.tombstone (
    device_id text NOT NULL,
    outbox bytea NOT NULL,
    sequence bigint NOT NULL,
    epoch bigint NOT NULL,
    envelope_hash public.sha256 NOT NULL,
    kind smallint NOT NULL,
    told_by public.sha256 NOT NULL,
    stored_in xid8 DEFAULT pg_current_xact_id() NOT NULL
);
COMMENT ON TABLE public.tombstone IS 'What is left of a message that a box gave up.';
COMMENT ON COLUMN public.tombstone.device_id IS 'The identity under which the box speaks';
COMMENT ON COLUMN public.tombstone.outbox IS 'The boxs outbox: 16 random bytes, new when a box is imaged';
COMMENT ON COLUMN public.tombstone.sequence IS 'Place in the order of the boxs messages, across restarts';
COMMENT ON COLUMN public.tombstone.epoch IS 'How often the boxs outbox was started';
COMMENT ON COLUMN public.tombstone.envelope_hash IS 'SHA-256 of the messages envelope, which names it everywhere';
COMMENT ON COLUMN public.tombstone.kind IS 'Kind of message, numbered as in the ledger';
COMMENT ON COLUMN public.tombstone.told_by IS 'Hash of the message that says so';
COMMENT ON COLUMN public.tombstone.stored_in IS 'Transaction that stored it: the chain auditor reads by this';

CREATE TABLE public.transit (
    event public.sha256 NOT NULL,
    city_id text NOT NULL,
    rule text NOT NULL,
    received_at timestamp with time zone NOT NULL,
    envelope_hash public.sha256 NOT NULL
);
COMMENT ON TABLE public.transit IS 'Which message a city received when, and by which of its rules it went on.';
COMMENT ON COLUMN public.transit.event IS 'The message, by its envelope''s hash';
COMMENT ON COLUMN public.transit.city_id IS 'The city that passed it on';
COMMENT ON COLUMN public.transit.rule IS 'The rule by which the city passed it on: its kind';
COMMENT ON COLUMN public.transit.received_at IS 'When it came there, by the city''s clock';
COMMENT ON COLUMN public.transit.envelope_hash IS 'The signed record that says so';

CREATE TABLE public.transit_due (
    event public.sha256 NOT NULL,
    rule text NOT NULL,
    received_at timestamp with time zone NOT NULL,
    is_alert boolean NOT NULL,
    noted_at timestamp with time zone DEFAULT now() NOT NULL
);
COMMENT ON TABLE public.transit_due IS 'What the region is still to be told of messages that it has from here.';
COMMENT ON COLUMN public.transit_due.event IS 'The message, by its envelope''s hash';
COMMENT ON COLUMN public.transit_due.rule IS 'The rule by which it went on: its kind';
COMMENT ON COLUMN public.transit_due.received_at IS 'When it came, by our clock';
COMMENT ON COLUMN public.transit_due.is_alert IS 'It is told before the rest';
COMMENT ON COLUMN public.transit_due.noted_at IS 'Since when it is to be told';

CREATE TABLE public.transit_record (
    envelope_hash public.sha256 NOT NULL,
    city_id text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    lines integer NOT NULL,
    envelope bytea NOT NULL
);
COMMENT ON TABLE public.transit_record IS 'Cities'' signed records of what they passed on.';
COMMENT ON COLUMN public.transit_record.envelope_hash IS 'SHA-256 of the record''s envelope';
COMMENT ON COLUMN public.transit_record.city_id IS 'The city that signed it';
COMMENT ON COLUMN public.transit_record.created_at IS 'When it was signed, by the city''s clock';
COMMENT ON COLUMN public.transit_record.received_at IS 'When it came, by our clock';
COMMENT ON COLUMN public.transit_record.lines IS 'How many messages it tells of';
COMMENT ON COLUMN public.transit_record.envelope IS 'The signed bytes';

CREATE TABLE public.webhook (
    webhook_id public.registry_id NOT NULL,
    url text NOT NULL,
    city_id public.registry_id,
    acts text[] NOT NULL,
    is_private boolean NOT NULL,
    added_by text NOT NULL,
    added_at timestamp with time zone NOT NULL,
    delivered bigint DEFAULT 0 NOT NULL,
    last_delivered_at timestamp with time zone,
    failures integer DEFAULT 0 NOT NULL,
    next_try_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    CONSTRAINT webhook_added_by_check CHECK ((added_by <> ''::text)),
    CONSTRAINT webhook_url_check CHECK ((url <> ''::text))
);
COMMENT ON TABLE public.webhook IS 'Addresses that are told of what happens to alerts. Their secrets lie in files.';
COMMENT ON COLUMN public.webhook.webhook_id IS 'The webhooks name';
COMMENT ON COLUMN public.webhook.url IS 'The address that is called';
COMMENT ON COLUMN public.webhook.city_id IS 'Only of this city; none: of all';
COMMENT ON COLUMN public.webhook.acts IS 'Which acts it is told of; none: all';
COMMENT ON COLUMN public.webhook.is_private IS 'Whether its address may be one of a private network';
COMMENT ON COLUMN public.webhook.added_by IS 'Who added it';
COMMENT ON COLUMN public.webhook.added_at IS 'When it was added';
COMMENT ON COLUMN public.webhook.delivered IS 'How many messages it took';
COMMENT ON COLUMN public.webhook.last_delivered_at IS 'When it last took one';
COMMENT ON COLUMN public.webhook.failures IS 'How many tries failed in a row';
COMMENT ON COLUMN public.webhook.next_try_at IS 'Before this the receiver is left alone';

CREATE TABLE public.webhook_delivery (
    webhook_id public.registry_id NOT NULL,
    number bigint NOT NULL,
    alert_id bigint,
    body text NOT NULL,
    waiting_since timestamp with time zone NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    next_try_at timestamp with time zone NOT NULL,
    dead_at timestamp with time zone,
    problem text DEFAULT ''::text NOT NULL,
    notice_id bigint,
    CONSTRAINT webhook_delivery_is_of_one CHECK ((num_nonnulls(alert_id, notice_id) = 1))
);
COMMENT ON TABLE public.webhook_delivery IS 'What a webhook is still to be told, and what was given up.';
COMMENT ON COLUMN public.webhook_delivery.webhook_id IS 'The webhooks name';
COMMENT ON COLUMN public.webhook_delivery.number IS 'The line of the alert''s history';
COMMENT ON COLUMN public.webhook_delivery.alert_id IS 'The alert; none: it tells of a notice';
COMMENT ON COLUMN public.webhook_delivery.body IS 'The message, JSON';
COMMENT ON COLUMN public.webhook_delivery.waiting_since IS 'Since when it waits';
COMMENT ON COLUMN public.webhook_delivery.attempts IS 'How often it was tried';
COMMENT ON COLUMN public.webhook_delivery.next_try_at IS 'When it is tried next';
COMMENT ON COLUMN public.webhook_delivery.dead_at IS 'When it was given up';
COMMENT ON COLUMN public.webhook_delivery.problem IS 'What went wrong last';
COMMENT ON COLUMN public.webhook_delivery.notice_id IS 'The notice; none: it tells of an alert';
ALTER TABLE ONLY public.camera_minute ATTACH PARTITION public.camera_minute_default DEFAULT;
ALTER TABLE ONLY public.acceptance_check
    ADD CONSTRAINT acceptance_check_pkey PRIMARY KEY (envelope_hash, number);
ALTER TABLE ONLY public.acceptance
    ADD CONSTRAINT acceptance_pkey PRIMARY KEY (envelope_hash);
ALTER TABLE ONLY public.alarm
    ADD CONSTRAINT alarm_pkey PRIMARY KEY (envelope_hash);
ALTER TABLE ONLY public.alert_due
    ADD CONSTRAINT alert_due_pkey PRIMARY KEY (number);
ALTER TABLE ONLY public.alert_history
    ADD CONSTRAINT alert_history_pkey PRIMARY KEY (number);
ALTER TABLE ONLY public.alert
    ADD CONSTRAINT alert_pkey PRIMARY KEY (alert_id);
ALTER TABLE ONLY public.alert_sighting
    ADD CONSTRAINT alert_sighting_pkey PRIMARY KEY (event);
ALTER TABLE ONLY public.api_token
    ADD CONSTRAINT api_token_hash_key UNIQUE (hash);
ALTER TABLE ONLY public.api_token
    ADD CONSTRAINT api_token_pkey PRIMARY KEY (token_id);
ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_hash_key UNIQUE (hash);
ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (number);
ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_previous_hash_key UNIQUE (previous_hash);
ALTER TABLE ONLY public.camera_condition
    ADD CONSTRAINT camera_condition_pkey PRIMARY KEY (envelope_hash);
ALTER TABLE ONLY public.camera_day
    ADD CONSTRAINT camera_day_pkey PRIMARY KEY (point_id, at, camera_id, city_id);
ALTER TABLE ONLY public.camera_hour
    ADD CONSTRAINT camera_hour_pkey PRIMARY KEY (point_id, hour, camera_id, city_id);
ALTER TABLE ONLY public.camera_hour_purged
    ADD CONSTRAINT camera_hour_purged_pkey PRIMARY KEY (point_id, hour, camera_id, city_id);
ALTER TABLE ONLY public.camera_minute
    ADD CONSTRAINT camera_minute_pkey PRIMARY KEY (point_id, counted_at, camera_id, report_hash);
ALTER TABLE ONLY public.camera_minute_default
    ADD CONSTRAINT camera_minute_default_pkey PRIMARY KEY (point_id, counted_at, camera_id, report_hash);
ALTER TABLE ONLY public.camera
    ADD CONSTRAINT camera_pkey PRIMARY KEY (point_id, camera_id);
ALTER TABLE ONLY public.chain_cursor
    ADD CONSTRAINT chain_cursor_pkey PRIMARY KEY (only_row);
ALTER TABLE ONLY public.chain_dropped
    ADD CONSTRAINT chain_dropped_pkey PRIMARY KEY (device_id, outbox, sequence);
ALTER TABLE ONLY public.chain
    ADD CONSTRAINT chain_pkey PRIMARY KEY (device_id, outbox);
ALTER TABLE ONLY public.city_hour
    ADD CONSTRAINT city_hour_pkey PRIMARY KEY (city_id, hour);
ALTER TABLE ONLY public.city
    ADD CONSTRAINT city_pkey PRIMARY KEY (city_id);
ALTER TABLE ONLY public.city_reader
    ADD CONSTRAINT city_reader_pkey PRIMARY KEY (role_name, city_id);
ALTER TABLE ONLY public.city_root
    ADD CONSTRAINT city_root_pkey PRIMARY KEY (city_id, key_id);
ALTER TABLE ONLY public.city_trust
    ADD CONSTRAINT city_trust_pkey PRIMARY KEY (city_id, key_id, number);
ALTER TABLE ONLY public.count_due
    ADD CONSTRAINT count_due_pkey PRIMARY KEY (hour, point_id, number);
ALTER TABLE ONLY public.count_horizon
    ADD CONSTRAINT count_horizon_pkey PRIMARY KEY (only_row);
ALTER TABLE ONLY public.delivery
    ADD CONSTRAINT delivery_pkey PRIMARY KEY (device_id, outbox, sequence, epoch);
ALTER TABLE ONLY public.delivery_range
    ADD CONSTRAINT delivery_range_pkey PRIMARY KEY (device_id, outbox, epoch, first);
ALTER TABLE ONLY public.device_certificate
    ADD CONSTRAINT device_certificate_pkey PRIMARY KEY (serial);
ALTER TABLE ONLY public.device_key
    ADD CONSTRAINT device_key_pkey PRIMARY KEY (key_id);
ALTER TABLE ONLY public.device_key
    ADD CONSTRAINT device_key_serial_key UNIQUE (serial);
ALTER TABLE ONLY public.device_key
    ADD CONSTRAINT device_key_spki_key UNIQUE (spki);
ALTER TABLE ONLY public.device_past_place
    ADD CONSTRAINT device_past_place_pkey PRIMARY KEY (device_id, until);
ALTER TABLE ONLY public.device
    ADD CONSTRAINT device_pkey PRIMARY KEY (device_id);
ALTER TABLE ONLY public.device
    ADD CONSTRAINT device_replaces_key UNIQUE (replaces);
ALTER TABLE ONLY public.dropped
    ADD CONSTRAINT dropped_pkey PRIMARY KEY (envelope_hash);
ALTER TABLE ONLY public.equivocation
    ADD CONSTRAINT equivocation_pkey PRIMARY KEY (device_id, outbox, sequence, epoch, other_hash);
ALTER TABLE ONLY public.evidence
    ADD CONSTRAINT evidence_pkey PRIMARY KEY (envelope_hash);
ALTER TABLE ONLY public.evidence_unavailable
    ADD CONSTRAINT evidence_unavailable_pkey PRIMARY KEY (envelope_hash);
ALTER TABLE ONLY public.federated_city
    ADD CONSTRAINT federated_city_pkey PRIMARY KEY (city_id);
ALTER TABLE ONLY public.federated_document
    ADD CONSTRAINT federated_document_pkey PRIMARY KEY (city_id, kind);
ALTER TABLE ONLY public.federated_entry
    ADD CONSTRAINT federated_entry_pkey PRIMARY KEY (entry_id);
ALTER TABLE ONLY public.federated_withdrawn
    ADD CONSTRAINT federated_withdrawn_pkey PRIMARY KEY (entry_id, sha256);
ALTER TABLE ONLY public.federation_body
    ADD CONSTRAINT federation_body_pkey PRIMARY KEY (sha256);
ALTER TABLE ONLY public.federation_certificate
    ADD CONSTRAINT federation_certificate_pkey PRIMARY KEY (serial);
ALTER TABLE ONLY public.federation_followed
    ADD CONSTRAINT federation_followed_pkey PRIMARY KEY (log);
ALTER TABLE ONLY public.federation_invitation
    ADD CONSTRAINT federation_invitation_pkey PRIMARY KEY (invitation_id);
ALTER TABLE ONLY public.federation_invitation
    ADD CONSTRAINT federation_invitation_spki_key UNIQUE (spki);
ALTER TABLE ONLY public.federation_log_item
    ADD CONSTRAINT federation_log_item_pkey PRIMARY KEY (city_id, number);
ALTER TABLE ONLY public.federation_log
    ADD CONSTRAINT federation_log_pkey PRIMARY KEY (city_id);
ALTER TABLE ONLY public.federation_sent
    ADD CONSTRAINT federation_sent_pkey PRIMARY KEY (log, kind, subject);
ALTER TABLE ONLY public.file_to_remove
    ADD CONSTRAINT file_to_remove_pkey PRIMARY KEY (sha256);
ALTER TABLE ONLY public.foreign_batch
    ADD CONSTRAINT foreign_batch_pkey PRIMARY KEY (sha256);
ALTER TABLE ONLY public.foreign_withdrawal
    ADD CONSTRAINT foreign_withdrawal_pkey PRIMARY KEY (sha256);
ALTER TABLE ONLY public.forward_dead
    ADD CONSTRAINT forward_dead_pkey PRIMARY KEY (event);
ALTER TABLE ONLY public.forward_due
    ADD CONSTRAINT forward_due_event_key UNIQUE (event);
ALTER TABLE ONLY public.forward_due
    ADD CONSTRAINT forward_due_pkey PRIMARY KEY (number);
ALTER TABLE ONLY public.forward_line
    ADD CONSTRAINT forward_line_pkey PRIMARY KEY (only_row);
ALTER TABLE ONLY public.forward_rule
    ADD CONSTRAINT forward_rule_pkey PRIMARY KEY (kind);
ALTER TABLE ONLY public.gap
    ADD CONSTRAINT gap_pkey PRIMARY KEY (device_id, outbox, first);
ALTER TABLE ONLY public.hit_amendment
    ADD CONSTRAINT hit_amendment_pkey PRIMARY KEY (envelope_hash);
ALTER TABLE ONLY public.hit_match
    ADD CONSTRAINT hit_match_pkey PRIMARY KEY (envelope_hash, entry_id);
ALTER TABLE ONLY public.hit
    ADD CONSTRAINT hit_pkey PRIMARY KEY (envelope_hash);
ALTER TABLE ONLY public.hotlist_artefact
    ADD CONSTRAINT hotlist_artefact_pkey PRIMARY KEY (sha256);
ALTER TABLE ONLY public.hotlist_batch
    ADD CONSTRAINT hotlist_batch_pkey PRIMARY KEY (batch_id);
ALTER TABLE ONLY public.hotlist_contents
    ADD CONSTRAINT hotlist_contents_pkey PRIMARY KEY (city_id, list_version);
ALTER TABLE ONLY public.hotlist_delta
    ADD CONSTRAINT hotlist_delta_pkey PRIMARY KEY (target, base);
ALTER TABLE ONLY public.hotlist_draft
    ADD CONSTRAINT hotlist_draft_pkey PRIMARY KEY (import_id, line);
ALTER TABLE ONLY public.hotlist_entry
    ADD CONSTRAINT hotlist_entry_pkey PRIMARY KEY (entry_id);
ALTER TABLE ONLY public.hotlist_import
    ADD CONSTRAINT hotlist_import_pkey PRIMARY KEY (import_id);
ALTER TABLE ONLY public.hotlist_reading
    ADD CONSTRAINT hotlist_reading_pkey PRIMARY KEY (sha256);
ALTER TABLE ONLY public.hotlist_signature
    ADD CONSTRAINT hotlist_signature_pkey PRIMARY KEY (batch_id, key_id);
ALTER TABLE ONLY public.hotlist_snapshot
    ADD CONSTRAINT hotlist_snapshot_pkey PRIMARY KEY (city_id, list_version);
ALTER TABLE ONLY public.hotlist_withdrawal
    ADD CONSTRAINT hotlist_withdrawal_pkey PRIMARY KEY (withdrawal_id);
ALTER TABLE ONLY public.hotlist_withdrawn
    ADD CONSTRAINT hotlist_withdrawn_pkey PRIMARY KEY (entry_id, withdrawal_id);
ALTER TABLE ONLY public.invitation
    ADD CONSTRAINT invitation_pkey PRIMARY KEY (invitation_id);
ALTER TABLE ONLY public.invitation
    ADD CONSTRAINT invitation_spki_key UNIQUE (spki);
ALTER TABLE ONLY public.legal_hold
    ADD CONSTRAINT legal_hold_pkey PRIMARY KEY (hold_id);
ALTER TABLE ONLY public.notice_due
    ADD CONSTRAINT notice_due_pkey PRIMARY KEY (number);
ALTER TABLE ONLY public.notice
    ADD CONSTRAINT notice_number_key UNIQUE (number);
ALTER TABLE ONLY public.notice
    ADD CONSTRAINT notice_pkey PRIMARY KEY (notice_id);
ALTER TABLE ONLY public.notice_policy
    ADD CONSTRAINT notice_policy_pkey PRIMARY KEY (number);
ALTER TABLE ONLY public.notice_sent
    ADD CONSTRAINT notice_sent_pkey PRIMARY KEY (to_city, hit);
ALTER TABLE ONLY public.notice
    ADD CONSTRAINT notice_to_city_hit_key UNIQUE (to_city, hit);
ALTER TABLE ONLY public.officer
    ADD CONSTRAINT officer_pkey PRIMARY KEY (key_id);
ALTER TABLE ONLY public.officer
    ADD CONSTRAINT officer_spki_key UNIQUE (spki);
ALTER TABLE ONLY public.partner
    ADD CONSTRAINT partner_pkey PRIMARY KEY (partner_id);
ALTER TABLE ONLY public.partner_terms
    ADD CONSTRAINT partner_terms_pkey PRIMARY KEY (city_id, number);
ALTER TABLE ONLY public.partner_terms
    ADD CONSTRAINT partner_terms_sha256_key UNIQUE (sha256);
ALTER TABLE ONLY public.picture
    ADD CONSTRAINT picture_pkey PRIMARY KEY (device_id, sha256);
ALTER TABLE ONLY public.piece
    ADD CONSTRAINT piece_pkey PRIMARY KEY (device_id, sha256, at_byte);
ALTER TABLE ONLY public.point
    ADD CONSTRAINT point_pkey PRIMARY KEY (point_id);
ALTER TABLE ONLY public.point
    ADD CONSTRAINT point_point_id_city_id_key UNIQUE (point_id, city_id);
ALTER TABLE ONLY public.presence
    ADD CONSTRAINT presence_pkey PRIMARY KEY (device_id);
ALTER TABLE ONLY public.refused
    ADD CONSTRAINT refused_pkey PRIMARY KEY (sha256, reason, topic);
ALTER TABLE ONLY public.region_contact
    ADD CONSTRAINT region_contact_pkey PRIMARY KEY (only_row);
ALTER TABLE ONLY public.report
    ADD CONSTRAINT report_pkey PRIMARY KEY (envelope_hash);
ALTER TABLE ONLY public.retention_run
    ADD CONSTRAINT retention_run_pkey PRIMARY KEY (only_row);
ALTER TABLE ONLY public.rollout_box
    ADD CONSTRAINT rollout_box_pkey PRIMARY KEY (rollout_id, device_id);
ALTER TABLE ONLY public.rollout
    ADD CONSTRAINT rollout_pkey PRIMARY KEY (rollout_id);
ALTER TABLE ONLY public.rollout_profile
    ADD CONSTRAINT rollout_profile_pkey PRIMARY KEY (rollout_id, profile);
ALTER TABLE ONLY public.roster_made
    ADD CONSTRAINT roster_made_pkey PRIMARY KEY (only_row);
ALTER TABLE ONLY public.schema_migration
    ADD CONSTRAINT schema_migration_pkey PRIMARY KEY (number);
ALTER TABLE ONLY public.settings_document
    ADD CONSTRAINT settings_document_pkey PRIMARY KEY (device_id, number);
ALTER TABLE ONLY public.settings_document
    ADD CONSTRAINT settings_document_sha256_key UNIQUE (sha256);
ALTER TABLE ONLY public.settings_result
    ADD CONSTRAINT settings_result_pkey PRIMARY KEY (envelope_hash);
ALTER TABLE ONLY public.tombstone
    ADD CONSTRAINT tombstone_pkey PRIMARY KEY (device_id, outbox, sequence, epoch, envelope_hash);
ALTER TABLE ONLY public.transit_due
    ADD CONSTRAINT transit_due_pkey PRIMARY KEY (event);
ALTER TABLE ONLY public.transit
    ADD CONSTRAINT transit_pkey PRIMARY KEY (event, city_id);
ALTER TABLE ONLY public.transit_record
    ADD CONSTRAINT transit_record_pkey PRIMARY KEY (envelope_hash);
ALTER TABLE ONLY public.webhook_delivery
    ADD CONSTRAINT webhook_delivery_pkey PRIMARY KEY (webhook_id, number);
ALTER TABLE ONLY public.webhook
    ADD CONSTRAINT webhook_pkey PRIMARY KEY (webhook_id);

CREATE INDEX acceptance_by_time ON public.acceptance USING btree (counted_at);

CREATE INDEX acceptance_of_device ON public.acceptance USING btree (device_id, counted_at);

CREATE INDEX alarm_by_receipt ON public.alarm USING btree (received_at, envelope_hash);

CREATE INDEX alarm_by_time ON public.alarm USING btree (counted_at);

CREATE INDEX alert_by_change ON public.alert USING btree (changed_at);

CREATE INDEX alert_by_decision ON public.alert USING btree (decided_at);

CREATE INDEX alert_by_raising ON public.alert USING btree (raised_at);

CREATE INDEX alert_history_by_time ON public.alert_history USING btree (at);

CREATE INDEX alert_history_of_alert ON public.alert_history USING btree (alert_id, number);

CREATE INDEX alert_open ON public.alert USING btree (city_id, raised_at) WHERE (state <> ALL (ARRAY['rejected'::text, 'closed'::text, 'merged'::text]));

CREATE INDEX alert_sighting_of_alert ON public.alert_sighting USING btree (alert_id, happened_at);

CREATE INDEX alert_span_of_alert ON public.alert_span USING btree (alert_id);

CREATE INDEX alert_span_of_key ON public.alert_span USING btree (city_id, key, last_at);

CREATE INDEX audit_by_time ON public.audit USING btree (at);

CREATE INDEX audit_of_purges ON public.audit USING btree (number) WHERE (action = 'retention.purge'::text);

CREATE INDEX audit_of_subject ON public.audit USING btree (subject);

CREATE INDEX camera_condition_by_time ON public.camera_condition USING btree (counted_at);

CREATE INDEX camera_condition_of_camera ON public.camera_condition USING btree (point_id, camera_id, counted_at);

CREATE INDEX camera_day_by_time ON public.camera_day USING btree (at);

CREATE INDEX camera_hour_by_time ON public.camera_hour USING btree (hour);

CREATE INDEX camera_minute_by_time ON ONLY public.camera_minute USING btree (counted_at);

CREATE INDEX camera_minute_default_counted_at_idx ON public.camera_minute_default USING btree (counted_at);

CREATE INDEX city_hour_by_time ON public.city_hour USING btree (hour);

CREATE INDEX delivery_by_transaction ON public.delivery USING btree (stored_in);

CREATE INDEX device_certificate_of_key ON public.device_certificate USING btree (key_id);

CREATE INDEX device_key_of_device ON public.device_key USING btree (device_id);

CREATE INDEX device_of_point ON public.device USING btree (point_id);

CREATE INDEX evidence_by_receipt ON public.evidence USING btree (received_at);

CREATE INDEX evidence_by_time ON public.evidence USING btree (counted_at);

CREATE INDEX evidence_of_hit ON public.evidence USING btree (hit_hash);

CREATE INDEX evidence_of_redacted ON public.evidence USING btree (redacted_sha256);

CREATE INDEX evidence_of_sealed ON public.evidence USING btree (sealed_sha256);

CREATE INDEX evidence_unavailable_by_receipt ON public.evidence_unavailable USING btree (received_at);

CREATE INDEX evidence_unavailable_by_time ON public.evidence_unavailable USING btree (counted_at);

CREATE INDEX evidence_unavailable_of_hit ON public.evidence_unavailable USING btree (hit_hash);

CREATE INDEX federated_document_of_body ON public.federated_document USING btree (sha256);

CREATE INDEX federated_entry_of_batch ON public.federated_entry USING btree (sha256, expires_at);

CREATE INDEX federated_withdrawn_by ON public.federated_withdrawn USING btree (sha256);

CREATE INDEX federation_certificate_of_city ON public.federation_certificate USING btree (city_id);

CREATE INDEX federation_certificate_of_key ON public.federation_certificate USING btree (key_id);

CREATE UNIQUE INDEX federation_invitation_in_force ON public.federation_invitation USING btree (city_id) WHERE ((joined_at IS NULL) AND (cancelled_at IS NULL));

CREATE INDEX federation_log_item_of_body ON public.federation_log_item USING btree (sha256, city_id);

CREATE INDEX foreign_batch_of_city ON public.foreign_batch USING btree (city_id, batch_id);

CREATE INDEX forward_dead_by_time ON public.forward_dead USING btree (refused_at);

CREATE INDEX forward_due_alert ON public.forward_due USING btree (number) WHERE is_alert;

CREATE INDEX forward_due_rest ON public.forward_due USING btree (noted_at, number) WHERE (NOT is_alert);

CREATE INDEX gap_to_ask ON public.gap USING btree (next_ask_at);

CREATE INDEX hit_amendment_by_receipt ON public.hit_amendment USING btree (received_at);

CREATE INDEX hit_amendment_by_time ON public.hit_amendment USING btree (counted_at);

CREATE INDEX hit_amendment_of_hit ON public.hit_amendment USING btree (hit_hash, sequence);

CREATE INDEX hit_by_place ON public.hit USING btree (point_id, counted_at);

CREATE INDEX hit_by_receipt ON public.hit USING btree (received_at, envelope_hash);

CREATE INDEX hit_by_time ON public.hit USING btree (counted_at);

CREATE INDEX hit_match_of_entry ON public.hit_match USING btree (entry_id);

CREATE INDEX hotlist_delta_by_artefact ON public.hotlist_delta USING btree (sha256);

CREATE INDEX hotlist_entry_of_batch ON public.hotlist_entry USING btree (batch_id);

CREATE INDEX hotlist_entry_of_plate ON public.hotlist_entry USING btree (plate, case_number);

CREATE INDEX hotlist_withdrawn_by ON public.hotlist_withdrawn USING btree (withdrawal_id);

CREATE UNIQUE INDEX invitation_in_force ON public.invitation USING btree (device_id) WHERE ((certified_at IS NULL) AND (cancelled_at IS NULL));

CREATE INDEX invitation_of_device ON public.invitation USING btree (device_id);

CREATE INDEX notice_by_end ON public.notice USING btree (until_at);

CREATE INDEX notice_by_time ON public.notice USING btree (told_at);

CREATE INDEX notice_of_hit ON public.notice USING btree (hit);

CREATE INDEX notice_sent_by_end ON public.notice_sent USING btree (until_at);

CREATE INDEX notice_sent_by_time ON public.notice_sent USING btree (sent_at);

CREATE INDEX notice_sent_of_hit ON public.notice_sent USING btree (hit);

CREATE INDEX partner_terms_of_partner ON public.partner_terms USING btree (partner_id, city_id, number);

CREATE INDEX picture_by_hash ON public.picture USING btree (sha256);

CREATE INDEX piece_by_receipt ON public.piece USING btree (received_at);

CREATE INDEX point_of_city ON public.point USING btree (city_id);

CREATE INDEX refused_by_time ON public.refused USING btree (last_at);

CREATE INDEX report_by_receipt ON public.report USING btree (received_at, envelope_hash);

CREATE INDEX report_by_time ON public.report USING btree (counted_at);

CREATE INDEX report_of_device ON public.report USING btree (device_id, counted_at);

CREATE INDEX rollout_box_of_device ON public.rollout_box USING btree (device_id);

CREATE INDEX settings_document_of_rollout ON public.settings_document USING btree (rollout_id);

CREATE INDEX settings_result_by_time ON public.settings_result USING btree (counted_at);

CREATE INDEX settings_result_of_device ON public.settings_result USING btree (device_id, number);

CREATE INDEX tombstone_by_transaction ON public.tombstone USING btree (stored_in);

CREATE INDEX transit_due_by_time ON public.transit_due USING btree (is_alert, noted_at);

CREATE INDEX transit_of_record ON public.transit USING btree (envelope_hash);

CREATE INDEX transit_record_by_time ON public.transit_record USING btree (received_at, envelope_hash);

CREATE INDEX transit_record_of_city ON public.transit_record USING btree (city_id, received_at);

CREATE INDEX webhook_delivery_waiting ON public.webhook_delivery USING btree (webhook_id, number) WHERE (dead_at IS NULL);
ALTER INDEX public.camera_minute_by_time ATTACH PARTITION public.camera_minute_default_counted_at_idx;
ALTER INDEX public.camera_minute_pkey ATTACH PARTITION public.camera_minute_default_pkey;

CREATE TRIGGER acceptance_goes_on AFTER INSERT ON public.acceptance REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION public.forward_is_due('acceptance');

CREATE TRIGGER alarm_goes_on AFTER INSERT ON public.alarm REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION public.forward_is_due('alarm');

CREATE TRIGGER alarm_makes_alert AFTER INSERT ON public.alarm REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION public.alert_is_due();

CREATE TRIGGER alert_history_added AFTER INSERT ON public.alert_history FOR EACH STATEMENT EXECUTE FUNCTION public.tell_alert_changed();

CREATE TRIGGER alert_history_is_append_only BEFORE DELETE OR UPDATE ON public.alert_history FOR EACH ROW EXECUTE FUNCTION public.refuse_history_change();

CREATE TRIGGER alert_history_is_not_emptied BEFORE TRUNCATE ON public.alert_history FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_history_change();

CREATE TRIGGER alert_history_is_told AFTER INSERT ON public.alert_history REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.webhooks_are_due();

CREATE TRIGGER api_token_revoked AFTER UPDATE OF revoked_at ON public.api_token FOR EACH ROW EXECUTE FUNCTION public.tell_api_token_revoked();

CREATE TRIGGER audit_is_append_only BEFORE DELETE OR UPDATE ON public.audit FOR EACH ROW EXECUTE FUNCTION public.refuse_audit_change();

CREATE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON public.audit FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_audit_change();

CREATE TRIGGER camera_changed AFTER INSERT OR DELETE OR UPDATE ON public.camera FOR EACH STATEMENT EXECUTE FUNCTION public.tell_registry_changed();

CREATE TRIGGER camera_condition_goes_on AFTER INSERT ON public.camera_condition REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION public.forward_is_due('camera-condition');

CREATE TRIGGER camera_minute_makes_sums AFTER INSERT ON public.camera_minute REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION public.counts_are_due();

CREATE TRIGGER city_changed AFTER INSERT OR DELETE OR UPDATE ON public.city FOR EACH STATEMENT EXECUTE FUNCTION public.tell_registry_changed();

CREATE TRIGGER city_has_whole_hours AFTER INSERT OR UPDATE OF time_zone ON public.city FOR EACH ROW EXECUTE FUNCTION public.refuse_odd_time_zone();

CREATE TRIGGER city_moves_days AFTER UPDATE OF time_zone ON public.city FOR EACH ROW WHEN ((new.time_zone <> old.time_zone)) EXECUTE FUNCTION public.days_are_due();

CREATE TRIGGER city_trust_changed AFTER INSERT ON public.city_trust FOR EACH STATEMENT EXECUTE FUNCTION public.tell_federation_changed();

CREATE TRIGGER device_changed AFTER INSERT OR DELETE OR UPDATE ON public.device FOR EACH STATEMENT EXECUTE FUNCTION public.tell_registry_changed();

CREATE TRIGGER device_key_changed AFTER INSERT OR DELETE OR UPDATE ON public.device_key FOR EACH STATEMENT EXECUTE FUNCTION public.tell_registry_changed();

CREATE TRIGGER device_past_place_changed AFTER INSERT OR DELETE OR UPDATE ON public.device_past_place FOR EACH STATEMENT EXECUTE FUNCTION public.tell_registry_changed();

CREATE TRIGGER dropped_goes_on AFTER INSERT ON public.dropped REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION public.forward_is_due('dropped');

CREATE TRIGGER evidence_goes_on AFTER INSERT ON public.evidence REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION public.forward_is_due('evidence');

CREATE TRIGGER evidence_tells_reader AFTER INSERT ON public.evidence REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION public.alert_is_due();

CREATE TRIGGER evidence_unavailable_goes_on AFTER INSERT ON public.evidence_unavailable REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION public.forward_is_due('evidence-unavailable');

CREATE TRIGGER federated_withdrawn_ends_notices AFTER INSERT ON public.federated_withdrawn REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION public.notice_is_due_again();

CREATE TRIGGER federation_certificate_changed AFTER INSERT OR DELETE OR UPDATE ON public.federation_certificate FOR EACH STATEMENT EXECUTE FUNCTION public.tell_federation_changed();

CREATE TRIGGER federation_log_grew AFTER INSERT OR UPDATE OF log, number ON public.federation_log FOR EACH ROW EXECUTE FUNCTION public.tell_federation_log_changed();

CREATE TRIGGER hit_amendment_changes_alert AFTER INSERT ON public.hit_amendment REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION public.alert_is_due();

CREATE TRIGGER hit_amendment_goes_on AFTER INSERT ON public.hit_amendment REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION public.forward_is_due('hit-amended');

CREATE TRIGGER hit_amendment_is_told AFTER INSERT ON public.hit_amendment REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION public.notice_is_due();

CREATE TRIGGER hit_goes_on AFTER INSERT ON public.hit REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION public.forward_is_due('hit');

CREATE TRIGGER hit_is_told AFTER INSERT ON public.hit REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION public.notice_is_due();

CREATE TRIGGER hit_makes_alert AFTER INSERT ON public.hit REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION public.alert_is_due();

CREATE TRIGGER hotlist_snapshot_made AFTER INSERT ON public.hotlist_snapshot FOR EACH ROW EXECUTE FUNCTION public.tell_hotlist_changed();

CREATE TRIGGER hotlist_withdrawn_ends_notices AFTER INSERT ON public.hotlist_withdrawn REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION public.notice_is_due_again();

CREATE TRIGGER legal_hold_is_not_emptied BEFORE TRUNCATE ON public.legal_hold FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_hold_change();

CREATE TRIGGER legal_hold_is_only_released BEFORE DELETE OR UPDATE ON public.legal_hold FOR EACH ROW EXECUTE FUNCTION public.refuse_hold_change();

CREATE TRIGGER notice_changed AFTER INSERT OR UPDATE OF number ON public.notice FOR EACH STATEMENT EXECUTE FUNCTION public.tell_notice_changed();

CREATE TRIGGER notice_is_told AFTER INSERT OR UPDATE OF number ON public.notice FOR EACH ROW EXECUTE FUNCTION public.notice_webhooks_are_due();

CREATE TRIGGER partner_terms_signed AFTER INSERT ON public.partner_terms FOR EACH STATEMENT EXECUTE FUNCTION public.tell_terms_changed();

CREATE TRIGGER point_changed AFTER INSERT OR DELETE OR UPDATE ON public.point FOR EACH STATEMENT EXECUTE FUNCTION public.tell_registry_changed();

CREATE TRIGGER point_has_whole_hours AFTER INSERT OR UPDATE OF time_zone ON public.point FOR EACH ROW WHEN ((new.time_zone IS NOT NULL)) EXECUTE FUNCTION public.refuse_odd_time_zone();

CREATE TRIGGER point_moves_days AFTER UPDATE OF time_zone ON public.point FOR EACH ROW WHEN ((new.time_zone IS DISTINCT FROM old.time_zone)) EXECUTE FUNCTION public.days_are_due();

CREATE TRIGGER report_goes_on AFTER INSERT ON public.report REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION public.forward_is_due('report');

CREATE TRIGGER rollout_box_added AFTER INSERT ON public.rollout_box FOR EACH STATEMENT EXECUTE FUNCTION public.tell_settings_changed();

CREATE TRIGGER rollout_changed AFTER INSERT OR UPDATE ON public.rollout FOR EACH STATEMENT EXECUTE FUNCTION public.tell_settings_changed();

CREATE TRIGGER settings_document_made AFTER INSERT ON public.settings_document FOR EACH STATEMENT EXECUTE FUNCTION public.tell_settings_changed();

CREATE TRIGGER settings_result_goes_on AFTER INSERT ON public.settings_result REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION public.forward_is_due('settings-result');
ALTER TABLE ONLY public.acceptance_check
    ADD CONSTRAINT acceptance_check_envelope_hash_fkey FOREIGN KEY (envelope_hash) REFERENCES public.acceptance(envelope_hash) ON DELETE CASCADE;
ALTER TABLE ONLY public.alert_history
    ADD CONSTRAINT alert_history_alert_id_fkey FOREIGN KEY (alert_id) REFERENCES public.alert(alert_id) ON DELETE CASCADE;
ALTER TABLE ONLY public.alert
    ADD CONSTRAINT alert_merged_into_fkey FOREIGN KEY (merged_into) REFERENCES public.alert(alert_id) ON DELETE CASCADE;
ALTER TABLE ONLY public.alert_sighting
    ADD CONSTRAINT alert_sighting_alert_id_fkey FOREIGN KEY (alert_id) REFERENCES public.alert(alert_id) ON DELETE CASCADE;
ALTER TABLE ONLY public.alert_span
    ADD CONSTRAINT alert_span_alert_id_fkey FOREIGN KEY (alert_id) REFERENCES public.alert(alert_id) ON DELETE CASCADE;
ALTER TABLE ONLY public.camera
    ADD CONSTRAINT camera_point_id_fkey FOREIGN KEY (point_id) REFERENCES public.point(point_id);
ALTER TABLE ONLY public.city_reader
    ADD CONSTRAINT city_reader_city_id_fkey FOREIGN KEY (city_id) REFERENCES public.city(city_id);
ALTER TABLE ONLY public.city_trust
    ADD CONSTRAINT city_trust_city_id_key_id_fkey FOREIGN KEY (city_id, key_id) REFERENCES public.city_root(city_id, key_id);
ALTER TABLE ONLY public.device_certificate
    ADD CONSTRAINT device_certificate_key_id_fkey FOREIGN KEY (key_id) REFERENCES public.device_key(key_id);
ALTER TABLE ONLY public.device_key
    ADD CONSTRAINT device_key_device_id_fkey FOREIGN KEY (device_id) REFERENCES public.device(device_id);
ALTER TABLE ONLY public.device_past_place
    ADD CONSTRAINT device_past_place_device_id_fkey FOREIGN KEY (device_id) REFERENCES public.device(device_id);
ALTER TABLE ONLY public.device_past_place
    ADD CONSTRAINT device_past_place_point_id_city_id_fkey FOREIGN KEY (point_id, city_id) REFERENCES public.point(point_id, city_id);
ALTER TABLE ONLY public.device
    ADD CONSTRAINT device_point_id_city_id_fkey FOREIGN KEY (point_id, city_id) REFERENCES public.point(point_id, city_id);
ALTER TABLE ONLY public.device
    ADD CONSTRAINT device_replaces_fkey FOREIGN KEY (replaces) REFERENCES public.device(device_id);
ALTER TABLE ONLY public.federated_city
    ADD CONSTRAINT federated_city_city_id_fkey FOREIGN KEY (city_id) REFERENCES public.city(city_id);
ALTER TABLE ONLY public.federated_document
    ADD CONSTRAINT federated_document_sha256_fkey FOREIGN KEY (sha256) REFERENCES public.federation_body(sha256);
ALTER TABLE ONLY public.federated_withdrawn
    ADD CONSTRAINT federated_withdrawn_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES public.federated_entry(entry_id) ON DELETE CASCADE;
ALTER TABLE ONLY public.federated_withdrawn
    ADD CONSTRAINT federated_withdrawn_sha256_fkey FOREIGN KEY (sha256) REFERENCES public.foreign_withdrawal(sha256) ON DELETE CASCADE;
ALTER TABLE ONLY public.federation_certificate
    ADD CONSTRAINT federation_certificate_city_id_fkey FOREIGN KEY (city_id) REFERENCES public.federated_city(city_id);
ALTER TABLE ONLY public.federation_log_item
    ADD CONSTRAINT federation_log_item_city_id_fkey FOREIGN KEY (city_id) REFERENCES public.federation_log(city_id) ON DELETE CASCADE;
ALTER TABLE ONLY public.federation_log_item
    ADD CONSTRAINT federation_log_item_sha256_fkey FOREIGN KEY (sha256) REFERENCES public.federation_body(sha256);
ALTER TABLE ONLY public.foreign_batch
    ADD CONSTRAINT foreign_batch_sha256_fkey FOREIGN KEY (sha256) REFERENCES public.federation_body(sha256);
ALTER TABLE ONLY public.foreign_withdrawal
    ADD CONSTRAINT foreign_withdrawal_sha256_fkey FOREIGN KEY (sha256) REFERENCES public.federation_body(sha256);
ALTER TABLE ONLY public.hotlist_delta
    ADD CONSTRAINT hotlist_delta_sha256_fkey FOREIGN KEY (sha256) REFERENCES public.hotlist_artefact(sha256) ON DELETE CASCADE;
ALTER TABLE ONLY public.hotlist_draft
    ADD CONSTRAINT hotlist_draft_import_id_fkey FOREIGN KEY (import_id) REFERENCES public.hotlist_import(import_id) ON DELETE CASCADE;
ALTER TABLE ONLY public.hotlist_entry
    ADD CONSTRAINT hotlist_entry_batch_id_fkey FOREIGN KEY (batch_id) REFERENCES public.hotlist_batch(batch_id);
ALTER TABLE ONLY public.hotlist_signature
    ADD CONSTRAINT hotlist_signature_batch_id_fkey FOREIGN KEY (batch_id) REFERENCES public.hotlist_batch(batch_id);
ALTER TABLE ONLY public.hotlist_signature
    ADD CONSTRAINT hotlist_signature_key_id_fkey FOREIGN KEY (key_id) REFERENCES public.officer(key_id);
ALTER TABLE ONLY public.hotlist_withdrawal
    ADD CONSTRAINT hotlist_withdrawal_key_id_fkey FOREIGN KEY (key_id) REFERENCES public.officer(key_id);
ALTER TABLE ONLY public.hotlist_withdrawn
    ADD CONSTRAINT hotlist_withdrawn_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES public.hotlist_entry(entry_id);
ALTER TABLE ONLY public.hotlist_withdrawn
    ADD CONSTRAINT hotlist_withdrawn_withdrawal_id_fkey FOREIGN KEY (withdrawal_id) REFERENCES public.hotlist_withdrawal(withdrawal_id);
ALTER TABLE ONLY public.invitation
    ADD CONSTRAINT invitation_device_id_fkey FOREIGN KEY (device_id) REFERENCES public.device(device_id);
ALTER TABLE ONLY public.partner_terms
    ADD CONSTRAINT partner_terms_city_id_fkey FOREIGN KEY (city_id) REFERENCES public.city(city_id);
ALTER TABLE ONLY public.partner_terms
    ADD CONSTRAINT partner_terms_partner_id_fkey FOREIGN KEY (partner_id) REFERENCES public.partner(partner_id);
ALTER TABLE ONLY public.point
    ADD CONSTRAINT point_city_id_fkey FOREIGN KEY (city_id) REFERENCES public.city(city_id);
ALTER TABLE ONLY public.point
    ADD CONSTRAINT point_partner_id_fkey FOREIGN KEY (partner_id) REFERENCES public.partner(partner_id);
ALTER TABLE ONLY public.rollout_box
    ADD CONSTRAINT rollout_box_rollout_id_profile_fkey FOREIGN KEY (rollout_id, profile) REFERENCES public.rollout_profile(rollout_id, profile);
ALTER TABLE ONLY public.rollout_profile
    ADD CONSTRAINT rollout_profile_rollout_id_fkey FOREIGN KEY (rollout_id) REFERENCES public.rollout(rollout_id);
ALTER TABLE ONLY public.transit
    ADD CONSTRAINT transit_envelope_hash_fkey FOREIGN KEY (envelope_hash) REFERENCES public.transit_record(envelope_hash) ON DELETE CASCADE;
ALTER TABLE ONLY public.webhook
    ADD CONSTRAINT webhook_city_id_fkey FOREIGN KEY (city_id) REFERENCES public.city(city_id);
ALTER TABLE ONLY public.webhook_delivery
    ADD CONSTRAINT webhook_delivery_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES public.webhook(webhook_id) ON DELETE CASCADE;
ALTER TABLE public.alert ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.alert_history ENABLE ROW LEVEL SECURITY;

CREATE POLICY alert_history_of_readers_city ON public.alert_history FOR SELECT USING ((EXISTS ( SELECT
   FROM public.alert
  WHERE (alert.alert_id = alert_history.alert_id))));

CREATE POLICY alert_of_readers_city ON public.alert FOR SELECT USING (public.may_read_city(CURRENT_USER, city_id));
ALTER TABLE public.alert_sighting ENABLE ROW LEVEL SECURITY;

CREATE POLICY alert_sighting_of_readers_city ON public.alert_sighting FOR SELECT USING (public.may_read_city(CURRENT_USER, city_id));
