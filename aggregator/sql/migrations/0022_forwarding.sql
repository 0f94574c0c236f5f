-- A city's way up to its region: what is to be passed on (aggregator/core/forwarding.py has the rules), and at the region
-- what cities say of what they passed on. No plate and no envelope stands in any of these tables: what is passed on is
-- read from its own table when its turn comes, and what retention took meanwhile is not passed on.

-- Kinds of messages that are passed on. None: there is no link, and nothing is noted.
CREATE TABLE forward_rule (
    kind text PRIMARY KEY
);

-- Messages that are to be passed on, written in the transaction that stores them; gone once the region has stored them.
CREATE TABLE forward_due (
    number      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event       sha256 NOT NULL UNIQUE,
    kind        text NOT NULL,
    is_alert    boolean NOT NULL,
    received_at timestamptz NOT NULL,
    noted_at    timestamptz NOT NULL DEFAULT now(),
    tries       integer NOT NULL DEFAULT 0,
    due_at      timestamptz NOT NULL DEFAULT '-infinity',
    reason      smallint
);
CREATE INDEX forward_due_alert ON forward_due (number) WHERE is_alert;
CREATE INDEX forward_due_rest ON forward_due (noted_at, number) WHERE NOT is_alert;

-- What the region will never take. The newest stay.
CREATE TABLE forward_dead (
    event       sha256 PRIMARY KEY,
    kind        text NOT NULL,
    received_at timestamptz NOT NULL,
    reason      smallint NOT NULL,
    refused_at  timestamptz NOT NULL
);
CREATE INDEX forward_dead_by_time ON forward_dead (refused_at);

