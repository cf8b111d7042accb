# SPDX-License-Identifier: MIT
#
# What a script in the guest has to work with: results, the model's control socket, and the log.
# shellcheck shell=sh

exec 3>/dev/ttyS2 4<>/dev/ttyS1
stty -F /dev/ttyS1 raw -echo
stty -F /dev/ttyS2 raw

# check TEXT COMMAND...: a result that is ok when the command succeeds.
check() {
    text=$1
    shift
    echo "test: $text" >/dev/kmsg
    if "$@" >/tmp/output 2>&1; then
        echo "ok $text" >&3
    else
        echo "not ok $text" >&3
        sed 's/^/# /' /tmp/output >&3
    fi
}

note() { echo "# $*" >&3; }

# model COMMAND: says it to the model's control socket; prints the answer.
model() {
    echo "$1" >&4
    read -r answer <&4
    echo "$answer"
    case $answer in error*) return 1 ;; esac
}

# fails COMMAND...: succeeds when the command does not.
fails() { ! "$@"; }

# What nothing refers to any more, as kmemleak of the debug kernel sees it: in two scans, and at an age of five seconds.
leaks() {
    sleep 6
    for scan in first second; do echo scan >$kmemleak || echo "the $scan scan failed"; done
    cat $kmemleak
}
no_leaks() {
    leaks | tee /tmp/leaks
    [ ! -s /tmp/leaks ]
}
kmemleak=/sys/kernel/debug/kmemleak

finish() {
    [ ! -e $kmemleak ] || check 'no memory is leaked' no_leaks
    echo end >&3
    # The ports' buffers are empty before the power goes.
    stty -F /dev/ttyS2 >/dev/null
    poweroff -f
}
