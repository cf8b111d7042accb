# SPDX-License-Identifier: MIT
#
# The endpoint dies under the library's transfers.
# shellcheck shell=sh

# shellcheck source=/dev/null # in the guest
. /shim-lib.sh

check 'counterflow loads' insmod /counterflow.ko ids=16c3:edda
way=
check 'all ones is never success' tested '[vanish]'
