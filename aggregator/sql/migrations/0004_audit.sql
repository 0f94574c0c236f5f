-- Who looked at what, and why: ids and reasons, never a plate. Each row's hash covers the row and the hash before it
-- (aggregator/core/audit.py), so that a changed, inserted or removed row shows; a cut tail shows by the checkpoints that are
-- signed and kept elsewhere. Rows are only ever added.

CREATE TABLE audit (
    number        bigint PRIMARY KEY CHECK (number > 0),
    at            timestamptz NOT NULL,
    actor         text NOT NULL CHECK (actor <> ''),
    action        text NOT NULL CHECK (action <> ''),
    subject       text NOT NULL,
    reason        text NOT NULL,
    previous_hash sha256 NOT NULL UNIQUE,  -- no two rows follow the same one
    hash          sha256 NOT NULL UNIQUE
);
CREATE INDEX audit_by_time ON audit (at);
CREATE INDEX audit_of_subject ON audit (subject);

CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit rows are never changed or removed' USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
