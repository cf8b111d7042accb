# SPDX-License-Identifier: MIT
#
# Kernel modules for the guest: dw-edma from the kernel's own source, unmodified, and the test's.
# shellcheck shell=sh

# kernel_make ARGUMENT...: make, with the compiler that came with the headers, or else this system's for the kernel's
# architecture. Type information for BPF takes the kernel's debug symbols, which its packages do not have.
kernel_make() {
    tools=$kernel_folder/root/usr/bin/x86_64-linux-gnu-
    compiler=$(find "$kernel_folder/root/usr/bin" -name 'x86_64-linux-gnu-gcc-[0-9]*' 2>/dev/null)
    if [ -n "$compiler" ]; then
        set -- CROSS_COMPILE="$tools" PAHOLE="$kernel_folder/root/usr/bin/pahole" CC="$compiler -B$tools" "$@"
    elif [ "${apt_foreign-}" = arm64 ]; then
        set -- ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- CC=aarch64-linux-gnu-gcc-12 "$@"
    else
        set -- CC=gcc-12 "$@"
    fi
    make CONFIG_DEBUG_INFO_BTF_MODULES= "$@"
}

# kbuild FOLDER [VARIABLE=VALUE]...: builds the modules in FOLDER against the guest's kernel.
kbuild() {
    kbuild_folder=$1
    shift
    kernel_make -C "$kernel_headers" M="$kbuild_folder" "$@" modules
}

# The define stands for what the kernel's configuration would say of the driver: headers ask it.
prepare_dw_edma() { once "$kernel_folder/dw-edma" make_dw_edma; }

make_dw_edma() {
    say 'building dw-edma'
    cp -r "$kernel_folder/source/drivers/dma/." "$1"
    quietly "$1/build.log" kbuild "$1/dw-edma" CONFIG_DW_EDMA=m CONFIG_DW_EDMA_PCIE=m \
        KCFLAGS=-DCONFIG_DW_EDMA_MODULE=1
    mv "$1"/dw-edma/dw-edma.ko "$1"/dw-edma/dw-edma-pcie.ko "$1"
}

# build_module NAME: tests/vm/modules/NAME, into $work.
build_module() {
    rm -rf "${work:?}/modules/$1"
    mkdir -p "$work/modules"
    cp -r "$rig/modules/$1" "$work/modules/$1"
    quietly "$work/modules/$1.log" kbuild "$work/modules/$1"
}

# kernel_module NAME: sets kernel_module to a module of the guest's kernel; to nothing where it is built in.
kernel_module() { kernel_module=$(find "$kernel_folder/root" -name "$1.ko"); }
