#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Boots Linux against the modelled endpoint and lets its drivers judge it. `./dev vm` calls this.
#
#     run.sh COUNTERFLOW WORK [--kernel 5.10|6.1|6.12|7.2] [--iommu] [--debug] [--prepare] [SUITE...]
#
# Without the name of a suite all of tests/vm/suites run. --prepare only gets and builds what is cached. --debug boots
# a 6.1 that checks memory, locks and DMA, compiled here. Prints TAP; what every boot said is kept under WORK. Exits
# with 77 when a package cannot be had.
set -eu

rig=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
for part in base packages qemu kernel debug_kernel modules initramfs log tap boot counterflow vfio; do
    # shellcheck source=/dev/null # each is checked by itself
    . "$rig/lib/$part.sh"
done

mkdir -p "$2"
counterflow=$(realpath "$1") folder=$(realpath "$2")
shift 2
kernel=6.1 debug=0 iommu=0 only_prepare=0 suites=
while [ $# -gt 0 ]; do
    case $1 in
    --kernel)
        [ $# -gt 1 ] || die '--kernel needs a series, such as 6.1'
        kernel=$2
        shift
        ;;
    --iommu) iommu=1 ;;
    --debug) debug=1 ;;
    --prepare) only_prepare=1 ;;
    -*) die "what is $1? --kernel SERIES, --iommu, --debug, --prepare and names of suites are known" ;;
    *)
        [ -f "$rig/suites/$1.sh" ] || die "no suite $1; there are: $(cd "$rig/suites" && echo *.sh | sed 's/\.sh//g')"
        suites="$suites $1"
        ;;
    esac
    shift
done
[ -n "$suites" ] || suites=$(cd "$rig/suites" && echo *.sh | sed 's/\.sh//g')
[ "$(dpkg --print-architecture)" = amd64 ] || cannot_have 'a guest here: this rig needs an amd64 host'

work=$folder/$kernel
[ $debug = 0 ] || work=$work-debug
mkdir -p "$work"
prepare_qemu
case $debug$kernel in
0*) prepare_kernel "$kernel" ;;
16.1) prepare_debug_kernel ;;
*) die '--debug is for 6.1' ;;
esac
prepare_dw_edma
[ $only_prepare -eq 0 ] || exit 0

trap clean_up EXIT
trap 'exit 130' INT # through the trap above
trap 'exit 143' TERM
for suite in $suites; do
    # shellcheck source=/dev/null # likewise
    . "$rig/suites/$suite.sh"
done
plan
