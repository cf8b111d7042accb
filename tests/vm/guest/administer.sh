# SPDX-License-Identifier: MIT
#
# What an administrator does to either back end: windows through configfs and by parameter, the driver taken from its
# device, the device taken from its machine.
# shellcheck shell=sh

# shellcheck source=/dev/null # in the guest
. /engine.sh

appears_with() { rebind && windows_are "$@"; }
comes_back_with() { rebound && windows_are "$@"; }

check 'counterflow loads' load_engine
check 'its window is its memory' windows_are ram
for case in far-bytes windows-refused; do check "$case" /kernel_test $case; done
check 'nothing is declared any more' windows_are
check 'bound anew, its window is its memory' comes_back_with ram
for case in windows windows-removal; do check "$case" /kernel_test $case; done
check 'refusals are in the log' says "it reaches the engine's own registers or lists"

check 'the driver is unbound' unbind
check 'a window is declared for a device that has no driver' declare_window frames bar2+0x800000 65536
check 'so is one that cannot be' declare_window lists bar2+0 65536
check 'bound, the device has the first' appears_with frames
check 'the second is switched off' grep -qx 0 "$declared/lists/enable"
check 'with folders the module stays' fails rmmod counterflow
check 'the first is as good as any' /kernel_test windows-first
check 'it outlives its device' comes_back_with frames
check 'all declarations go' rmdir "$declared/frames" "$declared/lists" "${declared%/windows}"
check 'unbound and bound' comes_back_with ram

for case in module passing unbind unplug; do check "$case" /kernel_test $case; done
check 'nothing is pinned in the end' nothing_pinned
check 'counterflow unloads' rmmod counterflow

check 'it loads with a window for it alone' load_engine windows="$function;low;bar2+0x800000;65536;r"
[ ! -e /dw-edma.ko ] || check 'its channels were there before' present
check 'the window is the declared one' grep -qx 'low 65536 r' "$device/windows"
check 'counterflow unloads again' rmmod counterflow
check 'a window over the lists' load_engine windows="$function;lists;bar2+0;65536;r"
check 'keeps the device from appearing' fails present
check 'counterflow unloads at last' rmmod counterflow
