#!/bin/sh
# SPDX-License-Identifier: MIT
#
# usage: 60-stream.sh BUILD
# What streams reach between two files in memory on both directions of a gen3 x1 link, what an acquisition at gen2 x1
# loses, with a sink that keeps up and with one that does not, and how long messages take there and back. JSON a line.
set -eu
bench=$1/tests/bench/stream/stream-bench
folder=$(mktemp -d /dev/shm/counterflow-bench-XXXXXX)
trap 'rm -rf "$folder"' EXIT
dd if=/dev/zero of="$folder/source" bs=1M count=1024 status=none
{
    "$bench" duplex model:gen3x1 "$folder/source" "$folder/sink"
    rm "$folder/source"
    "$bench" acquire model:gen2x1 "$folder/sink" 60 0
    "$bench" acquire model:gen2x1 "$folder/sink" 5 1000
    "$bench" channel model:gen3x1 5000
    "$bench" channel model:gen3x1,wake=poll 5000
} | tee -a "${COUNTERFLOW_BENCH_JSON:-/dev/null}"
