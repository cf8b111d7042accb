# SPDX-License-Identifier: MIT
#
# The guest kernel's own modules that give a PCI function to a program, as plain .ko files.
# shellcheck shell=sh

# prepare_vfio: sets vfio_modules, a folder of them.
prepare_vfio() {
    vfio_modules=$work/modules/vfio
    rm -rf "$vfio_modules"
    mkdir -p "$vfio_modules"
    find "$kernel_folder/root" -path '*/lib/modules/*' \( -name 'irqbypass.ko*' -o -name 'vfio.ko*' -o \
        -name 'vfio_virqfd.ko*' -o -name 'vfio_iommu_type1.ko*' -o -name 'vfio-pci*.ko*' \) \
        -exec cp -t "$vfio_modules" {} +
    find "$vfio_modules" -name '*.xz' -exec unxz {} +
}
