# SPDX-License-Identifier: MIT
#
# The library and the command on the kernel module, by each way to submit and complete that the kernel has.
# shellcheck shell=sh

build_counterflow
kernel_module configfs
built=$(dirname "$counterflow")/../..
# shellcheck disable=SC2046 # a list of programs
initramfs "$kernel_folder"/dw-edma/*.ko "$counterflow_ko" ${kernel_module:+"$kernel_module"} \
    "$built/src/libcounterflow.so.0" "$counterflow" "$built/tests/device/device-test" $(find "$built/examples" -maxdepth 1 -type f -perm -u+x)

boot 'library on ring' shim-ring.sh
boot 'library on dmaengine' shim-dmaengine.sh
boot 'library on ring, the model dies' shim-vanish.sh
