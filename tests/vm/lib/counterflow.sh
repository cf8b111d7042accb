# SPDX-License-Identifier: MIT
#
# Our own module for the guest, and the program that tests it.
# shellcheck shell=sh

# build_counterflow [VARIABLE=VALUE]...: kernel/ in a copy, without a warning, into $counterflow_ko.
build_counterflow() {
    copy=$work/modules/counterflow
    mkdir -p "$copy"
    cp -r "$rig/../../kernel" "$rig/../../include" "$copy"
    quietly "$copy.log" kernel_make -C "$copy/kernel" KDIR="$kernel_headers" W=1 "$@"
    ! grep 'warning:' "$copy.log" || die "that is what building the module says; all of it is in $copy.log"
    # shellcheck disable=SC2034 # for the suites
    counterflow_ko=$copy/kernel/counterflow.ko
}

# build_kernel_test: static, so that it needs nothing of the guest.
build_kernel_test() {
    kernel_test=$work/kernel_test
    quietly "$kernel_test.log" g++ -std=c++20 -O1 -static -Wall -Wextra -Werror -I"$rig/../../include" \
        "$rig"/kernel/*.cpp -luring -o "$kernel_test"
}
