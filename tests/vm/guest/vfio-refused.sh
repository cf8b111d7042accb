# SPDX-License-Identifier: MIT
#
# Without an IOMMU a function is not given to programs, and info says why.
# shellcheck shell=sh

# shellcheck source=/dev/null # in the guest
. /vfio-lib.sh

check 'info says why not' refuses 'this system runs no IOMMU' /counterflow info "$device"
check 'the list does' says 'not yet usable: this system runs no IOMMU' /counterflow list
