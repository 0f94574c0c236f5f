-- Backups: what there is to copy, whatever it is called, and what must be true before anything is copied in.

-- name: settle
SELECT set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO', true), set_config('bytea_output', 'hex', true),
       set_config('IntervalStyle', 'postgres', true), set_config('extra_float_digits', '1', true),
       set_config('row_security', 'off', true), set_config('statement_timeout', '0', true),
       set_config('idle_in_transaction_session_timeout', '0', true);

-- On TimescaleDB the sums are views over its aggregates. They are copied as the tables that they are elsewhere, and what
-- only that engine keeps is left out: a copy is the same whichever engine it was made on.
-- name: tables
SELECT format('%I.%I', nspname, relname) AS name, array_agg(format('%I', attname) ORDER BY attnum) AS columns,
       array_agg(format('%I', attname) ORDER BY attnum) FILTER (WHERE atttypid = 'xid8'::regtype) AS transaction_columns,
       pg_total_relation_size(pg_class.oid)
           + (SELECT coalesce(sum(pg_total_relation_size(relid)), 0)
              FROM pg_partition_tree(pg_class.oid) WHERE relid <> pg_class.oid)::bigint AS size_bytes
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace JOIN pg_attribute ON attrelid = pg_class.oid
WHERE (relkind IN ('r', 'p') AND NOT relispartition AND relpersistence = 'p'
       OR nspname = 'public' AND relkind = 'v' AND relname IN ('camera_hour', 'city_hour', 'camera_day'))
  AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
  AND nspname !~ '^(pg_|_?timescaledb_)' AND nspname <> 'information_schema'
  AND (nspname <> 'public' OR relname NOT IN ('schema_migration', 'timescale_step', 'camera_day_zone'))
  AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e')
GROUP BY pg_class.oid, nspname, relname
ORDER BY 1;

-- name: references
SELECT DISTINCT format('%I.%I', a.nspname, one.relname) AS name, format('%I.%I', b.nspname, other.relname) AS points_to
FROM pg_constraint
JOIN pg_class AS one ON one.oid = conrelid JOIN pg_namespace AS a ON a.oid = one.relnamespace
JOIN pg_class AS other ON other.oid = confrelid JOIN pg_namespace AS b ON b.oid = other.relnamespace
WHERE contype = 'f';

-- name: sequences
SELECT format('%I.%I', schemaname, sequencename) AS name
FROM pg_sequences
WHERE schemaname !~ '^(pg_|_?timescaledb_)' AND sequencename <> 'camera_day_zone_number_seq'
ORDER BY 1;

-- name: partitions
SELECT format('%I.%I', n.nspname, c.relname) AS name, format('%I.%I', pn.nspname, p.relname) AS parent,
       pg_get_expr(c.relpartbound, c.oid) AS bounds
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_inherits ON inhrelid = c.oid
JOIN pg_class AS p ON p.oid = inhparent JOIN pg_namespace AS pn ON pn.oid = p.relnamespace
WHERE c.relispartition AND c.relkind = 'r'
ORDER BY 2, 1;

-- name: has_chunks
SELECT to_regclass('public.timescale_step') IS NOT NULL;

-- TimescaleDB's chunks, as the partitions that they are elsewhere.
-- name: chunks
SELECT to_char(range_start AT TIME ZONE 'UTC', '"public.camera_minute_"YYYYMMDD') AS name,
       'public.camera_minute' AS parent, format('FOR VALUES FROM (%L) TO (%L)', range_start, range_end) AS bounds
FROM timescaledb_information.chunks
WHERE hypertable_schema = 'public' AND hypertable_name = 'camera_minute'
  AND range_start = date_bin('1 day', range_start, '2000-01-01Z') AND range_end = range_start + interval '1 day'
ORDER BY 1;

-- name: with_triggers
SELECT DISTINCT format('%I.%I', nspname, relname) AS name
FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE NOT tgisinternal AND tgenabled <> 'D' AND relkind IN ('r', 'p') AND NOT relispartition
ORDER BY 1;

-- name: steps
SELECT number, name, encode(sha256, 'hex') AS sha256 FROM schema_migration ORDER BY number;

-- name: is_migrated
SELECT to_regclass('public.schema_migration') IS NOT NULL;

-- name: relations
SELECT count(*)
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND nspname !~ '^(pg_|_?timescaledb_)' AND nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e');

-- name: others_connected
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend';

-- name: server
SELECT current_setting('server_version') AS version, current_setting('server_version_num')::integer AS number,
       current_setting('server_encoding') AS encoding;

-- name: readers
SELECT DISTINCT role_name::text FROM city_reader ORDER BY 1;

-- name: roles_missing
SELECT name FROM unnest($1::text[]) AS name
WHERE NOT coalesce((SELECT has_schema_privilege(oid, 'ask', 'USAGE') FROM pg_roles WHERE rolname = name), false)
ORDER BY 1;

-- name: pictures
SELECT sha256, max(total_bytes) AS total_bytes FROM picture WHERE state = 'stored' GROUP BY sha256 ORDER BY sha256;

-- name: webhooks
SELECT webhook_id::text FROM webhook ORDER BY 1;
