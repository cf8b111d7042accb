# SPDX-License-Identifier: MIT
#
# The guest's kernel for finding faults: Debian's source of 6.1 with tests/vm/debug.config, compiled here once.
# shellcheck shell=sh

# prepare_debug_kernel: sets what prepare_kernel does. A changed configuration makes another one.
prepare_debug_kernel() {
    kernel_series=6.1
    kernel_folder=$cache/kernel-debug-$(cksum <"$rig/debug.config" | cut -d' ' -f1)
    once "$kernel_folder" make_debug_kernel
    kernel_paths
}

make_debug_kernel() {
    # shellcheck disable=SC2046 # a list of releases
    apt_root "$1/apt" $(releases_of "$kernel_series")
    fetch "$1/apt" "linux-source-$kernel_series"
    unpack "$1/apt" "$1/package"
    archive=$1/package/usr/src/linux-source-$kernel_series.tar.xz
    mkdir "$1/tree"
    tar -x -J -f "$archive" -C "$1/tree" --strip-components=1
    extract_driver "$archive" "$1/source"
    configure_debug_kernel "$1/tree"
    say 'compiling a kernel with all its checks; that takes some minutes'
    quietly "$1/build.log" debug_make "$1/tree" -j "$(nproc)" bzImage modules
    version=$(debug_make "$1/tree" -s kernelrelease)
    keep_debug_kernel "$1/tree" "$1/root" "$version"
    echo "$version" >"$1/version"
    rm -rf "$1/tree" "$1/package" "$1/apt"
}

debug_make() {
    tree=$1
    shift
    make -C "$tree" CC=gcc-12 "$@"
}

# configure_debug_kernel TREE: the smallest configuration and ours; dies when one of our wishes is not met.
configure_debug_kernel() {
    quietly "$1/configure.log" debug_make "$1" tinyconfig
    cat "$rig/debug.config" >>"$1/.config"
    quietly "$1/configure.log" debug_make "$1" olddefconfig
    grep -v '^#' "$rig/debug.config" | grep -vxFf "$1/.config" >"$1/unmet" || true
    [ ! -s "$1/unmet" ] || die "this kernel does not take all of debug.config: $(tr '\n' ' ' <"$1/unmet")"
}

# keep_debug_kernel TREE ROOT VERSION: what a package of this kernel and one of its headers would have.
keep_debug_kernel() {
    kept=$2/usr/src/linux-headers-$3
    mkdir -p "$kept" "$2/boot" "$2/lib/modules"
    cp "$1/arch/x86/boot/bzImage" "$2/boot/vmlinuz-$3"
    find "$1" -name '*.ko' -exec cp -t "$2/lib/modules" {} +
    (cd "$1" && tar -c Makefile .config Module.symvers include scripts arch/x86/include arch/x86/Makefile* \
        tools/objtool/objtool) | tar -x -C "$kept"
}
