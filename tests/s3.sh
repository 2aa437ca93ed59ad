#!/bin/sh
# Two S3 servers for the tests (moto), on loopback, in memory: one that lets everybody in, and one that
# checks who asks.
#
#   tests/s3.sh start DIR [PYTHON]   starts them, prints their URLs on two lines; PYTHON has moto[server]
#   tests/s3.sh stop DIR             stops them
set -eu

verb=${1:?start or stop}
dir=${2:?a directory for logs and process ids}

case $verb in
start)
    python=${3:-python3}
    mkdir -p "$dir"
    "$python" -c 'import moto.server' 2>"$dir/error.log" || {
        echo "s3.sh: $python has no moto[server]" >&2
        exit 1
    }
    for kind in open strict; do
        # So many requests are let in before the strict one checks.
        if [ $kind = strict ]; then
            export INITIAL_NO_AUTH_ACTION_COUNT=0
        fi
        # Port 0: the system knows which is free.
        "$python" -u -c '
import logging, sys
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
print("http://127.0.0.1:%d" % server.server_port, flush=True)
server.serve_forever()
' >"$dir/$kind.url" 2>"$dir/$kind.log" &
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
