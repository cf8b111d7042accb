# SPDX-License-Identifier: MIT
#
# What `./dev test` runs, in which order, and how it counts; dev reads this file, and has what it names in $build,
# $root, $jobs and the packages.
# shellcheck shell=sh
# shellcheck disable=SC2154 # which are dev's

# --- counting --------------------------------------------------------------------------------

# Stages of a test run write lines "PASSED FAILED SKIPPED" here; the last line of the run is their sum.
counts=$build/counts

count() { printf '%s %s %s\n' "$1" "$2" "$3" >>"$counts"; }

# What the end of the run says again: what failed and what did not run, and how long every stage took.
verdicts=$build/verdicts
times=$build/times

failure() { say "FAILED: $1" | tee -a "$verdicts"; }

# stage TITLE COMMAND...: a check that passes or fails as a whole.
stage() {
    title=$1
    shift
    begin "$title"
    if "$@" >"$build/stage.log" 2>&1; then
        count 1 0 0
    else
        tail -n 60 "$build/stage.log"
        failure "$title"
        sed -n 's/^FAILED: /    /p' "$build/stage.log" >>"$verdicts"
        count 0 1 0
    fi
    end
}

begin() {
    stage_title=$1 stage_start=$(date +%s)
    printf '\n== %s\n' "$stage_title"
}
end() { say "== $stage_title: $(($(date +%s) - stage_start)) s" | tee -a "$times"; }

# suite NAME TITLE [meson test options]: builds a configuration and runs its tests, counted case by case.
suite() {
    name=$1 title=$2
    shift 2
    begin "$title"
    if ! compile "$name" >"$build/$name.log" 2>&1; then
        cat "$build/$name.setup.log" "$build/$name.log" 2>/dev/null | grep -v '^\[' | tail -n 60
        failure "$title does not build; all of it is in $build/$name.log"
        count 0 1 0
    else
        say "== built after $(($(date +%s) - stage_start)) s"
        rm -f "$build/$name/meson-logs/testlog.json"
        meson test -C "$build/$name" --no-rebuild --num-processes "$jobs" "$@" 2>&1 |
            grep -E '^ *[0-9]+/[0-9]+ |Timeout' || true
        python3 "$root/tests/tally.py" "$build/$name/meson-logs/testlog.json" 2>"$build/$name.failures" >>"$counts" ||
            count 0 1 0
        cat "$build/$name.failures"
        sed -n "s/^FAILED: /&$name: /p" "$build/$name.failures" >>"$verdicts"
    fi
    end
}

# attempt NEEDED TITLE COMMAND...: a check that prints TAP, or passes or fails as a whole, and exits with 77 when packages
# of other releases, which it wants, cannot be had. That is a failure when NEEDED is 1; it is never passed over in silence.
attempt() {
    needed=$1 title=$2 code=0
    shift 2
    begin "$title"
    "$@" >"$build/attempt.tap" 2>"$build/attempt.log" || code=$?
    grep -vE '^(ok [^#]*|1\.\.[0-9]+)$' "$build/attempt.tap" || true
    if [ $code -eq 77 ]; then
        tail -n 12 "$build/attempt.log"
        say "NOT RUN: $title: $(tail -n 1 "$build/attempt.log")" | tee -a "$verdicts"
        count 0 "$needed" $((1 - needed))
    else
        awk -v code=$code '
            /^ok .*# SKIP/ { ++skipped; next }
            /^ok / { ++passed }
            /^not ok / { ++failed }
            END {
                if (code && !failed) failed = 1
                if (!(passed + failed + skipped)) passed = 1
                print passed + 0, failed + 0, skipped + 0
            }' \
            "$build/attempt.tap" >>"$counts"
        [ $code -eq 0 ] || {
            tail -n 60 "$build/attempt.log"
            failure "$title"
            sed -n 's/^not ok/    &/p' "$build/attempt.tap" >>"$verdicts"
        }
    fi
    end
}

# Says the sum of all counts, as the last line; fails when anything failed or nothing ran.
summary() {
    awk -v seconds="$(($(date +%s) - run_start))" '
        { passed += $1; failed += $2; skipped += $3 }
        END {
            if (passed + failed == 0) { print "nothing ran"; failed = 1 }
            printf "\nall of it: %d s\n%d passed, %d failed", seconds, passed, failed
            if (skipped) printf ", %d skipped", skipped
            printf "\n"
            exit failed != 0
        }' "$counts"
}

