#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What the command does to files it is not to harm: a name given twice, pipes, failures and signals half-way,
# the memory of a model, and its own output going nowhere.
#
#     files.sh COUNTERFLOW JSON_QUERY
#
# Prints TAP.
set -u
# shellcheck source=tests/cli/harness.sh
. "${0%/*}/harness.sh"

small=model:gen5x16,ram=64KiB
# 512 bytes in 100 ms in one direction: a run that does not end before it is told to.
slow=model:gen1x1,rtt=100ms,tags=1,hang=60s,ram=1MiB # to write to
slow_to_read=$slow,engine=local

# Everything there is, with contents, but for what the tests themselves write.
snapshot() {
    find . ! -name out ! -name err ! -name before ! -name lines | sort | while read -r file; do
        if [ -f "$file" ]; then sha256sum "$file"; else echo "$file"; fi
    done
}
remember() { snapshot >before; }
# unharmed NAME: everything is as it was at remember().
unharmed() {
    snapshot | cmp -s before -
    report "$1: all files are as they were" $?
}

# under_way ARG...: starts the command and returns when it has shown progress; sets $pid.
mkfifo lines
under_way() {
    # Who runs the tests may have it ignored, as nohup does.
    env --default-signal=HUP "$counterflow" "$@" >out 2>lines &
    pid=$!
    exec 3<lines
    read -r _ <&3
}
# ended: waits for it, as run() does.
ended() {
    cat <&3 >err
    wait "$pid"
    code=$?
    exec 3<&-
}

data 200000 >a
data 3000 >b
printf 'an old report' >r.html
ln a hard
ln -s a soft
ln -s nowhere dangling
mkdir folder

# --- one file, two roles ---------------------------------------------------------------------

remember
for other in a ./a folder/../a hard soft; do
    ends "--receive is --send as $other" 2 'same file as --send a' duplex $small --send a --receive $other
    ends "--report is --send as $other" 2 'same file as --send a' \
        duplex $small --send a --receive b --report $other
done
ends '--trace is --receive' 2 'same file as --receive b' duplex $small --send a --receive b --trace b
ends '--trace is --report' 2 'same file' duplex $small --send a --receive b --report r.html --trace r.html
ends '--trace is --report, which is not there' 2 'same file' bench $small --report new --trace folder/../new
ends '--trace is --report behind a link to nothing' 2 'same file' bench $small --report nowhere --trace dangling
ends '--report is what copy reads' 2 'same file as SRC a' copy a $small/ram@0 --report a
ends '--report is what copy writes' 2 'same file as DST b' copy $small/ram@0 b --report b
ends '--trace is the far memory' 2 'same file as backing' copy a $small,backing=far/ram@0 --trace far
ends '--report is the far memory of bench' 2 'same file as backing' bench $small,backing=far --report far
ends 'copy writes the far memory' 2 'same file' copy $small,backing=far/ram@0 far
ends 'copy reads the far memory' 2 'same file' copy b $small,backing=b/ram@0
ends 'duplex receives into the far memory' 2 'same file' duplex $small,backing=b --send a --receive b
ends 'duplex sends the far memory' 2 'same file' duplex $small,backing=soft --send a --receive b
unharmed 'a name given twice'

printf kept >printed
# shellcheck disable=SC2094 # that is what is not to work
"$counterflow" duplex $small --send a --receive printed >>printed 2>err
[ $? -eq 2 ] && [ "$(cat printed)" = kept ] && grep -q 'same file as standard output' err
report 'a file that stdout goes to' $?
run bench $small --size 4KiB --seconds 0.01 --report /dev/null --trace /dev/null
[ $code -eq 0 ]
report '/dev/null may serve twice' $?

# --- pipes -----------------------------------------------------------------------------------

mkfifo pipe
exec 4<>pipe
ends 'blocks are not written to a pipe' 2 'pipe is a pipe' duplex $small --send a --receive pipe
ends 'nor copied to one' 2 'pipe is a pipe' copy $small/ram@0 pipe
ends 'nor read from one' 2 'has no size' duplex $small --send pipe --receive b
"$counterflow" bench $small --size 4KiB --seconds 0.01 --report /dev/fd/5 5>&1 >out 2>err | grep -q '</html>'
report 'a report goes through a pipe' $?
exec 4>&-
ends 'a pipe that nobody reads is not waited for' 1 'nobody reads' bench $small --size 4KiB --report pipe

# --- failures half-way -----------------------------------------------------------------------

rm -f pipe printed
remember
ends 'a trace that cannot be written' 1 'absent/t' \
    duplex $small --send a --receive b --report r.html --trace absent/t
ends 'nor for bench' 1 'absent/t' bench $small --size 4KiB --report r.html --trace absent/t
ends 'a report in the place of a folder' 1 'Is a directory' \
    duplex $small --send a --receive new --report folder
unharmed 'a path that cannot be written'

head -c 3000000 /dev/zero >large
remember
(
    # Of the file that receives: stands for a full disk. No less, for the thread sanitizer keeps a file too.
    ulimit -f 2048
    "$counterflow" duplex $small --send large --receive b --report r.html >out 2>err
    [ $? -eq 1 ] && grep -q 'b, room for 3000000 bytes' err
)
report 'no room for what is received' $?
unharmed 'no room'

if [ "$(id -u)" -ne 0 ]; then
    # shellcheck disable=SC3045 # Debian's sh has it
    little_memory() { (ulimit -l 64 && "$@"); }
