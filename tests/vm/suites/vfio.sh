# SPDX-License-Identifier: MIT
#
# The user-space driver on the function itself, through VFIO; the ring back end beside it for comparison.
# shellcheck shell=sh

build_counterflow
prepare_vfio
kernel_module configfs
initramfs "$vfio_modules"/*.ko "$counterflow_ko" ${kernel_module:+"$kernel_module"} "$counterflow"

vfio_iommu=$iommu
iommu=1
boot 'vfio' vfio.sh
boot 'vfio, MSI-X' vfio-msix.sh --msix 1 --vsec
boot 'vfio, the function dies' vfio-vanish.sh
iommu=0
boot 'vfio without an IOMMU' vfio-refused.sh
iommu=$vfio_iommu
