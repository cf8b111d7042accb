#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Recording far memory into files, checking them, and playing them back, as users do it.
#
#     record.sh COUNTERFLOW JSON_QUERY
#
# Prints TAP.
set -u
# shellcheck source=tests/cli/harness.sh
. "${0%/*}/harness.sh"

data 262144 >far
device=model:gen5x16,ram=256KiB,backing=far

run record $device run.rec --block 32KiB --span 256KiB --size 256KiB --quiet --json
report 'record ends with 0' $code
prints 'it counts blocks' /blocks 8
prints 'and loses none' /lost 0
prints 'no payload is copied' /copied_bytes 0

run records run.rec --json
report 'records ends with 0' $code
prints 'the file is closed' /records/0/closed true
prints 'all blocks are complete' /records/0/blocks 8
prints 'none is damaged' /records/0/damaged 0

cp far before
: >other
truncate -s 256K other
run replay run.rec model:gen5x16,ram=256KiB,backing=other --span 256KiB --quiet
report 'replay ends with 0' $code
cmp -s other before
report 'far memory is what was recorded' $?

sha256sum run.rec >sum
ends 'a recording is not overwritten' 1 'run.rec is there already' record $device run.rec --block 32KiB --quiet
sha256sum -c sum >/dev/null 2>&1
report 'it is as it was' $?
ends 'FILE is the far memory' 2 'same file' record $device far --overwrite --quiet
ends 'overwrite and resume exclude each other' 2 'excludes' \
    record $device run.rec --overwrite --resume --quiet
ends 'a text is no record' 1 'not a record' records sum
ends 'a text is not resumed' 1 'not a record' record $device sum --resume --block 32KiB --size 32KiB --quiet

run record $device run.rec --block 32KiB --span 256KiB --size 64KiB --resume --quiet
run records run.rec --json
prints 'a recording is resumed' /records/0/blocks 10
prints 'its numbers go on' /records/0/last_sequence 9

# A byte of block 3's payload.
printf 'X' | dd of=run.rec bs=1 seek=$((4096 + 3 * 36864 + 4096 + 5)) conv=notrunc 2>/dev/null
run records run.rec --json
[ $code -eq 1 ]
report 'a damaged block is found' $?
prints 'it is one' /records/0/damaged 1
prints 'its place is said' /records/0/places/0/offset $((4096 + 3 * 36864 + 4096))
prints 'the others are complete' /records/0/blocks 9

# little VALUE BYTES: VALUE in little endian.
little() {
    value=$1
    for _ in $(seq "$2"); do
        # shellcheck disable=SC2059 # the format is the byte
        printf "$(printf '\\%03o' $((value & 255)))"
        value=$((value >> 8))
    done
}
# ring FILE PRODUCED STATE: a ring of eight blocks of 4 KiB, so many of them full.
ring() {
    {
        for word in 0x52464331 1 0 8 4096 4096; do little $((word)) 4; done
        for word in 4096 0 0 0 0; do little $word 8; done
        for word in "$2" "$2" "$3" $((~$3)) 0 0 0 0 0 -1 0 0 0 0 0 0; do little "$word" 8; done
    } >"$1"
    truncate -s 4096 "$1"
    data 32768 >>"$1"
    truncate -s 256K "$1"
}

ring source 8 1
run record model:gen5x16,ram=256KiB,backing=source ring.rec --ring --quiet --json
report 'a ring is recorded to its end' $code
prints 'all of its blocks' /blocks 8
ring sink 0 0
dd if=/dev/zero of=sink bs=4096 seek=1 count=8 conv=notrunc 2>/dev/null
run replay ring.rec model:gen5x16,ram=256KiB,backing=sink --ring --quiet
report 'and replayed into a ring' $code
[ "$(cmp -l source sink | wc -l)" -le 16 ] # the consumer's line
report 'which is as full, and has ended' $?
ends 'a place outside of the window is refused' 2 'window' record $device none.rec --block 1MiB --quiet
[ ! -e none.rec ]
report 'and no file is left' $?
ends 'where no ring lies it says so' 1 'ring' record $device none.rec --ring --quiet
ends 'a ring says how large its blocks are' 2 'excludes' record $device none.rec --ring --block 4KiB

run record sim:gen3x1 slow.rec --block 4KiB --size 40KiB --period 1000 --quiet
run replay slow.rec sim:gen3x1 --speed 2 --quiet --json
prints 'a replay keeps the pace' /blocks 10
"$json_query" out /seconds >pace
awk '{ exit !($1 > 0.0044 && $1 < 0.0047) }' pace
report 'at twice the speed' $?

run record sim:gen3x1 sim.rec --block 64KiB --seconds 0.01 --period 200 --quiet --json
report 'a simulation is recorded' $code
run records sim.rec
report 'and read' $code

run record $device parts.rec --block 32KiB --size 1MiB --rotate-size 256KiB --quiet
run records parts.rec.0001 parts.rec.0002 parts.rec.0003 --json
report 'a recording in parts is read' $code
prints 'part by part' /records/2/part 3

mkfifo lines
"$counterflow" record model:gen1x1 long.rec --block 64KiB >out 2>lines &
pid=$!
exec 3<lines
read -r _ <&3 # it has shown progress
kill -INT $pid
cat <&3 >err
wait $pid
report 'a signal ends a recording well' $?
run records long.rec --json
prints 'it is closed' /records/0/closed true

plan