elif command -v setpriv >/dev/null; then
    # shellcheck disable=SC2016 # the inner shell's
    little_memory() { setpriv --bounding-set -ipc_lock sh -c 'ulimit -l 64 && exec "$@"' sh "$@"; }
else
    little_memory() { false; }
fi
if little_memory true; then
    little_memory "$counterflow" duplex $small,backing=far --send a --receive b --report r.html >out 2>err
    [ $? -eq 1 ] && grep -q RLIMIT_MEMLOCK err
    report 'too little memory may be pinned' $?
    unharmed 'too little memory'
fi

for signal in INT TERM HUP; do
    under_way duplex $slow_to_read --send a --receive b --report r.html --block 512
    kill -$signal "$pid"
    ended
    [ $code -eq 1 ] && grep -q "^counterflow: stopped by SIG$signal" err
    report "SIG$signal ends duplex" $?
    unharmed "SIG$signal in duplex"
done
under_way copy $slow_to_read/ram@0 b --report r.html --block 512
kill -INT "$pid"
ended
[ $code -eq 1 ] && grep -q '^counterflow: stopped by SIGINT' err
report 'SIGINT ends copy' $?
unharmed 'SIGINT in copy'
under_way bench $small --size 4KiB --seconds 600 --report r.html --trace new
kill -INT "$pid"
ended
[ $code -eq 1 ] && grep -q '^counterflow: stopped by SIGINT' err
report 'SIGINT ends bench' $?
unharmed 'SIGINT in bench'

data 200000 >shrinks
under_way copy shrinks $slow/ram@0 --block 512
data 100 >shrinks
ended
[ $code -eq 1 ] && grep -q '^counterflow: shrinks ends at byte .* 200000' err
report 'a source that shrinks is a failure, no wrong usage' $?
rm shrinks
unharmed 'a source that shrinks'

# --- what is replaced ------------------------------------------------------------------------

chmod 640 b
run duplex $small --send a --receive soft/../b
[ $code -eq 1 ] # soft is no folder
report 'a path through a file' $?
ln -s b to-b
run duplex $small --send a --receive to-b --report r.html -q
[ $code -eq 0 ] && cmp -s a b && [ -L to-b ] && [ "$(stat -c %a b)" = 640 ] && grep -q '</html>' r.html
report 'a file is replaced through its link, and keeps its mode' $?
run duplex $small --send a --receive dangling -q
[ $code -eq 0 ] && cmp -s a nowhere && [ -L dangling ]
report 'a link to nothing leads to a new file' $?
(
    umask 027
    "$counterflow" copy $small/ram@0 fresh >out 2>err
    [ "$(stat -c %a fresh)" = 640 ]
)
report 'a new file has the mode the user wants' $?
[ -z "$(find . -name '.counterflow*')" ]
report 'nothing is left over' $?

# --- the memory of a model -------------------------------------------------------------------

remember
run info $small,backing=far
[ $code -eq 0 ]
report 'info of a model with a file' $?
run info $small,backing=b --json
[ $code -eq 0 ]
report 'info of a model with a file of another size' $?
: >empty
remember
for file in far empty; do
    ends "an unknown window, backing=$file" 2 'no such window' bench $small,backing=$file --window rom
    ends "a size beyond the window, backing=$file" 2 'window ram' bench $small,backing=$file --size 65MiB
    ends "a file beyond the window, backing=$file" 2 'do not fit' copy a $small,backing=$file/ram@0
    ends "no source, backing=$file" 1 'absent' copy absent $small,backing=$file/ram@0
done
ends 'backing of another size' 2 'backing file b has 200000 bytes, and the window ram 65536' \
    bench $small,backing=b --size 4KiB
ends 'backing that is a folder' 1 'backing file folder' bench $small,backing=folder --size 4KiB
unharmed 'the memory of a model'
data 100 >hundred
for file in far empty; do
    run copy hundred $small,backing=$file/ram@65436
    [ $code -eq 0 ] && [ "$(wc -c <$file)" -eq 65536 ] && tail -c 100 $file | cmp -s - hundred
    report "backing=$file comes into being with what is written" $?
done

# What bench reads is changed behind its back once it is under way.
under_way bench model:gen2x1,ram=64KiB,backing=changed --direction ep_to_rp --size 4KiB --seconds 3
dd if=/dev/zero of=changed bs=64K count=1 conv=notrunc 2>/dev/null
ended
[ $code -eq 1 ] && grep -q '^data  *DIFFERS' out
report 'bench does not verify what was not moved' $?

# --- output that goes nowhere ----------------------------------------------------------------

# lost NAME ARG...: neither a full disk nor a closed stdout goes unnoticed.
lost() {
    name=$1
    shift
    "$counterflow" "$@" >/dev/full 2>err
    [ $? -eq 1 ] && grep -q '^counterflow: standard output: No space left' err
    report "$name to a full disk" $?
    "$counterflow" "$@" >&- 2>err
    [ $? -eq 1 ] && grep -q '^counterflow: standard output: Bad file descriptor' err
    report "$name to a closed stdout" $?
}
lost list list
lost 'list --json' list --json
lost info info $small
lost 'info --json' info $small --json
lost help --help
lost 'help of bench' bench --help
lost version --version
lost bench bench $small --size 4KiB --seconds 0.01
lost 'bench --json' bench $small --size 4KiB --seconds 0.01 --json
lost copy copy hundred $small/ram@0
lost duplex duplex $small --send a --receive got
"$counterflow" duplex $small --send a --receive got <&- >out 2>&- && cmp -s a got
report 'stdin and stderr need not be there' $?

plan
