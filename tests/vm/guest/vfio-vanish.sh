# SPDX-License-Identifier: MIT
#
# The endpoint dies under running transfers, for good.
# shellcheck shell=sh

# shellcheck source=/dev/null # in the guest
. /vfio-lib.sh

check 'VFIO loads' load_vfio
check 'vfio-pci takes the function' bind vfio-pci
# Nor is it reset when it is closed, which on one that does not answer takes the kernel a minute.
check 'the function cannot be reset' eval "echo >$here/reset_method"
check 'a bench runs' busy_bench
echo exit >&4 # there is nobody left to answer
check 'all ones is never success' ended 'the link is down'
check 'nor for who comes now' refuses 'link' /counterflow info "$device"
