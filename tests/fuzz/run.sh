#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Lets one fuzzer search, or without a name all of them, as many at once as there are processors. `./dev fuzz` calls
# this.
#
#     run.sh BUILD SECONDS [TARGET]
#
# BUILD was configured with -Dfuzzers=true. What they learn is kept under BUILD/corpus and used the next time, what
# they find under BUILD/findings; any finding fails. To keep an input for every compiler's tests, copy it into
# tests/fuzz/corpus/TARGET.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
build=$1 seconds=$2
if [ $# -lt 3 ]; then
    for folder in "$here"/corpus/*; do basename "$folder"; done |
        xargs -n 1 -P "$(nproc)" "$0" "$build" "$seconds"
    exit
fi

name=$3 corpus=$build/corpus/$3 findings=$build/findings
log=$findings/$name.log
mkdir -p "$corpus" "$findings"
export COUNTERFLOW_LOG=off
if "$build/tests/fuzz/fuzz-$name" -max_total_time="$seconds" -timeout=30 -rss_limit_mb=4096 -print_final_stats=1 \
    -artifact_prefix="$findings/$name-" "$corpus" "$here/corpus/$name" >"$log" 2>&1; then
    echo "$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs," \
        "$(sed -n 's/.*\(cov: [0-9]*\).*/\1/p' "$log" | tail -n 1)"
else
    grep -v '^#' "$log" | tail -n 40
    input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
    echo "FAILED: $name: $(grep -m 1 -E 'ERROR:|runtime error:|ALARM:' "$log"); the input is in ${input:-$findings}:" \
        "$([ -z "$input" ] || base64 -w 0 "$input")"
    exit 1
fi
