-- What the migrations make, for readers; nothing runs this. Written by scripts/dump_schema.py.

CREATE DOMAIN public.registry_id AS text
	CONSTRAINT registry_id_check CHECK ((VALUE ~ '^[a-z0-9][a-z0-9-]{0,31}$'::text));

CREATE DOMAIN public.sha256 AS bytea
	CONSTRAINT sha256_check CHECK ((octet_length(VALUE) = 32));

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

CREATE FUNCTION public.tell_alert_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_notify('alert_changed', '');
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

CREATE TABLE public.acceptance_check (
    envelope_hash public.sha256 NOT NULL,
    number integer NOT NULL,
    check_name text NOT NULL,
    verdict smallint NOT NULL,
    value text NOT NULL,
    camera_id text
);

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
ALTER TABLE public.alert ALTER COLUMN alert_id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.alert_alert_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

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

CREATE TABLE public.alert_due (
    number bigint NOT NULL,
    what text NOT NULL,
    event public.sha256 NOT NULL,
    tries smallint DEFAULT 0 NOT NULL,
    CONSTRAINT alert_due_what_check CHECK ((what = ANY (ARRAY['hit'::text, 'alarm'::text])))
);
ALTER TABLE public.alert_due ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.alert_due_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

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

CREATE TABLE public.alert_span (
    city_id text NOT NULL,
    key text NOT NULL,
    alert_id bigint NOT NULL,
    first_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone NOT NULL,
    CONSTRAINT alert_span_check CHECK ((first_at <= last_at))
);

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

CREATE TABLE public.camera (
    point_id public.registry_id NOT NULL,
    camera_id public.registry_id NOT NULL,
    name text DEFAULT ''::text NOT NULL,
    heading_deg smallint NOT NULL,
    lane text DEFAULT ''::text NOT NULL,
    registered_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT camera_heading_deg_check CHECK (((heading_deg >= 0) AND (heading_deg <= 359)))
);

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

CREATE TABLE public.camera_minute (
    counted_at timestamp with time zone NOT NULL,
    point_id text NOT NULL,
    camera_id text NOT NULL,
    report_hash bytea NOT NULL,
    city_id text NOT NULL,
    device_id text NOT NULL,
    interval_ms bigint NOT NULL,
    state smallint NOT NULL,
    frames_in bigint NOT NULL,
    frames_processed bigint NOT NULL,
    sampled_out bigint NOT NULL,
    dropped bigint NOT NULL,
    reconnects bigint NOT NULL,
    decode_errors bigint NOT NULL,
    vehicles bigint NOT NULL,
    reads bigint NOT NULL,
    unreadable bigint NOT NULL,
    hits bigint NOT NULL,
    faces bigint NOT NULL,
    frames_face_counted bigint NOT NULL,
    detect_us bigint NOT NULL,
    read_us bigint NOT NULL,
    live_ms bigint NOT NULL,
    stalls bigint NOT NULL
);

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

CREATE TABLE public.chain_cursor (
    only_row boolean DEFAULT true NOT NULL,
    read_upto xid8 NOT NULL,
    CONSTRAINT chain_cursor_only_row_check CHECK (only_row)
);

CREATE TABLE public.chain_dropped (
    device_id text NOT NULL,
    outbox bytea NOT NULL,
    sequence bigint NOT NULL,
    envelope_hash bytea NOT NULL
);

CREATE TABLE public.city (
    city_id public.registry_id NOT NULL,
    name text NOT NULL,
    time_zone text NOT NULL,
    registered_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT city_name_check CHECK ((name <> ''::text)),
    CONSTRAINT city_time_zone_check CHECK ((time_zone <> ''::text))
);

CREATE TABLE public.city_reader (
    role_name name NOT NULL,
    city_id public.registry_id NOT NULL
);

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

CREATE TABLE public.device (
    device_id public.registry_id NOT NULL,
    point_id public.registry_id NOT NULL,
    city_id public.registry_id NOT NULL,
    profile text DEFAULT ''::text NOT NULL,
    state text DEFAULT 'active'::text NOT NULL,
    registered_at timestamp with time zone DEFAULT now() NOT NULL,
    replaces public.registry_id,
    CONSTRAINT device_check CHECK (((replaces)::text <> (device_id)::text)),
    CONSTRAINT device_state_check CHECK ((state = ANY (ARRAY['active'::text, 'revoked'::text])))
);

