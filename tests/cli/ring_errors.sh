#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Every io_uring_enter of a transfer in both directions fails in turn, as the kernel lets it fail (a signal, no memory, a
# full completion queue): what is sent comes back whole. One that cannot fail so ends the program with a message.
#
#     ring_errors.sh COUNTERFLOW JSON_QUERY
#
# strace puts the errors in. Prints TAP.
set -u
# shellcheck source=tests/cli/harness.sh
. "${0%/*}/harness.sh"

strace -o calls true 2>err || {
    echo "1..0 # SKIP strace may not trace here: $(tail -n 1 err)"
    exit
}
data 2097152 >sent

# inject ERROR WHEN: a run in which those calls fail.
inject() {
    rm -f back
    strace -o calls -e trace=io_uring_enter -e "inject=io_uring_enter:error=$1:when=$2" \
        "$counterflow" duplex model:gen5x16 --send sent --receive back --block 64KiB --outstanding 2 --quiet >out 2>err
    code=$?
}
# whole: the run went well, though calls failed in it.
whole() { [ $code -eq 0 ] && cmp -s sent back && grep -q INJECTED calls; }

for error in EINTR EAGAIN EBUSY; do
    bad=0
    for call in $(seq 30); do
        inject $error "$call"
        whole || {
            bad=1
            echo "# call $call: exit code $code"
            break
        }
    done
    report "each of 30 calls fails with $error" $bad
    inject $error 1+2
    whole
    report "every other call fails with $error" $?
done

inject EFAULT 3
[ $code -ne 0 ] && grep -q 'io_uring_enter failed (Bad address)' err
report 'an error that is nobody'\''s to mend ends the program and is named' $?

plan
