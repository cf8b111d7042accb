# SPDX-License-Identifier: MIT
#
# counterflow.ko on a memory engine, which reaches the endpoint through its BAR.
# shellcheck shell=sh

build_module memcpy_dma
build_counterflow
build_kernel_test
kernel_module configfs
initramfs "$work"/modules/memcpy_dma/memcpy_dma.ko "$counterflow_ko" "$kernel_test" \
    ${kernel_module:+"$kernel_module"}

boot 'memcpy' memcpy.sh
