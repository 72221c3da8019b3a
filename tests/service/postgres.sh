#!/usr/bin/env bash
# A PostgreSQL for the tests: found, or installed where we are root on Debian, and started on loopback. Idempotent.
#
#   tests/service/postgres.sh start FOLDER [--install]    prints its URL; exit 3 where there is none to be had
#   tests/service/postgres.sh stop FOLDER
set -euo pipefail

act="${1:?start or stop}"
folder="$(mkdir -p "${2:?a folder}" && cd "$2" && pwd)"

binaries() {
    local found
    found="$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)"
    if [ -z "$found" ] && command -v initdb >/dev/null; then found="$(dirname "$(command -v initdb)")"; fi
    [ -x "$found/initdb" ] && echo "$found"
}

run() { # as a user that PostgreSQL accepts: it refuses root
    if [ "$(id -u)" -eq 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}

bin="$(binaries || true)"
if [ -z "$bin" ] && [ "${3:-}" = --install ] && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    apt-get install -y -q postgresql >&2 || { apt-get update -q >&2 && apt-get install -y -q postgresql >&2; }
    bin="$(binaries || true)"
fi
[ -n "$bin" ] || { echo "no PostgreSQL here" >&2; exit 3; }
if [ "$(id -u)" -eq 0 ]; then
    id postgres >/dev/null 2>&1 || { echo "no user postgres here" >&2; exit 3; }
    chown postgres "$folder"
    chmod go+rx "$folder" "$(dirname "$folder")" 2>/dev/null || true
fi
cd "$folder"

if [ "$act" = stop ]; then
    if run "$bin/pg_ctl" -D "$folder/data" status >/dev/null 2>&1; then
        run "$bin/pg_ctl" -D "$folder/data" -m fast -w -t 30 stop >&2
    fi
    exit 0
fi
if [ ! -s "$folder/data/PG_VERSION" ]; then
    run "$bin/initdb" -D "$folder/data" -U evenhand -A trust -E UTF8 --locale=C >"$folder/initdb.log" 2>&1 ||
        { cat "$folder/initdb.log" >&2; exit 3; }
fi
if ! run "$bin/pg_ctl" -D "$folder/data" status >/dev/null 2>&1; then
    port="${EVENHAND_PORT:-}"
    [ -n "$port" ] || port="$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
    echo "$port" >"$folder/port"
    run "$bin/pg_ctl" -D "$folder/data" -w -t 60 -l "$folder/data/log" \
        -o "-h 127.0.0.1 -p $port -k '' -c shared_buffers=64MB" start >"$folder/start.log" 2>&1 ||
        { cat "$folder/start.log" "$folder/data/log" >&2; exit 3; }
fi
echo "postgresql+psycopg://evenhand@127.0.0.1:$(cat "$folder/port")/postgres"
