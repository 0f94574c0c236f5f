-- The outbox in which a device counts its connections: a box imaged anew counts from 1 again, and is not off line for it.
-- Sixteen zero bytes: not told, which compares with none (protocol/presence.py).
ALTER TABLE presence ADD COLUMN outbox bytea NOT NULL DEFAULT decode(repeat('00', 16), 'hex')
    CHECK (octet_length(outbox) = 16);
