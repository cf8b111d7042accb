# SPDX-License-Identifier: MIT
#
# The library on the ring back end.
# shellcheck shell=sh

# shellcheck source=/dev/null # in the guest
. /shim-lib.sh

check 'counterflow loads' insmod /counterflow.ko ids=16c3:edda
on_every_way
