# SPDX-License-Identifier: MIT
#
# With MSI-X, whose table a program can read, nothing needs root but giving the function away.
# shellcheck shell=sh

# shellcheck source=/dev/null # in the guest
. /vfio-lib.sh

check 'VFIO loads' load_vfio
check 'vfio-pci takes the function' bind vfio-pci
check 'root reads its message' bench "$device" --seconds 0.3
check 'the node is given to a user' chown 1000 "$(node)"
check 'who can be interrupted' as_user /counterflow bench "$device" --size 4KiB --seconds 0.5 -q
check 'an abort is set' model abort,element=20,channel=wr0,cause=list_fetch_error
check 'who hears of it' refuses 'could not fetch a list element' as_user /counterflow bench "$device" --seconds 60 -q
