# SPDX-License-Identifier: MIT
#
# The guest's file system: busybox, init, and what a suite brings.
# shellcheck shell=sh

# initramfs FILE...: packs $work/initramfs from the rig's guest folder and these files, which go to /.
initramfs() {
    tree=$work/tree
    rm -rf "$tree"
    mkdir -p "$tree/bin" "$tree/proc" "$tree/sys" "$tree/dev" "$tree/tmp"
    cp "$(command -v busybox)" "$tree/bin/busybox"
    ln -s busybox "$tree/bin/sh"
    cp "$rig"/guest/* "$@" "$tree"
    chmod +x "$tree/init"
    (cd "$tree" && find . | cpio --quiet -o -H newc | gzip -1) >"$work/initramfs"
}
