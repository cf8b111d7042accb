#!/bin/sh
# SPDX-License-Identifier: MIT
#
# usage: check.sh FOLDER COMPILER...
# Compiles every header below FOLDER alone, twice included and with FOLDER as the only place to look: a header
# that leans on what its user included first, or on anything private, fails here. Prints TAP.
set -u

# A header of C has to please both languages.
languages() {
    case $1 in
    *.h) echo 'c c++' ;;
    *) echo 'c++' ;;
    esac
}

compile() {
    standard=c++20
    [ "$3" = c ] && standard=c11
    printf '#include <%s>\n#include <%s>\n' "$4" "$4" |
        "$2" -x "$3" -std=$standard -Wall -Wextra -Wconversion -Wshadow -Werror -fsyntax-only -I"$1" -
}

# --one FOLDER COMPILER LANGUAGE HEADER: one of them.
if [ "$1" = --one ]; then
    shift
    title="$4 alone, as $3 with $(basename "$2")"
    if output=$(compile "$@" 2>&1); then
        echo "ok - $title"
    else
        printf 'not ok - %s\n%s\n' "$title" "$(printf '%s\n' "$output" | sed 's/^/# /')"
        exit 1
    fi
    exit
fi

folder=$1
shift
headers=$(cd "$folder" && find . -name '*.hpp' -o -name '*.h' | sed 's|^\./||' | sort)
all=$(for compiler in "$@"; do
    for header in $headers; do
        for language in $(languages "$header"); do echo "$folder $compiler $language $header"; done
    done
done)
echo "1..$(printf '%s\n' "$all" | wc -l)"
printf '%s\n' "$all" | xargs -n 4 -P "$(nproc)" "$0" --one || exit 1
