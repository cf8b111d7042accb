# SPDX-License-Identifier: MIT
#
# counterflow.ko with its ring back end: it takes the function itself.
# shellcheck shell=sh

build_counterflow
build_kernel_test
kernel_module configfs
initramfs "$counterflow_ko" "$kernel_test" ${kernel_module:+"$kernel_module"}

boot 'ring' ring.sh
boot 'ring, administered' administer.sh
boot 'ring, the engine hangs' hung.sh
boot 'ring, the model dies' vanish.sh
