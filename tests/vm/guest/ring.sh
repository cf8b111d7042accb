# SPDX-License-Identifier: MIT
#
# The ring back end, case by case; the last ones take the device away.
# shellcheck shell=sh

device=/sys/class/counterflow/counterflow0

function_driver() { basename "$(readlink /sys/bus/pci/devices/0000:01:00.0/driver)"; }
bound() { [ "$(function_driver)" = counterflow ]; }
take() {
    echo counterflow >/sys/bus/pci/devices/0000:01:00.0/driver_override
    echo 0000:01:00.0 >/sys/bus/pci/drivers_probe
    bound
}
count() { cat $device/counters/"$1"; }
nothing_pinned() { [ "$(count pinned_pages)" = 0 ] && [ "$(count quarantined_pages)" = 0 ]; }

check 'counterflow loads' insmod /counterflow.ko
check 'it does not take the function by itself' fails bound
check 'it takes it when told' take
check 'it says what it is' grep -qx ring $device/backend

for case in info copy kernel-buffer dmabuf memlock ring ring-full eventfd leases \
    uring-slots uring-refused uring-wide read-write uring-cancel \
    abort abort-errno cancel deadline interrupts link kill fork \
    ranges buffers sizes garbage; do
    check "$case" /kernel_test "$case"
done
check 'nothing is pinned' nothing_pinned
for case in speed-blocking speed-uring speed-ring; do check "$case" /kernel_test $case; done
while read -r line; do note "$line"; done </tmp/speed
note "interrupts=$(count interrupts) doorbells=$(count doorbells) rerings=$(count rerings)" \
    "lost_interrupts=$(count lost_interrupts) restarts=$(count restarts)"
note "model: $(model statistics)"

check 'unbind' /kernel_test unbind
check 'nothing is pinned in the end' nothing_pinned
check 'counterflow unloads' rmmod counterflow
check 'and loads with an id' insmod /counterflow.ko ids=16c3:edda windows='0000:01:00.0;low;bar2+0x800000;65536;r'
check 'it takes the function by that' bound
check 'the window is the declared one' grep -qx 'low 65536 r' $device/windows
check 'counterflow unloads again' rmmod counterflow
