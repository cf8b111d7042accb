#!/bin/sh
# SPDX-License-Identifier: MIT
#
# usage: check.sh FOLDER COMPILER...
# Compiles every header below FOLDER alone, twice included and with FOLDER as the only place to look: a header
# that leans on what its user included first, or on anything private, fails here. Prints TAP.
set -u
folder=$1
shift

# A header of C has to please both languages.
languages() {
    case $1 in
    *.h) echo 'c c++' ;;
    *) echo 'c++' ;;
    esac
}

compile() {
    standard=c++20
    [ "$2" = c ] && standard=c11
    printf '#include <%s>\n#include <%s>\n' "$3" "$3" |
        "$1" -x "$2" -std=$standard -Wall -Wextra -Wconversion -Wshadow -Werror -fsyntax-only -I"$folder" -
}

headers=$(cd "$folder" && find . -name '*.hpp' -o -name '*.h' | sed 's|^\./||' | sort)
number=0
failed=0
for compiler in "$@"; do
    for header in $headers; do
        for language in $(languages "$header"); do
            number=$((number + 1))
            title="$number - $header alone, as $language with $(basename "$compiler")"
            if output=$(compile "$compiler" "$language" "$header" 2>&1); then
                echo "ok $title"
            else
                echo "not ok $title"
                printf '%s\n' "$output" | sed 's/^/# /'
                failed=1
            fi
        done
    done
done
echo "1..$number"
exit $failed
