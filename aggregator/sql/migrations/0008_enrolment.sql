-- Invitations: who may enrol as which device, until when. Of the token's secret only the public key that was made from it
-- is here, and its id is the invitation's name. The first key that asks claims the invitation; no other gets it.

CREATE TABLE invitation (
    invitation_id  bytea PRIMARY KEY CHECK (octet_length(invitation_id) = 16),
    spki           bytea NOT NULL UNIQUE,
    device_id      registry_id NOT NULL REFERENCES device,
    settings_toml  text NOT NULL DEFAULT '',
    needs_approval boolean NOT NULL,
    invited_at     timestamptz NOT NULL,
    invited_by     text NOT NULL CHECK (invited_by <> ''),
    expires_at     timestamptz NOT NULL CHECK (expires_at > invited_at),
    key_id         bytea CHECK (octet_length(key_id) = 16),  -- the key that claimed it
    claimed_at     timestamptz,
    approved_at    timestamptz,
    approved_by    text,
    certified_at   timestamptz,
    cancelled_at   timestamptz,
    cancelled_by   text,
    CHECK ((key_id IS NULL) = (claimed_at IS NULL)),
    CHECK ((approved_at IS NULL) = (approved_by IS NULL)),
    CHECK ((cancelled_at IS NULL) = (cancelled_by IS NULL)),
    CHECK (approved_at IS NULL OR claimed_at IS NOT NULL),
    CHECK (certified_at IS NULL OR (claimed_at IS NOT NULL AND (approved_at IS NOT NULL OR NOT needs_approval))),
    CHECK (certified_at IS NULL OR cancelled_at IS NULL)
);
-- A device has one invitation at a time: a new one takes the place of the one that was lost.
CREATE UNIQUE INDEX invitation_in_force ON invitation (device_id) WHERE certified_at IS NULL AND cancelled_at IS NULL;
CREATE INDEX invitation_of_device ON invitation (device_id);
