#!/bin/sh
# SPDX-License-Identifier: MIT
#
# usage: 40-software.sh BUILD
# What software takes of a processor, the defaults of `sim:` (cf::software_cost): five runs of each figure, with
# the medians below them. Other load makes them longer; `chrt -r 1` keeps that away.
set -eu
exec python3 "${0%/*}/software_table.py" "$1/tests/bench/software/software-bench"
