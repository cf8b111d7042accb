# SPDX-License-Identifier: MIT
#
# The guest's file system: busybox, init, and what a suite brings.
# shellcheck shell=sh

# libraries FILE: what a program needs to run, by absolute paths; nothing of a static one or of what is none.
libraries() { { ldd "$1" 2>/dev/null || true; } | grep -o '/[^ ]*' || true; }

# initramfs FILE...: packs $work/initramfs from the rig's guest folder and these files, which go to /. A
# program's libraries come with it.
initramfs() {
    tree=$work/tree
    rm -rf "$tree"
    mkdir -p "$tree/bin" "$tree/proc" "$tree/sys" "$tree/dev" "$tree/tmp"
    cp "$(command -v busybox)" "$tree/bin/busybox"
    ln -s busybox "$tree/bin/sh"
    cp "$rig"/guest/* "$@" "$tree"
    chmod +x "$tree/init"
    for file in "$@"; do
        for library in $(libraries "$file"); do cp -L --parents "$library" "$tree"; done
    done
    (cd "$tree" && find . | cpio --quiet -o -H newc | gzip -1) >"$work/initramfs"
}
