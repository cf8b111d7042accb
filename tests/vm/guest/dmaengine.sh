# SPDX-License-Identifier: MIT
#
# The dmaengine back end, case by case; the last ones take the provider away.
# shellcheck shell=sh

device=/sys/class/counterflow/counterflow0

count() { cat $device/counters/"$1"; }
nothing_pinned() { [ "$(count pinned_pages)" = 0 ] && [ "$(count quarantined_pages)" = 0 ]; }
present() { [ -e $device ]; }

check 'counterflow loads' insmod /counterflow.ko
check 'it waits for channels' fails present
check 'dw-edma loads' insmod /dw-edma.ko
check 'dw-edma-pcie loads' insmod /dw-edma-pcie.ko
check 'its channels are taken' present
check 'it says what it is' grep -qx dmaengine $device/backend

for case in info copy kernel-buffer dmabuf memlock ring ring-full eventfd leases \
    uring-slots uring-refused uring-wide read-write uring-cancel \
    abort abort-errno deadline interrupts kill fork \
    ranges buffers sizes garbage; do
    check "$case" /kernel_test "$case"
done
check 'nothing is pinned' nothing_pinned
for case in speed-blocking speed-uring speed-ring; do check "$case" /kernel_test $case; done
while read -r line; do note "$line"; done </tmp/speed
note "model: $(model statistics)"

check 'unbind' /kernel_test unbind
check 'nothing is pinned in the end' nothing_pinned
check 'counterflow unloads' rmmod counterflow
check 'dw-edma-pcie unloads' rmmod dw-edma-pcie
check 'dw-edma-pcie loads again' insmod /dw-edma-pcie.ko
check 'counterflow loads, and finds channels that were there before' insmod /counterflow.ko
check 'they are taken' present
check 'none are taken when told so' eval 'rmmod counterflow && insmod /counterflow.ko channels=none'
check 'none are' fails present
