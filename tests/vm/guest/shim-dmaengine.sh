# SPDX-License-Identifier: MIT
#
# The library on the dmaengine back end.
# shellcheck shell=sh

# shellcheck source=/dev/null # in the guest
. /shim-lib.sh

check 'dw-edma loads' insmod /dw-edma.ko
check 'dw-edma-pcie loads' insmod /dw-edma-pcie.ko
check 'counterflow loads' insmod /counterflow.ko
on_every_way
