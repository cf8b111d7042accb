# SPDX-License-Identifier: MIT
#
# The endpoint stops to answer under running transfers, for good. (QEMU 11.1 may abort when the model itself
# ends under an emulated IOMMU, so it is the link that goes.)
# shellcheck shell=sh

# shellcheck source=/dev/null # in the guest
. /vfio-lib.sh

check 'VFIO loads' load_vfio
check 'vfio-pci takes the function' bind vfio-pci
# Nor is it reset when it is closed, which on one that does not answer takes the kernel a minute.
check 'the function cannot be reset' eval "echo >$here/reset_method"
check 'a bench runs' busy_bench
check 'the link goes down for good' model link-down
check 'all ones is never success' ended 'the link is down'
check 'nor for who comes now' refuses 'link' /counterflow info "$device"
