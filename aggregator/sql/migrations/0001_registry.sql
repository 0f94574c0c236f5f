-- The registry: which city, at which point, with which cameras and which box, speaking under which key.
-- Ids follow protocol.names everywhere, so the grammar is a domain. A city's id is in every topic of its boxes and is
-- never changed; rows are not deleted while anything refers to them.

CREATE DOMAIN registry_id AS text CHECK (VALUE ~ '^[a-z0-9][a-z0-9-]{0,31}$');

CREATE TABLE city (
    city_id       registry_id PRIMARY KEY,
    name          text NOT NULL CHECK (name <> ''),
    time_zone     text NOT NULL CHECK (time_zone <> ''),
    registered_at timestamptz NOT NULL DEFAULT now()
);

-- A private company that connects its own cameras under signed terms.
CREATE TABLE partner (
    partner_id    registry_id PRIMARY KEY,
    name          text NOT NULL CHECK (name <> ''),
    terms         text NOT NULL CHECK (terms <> ''),
    signed_on     date NOT NULL,
    registered_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE point (
    point_id      registry_id PRIMARY KEY,
    city_id       registry_id NOT NULL REFERENCES city,
    name          text NOT NULL CHECK (name <> ''),
    latitude      double precision NOT NULL CHECK (latitude BETWEEN -90 AND 90),
    longitude     double precision NOT NULL CHECK (longitude BETWEEN -180 AND 180),
    time_zone     text CHECK (time_zone <> ''),  -- absent: the city's
    partner_id    registry_id REFERENCES partner,  -- absent: the city's own
    registered_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (point_id, city_id)
);
CREATE INDEX point_of_city ON point (city_id);

CREATE TABLE camera (
    point_id      registry_id NOT NULL REFERENCES point,
    camera_id     registry_id NOT NULL,
    name          text NOT NULL DEFAULT '',
    heading_deg   smallint NOT NULL CHECK (heading_deg BETWEEN 0 AND 359),  -- where it looks, clockwise from north
    lane          text NOT NULL DEFAULT '',
    registered_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (point_id, camera_id)
);

CREATE TABLE device (
    device_id     registry_id PRIMARY KEY,
    point_id      registry_id NOT NULL,
    city_id       registry_id NOT NULL,
    profile       text NOT NULL DEFAULT '',
    state         text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'revoked')),
    registered_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (point_id, city_id) REFERENCES point (point_id, city_id)
);
CREATE INDEX device_of_point ON device (point_id);

-- Keys stay for good: an envelope of years ago verifies against the key of its day.
CREATE TABLE device_key (
    key_id          bytea PRIMARY KEY CHECK (octet_length(key_id) = 16),
    device_id       registry_id NOT NULL REFERENCES device,
    spki            bytea NOT NULL UNIQUE,
    algorithm       integer NOT NULL CHECK (algorithm IN (-19, -9)),  -- COSE: Ed25519, ESP256
    certificate_pem text NOT NULL,
    serial          text NOT NULL UNIQUE,  -- lower-case hexadecimal
    not_after       timestamptz NOT NULL,
    issued_at       timestamptz NOT NULL DEFAULT now(),
    revoked_at      timestamptz,
    revoked_reason  text,
    CHECK ((revoked_at IS NULL) = (revoked_reason IS NULL))
);
CREATE INDEX device_key_of_device ON device_key (device_id);

-- Every certificate that a key ever had: revoking the key must put all of them on the broker's list.
CREATE TABLE device_certificate (
    serial    text PRIMARY KEY,
    key_id    bytea NOT NULL REFERENCES device_key,
    not_after timestamptz NOT NULL,
    issued_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX device_certificate_of_key ON device_certificate (key_id);

-- Ingest keeps the registry in memory and listens for this.
CREATE FUNCTION tell_registry_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('registry_changed', TG_TABLE_NAME);
    RETURN NULL;
END
$$;

CREATE TRIGGER city_changed AFTER INSERT OR UPDATE OR DELETE ON city
    FOR EACH STATEMENT EXECUTE FUNCTION tell_registry_changed();
CREATE TRIGGER point_changed AFTER INSERT OR UPDATE OR DELETE ON point
    FOR EACH STATEMENT EXECUTE FUNCTION tell_registry_changed();
CREATE TRIGGER camera_changed AFTER INSERT OR UPDATE OR DELETE ON camera
    FOR EACH STATEMENT EXECUTE FUNCTION tell_registry_changed();
CREATE TRIGGER device_changed AFTER INSERT OR UPDATE OR DELETE ON device
    FOR EACH STATEMENT EXECUTE FUNCTION tell_registry_changed();
CREATE TRIGGER device_key_changed AFTER INSERT OR UPDATE OR DELETE ON device_key
    FOR EACH STATEMENT EXECUTE FUNCTION tell_registry_changed();
