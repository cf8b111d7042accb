# SPDX-License-Identifier: MIT
#
# The ring back end, case by case.
# shellcheck shell=sh

# shellcheck source=/dev/null # in the guest
. /engine.sh

function_driver() { basename "$(readlink /sys/bus/pci/devices/0000:01:00.0/driver)"; }
bound() { [ "$(function_driver)" = counterflow ]; }
take() {
    echo counterflow >/sys/bus/pci/devices/0000:01:00.0/driver_override
    rebind
    bound
}

check 'counterflow loads' insmod /counterflow.ko
check 'it does not take the function by itself' fails bound
check 'it takes it when told' take
check 'it says what it is' grep -qx ring "$device/backend"

for case in info copy kernel-buffer dmabuf memlock ring ring-full eventfd leases \
    uring-slots uring-refused uring-wide read-write uring-cancel \
    abort abort-errno abort-elements cancel one-direction-hangs deadline interrupts lost-interrupt link kill fork \
    ranges buffers sizes reserved garbage garbage-uring fail-nth; do
    check "$case" /kernel_test "$case"
done
check 'nothing is pinned' nothing_pinned
note "interrupts=$(count interrupts) doorbells=$(count doorbells) rerings=$(count rerings)" \
    "lost_interrupts=$(count lost_interrupts) restarts=$(count restarts)"
note "model: $(model statistics)"
check 'counterflow unloads' rmmod counterflow
