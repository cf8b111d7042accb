# SPDX-License-Identifier: MIT
#
# Both back ends in one boot, for ratios: what each way in and out is worth.
# shellcheck shell=sh

build_counterflow
build_kernel_test
kernel_module configfs
initramfs "$kernel_folder"/dw-edma/*.ko "$counterflow_ko" "$kernel_test" ${kernel_module:+"$kernel_module"}

boot 'speed' speed.sh
