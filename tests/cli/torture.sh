#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The torture command: that it repeats itself, that it sees what it is for, and that what it says to type repeats it.
#
#     torture.sh COUNTERFLOW JSON_QUERY
#
# Prints TAP.
set -u
# shellcheck source=tests/cli/harness.sh
. "${0%/*}/harness.sh"

run torture --seeds 1..60 --json
[ $code -eq 0 ]
report 'sixty campaigns end well' $?
for key in lost double_resumes corrupt unexpected hung crashed; do prints "nothing $key" /$key 0; done
prints 'all seeds ran' /seeds 60
hash=$("$json_query" out /trace_hash)
run torture --seeds 1..60 --json --processes 1
prints 'the same seeds give the same events, in one process or several' /trace_hash "$hash"
run torture --seeds 2..61 --json
[ "$("$json_query" out /trace_hash)" != "$hash" ]
report 'other seeds give others' $?

run torture --seeds 3 --faults corruption
[ $code -eq 1 ] && grep -q 'what was' out
report 'a byte that is changed behind its back is seen' $?
grep -c '^  [0-9]*: corruption' out | grep -qx 1
report 'one event is left of the plan' $?
trouble=$(sed -n 's/^seed 3, transfer [0-9]*: //p' out)
replay=$(sed -n 's/^  counterflow \(torture .*\)/\1/p' out)
# shellcheck disable=SC2086 # the words of a command
run $replay --json
[ $code -eq 1 ]
report 'the command that it says repeats it' $?
prints 'with the same trouble' /findings/0/trouble "$trouble"

ends 'an unknown fault' 2 "no fault 'flood'; there are all, abort" torture --faults flood
ends 'seeds that are no number' 2 "seeds is 'x'" torture --seeds x
ends 'seeds backwards' 2 'must not be above' torture --seeds 5..4
ends 'no transfers' 2 'transfers' torture --transfers 0

plan
