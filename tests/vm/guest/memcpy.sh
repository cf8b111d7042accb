# SPDX-License-Identifier: MIT
#
# The dmaengine back end on a memory engine: no slave channels, the far side a BAR that is mapped for it.
# shellcheck shell=sh

# shellcheck source=/dev/null # in the guest
. /engine.sh

folder=/sys/kernel/config/counterflow/memcpy-dma
declared=$folder/windows

window_at() { declare_window ram "$1" 0x3000000; }
switch_on() { echo 1 >/sys/bus/pci/devices/"$function"/enable; }
undeclare() { rmdir "$declared/ram" $folder; }
bar='bar2+0x800000@0000:01:00.0'

check 'the function is switched on' switch_on
check 'a memory engine loads' insmod /memcpy_dma.ko
check 'counterflow loads' insmod /counterflow.ko channels=memcpy-dma
check 'its channels are taken' present
check 'it has no windows by itself' windows_are
check 'it cannot be given a bus address' fails window_at bus+0xfd000000
check 'which the log explains' says 'reaches BARs only'
check 'nor a BAR of nobody' fails window_at 'bar2+0@0000:0f:00.0'
check 'a BAR is a window' window_at $bar
check 'with folders the module stays' fails rmmod counterflow

for case in memory-info far-bytes copy kernel-buffer memlock ring ring-full eventfd leases \
    uring-slots uring-refused uring-wide read-write \
    memory-abort memory-deadline memory-cancel memory-unbind \
    ranges buffers sizes garbage; do
    check "$case" /kernel_test "$case"
done
check 'nothing is pinned' nothing_pinned

again() { rmmod counterflow && rmmod memcpy_dma && insmod /memcpy_dma.ko "$1" && insmod /counterflow.ko channels=memcpy-dma; }
check 'the window is taken away' undeclare
check 'a memory engine that wants words' again copy_align=2
check 'a window must be made of them' fails window_at 'bar2+0x800002@0000:01:00.0'
check 'this one is' window_at $bar
for case in far-bytes memory-alignment; do check "$case" /kernel_test $case; done
check 'the window is taken away again' undeclare
check 'a memory engine that cannot address the BAR' again mask_bits=29
check 'the window is refused' fails window_at $bar
check 'and the log says by whom' says 'the platform gives this engine no way to that BAR'
check 'the refused one is not on' grep -qx 0 "$declared/ram/enable"
check 'nothing is left of it' undeclare

check 'once more, as before' again mask_bits=64
check 'a window in the function' window_at $bar
check 'the function is unplugged' unplug
check 'and gone' fails [ -e /sys/bus/pci/devices/0000:01:00.0 ]
check 'so is the window' windows_are
check 'the window is taken away at last' undeclare
check 'counterflow unloads' rmmod counterflow
check 'the memory engine unloads' rmmod memcpy_dma
