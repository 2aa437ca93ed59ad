#!/bin/sh
# Two S3 servers for the tests (moto), on loopback, in memory: one that lets everybody in, with a second
# door that has TLS and asks for a role, and one that checks who asks. See tests/s3.py.
#
#   tests/s3.sh start DIR [PYTHON]   starts them, prints the URLs of the open one, of its second door and
#                                    of the strict one on three lines; PYTHON has moto[server]. What the
#                                    second door asks for is in DIR/roles.
#   tests/s3.sh stop DIR             stops them
set -eu

verb=${1:?start or stop}
dir=${2:?a directory for logs and process ids}

case $verb in
start)
    python=${3:-python3}
    server=$(dirname "$0")/s3.py
    mkdir -p "$dir"
    "$python" -c 'import moto.server' 2>"$dir/error.log" || {
        echo "s3.sh: $python has no moto[server]" >&2
        exit 1
    }
    for kind in open strict; do
        "$python" -u "$server" $kind "$dir/roles" >"$dir/$kind.url" 2>"$dir/$kind.log" &
        echo $! >"$dir/$kind.pid"
    done
    for kind in open strict; do
        tries=0
        while [ ! -s "$dir/$kind.url" ]; do
            tries=$((tries + 1))
            [ $tries -lt 300 ] || {
                cat "$dir/$kind.log" >&2
                exit 1
            }
            sleep 0.1
        done
        cat "$dir/$kind.url"
    done
    ;;
stop)
    for kind in open strict; do
        kill "$(cat "$dir/$kind.pid")" 2>/dev/null || true
    done
    ;;
*)
    echo "s3.sh: start or stop, not $verb" >&2
    exit 2
    ;;
esac