-- What the region is still to be told of messages that it has: when they came here, and by which rule they went on.
CREATE TABLE transit_due (
    event       sha256 PRIMARY KEY,
    rule        text NOT NULL,
    received_at timestamptz NOT NULL,
    is_alert    boolean NOT NULL,
    noted_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX transit_due_by_time ON transit_due (is_alert, noted_at);

-- How the line to the region stands, for whoever asks beside the service.
CREATE TABLE forward_line (
    only_row       boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    is_connected   boolean NOT NULL,
    since          timestamptz NOT NULL,
    problem        text NOT NULL,
    receipt_at     timestamptz,
    clock_ahead_ms bigint,
    stored         bigint NOT NULL DEFAULT 0
);

CREATE FUNCTION forward_is_due() RETURNS trigger LANGUAGE plpgsql AS $$
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

CREATE TRIGGER hit_goes_on AFTER INSERT ON hit
    REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION forward_is_due('hit');
CREATE TRIGGER hit_amendment_goes_on AFTER INSERT ON hit_amendment
    REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION forward_is_due('hit-amended');
CREATE TRIGGER alarm_goes_on AFTER INSERT ON alarm
    REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION forward_is_due('alarm');
CREATE TRIGGER report_goes_on AFTER INSERT ON report
    REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION forward_is_due('report');
CREATE TRIGGER evidence_goes_on AFTER INSERT ON evidence
    REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION forward_is_due('evidence');
CREATE TRIGGER evidence_unavailable_goes_on AFTER INSERT ON evidence_unavailable
    REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION forward_is_due('evidence-unavailable');
CREATE TRIGGER dropped_goes_on AFTER INSERT ON dropped
    REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION forward_is_due('dropped');
CREATE TRIGGER camera_condition_goes_on AFTER INSERT ON camera_condition
    REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION forward_is_due('camera-condition');
CREATE TRIGGER acceptance_goes_on AFTER INSERT ON acceptance
    REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION forward_is_due('acceptance');
CREATE TRIGGER settings_result_goes_on AFTER INSERT ON settings_result
    REFERENCING NEW TABLE AS stored FOR EACH STATEMENT EXECUTE FUNCTION forward_is_due('settings-result');

-- At the region: the signed records, and each line of them.
CREATE TABLE transit_record (
    envelope_hash sha256 PRIMARY KEY,
    city_id       text NOT NULL,
    created_at    timestamptz NOT NULL,
    received_at   timestamptz NOT NULL,
    lines         integer NOT NULL,
    envelope      bytea NOT NULL
);
CREATE INDEX transit_record_of_city ON transit_record (city_id, received_at);
CREATE INDEX transit_record_by_time ON transit_record (received_at, envelope_hash);

CREATE TABLE transit (
    event         sha256 NOT NULL,
    city_id       text NOT NULL,
    rule          text NOT NULL,
    received_at   timestamptz NOT NULL,
    envelope_hash sha256 NOT NULL REFERENCES transit_record ON DELETE CASCADE,
    PRIMARY KEY (event, city_id)
);
CREATE INDEX transit_of_record ON transit (envelope_hash);

COMMENT ON TABLE forward_rule IS 'Kinds of messages that go on to the region; none without a link.';
COMMENT ON COLUMN forward_rule.kind IS 'Kind of message, by its word in topics';

COMMENT ON TABLE forward_due IS 'Messages that are still to be passed on to the region. Their bytes lie in their own tables.';
COMMENT ON COLUMN forward_due.number IS 'Which was noted first';
COMMENT ON COLUMN forward_due.event IS 'The message, by its envelope''s hash';
COMMENT ON COLUMN forward_due.kind IS 'Kind of message, by its word in topics';
COMMENT ON COLUMN forward_due.is_alert IS 'It is a hit, an amendment or an alarm, and goes first';
COMMENT ON COLUMN forward_due.received_at IS 'When it came, by our clock';
COMMENT ON COLUMN forward_due.noted_at IS 'When it was stored, by the database''s clock';
COMMENT ON COLUMN forward_due.tries IS 'How often it was sent in vain';
COMMENT ON COLUMN forward_due.due_at IS 'Before this it is not sent again';
COMMENT ON COLUMN forward_due.reason IS 'Why the region did not take it last time, numbered as in refused; none: no answer';

COMMENT ON TABLE forward_dead IS 'Messages that the region refused for good; the newest of them.';
COMMENT ON COLUMN forward_dead.event IS 'The message, by its envelope''s hash';
COMMENT ON COLUMN forward_dead.kind IS 'Kind of message, by its word in topics';
COMMENT ON COLUMN forward_dead.received_at IS 'When it came, by our clock';
COMMENT ON COLUMN forward_dead.reason IS 'Why, numbered as in refused';
COMMENT ON COLUMN forward_dead.refused_at IS 'When the region said so';

COMMENT ON TABLE transit_due IS 'What the region is still to be told of messages that it has from here.';
COMMENT ON COLUMN transit_due.event IS 'The message, by its envelope''s hash';
COMMENT ON COLUMN transit_due.rule IS 'The rule by which it went on: its kind';
COMMENT ON COLUMN transit_due.received_at IS 'When it came, by our clock';
COMMENT ON COLUMN transit_due.is_alert IS 'It is told before the rest';
COMMENT ON COLUMN transit_due.noted_at IS 'Since when it is to be told';

COMMENT ON TABLE forward_line IS 'How the line to the region stands; one row.';
COMMENT ON COLUMN forward_line.only_row IS 'There is one row';
COMMENT ON COLUMN forward_line.is_connected IS 'The line is up';
COMMENT ON COLUMN forward_line.since IS 'Since when it is so';
COMMENT ON COLUMN forward_line.problem IS 'Why it is down';
COMMENT ON COLUMN forward_line.receipt_at IS 'When the region last answered, by our clock';
COMMENT ON COLUMN forward_line.clock_ahead_ms IS 'By how many ms the region''s clock was ahead of ours then';
COMMENT ON COLUMN forward_line.stored IS 'How many messages the region has taken since the link was made';

COMMENT ON TABLE transit_record IS 'Cities'' signed records of what they passed on.';
COMMENT ON COLUMN transit_record.envelope_hash IS 'SHA-256 of the record''s envelope';
COMMENT ON COLUMN transit_record.city_id IS 'The city that signed it';
COMMENT ON COLUMN transit_record.created_at IS 'When it was signed, by the city''s clock';
COMMENT ON COLUMN transit_record.received_at IS 'When it came, by our clock';
COMMENT ON COLUMN transit_record.lines IS 'How many messages it tells of';
COMMENT ON COLUMN transit_record.envelope IS 'The signed bytes';

COMMENT ON TABLE transit IS 'Which message a city received when, and by which of its rules it went on.';
COMMENT ON COLUMN transit.event IS 'The message, by its envelope''s hash';
COMMENT ON COLUMN transit.city_id IS 'The city that passed it on';
COMMENT ON COLUMN transit.rule IS 'The rule by which the city passed it on: its kind';
COMMENT ON COLUMN transit.received_at IS 'When it came there, by the city''s clock';
COMMENT ON COLUMN transit.envelope_hash IS 'The signed record that says so';
