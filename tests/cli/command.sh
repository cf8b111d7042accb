#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The real command on small modelled devices: what it prints, what it leaves behind, how it ends.
#
#     command.sh COUNTERFLOW JSON_QUERY
#
# Prints TAP.
set -u
# shellcheck source=tests/cli/harness.sh
. "${0%/*}/harness.sh"

small=model:gen5x16,ram=64KiB

# --- usage -----------------------------------------------------------------------------------

ends 'no sub-command' 2 'ubcommand'
ends 'unknown sub-command' 2 'ubcommand\|expected' frobnicate
ends 'unknown option' 2 'frobnicate' bench $small --frobnicate
ends 'missing device' 2 'DEV' bench
ends 'a spec that is none' 2 "'gen3x1' is no device" info gen3x1
ends 'a bad value names key, value and range' 2 "wr is '9'; it must be 1 to 8" info model:gen3x1,wr=9
ends 'an unknown key lists the known ones' 2 "unknown key 'size'.*mrrs" info model:gen3x1,size=4
ends 'a device node without a back end' 1 '/dev/counterflow7' info /dev/counterflow7
ends 'a bad log level' 2 "'loud'" info model:gen3x1 --log-level loud
ends 'a bad size' 2 "size is '4KB'" bench $small --size 4KB
ends 'a size of nothing' 2 'size is 0' bench $small --size 0
ends 'a size beyond 64 bits' 2 'size is' bench $small --size 99999999999999999999
ends 'a size beyond the window' 2 'window ram' bench $small --size 64KiB
ends 'an unknown window' 2 'no such window' bench $small --window rom
ends 'no outstanding transfers' 2 'outstanding' bench $small --outstanding 0
for seconds in 0 -1 nan inf 86401; do
    ends "a time of $seconds" 2 "seconds is .* it must be 0.001 to 86400" bench $small --seconds=$seconds
done
ends 'more transfers than the window has room for' 2 'outstanding is 9, and the window ram has room for 8' \
    bench $small --size 4KiB --outstanding 9
ends 'a message from an engine that has none' 2 "wake is 'imwr'; it must be" info $small,wake=imwr,engine=local
run bench $small --size 0
! grep -q "function's documentation" err
report 'errors speak to who typed the command' $?
ends 'an unknown direction' 2 'direction' bench $small --direction up

ends 'nowhere to serve' 2 'socket' serve model:gen3x4
ends 'a served engine sits in the endpoint' 2 'leave near=' serve model:gen3x4,near=ep --socket s
ends 'only a model is served' 2 'only a model' serve vfio:0000:01:00.0 --socket s
ends 'an unknown fault' 2 "'explode' is no command; the commands are abort" serve model:gen3x4 --socket s --fault explode
ends 'a fault with a bad value' 2 "cause is 'bad'; it must be one of" serve model:gen3x4 --socket s --fault abort,cause=bad
ends 'a question is no fault' 2 'no fault' serve model:gen3x4 --socket s --fault statistics
ends 'too many vectors' 2 '33 MSI-X vectors' serve model:gen3x4 --socket s --msix 33
ends 'a socket that cannot be' 1 'absent/s: bind: No such file' serve model:gen3x4 --socket absent/s

run --version
[ $code -eq 0 ] && grep -Eq '^counterflow [0-9]+\.[0-9]+\.[0-9]+$' out
report 'version' $?
run --help
[ $code -eq 0 ] && grep -q duplex out && grep -q 'Exit codes' out
report 'help' $?
for command in list info bench plan copy duplex serve; do
    run $command --help
    [ $code -eq 0 ] && grep -q -- '--json' out
    report "help of $command" $?
done

# --- list and info ---------------------------------------------------------------------------

run list --json
prints 'list is JSON' /devices/0/usable true
run list
[ $code -eq 0 ] && grep -q '^model:' out
report 'list for people' $?
run info model:gen4x8,wr=3,rd=2,ram=1MiB --json
prints 'info knows the link' /link/lanes 8
prints 'info knows the window' /windows/0/bytes 1048576
[ "$(grep -c list_elements out)" -eq 5 ]
report 'info knows every channel' $?
[ "$("$json_query" out /ceilings_gbytes_per_s/both/rp_to_ep | cut -c 1-5)" = 13.42 ]
report 'info knows the ceiling' $?
COUNTERFLOW_LOG=loud run list
[ $code -eq 0 ] && grep -q "COUNTERFLOW_LOG ignored: log level 'loud'" err
report 'a bad level in the environment is ignored, and said so' $?
run info "model:gen4x8,backing=$(printf 'a\033b')"
[ $code -eq 0 ] && grep -q 'backing=a?b$' out
report 'what a terminal would obey is not printed' $?
run info model:gen4x8
[ $code -eq 0 ] && grep -q '13.42 GB/s' out && grep -q 'remote RD1' out
report 'info for people' $?
run info model:null --json
prints 'the null link has no ceiling' /ceilings_gbytes_per_s/raw null

