#!/bin/sh
# SPDX-License-Identifier: MIT
#
# usage: 10-link.sh BUILD
# Both directions at once over modelled links paced to the real clock, by block size, and over the null link,
# where only software takes time: what share of each direction's ceiling is reached, at what cost.
set -eu
counterflow=$1/src/cli/counterflow

# measure DEVICE SIZE OUTSTANDING: enough outstanding bytes to cover the link's round trip at that size.
measure() {
    "$counterflow" bench "$1" --direction both --size "$2" --outstanding "$3" --seconds 2 --json |
        tr -d '\n'
    echo
}

{
    for link in gen2x1 gen3x1; do
        measure "model:$link,wr=4,rd=2" 4KiB 64
        measure "model:$link,wr=4,rd=2" 64KiB 16
        measure "model:$link,wr=4,rd=2" 1MiB 8
    done
    measure model:null,wr=4,rd=2 4KiB 32
} | python3 "${0%/*}/link_table.py"
