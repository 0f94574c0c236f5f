-- Tokens of the HTTP API: who may ask what, about which cities, until when (aggregator/core/api_tokens.py has the rules).
-- A token is 256 random bits; what stands here is their SHA-256, which opens nothing. A row stays when its token is over:
-- the audit names it.

CREATE TABLE api_token (
    token_id     registry_id PRIMARY KEY,
    hash         sha256 NOT NULL UNIQUE,
    scopes       text[] NOT NULL CHECK (
        cardinality(scopes) > 0
        AND scopes <@ ARRAY['counts', 'events', 'alerts', 'plates', 'pictures', 'health']),
    cities       text[] CHECK (cardinality(cities) > 0),  -- none: every city
    added_by     text NOT NULL CHECK (added_by <> ''),
    added_at     timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL CHECK (expires_at > added_at),
    revoked_at   timestamptz,
    revoked_by   text,
    last_used_at timestamptz,
    CHECK (num_nonnulls(revoked_at, revoked_by) IN (0, 2))
);

-- Streams that a token has opened end when it is revoked.
CREATE FUNCTION tell_api_token_revoked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('api_token_revoked', NEW.token_id);
    RETURN NULL;
END
$$;

CREATE TRIGGER api_token_revoked AFTER UPDATE OF revoked_at ON api_token
    FOR EACH ROW EXECUTE FUNCTION tell_api_token_revoked();
