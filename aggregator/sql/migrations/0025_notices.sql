-- Notices: what a region tells cities of hits in others, and what a city was told (aggregator/core/cross_city.py and
-- visibility.py have the rules). No column holds a plate but a notice's envelope, which goes when its time is up.

-- At the region.

-- The policies that were in force. Where there never was one, as in a city, nothing is noted to be told.
CREATE TABLE notice_policy (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sha256 sha256 NOT NULL,
    policy text NOT NULL,
    since  timestamptz NOT NULL
);

-- Hits of which cities may have to be told, written in the transaction that stores them; gone once they have.
CREATE TABLE notice_due (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hit    sha256 NOT NULL,
    tries  smallint NOT NULL DEFAULT 0
);

-- What was told last: one row for a city and a hit is what makes it once.
CREATE TABLE notice_sent (
    to_city     registry_id NOT NULL,
    hit         sha256 NOT NULL,
    city_id     text NOT NULL,
    point_id    text NOT NULL,
    camera_id   text NOT NULL,
    why         text NOT NULL CHECK (why IN ('asked', 'neighbour', 'corridor')),
    reason      text NOT NULL,
    corridor    text NOT NULL DEFAULT '',
    entries     text[] NOT NULL,
    has_plate   boolean NOT NULL,
    captured_at timestamptz NOT NULL,
    sent_at     timestamptz NOT NULL,
    until_at    timestamptz NOT NULL,
    is_over     boolean NOT NULL DEFAULT false,
    PRIMARY KEY (to_city, hit)
);
CREATE INDEX notice_sent_of_hit ON notice_sent (hit);
CREATE INDEX notice_sent_by_end ON notice_sent (until_at);

CREATE FUNCTION notice_is_due() RETURNS trigger LANGUAGE plpgsql AS $$
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

CREATE TRIGGER hit_is_told AFTER INSERT ON hit
    REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION notice_is_due();
CREATE TRIGGER hit_amendment_is_told AFTER INSERT ON hit_amendment
    REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION notice_is_due();

-- What a withdrawn entry matched has to be judged again: whoever was told is told that it is over.
CREATE FUNCTION notice_is_due_again() RETURNS trigger LANGUAGE plpgsql AS $$
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

CREATE TRIGGER federated_withdrawn_ends_notices AFTER INSERT ON federated_withdrawn
    REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION notice_is_due_again();
CREATE TRIGGER hotlist_withdrawn_ends_notices AFTER INSERT ON hotlist_withdrawn
    REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION notice_is_due_again();

-- In a city.

-- `number` is of its last change, in one order with the lines of alert_history: whoever follows both needs one number.
-- A row is written by whoever holds the advisory lock `atalaya alerts`.
CREATE TABLE notice (
    notice_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number      bigint NOT NULL UNIQUE,
    to_city     registry_id NOT NULL,
    hit         sha256 NOT NULL,
    city_id     text NOT NULL,
    point_id    text NOT NULL,
    camera_id   text NOT NULL,
    why         text NOT NULL CHECK (why <> ''),
    reason      text NOT NULL,
    corridor    text NOT NULL,
    entries     text[] NOT NULL,
    captured_at timestamptz NOT NULL,
    told_at     timestamptz NOT NULL,
    until_at    timestamptz NOT NULL,
    taken_at    timestamptz NOT NULL,
    changed_at  timestamptz NOT NULL,
    envelope    bytea,
    UNIQUE (to_city, hit),
    CHECK (told_at < until_at)
);
CREATE INDEX notice_by_end ON notice (until_at);
CREATE INDEX notice_of_hit ON notice (hit);

-- Whether a hold covers a notice: by its hit, or by an entry that it names.
CREATE FUNCTION is_held_notice(hit bytea, entries text[]) RETURNS boolean STABLE LANGUAGE sql AS $$
    SELECT EXISTS (
        SELECT FROM legal_hold
        WHERE released_at IS NULL AND (legal_hold.hit_hash = $1 OR legal_hold.entry_id = ANY ($2)))
$$;

CREATE FUNCTION tell_notice_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('alert_changed', '');
    RETURN NULL;
END
$$;

CREATE TRIGGER notice_changed AFTER INSERT OR UPDATE OF number ON notice
    FOR EACH STATEMENT EXECUTE FUNCTION tell_notice_changed();

-- Receivers of webhooks are told of notices too. Neither a plate nor an entry is in a body.
ALTER TABLE webhook_delivery
    ALTER alert_id DROP NOT NULL,
    ADD notice_id bigint,
    ADD CONSTRAINT webhook_delivery_is_of_one CHECK (num_nonnulls(alert_id, notice_id) = 1);

