-- The life of certificates: requests for renewal that cannot be told twice.
-- The time in the last request of a key that was granted; only a later one is granted again (protocol/renewal.py).
ALTER TABLE device_key ADD COLUMN renewed_ms bigint NOT NULL DEFAULT 0 CHECK (renewed_ms >= 0);

-- The device whose point this one took over when it broke; what either said stays under its own name.
ALTER TABLE device ADD COLUMN replaces registry_id UNIQUE REFERENCES device CHECK (replaces <> device_id);

-- Where a device stood before it was moved: what it said there is taken also when it arrives late.
CREATE TABLE device_past_place (
    device_id registry_id NOT NULL REFERENCES device,
    point_id  registry_id NOT NULL,
    city_id   registry_id NOT NULL,
    since     timestamptz NOT NULL,
    until     timestamptz NOT NULL CHECK (until > since),
    PRIMARY KEY (device_id, until),
    FOREIGN KEY (point_id, city_id) REFERENCES point (point_id, city_id)
);
CREATE TRIGGER device_past_place_changed AFTER INSERT OR UPDATE OR DELETE ON device_past_place
    FOR EACH STATEMENT EXECUTE FUNCTION tell_registry_changed();
