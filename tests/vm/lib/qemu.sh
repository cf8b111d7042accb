# SPDX-License-Identifier: MIT
#
# QEMU with the vfio-user client, which Debian 12's own lacks: taken from trixie-backports with all of its
# libraries and run by its own loader.
# shellcheck shell=sh

qemu_folder=$cache/qemu

prepare_qemu() { once "$qemu_folder" make_qemu; }

make_qemu() {
    say 'getting QEMU from trixie-backports'
    apt_root "$1/apt" trixie trixie-backports
    fetch_all "$1/apt" -t trixie-backports qemu-system-x86
    unpack "$1/apt" "$1/root"
    rm -rf "$1/apt"
}

# qemu OPTION...: killed after $boot_seconds.
qemu() {
    qemu_libraries=$qemu_folder/root/usr/lib/x86_64-linux-gnu
    QEMU_MODULE_DIR=$qemu_libraries/qemu timeout --foreground -k 5 "$boot_seconds" "$qemu_libraries/ld-linux-x86-64.so.2" \
        --library-path "$qemu_libraries" "$qemu_folder/root/usr/bin/qemu-system-x86_64" \
        -L "$qemu_folder/root/usr/share/qemu" -L "$qemu_folder/root/usr/share/seabios" "$@"
}
