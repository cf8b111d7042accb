#!/bin/sh
# SPDX-License-Identifier: MIT
#
# usage: check.sh BUILD SOURCE PREFIX COMPILER...
# Installs BUILD into an empty folder and uses it as a stranger would, through pkg-config; then looks at what
# the library exports and at what was installed. Prints TAP.
#
# shellcheck disable=SC2317 # functions are called through check
set -u
build=$1 source=$2 prefix=$3
shift 3

stage=$build/tests/install/stage
rm -rf "$stage"
number=0
failed=0

check() {
    title=$1
    shift
    number=$((number + 1))
    if output=$("$@" 2>&1); then
        echo "ok $number - $title"
    else
        echo "not ok $number - $title"
        printf '%s\n' "$output" | sed 's/^/# /'
        failed=1
    fi
}

# Says whatever arrives on standard input is wrong; nothing is right.
nothing() { ! grep .; }

install_it() { DESTDIR=$stage meson install -C "$build" --no-rebuild --quiet; }
check 'installs into an empty folder' install_it

library=$(find "$stage" -name libcounterflow.so)
pkgconfig_file=$(find "$stage" -name counterflow.pc)
export PKG_CONFIG_PATH="${pkgconfig_file%/*}"
package() { pkg-config "--define-variable=prefix=$stage$prefix" "$@" counterflow; }

for compiler in "$@"; do
    name=$(basename "$compiler")
    build_consumer() {
        # shellcheck disable=SC2046 # lists of options
        "$compiler" -std=c++20 -Wall -Wextra -Werror $(package --cflags) "$source/tests/install/consumer.cpp" \
            -o "$stage/consumer-$name" $(package --libs)
    }
    check "a program builds through pkg-config alone with $name" build_consumer
    # The staged library is where no loader looks; an installed one is found after ldconfig, as the README says.
    check "and runs, built with $name" env "LD_LIBRARY_PATH=${library%/*}" "$stage/consumer-$name"
done

build_c_consumer() {
    # shellcheck disable=SC2046 # lists of options
    cc -std=c11 -Wall -Wextra -Wpedantic -Werror $(package --cflags) "$source/tests/install/consumer.c" \
        -o "$stage/consumer-c" $(package --libs)
}
check 'a program in C builds likewise' build_c_consumer
check 'and runs' env "LD_LIBRARY_PATH=${library%/*}" "$stage/consumer-c"

needs_nothing() { pkg-config --print-requires --print-requires-private counterflow | nothing; }
check 'pkg-config asks for no other package' needs_nothing

soname() { readelf -d "$library" | grep -F 'SONAME' | grep -E '\[libcounterflow\.so\.[0-9]+\]'; }
check 'the library has a versioned soname' soname
check 'the name with the version is there' test -e "$library.$(pkg-config --modversion counterflow)"
exported_elsewhere() {
    nm -D --defined-only "$library" |
        awk '$2 != "A" && $3 !~ /^_Z(T[ISVTHW]|GV|Th[0-9_n]+|Tv[0-9_n]+)?N[KRO]*2cf|^counterflow_/' | nothing
}
check 'only names of namespace cf and of the C API are exported' exported_elsewhere
exported_as_declared() {
    grep -o 'counterflow_[a-z_]*(' "$stage$prefix/include/counterflow/counterflow.h" | tr -d '(' | sort -u |
        while read -r name; do nm -D --defined-only "$library" | grep -qw "$name" || echo "$name"; done | nothing
}
check 'every function of the C API is exported' exported_as_declared
exported_internals() { nm -DC --defined-only "$library" | grep -E ' cf::(edma|model)::' | nothing; }
check 'the driver and the model are not exported' exported_internals

same_headers() {
    (cd "$source/include" && find . -name '*.h*' | sort) >"$stage/headers.public"
    (cd "$stage$prefix/include" && find . -type f | sort) >"$stage/headers.installed"
    diff -u "$stage/headers.public" "$stage/headers.installed"
}
check 'every public header is installed, and nothing else' same_headers
mentions() { grep -rlF -e "$source" -e "$build" "$stage$prefix/include" "$pkgconfig_file" | nothing; }
check 'no installed header or package file speaks of the folder it was built in' mentions
runpath() {
    find "$stage$prefix" -type f -perm -u+x -exec readelf -d {} + | grep -E 'RPATH|RUNPATH' | nothing
}
check 'nothing installed carries a path to look for libraries' runpath

echo "1..$number"
exit $failed
