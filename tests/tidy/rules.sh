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
# without PATTERN: the files named on standard input that have no such line.
without() { xargs grep -LE -e "$1"; }
# unlike FIRST LAST PATTERN: those where no line from FIRST to LAST is like it.
unlike() {
    # shellcheck disable=SC2016 # awk's variables
    xargs awk -v first="$1" -v last="$2" -v pattern="$3" '
        function close_file() { if (file != "" && !good) print file }
        FNR == 1 { close_file(); file = FILENAME; good = 0 }
        FNR >= first && FNR <= last && $0 ~ pattern { good = 1 }
        END { close_file() }'
}

# --- files -----------------------------------------------------------------------------------

too_long() {
    { code; scripts; python; } | xargs wc -l | awk '$1 > 450 && $2 != "total" { print $2 ": " $1 " lines" }'
}
of_linux() { code | grep -E '^\./(kernel|tests/vm/modules)/'; }
of_both() { code | grep -E '/uapi\.h$'; }
of_users() { code | grep -vE '^\./(kernel|tests/vm/modules)/|/uapi\.h$'; }
licensed() {
    of_users | unlike 1 1 '^// SPDX-License-Identifier: MIT'
    of_linux | unlike 1 1 '^(// |/[*] )SPDX-License-Identifier: GPL-2[.]0'
    of_both | unlike 1 1 '^/[*] SPDX-License-Identifier: [(]*GPL-2[.]0 WITH Linux-syscall-note[)]* OR MIT [*]/'
    { scripts; python; } | unlike 1 2 '^# SPDX-License-Identifier: MIT'
}

rule 'no file has more than 450 lines' "$(too_long)"
rule 'every file of ours names its license first' "$(licensed)"
rule 'every source file says what it is, right below its license' "$(code | unlike 3 3 '^(//|/[*]| [*]) ?[^ ]')"
rule 'every header has #pragma once' "$(ours '*.hpp' | without '^#pragma once$')"
rule 'every file ends with a line feed' "$(ours '*' | xargs grep -LPz '\n\z')"
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
