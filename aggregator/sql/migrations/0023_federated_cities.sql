-- Cities of a region: who was invited and joined, under which root, with which link; their trust bundles and rosters. And
-- what a city keeps of its region (aggregator/core/joining.py has the rules).

-- A device of another command centre has its certificate there: here its key is enough.
ALTER TABLE device_key
    ALTER certificate_pem DROP NOT NULL,
    ALTER serial DROP NOT NULL,
    ALTER not_after DROP NOT NULL,
    ADD CONSTRAINT device_key_certified CHECK (num_nulls(certificate_pem, serial, not_after) IN (0, 3));

-- A root other than our own, believed for one city, the one learned last: at the region since that city joined; in a
-- city since the region told of it, and then nothing follows from it before our own root grants somebody too (`aggregator
-- federation adopt`).
CREATE TABLE city_root (
    city_id    registry_id NOT NULL,
    key_id     bytea NOT NULL CHECK (octet_length(key_id) = 16),
    spki       bytea NOT NULL,
    learned_at timestamptz NOT NULL,
    PRIMARY KEY (city_id, key_id)
);

-- Every bundle of such a root, for good: who held which grant on the day of a signature is asked years later.
CREATE TABLE city_trust (
    city_id     registry_id NOT NULL,
    key_id      bytea NOT NULL,
    number      bigint NOT NULL CHECK (number > 0),
    bundle      bytea NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (city_id, key_id, number),
    FOREIGN KEY (city_id, key_id) REFERENCES city_root
);

CREATE TABLE federation_invitation (
    invitation_id bytea PRIMARY KEY CHECK (octet_length(invitation_id) = 16),
    spki          bytea NOT NULL UNIQUE,
    city_id       registry_id NOT NULL,
    invited_at    timestamptz NOT NULL,
    invited_by    text NOT NULL CHECK (invited_by <> ''),
    expires_at    timestamptz NOT NULL CHECK (expires_at > invited_at),
    key_id        bytea CHECK (octet_length(key_id) = 16),  -- the link's key, once the city has joined
    joined_at     timestamptz,
    cancelled_at  timestamptz,
    cancelled_by  text,
    CHECK ((key_id IS NULL) = (joined_at IS NULL)),
    CHECK ((cancelled_at IS NULL) = (cancelled_by IS NULL)),
    CHECK (joined_at IS NULL OR cancelled_at IS NULL)
);
-- A city has one invitation at a time: a new one takes the place of the one that was lost.
CREATE UNIQUE INDEX federation_invitation_in_force ON federation_invitation (city_id)
    WHERE joined_at IS NULL AND cancelled_at IS NULL;

CREATE TABLE federated_city (
    city_id        registry_id PRIMARY KEY REFERENCES city,
    joined_at      timestamptz NOT NULL,
    left_at        timestamptz,
    left_by        text,
    left_reason    text,
    log_id         bytea NOT NULL CHECK (octet_length(log_id) = 16),
    roster_number  bigint NOT NULL DEFAULT 0,
    roster_at      timestamptz,
    roster_sha256  sha256,
    roster_left_out text[] NOT NULL DEFAULT '{}',
    contact_at     timestamptz,
    release        text NOT NULL DEFAULT '',
    clock_offset_ms bigint,
    backlog        bigint,
    backlog_since  timestamptz,
    list_version   bigint,
    log_number     bigint,
    CHECK (num_nonnulls(left_at, left_by, left_reason) IN (0, 3))
);

-- Every certificate that a link ever had: a city that leaves has all of them on the broker's list.
CREATE TABLE federation_certificate (
    serial          text PRIMARY KEY,
    city_id         registry_id NOT NULL REFERENCES federated_city,
    key_id          bytea NOT NULL CHECK (octet_length(key_id) = 16),
    certificate_der bytea NOT NULL,
    not_after       timestamptz NOT NULL,
    issued_at       timestamptz NOT NULL,
    revoked_at      timestamptz
);
CREATE INDEX federation_certificate_of_city ON federation_certificate (city_id);
CREATE INDEX federation_certificate_of_key ON federation_certificate (key_id);

CREATE TABLE roster_made (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    number   bigint NOT NULL CHECK (number > 0),
    content  sha256 NOT NULL,
    envelope bytea NOT NULL,
    made_at  timestamptz NOT NULL
);

CREATE TABLE region_contact (
    only_row        boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    region_id       registry_id NOT NULL,
    tried_at        timestamptz NOT NULL,
    problem         text,
    answered_at     timestamptz,
    release         text NOT NULL DEFAULT '',
    clock_offset_ms bigint,
    log_number      bigint
);

-- Who may come in over a link is kept in memory and listens for this.
CREATE FUNCTION tell_federation_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('federation_changed', TG_TABLE_NAME);
    RETURN NULL;
END
$$;

CREATE TRIGGER federation_certificate_changed AFTER INSERT OR UPDATE OR DELETE ON federation_certificate
    FOR EACH STATEMENT EXECUTE FUNCTION tell_federation_changed();
CREATE TRIGGER city_trust_changed AFTER INSERT ON city_trust
    FOR EACH STATEMENT EXECUTE FUNCTION tell_federation_changed();

COMMENT ON COLUMN device_key.certificate_pem IS 'Its certificate; none: the device is another command centre''s';
COMMENT ON COLUMN device_key.serial IS 'The certificate''s serial number, lower-case hexadecimal; none: as there';
COMMENT ON COLUMN device_key.not_after IS 'Until when the certificate holds; none: as there';

