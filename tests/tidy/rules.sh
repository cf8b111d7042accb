#!/bin/sh
# SPDX-License-Identifier: MIT
#
# usage: rules.sh SOURCE
# The rules of the house that no compiler and no formatter checks. Each prints what breaks it. Prints TAP.
#
# shellcheck disable=SC2317 # functions are called through without
set -u
cd "$1" || exit 1

number=0
failed=0

# rule TITLE FINDINGS: broken by every line of FINDINGS.
rule() {
    number=$((number + 1))
    if [ -z "$2" ]; then
        echo "ok $number - $1"
    else
        echo "not ok $number - $1"
        printf '%s\n' "$2" | head -n 40 | sed 's/^/# /'
        failed=1
    fi
}

# Files of ours whose names match one of the given patterns; build folders, unpacked wraps and what fuzzers made are
# not ours.
ours() {
    for pattern in "$@"; do
        find . \( -path ./.git -o -path './build*' -o -path './.cache' -o -path './subprojects/*/*' \
            -o -path ./tests/fuzz/corpus \) -prune -o -type f -name "$pattern" -print
    done | sort
}
code() { ours '*.cpp' '*.hpp' '*.h' '*.c'; }
cpp() { ours '*.cpp' '*.hpp'; }
scripts() { ours '*.sh' dev run; }
python() { ours '*.py'; }

# lines PATTERN: where it stands, in the files named on standard input.
lines() { xargs grep -nHIP -e "$1"; }
# spans PATTERN: the same for a pattern that may cross lines.
spans() { xargs grep -PzoH -e "$1" | tr '\n\0' ' \n' | sed '/^ *$/d'; }
# without COMMAND: the files named on standard input for which COMMAND FILE fails.
without() { while read -r file; do "$@" "$file" >/dev/null || echo "$file"; done; }

# --- files -----------------------------------------------------------------------------------

too_long() {
    { code; scripts; python; } | while read -r file; do
        length=$(wc -l <"$file")
        [ "$length" -le 450 ] || echo "$file: $length lines"
    done
}
licensed() {
    license='// SPDX-License-Identifier: MIT'
    case $1 in
    ./kernel/* | ./tests/vm/modules/*) license='(// |/\* )SPDX-License-Identifier: GPL-2\.0' ;;
    */uapi.h) license='/\* SPDX-License-Identifier: \(*GPL-2\.0 WITH Linux-syscall-note\)* OR MIT \*/' ;;
    esac
    head -n 1 "$1" | grep -E "^$license"
}
script_licensed() { head -n 2 "$1" | grep -F '# SPDX-License-Identifier: MIT'; }
introduced() { sed -n 3p "$1" | grep -E '^(//|/\*| \*) ?[^ ]'; }
guarded() { grep -x '#pragma once' "$1"; }
ends_well() { [ -z "$(tail -c 1 "$1" | tr -d '\n')" ]; }

rule 'no file has more than 450 lines' "$(too_long)"
rule 'every source file names its license first' "$(code | without licensed)"
rule 'every script names its license first' "$({ scripts; python; } | without script_licensed)"
rule 'every source file says what it is, right below its license' "$(code | without introduced)"
rule 'every header has #pragma once' "$(ours '*.hpp' | without guarded)"
rule 'every file ends with a line feed' "$(ours '*' | without ends_well)"
rule 'no white space ends a line' "$(ours '*' | grep -v '^\./LICENSES/' | lines '[ \t]+$')"
rule 'no tabs' "$({ cpp; scripts; python; ours meson.build '*.md'; } | lines '\t')"
rule 'nothing is left to do' \
    "$({ code; scripts; python; ours meson.build '*.md'; } | lines '\b(TO''DO|FIX''ME|XX''X)\b')"
rule "no path of one developer's machine" \
    "$(ours '*' | grep -v '^\./LICENSES/' | lines '/(home|work|farm|workspace)/[a-z]|\.\.[/]shared')"

# --- coroutines ------------------------------------------------------------------------------

# g++ 12 may skip such an await, or run it twice; it has to stand in a statement of its own.
# An open parenthesis, then anything that does not close it, then an await.
inside='\((?:[^();{}]|(\((?:[^()]++|(?1))*+\))|\()*?\bco_await\b[^\n]*'
rule 'no await inside a condition' "$(cpp | spans "\b(?:if|while|switch)\s*(?:constexpr\s*)?$inside")"
rule 'no await inside an assertion of a test' "$(cpp | spans "\b(?:REQUIRE|CHECK)[A-Z_]*\s*$inside")"
rule 'no await behind ?, && or ||' "$(cpp | spans '(\?|&&|\|\|)\s*co_await\b[^\n]*')"

# --- tests -----------------------------------------------------------------------------------

untested() {
    find include/counterflow -maxdepth 1 -name '*.hpp' ! -name counterflow.hpp | sort | while read -r header; do
        [ -n "$(find tests -name "$(basename "$header" .hpp)_test.cpp")" ] || echo "$header"
    done
}
rule 'every public header has a test of its own' "$(untested)"
rule 'no test waits for time to pass on the real clock' \
    "$(ours '*_test.cpp' | lines 'this_thread::sleep|\b(u|nano)?sleep\(')"

# --- dependencies ----------------------------------------------------------------------------

# layer PART NAMES: what PART may include besides its own headers and the log.
layer() {
    [ ! -d "src/$1" ] || grep -rnE '#include "[a-z_]+/' "src/$1" | grep -vE "#include \"($1|log|$2)[/.]"
}
upward() {
    layer coro coro
    layer log log
    layer runtime coro
    layer edma 'runtime|coro'
    layer shim 'runtime|coro'
    # The model plugs into the device-opening code; it knows that seam and no more of the device.
    layer model 'device/attachment|edma|runtime|coro'
    layer vfio 'device/attachment|edma|runtime|coro'
    # The third attachment: the model's, and nobody's who drives an engine.
    layer vfio_user 'model|edma/registers'
    layer device 'model|vfio|edma|shim|runtime|coro'
    layer record 'runtime|coro'
    # A user of the public headers, like programs.
    layer c_api c_api
    layer stream 'device|edma|shim|runtime|coro'
}
rule 'a part includes only what it stands on' "$(upward)"
rule 'no include climbs' "$(cpp | lines '#include "\.\.?/')"
# The headers are installed; whoever includes them has the standard library and the kernel's headers, and
# must need no other package. Those for Boost.Asio are for programs that have it.
foreign() {
    grep -rnE '#include <' include |
        grep -vE '^include/counterflow/asio(\.hpp|/.*):.*#include <boost/(asio|system)/' |
        grep -vE '#include <(counterflow/.*|[a-z_0-9]+|(sys|linux|sanitizer)/.*\.h|(unistd|fcntl|poll|stddef|stdint)\.h)>'
}
rule 'public headers need nothing but the system' "$(foreign)"

echo "1..$number"
exit $failed
