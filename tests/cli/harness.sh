# SPDX-License-Identifier: MIT
#
# What the command's test scripts share; to be sourced with COUNTERFLOW JSON_QUERY as arguments. Moves to a
# folder of its own, which it removes. Scripts end with `plan`.
#
# shellcheck shell=sh
set -u

counterflow=$(realpath "$1") || exit 1
json_query=$(realpath "$2") || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

n=0
# report NAME RESULT: RESULT is 0 when it went well. Shows what the command said when it did not.
report() {
    n=$((n + 1))
    if [ "$2" -eq 0 ]; then
        printf 'ok %d - %s\n' $n "$1"
    else
        printf 'not ok %d - %s\n' $n "$1"
        sed 's/^/# stdout: /' out 2>/dev/null
        sed 's/^/# stderr: /' err 2>/dev/null
    fi
}

# run ARG...: runs the command, keeps its output in `out` and `err` and its exit code in $code.
run() {
    "$counterflow" "$@" >out 2>err
    code=$?
}

# ends NAME CODE TEXT ARG...: the command ends with CODE and says TEXT (a regular expression) on
# stderr; with CODE 2 in one line and without an event dump.
ends() {
    name=$1 want=$2 text=$3
    shift 3
    run "$@"
    bad=0
    [ $code -eq "$want" ] || bad=1
    grep -q "^counterflow: .*$text" err || bad=1
    if [ "$want" -eq 2 ] && [ "$(wc -l <err)" -ne 1 ]; then bad=1; fi
    report "$name" $bad
}

# prints NAME POINTER VALUE: the last output is JSON with that value.
prints() {
    [ "$("$json_query" out "$2" 2>>err)" = "$3" ]
    report "$1" $?
}

# Reproducible data in which no block is like another.
data() { seq 1000000 2000000000 | head -c "$1"; }

# The TAP plan.
plan() { printf '1..%d\n' $n; }