# --- what runs -------------------------------------------------------------------------------

test_newcomer() {
    # shellcheck disable=SC2086 # lists of package names
    need $packages_build $packages_vm
    suite gcc 'g++' --no-suite slow
    attempt 0 'Linux 6.1, IOMMU' guests --iommu ring dmaengine
}

# The checks of the source itself run once, with g++; the other builds repeat the behaviour only.
suite_gcc() { suite gcc 'g++'; }
suite_clang() { suite clang 'clang' --no-suite project; }
suite_asan() {
    suite asan 'g++, address sanitizer' --no-suite project --timeout-multiplier 4
}
suite_tsan() {
    # ThreadSanitizer of clang 16 cannot map its shadow where the kernel randomises addresses by more than
    # 28 bits; its tests run without randomisation then.
    set --
    [ "$(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo 28)" -le 28 ] ||
        set -- --wrapper "setarch $(uname -m) -R"
    suite tsan 'clang, thread and undefined-behaviour sanitizers' --no-suite project --timeout-multiplier 6 "$@"
}

test_one() {
    # shellcheck disable=SC2086 # lists of package names
    need $packages_build $packages_all
    "suite_$1"
}

test_all() {
    # shellcheck disable=SC2086 # lists of package names
    need $packages_build $packages_all
    stage 'house style (clang-format)' format_files --dry-run -Werror
    stage 'shell scripts (shellcheck)' check_shell
    suite_gcc
    suite_clang
    stage 'the same events with both compilers' "$root/tests/sim/same_events.sh" \
        "$build/gcc/src/cli/counterflow" "$build/clang/src/cli/counterflow"
    suite_asan
    suite_tsan
    stage 'fuzzers, a minute each' fuzz 60
    stage 'clang-tidy' tidy_sources
    stage 'API reference (doxygen)' build_docs
    test_kernels
}

# other_kernels: guests of those that `test_kernels` does not wait for, recorded.
other_kernels() {
    mkdir -p "$build/vm"
    for series in 5.10 6.12 7.2; do
        code=0
        guests --kernel $series --iommu ring dmaengine dw-edma \
            >"$build/vm/others-$series.tap" 2>"$build/vm/others-$series.log" || code=$?
        echo $code >"$build/vm/others-$series.code"
    done
}

# recorded FILE: what a command said, and its exit code.
recorded() {
    cat "$1.tap"
    cat "$1.log" >&2
    return "$(cat "$1.code")"
}

# kill_tree PID: it and what it has started, which an interrupt from the terminal does not reach in the background. It
# stands still meanwhile, so that it starts nothing else.
kill_tree() {
    kill -STOP "$1" 2>/dev/null || return 0
    children=$(cat "/proc/$1/task/$1/children" 2>/dev/null || true)
    for child in $children; do kill_tree "$child"; done
    kill "$1" 2>/dev/null || true
    kill -CONT "$1" 2>/dev/null || true
}

# The kernel module, on every kernel of the rig. Those of other releases may have left the mirrors.
test_kernels() {
    here=0
    if [ "$(dpkg --print-architecture)" = amd64 ]; then
        here=1
        # shellcheck disable=SC2086 # a list of package names
        need $packages_modules
    fi
    other_kernels & # a guest keeps one core busy
    others=$!
    trap 'kill_tree $others' EXIT
    trap 'exit 130' INT # through the trap above
    attempt $here 'module, Linux 6.1, sparse' module 6.1 amd64 C=1
    for series in 5.10 6.12 7.2; do attempt 0 "module, Linux $series" module $series; done
    for series in 5.10 6.1; do attempt 0 "module, Linux $series, arm64" module $series arm64; done
    attempt $here 'Linux 6.1, IOMMU' guests --iommu
    attempt $here 'Linux 6.1' guests ring dmaengine dw-edma
    wait $others
    trap - EXIT INT
    for series in 5.10 6.12 7.2; do attempt 0 "Linux $series, IOMMU" recorded "$build/vm/others-$series"; done
}

run_tests() {
    run_start=$(date +%s)
    mkdir -p "$build"
    : >"$counts"
    : >"$verdicts"
    : >"$times"
    "$@"
    say
    cat "$times" "$verdicts"
    summary
}
