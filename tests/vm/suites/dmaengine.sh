# SPDX-License-Identifier: MIT
#
# counterflow.ko with its dmaengine back end, on the channels of Linux's own dw-edma.
# shellcheck shell=sh

build_counterflow
build_kernel_test
initramfs "$kernel_folder"/dw-edma/*.ko "$counterflow_ko" "$kernel_test"

boot 'dmaengine' dmaengine.sh
