#!/bin/sh
# SPDX-License-Identifier: MIT
#
# usage: headers.sh OUTPUT SOURCE...
# Makes a folder of kernel headers beside OUTPUT: every <linux/...> and <trace/...> that the SOURCEs include, each of them
# the stand-in. Those of the user-space interface, which programs have too, stay the real ones. OUTPUT lists them.
set -eu

output=$1
shift
folder=$(dirname "$output")
sed -n 's/^#include <\(\(linux\|trace\)\/[^>]*\)>.*/\1/p' "$@" | sort -u | grep -vx 'linux/\(types\|ioctl\).h' >"$output.tmp"
while read -r header; do
    mkdir -p "$folder/$(dirname "$header")"
    echo '#include "stand_in.h"' >"$folder/$header"
done <"$output.tmp"
sed 's/.*/\/\/ &/' "$output.tmp" >"$output"
rm "$output.tmp"
