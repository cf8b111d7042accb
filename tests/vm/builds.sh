#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Builds kernel/ for one of Debian's kernels; a warning is a failure. `./dev test --all` calls this.
#
#     builds.sh WORK SERIES [amd64|arm64] [VARIABLE=VALUE]...
#
# SERIES as for run.sh; the variables are make's. Exits with 77 when a package cannot be had.
set -eu

rig=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
for part in base packages kernel modules counterflow; do
    # shellcheck source=/dev/null # each is checked by itself
    . "$rig/lib/$part.sh"
done

series=$2 architecture=${3:-amd64}
mkdir -p "$1"
work=$(realpath "$1")/builds-$series-$architecture
rm -rf "$work"
mkdir -p "$work"
shift 2
[ $# -eq 0 ] || shift
[ "$(dpkg --print-architecture)" = amd64 ] || cannot_have "a build here: Debian's headers want an amd64 host"

case $architecture in
amd64) prepare_kernel "$series" ;;
arm64) prepare_foreign "$series" arm64 ;;
*) die "what is $architecture? amd64 and arm64 are known" ;;
esac
build_counterflow "$@"
