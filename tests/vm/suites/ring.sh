# SPDX-License-Identifier: MIT
#
# counterflow.ko with its ring back end: it takes the function itself.
# shellcheck shell=sh

build_counterflow
build_kernel_test
initramfs "$counterflow_ko" "$kernel_test"

boot 'ring' ring.sh
boot 'ring, the model dies' vanish.sh
