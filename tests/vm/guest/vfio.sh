# SPDX-License-Identifier: MIT
#
# The user-space driver over VFIO: what is in the way is said in words that work when typed; data both ways; faults;
# processes that die; the function taken away. The kernel module's ring back end beside it, in the same boot.
# shellcheck shell=sh

# shellcheck source=/dev/null # in the guest
. /vfio-lib.sh

# fastest DEVICE: a bench three times; the best of a few, in $best, is what a busy host disturbs least.
fastest() {
    best=0
    for _ in 1 2 3; do
        check "$1: 4 KiB, 32 in flight" bench "$1" --size 4KiB --outstanding 16 --seconds 1
        [ "$(transfers)" -le "$best" ] || best=$(transfers)
    done
}

# The module first, for its figure and for a driver that is in the way.
check 'a function without a driver is refused' refuses 'no driver has the function' /counterflow info "$device"
check 'counterflow.ko loads' insmod /counterflow.ko
check 'and takes it' bind counterflow
check "another's function is refused" refuses 'the driver counterflow has the function' /counterflow info "$device"
check 'the list says so, too' says 'not yet usable: the driver counterflow' /counterflow list
fastest /dev/counterflow0
ring=$best

# What info tells to type, typed. There is no modprobe here.
modprobe() { load_vfio; }
commands() { /counterflow info "$device" 2>&1 | sed 's/.*as root: //'; }
check 'the commands it names' eval "$(commands)"
check 'give it to vfio-pci' has_driver vfio-pci
check 'the list has it now' says "$device" /counterflow list
check 'info' says 'ram (56 MiB)' /counterflow info "$device"
check 'it knows the link' says 'gen3x4' /counterflow info "$device"

fastest "$device"
note "4 KiB, 32 in flight: vfio $best transfers/s, /dev/counterflow0 $ring"
for more in '--size 64KiB' '--size 1MiB --outstanding 4' '--size 333' '--direction rp_to_ep' '--direction ep_to_rp'; do
    # shellcheck disable=SC2086 # a list of options
    check "bench $more" bench "$device" $more --seconds 0.5
    note "vfio, $more: $(transfers) transfers/s"
done
for key in wake=imwr wake=poll submit=descriptor submit=descriptor,wake=poll; do
    check "bench, $key" bench "$device,$key" --size 4KiB --seconds 0.5
    note "vfio, $key, 4 KiB: $(transfers) transfers/s"
done

dd if=/dev/urandom of=/tmp/a bs=1M count=8 2>/dev/null
dd if=/dev/urandom of=/tmp/b bs=1M count=8 2>/dev/null
check 'copy there' /counterflow copy /tmp/a "$device/ram@4096" -q
check 'copy back' /counterflow copy "$device/ram@4096" /tmp/back --size 8MiB -q
check 'it is what it was' cmp /tmp/a /tmp/back
check 'duplex' /counterflow duplex "$device" --send /tmp/b --receive /tmp/back -q
check 'it has come back' cmp /tmp/b /tmp/back

check 'a user may not' refuses "no permission to open $(node)" as_user /counterflow info "$device"
check 'unless given the node' chown 1000 "$(node)"
check 'and is told that the message is for root' refuses 'shows it to CAP_SYS_ADMIN' as_user /counterflow info "$device"
check 'and does without' as_user /counterflow bench "$device,wake=imwr" --seconds 0.3 --size 4KiB -q
# The limit is busybox' shell's business.
# shellcheck disable=SC3045
small_limit() { (ulimit -l 64 && as_user /counterflow bench "$device,wake=imwr" --seconds 0.3 -q); }
check 'within what may be locked' refuses RLIMIT_MEMLOCK small_limit
check 'the node is taken back' chown 0 "$(node)"

check 'a bench runs' busy_bench
check 'a second program is told' refuses 'another program has' /counterflow info "$device"
check 'the first one is killed' kill -9 "$running"
wait "$running"
check 'and the function is free again' bench "$device" --seconds 0.3

while read -r cause words; do
    check "abort, $cause" model "abort,element=20,cause=$cause,channel=rd0"
    check 'the program hears of it' refuses "$words" /counterflow bench "$device" --seconds 60 -q
    check 'the next one is well' bench "$device" --seconds 0.3
done <<END
unsupported_request UR
completer_abort CA
completion_timeout no completion came back
poisoned poisoned
local_bus_error own bus
list_fetch_error could not fetch a list element
END
check 'interrupts get lost' model lost-interrupt,nth=3,times=0
check 'and nothing else' bench "$device" --seconds 0.5
check 'interrupts come twice' eval 'model clear && model doubled-interrupt,times=0'
check 'and do no harm' bench "$device" --seconds 0.5
check 'an end to that' model clear
check 'a channel hangs' model hang,channel=wr1
check 'the program hears of it' refuses 'deadline passed' /counterflow bench "$device,hang=100ms" --seconds 60 -q
check 'an end to that' model clear
check 'the next one is well' bench "$device" --seconds 0.3
check 'a bench runs' busy_bench
check 'the link goes down' model link-down
check 'the program hears of it' said 'the link is down'
check 'the link comes back' model link-up
check 'which the kernel waits for, to reset the function' ended 'the link is down'
check 'and all is well' bench "$device" --seconds 0.3

killed() {
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        busy_bench || return 1
        kill -9 "$running"
        wait "$running"
    done
    bench "$device" --seconds 0.3
}
check 'ten killed while they move data, and one more runs' killed

check 'a bench runs' busy_bench
check 'the driver is unbound under it' eval "echo $function >$here/driver/unbind"
check 'the program hears of it' ended 'the device is gone'
check 'no driver is left' no_driver
check 'bound again' bind vfio-pci
check 'all is well' bench "$device" --seconds 0.3
check 'a bench runs' busy_bench
check 'the function is removed under it' eval "echo 1 >$here/remove"
check 'the program hears of it' ended 'the device is gone'
check 'there is none' refuses 'no PCI function of that address' /counterflow info "$device"
check 'it is found again' eval "echo 1 >/sys/bus/pci/rescan && bind vfio-pci"
check 'all is well' bench "$device" --seconds 0.3
note "model: $(model statistics)"
check 'vfio-pci lets go' eval "echo $function >$here/driver/unbind && rmmod vfio-pci"