-- What became of a notice by its last change.
CREATE FUNCTION notice_act(told notice) RETURNS text STABLE LANGUAGE sql AS $$
    SELECT CASE WHEN told.until_at <= told.told_at + interval '1 millisecond' THEN 'over'
                WHEN told.changed_at = told.taken_at THEN 'new' ELSE 'changed' END
$$;

CREATE FUNCTION notice_webhooks_are_due() RETURNS trigger LANGUAGE plpgsql AS $$
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

CREATE TRIGGER notice_is_told AFTER INSERT OR UPDATE OF number ON notice
    FOR EACH ROW EXECUTE FUNCTION notice_webhooks_are_due();

COMMENT ON TABLE notice_policy IS 'At a region: the policies of who sees what that were in force.';
COMMENT ON COLUMN notice_policy.number IS 'Rises; the highest is in force';
COMMENT ON COLUMN notice_policy.sha256 IS 'SHA-256 of the file';
COMMENT ON COLUMN notice_policy.policy IS 'The file, TOML; empty: there is none, and what the program has holds';
COMMENT ON COLUMN notice_policy.since IS 'Since when it has been in force';

COMMENT ON TABLE notice_due IS 'At a region: hits of which other cities may have to be told; gone once they have.';
COMMENT ON COLUMN notice_due.number IS 'In the order in which they were stored';
COMMENT ON COLUMN notice_due.hit IS 'SHA-256 of the hit''s envelope';
COMMENT ON COLUMN notice_due.tries IS 'How often it failed';

COMMENT ON TABLE notice_sent IS 'At a region: which city was told of which hit, and what.';
COMMENT ON COLUMN notice_sent.to_city IS 'The city that was told';
COMMENT ON COLUMN notice_sent.hit IS 'SHA-256 of the hit''s envelope';
COMMENT ON COLUMN notice_sent.city_id IS 'The city that saw it';
COMMENT ON COLUMN notice_sent.point_id IS 'The point that saw it';
COMMENT ON COLUMN notice_sent.camera_id IS 'The camera that saw it';
COMMENT ON COLUMN notice_sent.why IS 'Why it was told: asked, neighbour or corridor';
COMMENT ON COLUMN notice_sent.reason IS 'Why the vehicle is wanted';
COMMENT ON COLUMN notice_sent.corridor IS 'The corridor, if it was told by one';
COMMENT ON COLUMN notice_sent.entries IS 'The entries that the notice names';
COMMENT ON COLUMN notice_sent.has_plate IS 'Whether the box''s own message, and so the plate, went along';
COMMENT ON COLUMN notice_sent.captured_at IS 'When the vehicle was there, by the box''s clock';
COMMENT ON COLUMN notice_sent.sent_at IS 'When it was told last';
COMMENT ON COLUMN notice_sent.until_at IS 'Until when the notice holds';
COMMENT ON COLUMN notice_sent.is_over IS 'Whether it was taken back before that';

COMMENT ON TABLE notice IS 'In a city: hits elsewhere of which its region told it.';
COMMENT ON COLUMN notice.notice_id IS 'Its number for people';
COMMENT ON COLUMN notice.number IS 'Number of its last change, in one order with alert_history.number';
COMMENT ON COLUMN notice.to_city IS 'The city that was told: this one';
COMMENT ON COLUMN notice.hit IS 'SHA-256 of the hit''s envelope';
COMMENT ON COLUMN notice.city_id IS 'The city that saw it';
COMMENT ON COLUMN notice.point_id IS 'The point that saw it';
COMMENT ON COLUMN notice.camera_id IS 'The camera that saw it';
COMMENT ON COLUMN notice.why IS 'Why we are told: asked (an entry is ours), neighbour or corridor';
COMMENT ON COLUMN notice.reason IS 'Why the vehicle is wanted';
COMMENT ON COLUMN notice.corridor IS 'The corridor, if it was told by one';
COMMENT ON COLUMN notice.entries IS 'The entries that it names';
COMMENT ON COLUMN notice.captured_at IS 'When the vehicle was there, by the box''s clock';
COMMENT ON COLUMN notice.told_at IS 'When the region said so, by its clock';
COMMENT ON COLUMN notice.until_at IS 'Until when it holds';
COMMENT ON COLUMN notice.taken_at IS 'When it came first';
COMMENT ON COLUMN notice.changed_at IS 'When it changed last';
COMMENT ON COLUMN notice.envelope IS 'The box''s own signed message, with the plate; none: we may not see it, or the time is up';

COMMENT ON COLUMN webhook_delivery.alert_id IS 'The alert; none: it tells of a notice';
COMMENT ON COLUMN webhook_delivery.notice_id IS 'The notice; none: it tells of an alert';
