#!/bin/sh
# Run once, by the image, when the database's volume is empty: the service's role, which owns the database and may make the
# roles of analysts (`aggregator analyst add`). Its password comes from a file and reaches psql on no command line.
set -eu
secret=${DATABASE_ATALAYA_PASSWORD_FILE:-/run/secrets/database_atalaya_password}
[ -r "$secret" ] || { echo "$secret cannot be read: has deploy/make_secrets.sh run?" >&2; exit 1; }
export secret
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\set password `cat "$secret"`
CREATE ROLE atalaya LOGIN CREATEROLE PASSWORD :'password';
ALTER DATABASE :"DBNAME" OWNER TO atalaya;
ALTER SCHEMA public OWNER TO atalaya;
REVOKE TEMPORARY ON DATABASE :"DBNAME" FROM PUBLIC;
SQL