# --- bench -----------------------------------------------------------------------------------

run bench model:gen2x1,ram=1MiB --size 4KiB --outstanding 8 --seconds 0.1 --json --report run.html --trace run.json
[ $code -eq 0 ]
report 'bench ends well' $?
prints 'bench has verified' /verified true
prints 'bench has no errors' /errors 0
prints 'bench is in real time' /virtual_time false
prints 'bench says the size' /transfer_bytes 4096
prints 'bench says the depth' /outstanding 8
prints 'bench says the link' /link/generation 2
for key in /device /seconds /link/mps_bytes /link/mrrs_bytes /cpu_ns_per_transfer \
    /rp_to_ep/bytes /rp_to_ep/transfers /rp_to_ep/gbytes_per_s /rp_to_ep/ceiling_gbytes_per_s \
    /rp_to_ep/utilisation /rp_to_ep/latency_ns/p50 /ep_to_rp/latency_ns/p99 /ep_to_rp/latency_ns/p999; do
    value=$("$json_query" out $key 2>>err) && [ -n "$value" ] && [ "$value" != null ]
    report "bench has $key" $?
done
grep -q '<svg' run.html && grep -q 'curve ep_to_rp' run.html && ! grep -Eq 'https?:|<script|<link' run.html
report 'the report draws and needs no network' $?
"$json_query" run.json /traceEvents/0/ph >/dev/null && grep -q '"remote WR0"' run.json && grep -q '"ph":"X"' run.json
report 'the trace has tracks and slices' $?

run bench $small --size 4KiB --seconds 0.05 --direction rp_to_ep --json
prints 'one direction alone: the other is null' /ep_to_rp null
prints 'one direction alone is verified' /verified true
run bench $small --size 1 --outstanding 100 --seconds 0.05 --direction ep_to_rp --json --no-verify
prints 'unverified is null' /verified null
prints 'one direction alone: the other is null, too' /rp_to_ep null
run bench model:gen1x1,engine=local,rtt=100ms,tags=1,hang=60s,ram=64KiB --size 512 --outstanding 1 --seconds 0.001 \
    --direction ep_to_rp --json
[ $code -eq 1 ] && grep -q 'ep_to_rp completed no transfer' err
report 'a direction that moves nothing is a failure' $?
run bench $small --size 5KiB --seconds 0.05 --json
prints 'as many outstanding as there is room for' /outstanding 6
run bench model:gen5x16,ram=4MiB --seconds 0.05 --json
prints 'sixteen outstanding by default' /outstanding 16
for kind in near=ep engine=local engine=both submit=descriptor; do
    run bench $small,$kind --size 4097 --seconds 0.05 --json
    prints "verified with $kind" /verified true
done
run bench $small --size 32KiB --seconds 0.05 --json
prints 'verified with one place in the window' /verified true
run bench model:null,ram=64KiB --size 4KiB --seconds 0.05 --json
prints 'no link, no utilisation' /rp_to_ep/utilisation null
prints 'no link, data all the same' /verified true
run bench $small --size 4KiB --seconds 0.05
[ $code -eq 0 ] && grep -q '^rp_to_ep' out && grep -q '^data  *verified' out
report 'bench for people' $?
ends 'a report that cannot be written' 1 'no/such/folder' bench $small --size 4KiB --seconds 0.05 --report no/such/folder/r.html

# --- serve -----------------------------------------------------------------------------------

run serve model:gen3x4 --socket s --fault abort,element=3 --fault exit --json
[ $code -eq 0 ]
report 'a server that is told to go at once' $?
prints 'it says how it ended' /ended vanished
prints 'it has done nothing' /elements 0
[ ! -e s ]
report 'its socket goes with it' $?