CREATE TABLE public.device_certificate (
    serial text NOT NULL,
    key_id bytea NOT NULL,
    not_after timestamp with time zone NOT NULL,
    issued_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.device_key (
    key_id bytea NOT NULL,
    device_id public.registry_id NOT NULL,
    spki bytea NOT NULL,
    algorithm integer NOT NULL,
    certificate_pem text NOT NULL,
    serial text NOT NULL,
    not_after timestamp with time zone NOT NULL,
    issued_at timestamp with time zone DEFAULT now() NOT NULL,
    revoked_at timestamp with time zone,
    revoked_reason text,
    renewed_ms bigint DEFAULT 0 NOT NULL,
    CONSTRAINT device_key_algorithm_check CHECK ((algorithm = ANY (ARRAY['-19'::integer, '-9'::integer]))),
    CONSTRAINT device_key_check CHECK (((revoked_at IS NULL) = (revoked_reason IS NULL))),
    CONSTRAINT device_key_key_id_check CHECK ((octet_length(key_id) = 16)),
    CONSTRAINT device_key_renewed_ms_check CHECK ((renewed_ms >= 0))
);

CREATE TABLE public.device_past_place (
    device_id public.registry_id NOT NULL,
    point_id public.registry_id NOT NULL,
    city_id public.registry_id NOT NULL,
    since timestamp with time zone NOT NULL,
    until timestamp with time zone NOT NULL,
    CONSTRAINT device_past_place_check CHECK ((until > since))
);

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

CREATE TABLE public.equivocation (
    device_id text NOT NULL,
    outbox bytea NOT NULL,
    sequence bigint NOT NULL,
    epoch bigint NOT NULL,
    first_hash public.sha256 NOT NULL,
    other_hash public.sha256 NOT NULL,
    received_at timestamp with time zone NOT NULL
);

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

CREATE TABLE public.file_to_remove (
    sha256 public.sha256 NOT NULL,
    noted_at timestamp with time zone NOT NULL
);

CREATE TABLE public.gap (
    device_id text NOT NULL,
    outbox bytea NOT NULL,
    first bigint NOT NULL,
    last bigint NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    asked integer NOT NULL,
    next_ask_at timestamp with time zone
);

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

CREATE TABLE public.hit_match (
    envelope_hash public.sha256 NOT NULL,
    entry_id text NOT NULL,
    quality smallint NOT NULL,
    reason text NOT NULL
);

CREATE TABLE public.hotlist_artefact (
    sha256 bytea NOT NULL,
    bytes bytea NOT NULL,
    size_bytes bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT hotlist_artefact_sha256_check CHECK ((octet_length(sha256) = 32))
);
ALTER TABLE ONLY public.hotlist_artefact ALTER COLUMN bytes SET STORAGE EXTERNAL;

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
ALTER TABLE public.hotlist_import ALTER COLUMN import_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.hotlist_import_import_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.hotlist_signature (
    batch_id public.registry_id NOT NULL,
    key_id bytea NOT NULL,
    protected bytea NOT NULL,
    signature bytea NOT NULL,
    signed_at timestamp with time zone NOT NULL,
    CONSTRAINT hotlist_signature_signature_check CHECK ((octet_length(signature) = 64))
);

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

CREATE TABLE public.hotlist_withdrawal (
    withdrawal_id bigint NOT NULL,
    envelope bytea NOT NULL,
    key_id bytea NOT NULL,
    reason text NOT NULL,
    withdrawn_at timestamp with time zone NOT NULL,
    CONSTRAINT hotlist_withdrawal_reason_check CHECK ((reason <> ''::text))
);
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
ALTER TABLE public.legal_hold ALTER COLUMN hold_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.legal_hold_hold_id_seq
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

CREATE TABLE public.partner (
    partner_id public.registry_id NOT NULL,
    name text NOT NULL,
    terms text NOT NULL,
    signed_on date NOT NULL,
    registered_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT partner_name_check CHECK ((name <> ''::text)),
    CONSTRAINT partner_terms_check CHECK ((terms <> ''::text))
);

CREATE TABLE public.picture (
    device_id text NOT NULL,
    sha256 public.sha256 NOT NULL,
    state text NOT NULL,
    total_bytes bigint NOT NULL,
    settled_at timestamp with time zone NOT NULL,
    CONSTRAINT picture_state_check CHECK ((state = ANY (ARRAY['stored'::text, 'wrong_hash'::text, 'contradictory'::text, 'too_large'::text, 'purged'::text])))
);

CREATE TABLE public.piece (
    device_id text NOT NULL,
    sha256 public.sha256 NOT NULL,
    at_byte bigint NOT NULL,
    total_bytes bigint NOT NULL,
    data bytea NOT NULL,
    received_at timestamp with time zone NOT NULL
);

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

CREATE TABLE public.retention_run (
    only_row boolean DEFAULT true NOT NULL,
    ran_at timestamp with time zone NOT NULL,
    CONSTRAINT retention_run_only_row_check CHECK (only_row)
);

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

CREATE TABLE public.rollout_box (
    rollout_id text NOT NULL,
    device_id text NOT NULL,
    profile text NOT NULL
);
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

CREATE TABLE public.schema_migration (
    number integer NOT NULL,
    name text NOT NULL,
    sha256 bytea NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

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

CREATE TABLE public.webhook_delivery (
    webhook_id public.registry_id NOT NULL,
    number bigint NOT NULL,
    alert_id bigint NOT NULL,
    body text NOT NULL,
    waiting_since timestamp with time zone NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    next_try_at timestamp with time zone NOT NULL,
    dead_at timestamp with time zone,
    problem text DEFAULT ''::text NOT NULL
);
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
ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_hash_key UNIQUE (hash);
ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (number);
ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_previous_hash_key UNIQUE (previous_hash);
ALTER TABLE ONLY public.camera_condition
    ADD CONSTRAINT camera_condition_pkey PRIMARY KEY (envelope_hash);
ALTER TABLE ONLY public.camera_minute
    ADD CONSTRAINT camera_minute_pkey PRIMARY KEY (counted_at, point_id, camera_id, report_hash);
ALTER TABLE ONLY public.camera
    ADD CONSTRAINT camera_pkey PRIMARY KEY (point_id, camera_id);
ALTER TABLE ONLY public.chain_cursor
    ADD CONSTRAINT chain_cursor_pkey PRIMARY KEY (only_row);
ALTER TABLE ONLY public.chain_dropped
    ADD CONSTRAINT chain_dropped_pkey PRIMARY KEY (device_id, outbox, sequence);
ALTER TABLE ONLY public.chain
    ADD CONSTRAINT chain_pkey PRIMARY KEY (device_id, outbox);
ALTER TABLE ONLY public.city
    ADD CONSTRAINT city_pkey PRIMARY KEY (city_id);
ALTER TABLE ONLY public.city_reader
    ADD CONSTRAINT city_reader_pkey PRIMARY KEY (role_name, city_id);
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
ALTER TABLE ONLY public.file_to_remove
    ADD CONSTRAINT file_to_remove_pkey PRIMARY KEY (sha256);
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
ALTER TABLE ONLY public.hotlist_draft
    ADD CONSTRAINT hotlist_draft_pkey PRIMARY KEY (import_id, line);
ALTER TABLE ONLY public.hotlist_entry
    ADD CONSTRAINT hotlist_entry_pkey PRIMARY KEY (entry_id);
ALTER TABLE ONLY public.hotlist_import
    ADD CONSTRAINT hotlist_import_pkey PRIMARY KEY (import_id);
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
ALTER TABLE ONLY public.officer
    ADD CONSTRAINT officer_pkey PRIMARY KEY (key_id);
ALTER TABLE ONLY public.officer
    ADD CONSTRAINT officer_spki_key UNIQUE (spki);
ALTER TABLE ONLY public.partner
    ADD CONSTRAINT partner_pkey PRIMARY KEY (partner_id);
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
ALTER TABLE ONLY public.webhook_delivery
    ADD CONSTRAINT webhook_delivery_pkey PRIMARY KEY (webhook_id, number);
ALTER TABLE ONLY public.webhook
    ADD CONSTRAINT webhook_pkey PRIMARY KEY (webhook_id);

CREATE INDEX acceptance_of_device ON public.acceptance USING btree (device_id, counted_at);

CREATE INDEX alarm_by_receipt ON public.alarm USING btree (received_at, envelope_hash);

CREATE INDEX alarm_by_time ON public.alarm USING btree (counted_at);

CREATE INDEX alert_by_change ON public.alert USING btree (changed_at);

CREATE INDEX alert_by_raising ON public.alert USING btree (raised_at);

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

CREATE INDEX delivery_by_transaction ON public.delivery USING btree (stored_in);

CREATE INDEX device_certificate_of_key ON public.device_certificate USING btree (key_id);

CREATE INDEX device_key_of_device ON public.device_key USING btree (device_id);

CREATE INDEX device_of_point ON public.device USING btree (point_id);

CREATE INDEX evidence_by_receipt ON public.evidence USING btree (received_at);

CREATE INDEX evidence_of_hit ON public.evidence USING btree (hit_hash);

CREATE INDEX evidence_of_redacted ON public.evidence USING btree (redacted_sha256);

CREATE INDEX evidence_of_sealed ON public.evidence USING btree (sealed_sha256);

CREATE INDEX evidence_unavailable_by_receipt ON public.evidence_unavailable USING btree (received_at);

CREATE INDEX evidence_unavailable_of_hit ON public.evidence_unavailable USING btree (hit_hash);

CREATE INDEX gap_to_ask ON public.gap USING btree (next_ask_at);

CREATE INDEX hit_amendment_by_receipt ON public.hit_amendment USING btree (received_at);

CREATE INDEX hit_amendment_of_hit ON public.hit_amendment USING btree (hit_hash, sequence);

CREATE INDEX hit_by_place ON public.hit USING btree (point_id, counted_at);

CREATE INDEX hit_by_receipt ON public.hit USING btree (received_at, envelope_hash);

CREATE INDEX hit_by_time ON public.hit USING btree (counted_at);

CREATE INDEX hit_match_of_entry ON public.hit_match USING btree (entry_id);

CREATE INDEX hotlist_entry_of_batch ON public.hotlist_entry USING btree (batch_id);

CREATE INDEX hotlist_entry_of_plate ON public.hotlist_entry USING btree (plate, case_number);

CREATE INDEX hotlist_withdrawn_by ON public.hotlist_withdrawn USING btree (withdrawal_id);

CREATE UNIQUE INDEX invitation_in_force ON public.invitation USING btree (device_id) WHERE ((certified_at IS NULL) AND (cancelled_at IS NULL));

CREATE INDEX invitation_of_device ON public.invitation USING btree (device_id);

CREATE INDEX picture_by_hash ON public.picture USING btree (sha256);

CREATE INDEX piece_by_receipt ON public.piece USING btree (received_at);

CREATE INDEX point_of_city ON public.point USING btree (city_id);

CREATE INDEX refused_by_time ON public.refused USING btree (last_at);

CREATE INDEX report_by_receipt ON public.report USING btree (received_at, envelope_hash);

CREATE INDEX report_of_device ON public.report USING btree (device_id, counted_at);

CREATE INDEX rollout_box_of_device ON public.rollout_box USING btree (device_id);

CREATE INDEX settings_document_of_rollout ON public.settings_document USING btree (rollout_id);

CREATE INDEX settings_result_by_time ON public.settings_result USING btree (counted_at);

CREATE INDEX settings_result_of_device ON public.settings_result USING btree (device_id, number);

CREATE INDEX tombstone_by_transaction ON public.tombstone USING btree (stored_in);

CREATE INDEX webhook_delivery_waiting ON public.webhook_delivery USING btree (webhook_id, number) WHERE (dead_at IS NULL);

CREATE TRIGGER alarm_makes_alert AFTER INSERT ON public.alarm REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION public.alert_is_due();

CREATE TRIGGER alert_history_added AFTER INSERT ON public.alert_history FOR EACH STATEMENT EXECUTE FUNCTION public.tell_alert_changed();

CREATE TRIGGER alert_history_is_append_only BEFORE DELETE OR UPDATE ON public.alert_history FOR EACH ROW EXECUTE FUNCTION public.refuse_history_change();

CREATE TRIGGER alert_history_is_not_emptied BEFORE TRUNCATE ON public.alert_history FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_history_change();

CREATE TRIGGER alert_history_is_told AFTER INSERT ON public.alert_history REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.webhooks_are_due();

CREATE TRIGGER audit_is_append_only BEFORE DELETE OR UPDATE ON public.audit FOR EACH ROW EXECUTE FUNCTION public.refuse_audit_change();

CREATE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON public.audit FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_audit_change();

CREATE TRIGGER camera_changed AFTER INSERT OR DELETE OR UPDATE ON public.camera FOR EACH STATEMENT EXECUTE FUNCTION public.tell_registry_changed();

CREATE TRIGGER city_changed AFTER INSERT OR DELETE OR UPDATE ON public.city FOR EACH STATEMENT EXECUTE FUNCTION public.tell_registry_changed();

CREATE TRIGGER device_changed AFTER INSERT OR DELETE OR UPDATE ON public.device FOR EACH STATEMENT EXECUTE FUNCTION public.tell_registry_changed();

CREATE TRIGGER device_key_changed AFTER INSERT OR DELETE OR UPDATE ON public.device_key FOR EACH STATEMENT EXECUTE FUNCTION public.tell_registry_changed();

CREATE TRIGGER device_past_place_changed AFTER INSERT OR DELETE OR UPDATE ON public.device_past_place FOR EACH STATEMENT EXECUTE FUNCTION public.tell_registry_changed();

CREATE TRIGGER evidence_tells_reader AFTER INSERT ON public.evidence REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION public.alert_is_due();

CREATE TRIGGER hit_amendment_changes_alert AFTER INSERT ON public.hit_amendment REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION public.alert_is_due();

CREATE TRIGGER hit_makes_alert AFTER INSERT ON public.hit REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION public.alert_is_due();

CREATE TRIGGER hotlist_snapshot_made AFTER INSERT ON public.hotlist_snapshot FOR EACH ROW EXECUTE FUNCTION public.tell_hotlist_changed();

CREATE TRIGGER legal_hold_is_not_emptied BEFORE TRUNCATE ON public.legal_hold FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_hold_change();

CREATE TRIGGER legal_hold_is_only_released BEFORE DELETE OR UPDATE ON public.legal_hold FOR EACH ROW EXECUTE FUNCTION public.refuse_hold_change();

CREATE TRIGGER point_changed AFTER INSERT OR DELETE OR UPDATE ON public.point FOR EACH STATEMENT EXECUTE FUNCTION public.tell_registry_changed();

CREATE TRIGGER rollout_box_added AFTER INSERT ON public.rollout_box FOR EACH STATEMENT EXECUTE FUNCTION public.tell_settings_changed();

CREATE TRIGGER rollout_changed AFTER INSERT OR UPDATE ON public.rollout FOR EACH STATEMENT EXECUTE FUNCTION public.tell_settings_changed();

CREATE TRIGGER settings_document_made AFTER INSERT ON public.settings_document FOR EACH STATEMENT EXECUTE FUNCTION public.tell_settings_changed();
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
ALTER TABLE ONLY public.point
    ADD CONSTRAINT point_city_id_fkey FOREIGN KEY (city_id) REFERENCES public.city(city_id);
ALTER TABLE ONLY public.point
    ADD CONSTRAINT point_partner_id_fkey FOREIGN KEY (partner_id) REFERENCES public.partner(partner_id);
ALTER TABLE ONLY public.rollout_box
    ADD CONSTRAINT rollout_box_rollout_id_profile_fkey FOREIGN KEY (rollout_id, profile) REFERENCES public.rollout_profile(rollout_id, profile);
ALTER TABLE ONLY public.rollout_profile
    ADD CONSTRAINT rollout_profile_rollout_id_fkey FOREIGN KEY (rollout_id) REFERENCES public.rollout(rollout_id);
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
