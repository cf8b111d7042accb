# SPDX-License-Identifier: MIT
#
# The dmaengine back end, case by case.
# shellcheck shell=sh

# shellcheck source=/dev/null # in the guest
. /engine.sh

check 'counterflow loads' insmod /counterflow.ko
check 'it waits for channels' fails present
check 'dw-edma loads' insmod /dw-edma.ko
check 'dw-edma-pcie loads' insmod /dw-edma-pcie.ko
check 'its channels are taken' present
check 'it says what it is' grep -qx dmaengine "$device/backend"

for case in info copy kernel-buffer dmabuf memlock ring ring-full eventfd leases \
    uring-slots uring-refused uring-wide read-write uring-cancel \
    abort abort-errno abort-elements deadline interrupts lost-interrupt kill fork \
    ranges buffers sizes reserved garbage garbage-uring fail-nth; do
    check "$case" /kernel_test "$case"
done
check 'nothing is pinned' nothing_pinned
note "model: $(model statistics)"

check 'counterflow unloads' rmmod counterflow
check 'dw-edma-pcie unloads' rmmod dw-edma-pcie
check 'dw-edma-pcie loads again' insmod /dw-edma-pcie.ko
check 'counterflow loads, and finds channels that were there before' insmod /counterflow.ko
check 'they are taken' present
check 'none are taken when told so' eval 'rmmod counterflow && insmod /counterflow.ko channels=none'
check 'none are' fails present
