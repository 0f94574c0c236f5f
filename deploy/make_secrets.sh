#!/bin/sh
# Make the passwords of deploy/compose.yaml, each in a file that belongs to the account which reads it in its container, and
# to nobody else. What is there already stays. Run it as root, once, before the first `docker compose up`.
#
#   deploy/make_secrets.sh [FOLDER]      (deploy/secrets)
set -eu
umask 077

folder=${1:-$(dirname "$0")/secrets}
if [ "$(id -u)" -ne 0 ]; then
    echo "run this as root: each file is to belong to the account that reads it in its container" >&2
    exit 1
fi

# The accounts of the images: PostgreSQL on Alpine, Grafana, and ours (deploy/Dockerfile).
postgres=70
grafana=472
atalaya=10001

mkdir -p "$folder"
random() { head -c 32 /dev/urandom | base64 | tr -d '\n=' | tr '+/' '-_'; }
put() { # NAME OWNER PASSWORD
    [ -e "$folder/$1" ] && return
    printf '%s\n' "$3" > "$folder/$1.part"
    chmod 0400 "$folder/$1.part"
    chown "$2" "$folder/$1.part"
    mv "$folder/$1.part" "$folder/$1"
}
pair() { # the same password for two accounts: NAME OWNER NAME OWNER
    if [ -e "$folder/$1" ]; then word=$(cat "$folder/$1"); else word=$(random); fi
    put "$1" "$2" "$word"
    put "$3" "$4" "$word"
}

put database_superuser_password $postgres "$(random)"
pair database_atalaya_password $postgres aggregator_database_password $atalaya
pair aggregator_grafana_password $atalaya grafana_database_password $grafana
put grafana_admin_password $grafana "$(random)"
echo "secrets are in $folder; Grafana's first password: grafana_admin_password there"
