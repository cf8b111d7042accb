#!/bin/sh
# SPDX-License-Identifier: MIT
#
# usage: 20-transfer.sh BUILD
# What an awaited transfer of 4 KiB costs on the null link, beside the same job written by hand on the
# driver's calls, in threads and on Boost.Asio; and how that changes with the number of awaiting tasks.
set -eu
exec python3 "${0%/*}/transfer_table.py" "$1/tests/bench/transfer/transfer-bench"
