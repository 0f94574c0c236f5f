-- A region that signs settings for a city's box numbers them above what the city has: the city's roster says how far.
ALTER TABLE device ADD COLUMN settings_number bigint NOT NULL DEFAULT 0 CHECK (settings_number >= 0);

COMMENT ON COLUMN device.settings_number IS 'At a region: number of the newest settings document that the city has for it; 0 for none';
