#!/bin/sh
# A private PostgreSQL for the tests: its own directory, a Unix socket, no network.
#
#   tests/postgres.sh start DIR   makes the cluster in DIR where there is none, starts it, prints its URL
#   tests/postgres.sh stop DIR    stops it
#
# initdb refuses root: as root, everything runs as the package's `postgres` user.
set -eu

verb=${1:?start or stop}
dir=${2:?a directory for the cluster}

bin=$(dirname "$(command -v initdb 2>/dev/null || ls /usr/lib/postgresql/*/bin/initdb 2>/dev/null | tail -n 1)")
if [ ! -x "$bin/initdb" ]; then
    echo "postgres.sh: no initdb; install Debian's postgresql package" >&2
    exit 1
fi

as_owner() {
    if [ "$(id -u)" = 0 ]; then
        # Not from a directory that the other user may not enter.
        (cd / && runuser -u postgres -- "$@")
    else
        "$@"
    fi
}

case $verb in
start)
    mkdir -p "$dir"
    dir=$(cd "$dir" && pwd)
    if [ "$(id -u)" = 0 ]; then
        chown postgres "$dir"
    fi
    if [ ! -e "$dir/data/PG_VERSION" ]; then
        as_owner "$bin/initdb" --pgdata "$dir/data" --username advisor --auth trust --encoding UTF8 --no-sync >"$dir/initdb.log" 2>&1 ||
            { cat "$dir/initdb.log" >&2; exit 1; }
        # One user has to know a password, so that a wrong one can be tried.
        printf 'local all locked scram-sha-256\n%s\n' "$(cat "$dir/data/pg_hba.conf")" >"$dir/pg_hba.conf"
        cat "$dir/pg_hba.conf" >"$dir/data/pg_hba.conf"
    fi
    if ! as_owner "$bin/pg_ctl" --pgdata "$dir/data" status >/dev/null 2>&1; then
        # Durability is not what is tested here, and costs most of the time.
        options="-c listen_addresses= -c unix_socket_directories=$dir -c fsync=off -c max_connections=300"
        as_owner "$bin/pg_ctl" --pgdata "$dir/data" --log "$dir/server.log" --options "$options" --wait start >/dev/null ||
            { cat "$dir/server.log" >&2; exit 1; }
    fi
    echo "postgres://advisor@localhost/postgres?host=$dir"
    ;;
stop)
    as_owner "$bin/pg_ctl" --pgdata "$dir/data" --mode immediate stop >/dev/null
    ;;
*)
    echo "postgres.sh: start or stop, not $verb" >&2
    exit 2
    ;;
esac
