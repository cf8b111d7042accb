#!/bin/sh
# SPDX-License-Identifier: MIT
#
# usage: 30-nop.sh BUILD
# What the runtime adds to an io_uring no-op, beside a loop by hand and one on liburing. With g++ and, where
# there is one, clang: the programs need nothing but the runtime, so they are built here.
set -eu
root=$(CDPATH='' cd -- "${0%/*}/../.." && pwd)
folder=$1/tests/bench/nop

sources="src/coro/*.cpp src/runtime/*.cpp src/runtime/uring/*.cpp src/runtime/virtual/*.cpp tests/bench/nop/*.cpp tests/support/allocation_count.cpp"

# build COMPILER: into its own folder, at -O2. Prints the program's name.
build() {
    program=$folder/by-$1/nop-bench
    mkdir -p "${program%/*}"
    (
        cd "$root"
        # shellcheck disable=SC2086,SC2016 # a list of patterns; $1 to $3 are the inner shell's
        printf '%s\n' $sources | xargs -P 2 -I@ sh -c '"$1" -std=c++20 -O2 -Iinclude -Isrc -Itests/support -c "$2" \
            -o "$3/$(echo "$2" | tr / _).o"' build "$1" @ "${program%/*}"
        "$1" "${program%/*}"/*.o -luring -o "$program"
    )
    echo "$program"
}

programs=
for compiler in g++ clang++-16 clang++; do
    command -v "$compiler" >/dev/null 2>&1 || continue
    case $compiler$programs in clang++*by-clang*) continue ;; esac
    programs="$programs $(build "$compiler")"
done
# shellcheck disable=SC2086 # a list of programs
exec python3 "${0%/*}/nop_table.py" $programs
