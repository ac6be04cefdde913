#!/usr/bin/env bash
# `make demo`: the demo, so that Ctrl-C ends it at any moment, also while Python itself still starts, which would print
# a traceback. Arguments: the Python to use, then the demo's options.
set -uo pipefail
python=$1 demo=
shift

# A process in the background does not hear Ctrl-C by itself; SIGTERM ends it silently or, once it can, tidily.
stop() {
    trap '' INT TERM HUP
    if [[ -n $demo ]]; then
        kill -TERM "$demo" 2>/dev/null
        wait "$demo"
    fi
    sleep 0.2 # make fails with "No child processes" when this one ends before make has seen the signal
    exit "$1"
}
trap 'stop 130' INT
trap 'stop 143' TERM
trap 'stop 129' HUP

"$python" -m local_cloud demo "$@" <&0 &
demo=$!
wait "$demo"
