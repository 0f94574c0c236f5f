-- Private companies under signed terms (protocol/terms.py has the rules): every document that was ever signed, numbered
-- within the city. The highest of a company is what its boxes are told, and what ingest judges by from its time on.

ALTER TABLE partner ADD COLUMN contact text NOT NULL DEFAULT '';
COMMENT ON COLUMN partner.contact IS 'Whom to ask about its cameras, by day and by night';

CREATE TABLE partner_terms (
    city_id      registry_id NOT NULL REFERENCES city,
    number       bigint NOT NULL CHECK (number > 0),
    partner_id   registry_id NOT NULL REFERENCES partner,
    tier         smallint NOT NULL CHECK (tier IN (1, 2)),
    is_suspended boolean NOT NULL,
    from_at      timestamptz NOT NULL,
    until_at     timestamptz NOT NULL,
    sha256       sha256 NOT NULL UNIQUE,
    envelope     bytea NOT NULL,
    reason       text NOT NULL,
    signed_by    text NOT NULL,
    signed_at    timestamptz NOT NULL,
    PRIMARY KEY (city_id, number),
    CHECK (from_at < until_at)
);
CREATE INDEX partner_terms_of_partner ON partner_terms (partner_id, city_id, number);
COMMENT ON TABLE partner_terms IS 'Terms of private companies, as they were signed, suspensions among them. None is ever removed.';
COMMENT ON COLUMN partner_terms.city_id IS 'The city that signed them';
COMMENT ON COLUMN partner_terms.number IS 'Rises within the city, whichever company it is';
COMMENT ON COLUMN partner_terms.partner_id IS 'The company';
COMMENT ON COLUMN partner_terms.tier IS '1 registered only, 2 connected';
COMMENT ON COLUMN partner_terms.is_suspended IS 'Whether they say that nothing is allowed for now';
COMMENT ON COLUMN partner_terms.from_at IS 'Since when they allow anything';
COMMENT ON COLUMN partner_terms.until_at IS 'The first moment that they allow nothing any more';
COMMENT ON COLUMN partner_terms.sha256 IS 'SHA-256 of the document';
COMMENT ON COLUMN partner_terms.envelope IS 'The document, as it was signed';
COMMENT ON COLUMN partner_terms.reason IS 'Why they were signed, in words';
COMMENT ON COLUMN partner_terms.signed_by IS 'Who had them signed';
COMMENT ON COLUMN partner_terms.signed_at IS 'When they were signed; from then on ingest judges by them';

-- Ingest reads them with the registry; the publisher tells the boxes.
CREATE FUNCTION tell_terms_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('registry_changed', TG_TABLE_NAME);
    PERFORM pg_notify('terms_changed', '');
    RETURN NULL;
END
$$;
CREATE TRIGGER partner_terms_signed AFTER INSERT ON partner_terms
    FOR EACH STATEMENT EXECUTE FUNCTION tell_terms_changed();
