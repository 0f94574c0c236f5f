-- Webhooks: who is told of what happens to alerts, and what is still to be told (aggregator/core/webhooks.py has the
-- rules). The secrets lie in files. A body holds neither a plate nor an entry.

CREATE TABLE webhook (
    webhook_id        registry_id PRIMARY KEY,
    url               text NOT NULL CHECK (url <> ''),
    city_id           registry_id REFERENCES city,  -- none: all
    acts              text[] NOT NULL,              -- none: whatever happens
    is_private        boolean NOT NULL,             -- its address may be one of a private network
    added_by          text NOT NULL CHECK (added_by <> ''),
    added_at          timestamptz NOT NULL,
    delivered         bigint NOT NULL DEFAULT 0,
    last_delivered_at timestamptz,
    failures          integer NOT NULL DEFAULT 0,  -- in a row
    next_try_at       timestamptz NOT NULL DEFAULT '-infinity'
);

-- Gone once it was taken. The body is made when it is due, so that a second try says the same.
CREATE TABLE webhook_delivery (
    webhook_id    registry_id NOT NULL REFERENCES webhook ON DELETE CASCADE,
    number        bigint NOT NULL,  -- the line of alert_history
    alert_id      bigint NOT NULL,
    body          text NOT NULL,
    waiting_since timestamptz NOT NULL,
    attempts      integer NOT NULL DEFAULT 0,
    next_try_at   timestamptz NOT NULL,
    dead_at       timestamptz,
    problem       text NOT NULL DEFAULT '',
    PRIMARY KEY (webhook_id, number)
);
CREATE INDEX webhook_delivery_waiting ON webhook_delivery (webhook_id, number) WHERE dead_at IS NULL;

CREATE FUNCTION utc_text(at timestamptz) RETURNS text IMMUTABLE LANGUAGE sql AS $$
    SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

-- In the transaction of what happened: a line of the history and the word of it stand or fall together.
CREATE FUNCTION webhooks_are_due() RETURNS trigger LANGUAGE plpgsql AS $$
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

CREATE TRIGGER alert_history_is_told AFTER INSERT ON alert_history
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION webhooks_are_due();
