# SPDX-License-Identifier: MIT
#
# The engine hangs so that nothing stops it, and its device leaves the machine.
# shellcheck shell=sh

# shellcheck source=/dev/null # in the guest
. /engine.sh

check 'counterflow loads' load_engine
check 'memory that may still be written is kept' /kernel_test quarantine
check 'the log says so' says 'stay pinned'
