# SPDX-License-Identifier: MIT
#
# What a script in the guest has to work with: results, the model's control socket, the machine's monitor, and the
# log.
# shellcheck shell=sh

exec 3>/dev/ttyS2 4<>/dev/ttyS1 5<>/dev/ttyS3
stty -F /dev/ttyS1 raw -echo
stty -F /dev/ttyS2 raw
stty -F /dev/ttyS3 raw -echo

# check TEXT COMMAND...: a result that is ok when the command succeeds; exit code 77: nothing was tested, and why.
check() {
    text=$1
    shift
    echo "test: $text" >/dev/kmsg
    outcome=0
    "$@" >/tmp/output 2>&1 || outcome=$?
    case $outcome in
    0) echo "ok $text" >&3 ;;
    77) echo "ok $text # SKIP $(tail -n 1 /tmp/output)" >&3 ;;
    *)
        echo "not ok $text" >&3
        sed 's/^/# /' /tmp/output >&3
        ;;
    esac
    [ ! -e /tmp/notes ] || sed 's/^/# /' /tmp/notes >&3
    rm -f /tmp/notes
}

note() { echo "# $*" >&3; }

# model COMMAND: says it to the model's control socket; prints the answer.
model() {
    echo "$1" >&4
    read -r answer <&4
    echo "$answer"
    case $answer in error*) return 1 ;; esac
}

# machine COMMAND ARGUMENTS: tells the machine's monitor (QMP); ARGUMENTS are a JSON object. Events, and errors of what
# was no command, have no id.
machine() {
    echo "{\"execute\":\"$1\",\"arguments\":$2,\"id\":1}" >&5
    while read -r answer <&5; do
        case $answer in
        *'"return"'*'"id"'* | *'"id"'*'"return"'*) return 0 ;;
        *'"id"'*)
            echo "$answer"
            return 1
            ;;
        esac
    done
}
# Until stty had its way the port has echoed what the monitor said; a byte that no JSON has makes it forget that.
printf '\377' >&5
machine qmp_capabilities '{}'

# The function leaves the machine.
unplug() {
    machine device_del '{"id":"edma0"}' || return 1
    while read -r answer <&5; do
        case $answer in *DEVICE_DELETED*edma0*) return 0 ;; esac
    done
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
