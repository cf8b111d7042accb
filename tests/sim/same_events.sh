#!/bin/sh
# SPDX-License-Identifier: MIT
#
# usage: same_events.sh COUNTERFLOW COUNTERFLOW
# A simulation takes the same course whatever compiled it: the same hash of all events from builds by two
# compilers.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

for spec in gen3x8,wr=2,rd=2 gen5x16,wr=4,rd=2,wake=poll,seed=7 gen2x1,engine=both,submit=descriptor; do
    n=0
    for counterflow in "$@"; do
        n=$((n + 1))
        "$counterflow" bench "sim:$spec" --seconds 0.005 --json >"$folder/$n"
        sed -n 's/.*"event_hash": "\(.*\)".*/\1/p' "$folder/$n"
    done >"$folder/hashes"
    printf 'sim:%s %s\n' "$spec" "$(tr '\n' ' ' <"$folder/hashes")"
    [ "$(wc -l <"$folder/hashes")" -eq $# ] && [ "$(sort -u "$folder/hashes" | wc -l)" -eq 1 ]
done
