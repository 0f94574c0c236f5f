-- The ledger, compacted: a line of a message that nobody asks after any more is folded into a range, 32 bytes of it. What
-- stays is all that the ledger decides by: the key and the hash. Ranges of an outbox and an epoch never overlap, and a
-- key is in a line or in a range, never in both.
CREATE TABLE delivery_range (
    device_id    text NOT NULL,
    outbox       bytea NOT NULL,
    epoch        bigint NOT NULL,
    first        bigint NOT NULL,
    last         bigint NOT NULL CHECK (last >= first),
    -- Of each sequence from the first to the last, one after the other.
    hashes       bytea NOT NULL CHECK (octet_length(hashes) = 32 * (last - first + 1)),
    first_at     timestamptz NOT NULL,
    last_at      timestamptz NOT NULL,
    redeliveries bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (device_id, outbox, epoch, first)
);
-- Hashes cannot be compressed, and one of them is read without the others.
ALTER TABLE delivery_range ALTER COLUMN hashes SET STORAGE EXTERNAL;
