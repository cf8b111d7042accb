#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The real command on devices in virtual time.
#
#     sim.sh COUNTERFLOW JSON_QUERY
#
# Prints TAP.
set -u
# shellcheck source=tests/cli/harness.sh
. "${0%/*}/harness.sh"

bench() { run bench "$1" --seconds 0.002 --json; }
value() { "$json_query" out "$1" 2>>err; }

run info sim:gen4x8,seed=7 --json
prints 'info' /link/lanes 8
prints 'the runtime is in virtual time' /runtime 'virtual time'

bench sim:gen4x8,wr=2,rd=2,seed=7
prints 'bench ends well' /verified true
prints 'its time is virtual' /virtual_time true
case $(value /seconds) in 0.002*) true ;; *) false ;; esac
report 'its seconds are those asked for' $?
first=$(value /simulation/event_hash)
[ ${#first} -eq 16 ]
report 'the events have a hash' $?
bench sim:gen4x8,wr=2,rd=2,seed=7
prints 'the same seed gives the same run' /simulation/event_hash "$first"
bench sim:gen4x8,wr=2,rd=2,seed=8
[ "$(value /simulation/event_hash)" != "$first" ]
report 'another seed gives another' $?
run bench sim:gen3x1 --seconds 0.002 --report run.html --trace run.trace
[ $code -eq 0 ] && grep -q 'with hash' out && grep -q '(virtual)' run.html && [ -s run.trace ]
report 'bench for people, a report and a trace' $?

data 3000001 >sent
run duplex sim:gen3x4 --send sent --receive received --json
[ $code -eq 0 ] && cmp -s sent received
report 'duplex' $?
run copy sent sim:gen3x4,backing=far/ram@0
[ $code -eq 0 ] && cmp -s -n 3000001 sent far
report 'copy' $?
run copy sim:gen3x4,backing=far/ram@0 back --size 3000001
[ $code -eq 0 ] && cmp -s sent back
report 'copy back' $?

run plan sim:gen3x4,wr=2,rd=2 --size 512,64KiB --outstanding 1,16 --json
prints 'plan chooses a point' /choice/transfer_bytes 65536
prints 'and says what fills it' /choice/limit link
[ "$(grep -c '"limit"' out)" -eq 9 ]
report 'plan has every point for 1 and 2 channels' $?
run plan sim:gen3x4,wr=2,rd=2 --size 64KiB --outstanding 16 --report plan.html
[ $code -eq 0 ] && grep -q '^Choose 16 transfers of 64 KiB' out && grep -q '<svg' plan.html
report 'plan for people, and its page' $?
ends 'only a simulated link is planned' 2 'only a simulated link' plan model:gen3x4
ends 'more channels than there are' 2 'channels is 3, and the spec has 2' plan sim:gen3x4,wr=2,rd=2 --channels 3

rm -f err
"$counterflow" bench sim:gen1x1 --seconds 86400 --no-verify >out 2>err &
pid=$!
until [ -s err ] || ! kill -0 $pid 2>/dev/null; do :; done
kill -INT $pid
wait $pid
code=$?
[ $code -eq 1 ] && grep -q '^counterflow: stopped by SIGINT' err
report 'a signal ends a simulation' $?

plan
