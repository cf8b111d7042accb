# SPDX-License-Identifier: MIT
#
# The library's own tests, its examples and the command on /dev/counterflow0, by each way the kernel has.
# shellcheck shell=sh

node=/dev/counterflow0
counters=/sys/class/counterflow/counterflow0/counters

# tested CASES...: by their tags.
tested() { COUNTERFLOW_DEVICE=$node$way /device-test "$@"; }
says() {
    words=$1
    shift
    "$@" >/tmp/said 2>&1
    cat /tmp/said
    grep -qF -- "$words" /tmp/said
}
nothing_pinned() {
    for _ in $(seq 100); do
        [ "$(cat $counters/pinned_pages)" != 0 ] || return 0
        usleep 50000
    done
    return 1
}
bench() {
    /counterflow bench "$node$way" "$@" --json -q >/tmp/bench || return 1
    cat /tmp/bench
    grep -q '"verified": true' /tmp/bench
}
# What a bench made a second, both directions together.
transfers() {
    awk '/"transfers":/ { sum += $2 } /"seconds":/ { seconds = $2 } END { printf "%.0f", seconds ? sum / seconds : 0 }' /tmp/bench
}

# each_way: which ways this kernel has, by the library's names.
each_way() {
    ways='ring rw'
    [ "$(uname -r | cut -d. -f1)" -lt 6 ] || ways="uring_cmd $ways"
}

# In turns, the best of three: what a busy host disturbs least. Only ratios mean anything.
speeds() {
    : >/tmp/speeds
    for _ in 1 2 3; do
        for name in $ways; do
            way=,complete=$name
            check "$name: bench, 4 KiB" bench --size 4KiB --outstanding 16 --seconds 0.5
            echo "$name $(transfers)" >>/tmp/speeds
        done
    done
    for name in $ways; do
        note "$name, 4 KiB, depth 32: $(sed -n "s/^$name //p" /tmp/speeds | sort -n | tail -n 1) transfers/s"
    done
}

on_every_way() {
    each_way
    check 'the list has it' says "$node" /counterflow list
    best=ring
    case $ways in uring_cmd*) best=uring_cmd ;; esac
    check 'the best way is taken' says "complete=$best" /counterflow info $node
    check 'windows and link are shown' eval "says gen3x4 /counterflow info $node && says 'ram (' /counterflow info $node"
    check 'in JSON' says '"function": "0000:01:00.0"' /counterflow info $node --json
    [ $best = uring_cmd ] ||
        check 'a way that is not there is refused' says 'does not complete transfers by' /counterflow info $node,complete=uring_cmd
    dd if=/dev/urandom of=/tmp/a bs=1M count=6 2>/dev/null
    for name in $ways; do
        way=,complete=$name
        check "$name: tests of any device" tested '~[fault]~[unbind]~[vanish]'
        check "$name: faults" tested '[fault]'
        check "$name: bench, 64 KiB" bench --seconds 0.5
        check "$name: copy there" /counterflow copy /tmp/a "$node$way/ram@4096" -q
        check "$name: copy back" /counterflow copy "$node$way/ram@4096" /tmp/b --size 6MiB -q
        check "$name: it is what it was" cmp /tmp/a /tmp/b
        check "$name: duplex" /counterflow duplex "$node$way" --send /tmp/a --receive /tmp/b -q
        check "$name: it has come back" cmp /tmp/a /tmp/b
        check "$name: nothing stays pinned" nothing_pinned
    done
    for example in /0[0-9]_*; do
        check "example $(basename "$example")" env LD_LIBRARY_PATH=/ "$example" $node
    done
    speeds
    check 'nothing stays pinned' nothing_pinned
    for name in $ways; do
        way=,complete=$name
        check "$name: unbound under load" tested '[unbind]'
    done
    note "model: $(model statistics)"
}
