#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The explorer by its command: every order of six acts on one channel and on two, woken by interrupts and by looking;
# and that what it says to type repeats a path.
#
#     explore.sh COUNTERFLOW JSON_QUERY
#
# Prints TAP.
set -u
# shellcheck source=tests/cli/harness.sh
. "${0%/*}/harness.sh"

value() { "$json_query" out "$1" 2>>err; }

for world in one-irq one-poll two-irq two-poll; do
    run torture --explore 6 --world $world --json
    [ $code -eq 0 ]
    report "$world: every path ends well" $?
    prints "$world: and there is no trouble" /worlds/0/trouble null
    [ "$(value /paths)" -gt 20000 ] && [ "$(value /states)" -gt 4000 ]
    report "$world: $(value /paths) paths through $(value /states) states" $?
    rare=0
    for act in submit-a submit-b cancel-a cancel-b deadline-a deadline-b abort fatal-abort stop remove close engine turn; do
        [ "$(value "/worlds/0/acts/$act")" -gt 1000 ] || rare=1
    done
    report "$world: every act happens, in many places" $rare
    rare=0
    for outcome in 'done' canceled timed_out device_gone; do
        [ "$(value "/worlds/0/outcomes/$outcome")" -gt 1000 ] || rare=1
    done
    report "$world: and every outcome" $rare
done

run torture --world two-irq --path submit-a,turn,engine,corruption
[ $code -eq 1 ] && grep -q 'two-irq, a: near memory when it resumed' out
report 'memory that is touched is seen' $?
replay=$(sed -n 's/^  counterflow \(torture .*\)/\1/p' out)
# shellcheck disable=SC2086 # the words of a command
run $replay --json
[ $code -eq 1 ]
report 'the command that it says repeats it' $?
prints 'with the same trouble' /worlds/0/trouble 'a: near memory when it resumed'

ends 'an unknown world' 2 "no world 'flat'; there are one-irq" torture --explore 3 --world flat
ends 'an unknown act' 2 "no act 'rest'; there are submit-a" torture --world one-irq --path submit-a,rest
ends 'an act where it cannot be' 2 'act 2 of the path, submit-a, is not possible' torture --world one-irq --path submit-a,submit-a
ends 'a path without a world' 2 'needs the --world' torture --path submit-a
ends 'a depth out of range' 2 'explore' torture --explore 0

plan
