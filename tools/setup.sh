#!/usr/bin/env bash
# `make setup`: a virtual environment with the locked packages, in sight, and all or nothing where there was none.
# Arguments: the Python to use, and the folder.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
python=$1 folder=$2
fresh=$([[ -e $folder ]] || echo yes)
log='' running=''

# A half of an environment is of no use: what this run began goes, what was there before stays.
leave() {
    trap '' INT TERM HUP
    if [[ -n $running ]]; then
        kill -KILL -- "-$running" 2>/dev/null
        wait "$running" 2>/dev/null
    fi
    if [[ -n $fresh ]]; then rm -rf "$folder"; fi
    [[ -z $log ]] || rm -f "$log"
    sleep 0.2 # make fails with "No child processes" when this one ends before make has seen the signal
    exit "$1"
}
trap 'echo "setup: stopped, nothing is left of it" >&2; leave 130' INT
trap 'leave 143' TERM
trap 'leave 129' HUP
log=$(mktemp) || exit 1

fail() {
    echo "setup: $1" >&2
    leave 1
}

# Runs a command in a process group of its own, so that Ctrl-C reaches this script alone; says that it goes on.
step() {
    local what=$1 quarters=0 code
    shift
    echo "setup: $what"
    set -m
    "$@" >"$log" 2>&1 </dev/null &
    running=$!
    set +m
    while kill -0 "$running" 2>/dev/null; do
        read -r -t 0.25 <> <(:) || true
        quarters=$((quarters + 1))
        if ((quarters % 20 == 0)); then echo "setup: ... $((quarters / 4)) s, goes on"; fi
    done
    wait "$running"
    code=$?
    running=
    ((code == 0)) && return
    if grep -qiE 'resolution|resolve|connection|network|unreachable|timed out|connect error|dns' "$log"; then
        fail "no package index answers (no network, or a proxy that is not set?): connect, then run it again; it said: $(said)"
    fi
    cat "$log" >&2
    fail "$what: failed, see above"
}

said() {
    grep -iE 'error|failed|retrying' "$log" | tail -n 1 | tr -s ' \n' ' ' | cut -c 1-200
}

command -v "$python" >/dev/null || fail "there is no $python: install Python 3.11 or newer, or set PYTHON=python3.x"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$python is older than Python 3.11, which is needed: set PYTHON=python3.x"
[[ -x $folder/bin/python ]] || step "a virtual environment in $folder" "$python" -m venv "$folder"
step "the installer of packages, by its hash" "$folder/bin/python" -m pip install --quiet --disable-pip-version-check \
    --retries 2 --require-hashes --only-binary :all: -r requirements.uv.lock
export VIRTUAL_ENV=$folder
step "$(grep -c '^[a-z]' requirements.lock) packages: a minute where they have to be downloaded, 15 s where not" \
    "$folder/bin/uv" pip install --quiet --require-hashes -r requirements.lock
step "this project" "$folder/bin/uv" pip install --quiet --no-deps --no-build-isolation -e .
touch "$folder/ready"
rm -f "$log"
echo "setup: done; in a shell of yours:  . $folder/bin/activate"