mkfifo ready
"$counterflow" serve model:gen3x4 --socket s --control c >ready 2>err &
pid=$!
exec 3<ready
read -r line <&3
[ "$line" = 'serving model:gen3x4 at s' ] && [ -S s ] && [ -S c ]
report 'a server says when it serves' $?
kill -TERM $pid
wait $pid
code=$?
cat <&3 >out
exec 3<&-
[ $code -eq 0 ] && grep -q '^stopped: loads=0 stores=0' out
report 'a signal ends it in order' $?

# --- copy ------------------------------------------------------------------------------------

far=model:gen5x16,ram=256KiB,backing=far.mem
data 200000 >source
run copy source $far/ram@4097 --block 4KiB --verify --json
prints 'copy to a window' /bytes 200000
prints 'copy to a window is verified' /verified true
run copy $far/ram@4097 back --size 200000 --block 7000
[ $code -eq 0 ] && cmp -s source back
report 'copy back gives the same' $?
run copy $far/ram@5097 part --size 100
[ $code -eq 0 ] && data 1100 | tail -c 100 | cmp -s - part
report 'copy of a part' $?
run copy $far/ram@0 all
[ $code -eq 0 ] && [ "$(wc -c <all)" -eq 262144 ] && cmp -s all far.mem
report 'copy of the whole window' $?
cp far.mem far.before
ends 'a file beyond the window' 2 'do not fit' copy source $far/ram@62145
ends 'an offset that is none' 2 'offset in' copy source $far/ram@0x10
ends 'an offset behind the window' 2 'outside of the window' copy source $far/ram@262145
ends 'an offset that would wrap' 2 'outside of the window' copy source $far/ram@18446744073709551615
ends 'more than the file has' 2 'more than the' copy source $far/ram@0 --size 200001
ends 'no place' 2 'names no place' copy source $far
ends 'an unknown window to copy to' 2 'no such window' copy source $far/rom@0
ends 'two files' 2 'both files' copy source back
ends 'two windows' 2 'both far memory' copy $far/ram@0 $far/ram@0
ends 'no source' 1 'absent: No such file' copy absent $far/ram@0
ends 'a folder is no source' 2 'no size' copy . $far/ram@0
cmp -s far.mem far.before
report 'nothing of that touched the window' $?
: >empty
run copy empty $far/ram@0 --json
prints 'copy of nothing' /bytes 0
ends 'a model without a file warns' 0 'ends with the command' copy source model:gen5x16/ram@0

# --- duplex ----------------------------------------------------------------------------------

# Sizes around one block and many times the window of 16 blocks, on every kind of device.
for size in 0 1 4095 4096 4097 65536 65537 1500001; do
    data $size >send
    run duplex $small --send send --receive got --block 4KiB -q
    [ $code -eq 0 ] && cmp -s send got && grep -q verified out
    report "duplex of $size bytes" $?
done
for kind in near=ep engine=local engine=both near=ep,engine=local submit=descriptor wake=imwr wake=poll wr=1,rd=1 strict; do
    run duplex $small,$kind --send send --receive got --block 1000 --outstanding 3 --json
    [ $code -eq 0 ] && cmp -s send got
    report "duplex with $kind" $?
done
prints 'duplex says what it sent' /sent/bytes 1500001
[ "$("$json_query" out /sent/xxh3_128)" = "$("$json_query" out /received/xxh3_128)" ]
report 'duplex says both hashes' $?
run duplex $small --send send --receive got --block 64KiB -q
[ $code -eq 0 ] && cmp -s send got
report 'duplex with one slot' $?

cp send kept
ends 'nothing to send' 1 'absent: No such file' duplex $small --send absent --receive got
ends 'a device is not sent' 2 'no size' duplex $small --send /dev/zero --receive got
ends 'nowhere to receive' 1 'absent/got: No such file' duplex $small --send send --receive absent/got
ends 'a full disk' 1 '/dev/full.*No space left' duplex $small --send send --receive /dev/full
ends 'a block beyond the window' 2 'block is' duplex $small --send send --receive got --block 64KiB1
ends 'a block of nothing' 2 'block is' duplex $small --send send --receive got --block 0
ends 'a block larger than the window' 2 'block is 65537' duplex $small --send send --receive got --block 65537
cmp -s send kept
report 'the sent file is as it was' $?
data 10 >send
run duplex $small --send send --receive got -q
[ $code -eq 0 ] && cmp -s send got
report 'a longer file is replaced' $?

plan
