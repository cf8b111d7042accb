# SPDX-License-Identifier: MIT
#
# Either back end, for scripts that do not care which: with dw-edma in the guest it is dmaengine, else ring.
# shellcheck shell=sh

device=/sys/class/counterflow/counterflow0
function=0000:01:00.0
# shellcheck disable=SC2034 # for the scripts
declared=/sys/kernel/config/counterflow/$function/windows

# load_engine [PARAMETER=VALUE]...: the module, and its engine when the function is there.
load_engine() {
    if [ -e /dw-edma.ko ]; then
        insmod /counterflow.ko "$@"
        for driver in dw-edma dw-edma-pcie; do
            [ -e "/sys/module/$(echo $driver | tr - _)" ] || insmod /$driver.ko || return 1
        done
    else
        insmod /counterflow.ko ids=16c3:edda "$@"
    fi
}

unbind() { echo $function >/sys/bus/pci/devices/$function/driver/unbind; }
rebind() { echo $function >/sys/bus/pci/drivers_probe; }
count() { cat $device/counters/"$1"; }
nothing_pinned() { [ "$(count pinned_pages)" = 0 ] && [ "$(count quarantined_pages)" = 0 ]; }
present() { [ -e $device ]; }
# says TEXT: the kernel log has it.
says() { dmesg | grep -q "$1"; }
# declare_window NAME PLACE SIZE: an administrator does.
declare_window() {
    mkdir -p "$declared/$1"
    echo "$2" >"$declared/$1/place"
    echo "$3" >"$declared/$1/size"
    echo 1 >"$declared/$1/enable"
}
# windows_are [NAME]...: these, in this order, and no other.
windows_are() { [ "$(cut -d ' ' -f 1 $device/windows)" = "$(printf '%s\n' "$@")" ]; }
rebound() { unbind && rebind; }