COMMENT ON TABLE city_root IS 'Roots of other cities: at the region of those that joined, in a city of those it heard of.';
COMMENT ON COLUMN city_root.city_id IS 'The city';
COMMENT ON COLUMN city_root.key_id IS 'Id of the root''s key';
COMMENT ON COLUMN city_root.spki IS 'The root''s public key: SubjectPublicKeyInfo, DER';
COMMENT ON COLUMN city_root.learned_at IS 'When it joined, or was first heard of';

COMMENT ON TABLE city_trust IS 'Trust bundles of other cities, every one that came.';
COMMENT ON COLUMN city_trust.city_id IS 'The city';
COMMENT ON COLUMN city_trust.key_id IS 'The root that signed it';
COMMENT ON COLUMN city_trust.number IS 'The bundle''s number';
COMMENT ON COLUMN city_trust.bundle IS 'The bundle, as that city''s root signed it';
COMMENT ON COLUMN city_trust.received_at IS 'When it came, by our clock';

COMMENT ON TABLE federation_invitation IS 'Which city may join, until when. Of a token''s secret there is only a public key.';
COMMENT ON COLUMN federation_invitation.invitation_id IS 'Its name: the id of the key that was made from the token''s secret';
COMMENT ON COLUMN federation_invitation.spki IS 'Public key made from the token''s secret';
COMMENT ON COLUMN federation_invitation.city_id IS 'The city that is invited';
COMMENT ON COLUMN federation_invitation.invited_at IS 'When it was made';
COMMENT ON COLUMN federation_invitation.invited_by IS 'Who made it';
COMMENT ON COLUMN federation_invitation.expires_at IS 'Until when it holds';
COMMENT ON COLUMN federation_invitation.key_id IS 'The link''s key that joined with it';
COMMENT ON COLUMN federation_invitation.joined_at IS 'When the city joined with it';
COMMENT ON COLUMN federation_invitation.cancelled_at IS 'When it was cancelled';
COMMENT ON COLUMN federation_invitation.cancelled_by IS 'Who cancelled it';

COMMENT ON TABLE federated_city IS 'Cities of this region, those that left too, and how each stands.';
COMMENT ON COLUMN federated_city.city_id IS 'The city';
COMMENT ON COLUMN federated_city.joined_at IS 'When it joined last';
COMMENT ON COLUMN federated_city.left_at IS 'When it left; none: it is linked';
COMMENT ON COLUMN federated_city.left_by IS 'Who said so';
COMMENT ON COLUMN federated_city.left_reason IS 'Why';
COMMENT ON COLUMN federated_city.log_id IS 'The id of its log';
COMMENT ON COLUMN federated_city.roster_number IS 'The number of its last roster; 0: none came';
COMMENT ON COLUMN federated_city.roster_at IS 'When that roster was made, by the city''s clock';
COMMENT ON COLUMN federated_city.roster_sha256 IS 'SHA-256 of that roster''s envelope';
COMMENT ON COLUMN federated_city.roster_left_out IS 'What of it is not registered here, since another city has the name';
COMMENT ON COLUMN federated_city.contact_at IS 'When it last said how it stands, by our clock';
COMMENT ON COLUMN federated_city.release IS 'The release that it runs';
COMMENT ON COLUMN federated_city.clock_offset_ms IS 'How far its clock is ahead of ours, in milliseconds';
COMMENT ON COLUMN federated_city.backlog IS 'How many messages it has still to send on';
COMMENT ON COLUMN federated_city.backlog_since IS 'Since when the oldest of them waits; none: nothing waits';
COMMENT ON COLUMN federated_city.list_version IS 'The version of its boxes'' hotlist';
COMMENT ON COLUMN federated_city.log_number IS 'How far it has taken its log';

COMMENT ON TABLE federation_certificate IS 'Certificates of the cities'' links, every one that was issued.';
COMMENT ON COLUMN federation_certificate.serial IS 'The certificate''s serial number, lower-case hexadecimal';
COMMENT ON COLUMN federation_certificate.city_id IS 'The city';
COMMENT ON COLUMN federation_certificate.key_id IS 'Id of the link''s key';
COMMENT ON COLUMN federation_certificate.certificate_der IS 'The certificate, DER';
COMMENT ON COLUMN federation_certificate.not_after IS 'Until when it holds';
COMMENT ON COLUMN federation_certificate.issued_at IS 'When it was issued';
COMMENT ON COLUMN federation_certificate.revoked_at IS 'Since when it holds no more';

COMMENT ON TABLE roster_made IS 'The roster that this city last signed for its region; one row.';
COMMENT ON COLUMN roster_made.only_row IS 'Always true: there is one row';
COMMENT ON COLUMN roster_made.number IS 'Its number; the next one''s is higher';
COMMENT ON COLUMN roster_made.content IS 'SHA-256 of what it says, without number and time';
COMMENT ON COLUMN roster_made.envelope IS 'The signed bytes';
COMMENT ON COLUMN roster_made.made_at IS 'When it was signed';

COMMENT ON TABLE region_contact IS 'How this city last reached its region; one row.';
COMMENT ON COLUMN region_contact.only_row IS 'Always true: there is one row';
COMMENT ON COLUMN region_contact.region_id IS 'The region';
COMMENT ON COLUMN region_contact.tried_at IS 'When it was last tried';
COMMENT ON COLUMN region_contact.problem IS 'What went wrong then; none: it answered';
COMMENT ON COLUMN region_contact.answered_at IS 'When it last answered, by our clock';
COMMENT ON COLUMN region_contact.release IS 'The release that it runs';
COMMENT ON COLUMN region_contact.clock_offset_ms IS 'How far its clock is ahead of ours, in milliseconds';
COMMENT ON COLUMN region_contact.log_number IS 'The last number of our log there';
