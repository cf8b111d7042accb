# SPDX-License-Identifier: MIT
#
# The endpoint dies under running transfers.
# shellcheck shell=sh

# shellcheck source=/dev/null # in the guest
. /engine.sh

check 'counterflow loads' load_engine
check 'all ones is never success' /kernel_test vanish
