# SPDX-License-Identifier: MIT
#
# The endpoint dies under running transfers.
# shellcheck shell=sh

check 'counterflow loads' insmod /counterflow.ko ids=16c3:edda
check 'all ones is never success' /kernel_test vanish
