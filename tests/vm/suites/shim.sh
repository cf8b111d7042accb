# SPDX-License-Identifier: MIT
#
# The library and the command on the kernel module, by each way to submit and complete that the kernel has.
# shellcheck shell=sh

build_counterflow
built=$(dirname "$counterflow")/../..
# shellcheck disable=SC2046 # a list of programs
initramfs "$kernel_folder"/dw-edma/*.ko "$counterflow_ko" "$counterflow" "$built/tests/device/device-test" \
    $(find "$built/examples" -maxdepth 1 -type f -perm -u+x)

boot_seconds_before=$boot_seconds
boot_seconds=900
boot 'library on ring' shim-ring.sh
boot 'library on dmaengine' shim-dmaengine.sh
boot 'library on ring, the model dies' shim-vanish.sh
boot_seconds=$boot_seconds_before
