# SPDX-License-Identifier: MIT
#
# counterflow.ko with its dmaengine back end, on the channels of Linux's own dw-edma.
# shellcheck shell=sh

build_counterflow
build_kernel_test
kernel_module configfs
initramfs "$kernel_folder"/dw-edma/*.ko "$counterflow_ko" "$kernel_test" ${kernel_module:+"$kernel_module"}

boot 'dmaengine' dmaengine.sh
boot 'dmaengine, administered' administer.sh
boot 'dmaengine, the engine hangs' hung.sh
boot 'dmaengine, the model dies' vanish.sh
