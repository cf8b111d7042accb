# SPDX-License-Identifier: MIT
#
# The guest's kernel: Debian's image, headers to build modules against, and the source of the driver that judges
# the model. A series is the first two numbers of its version.
# shellcheck shell=sh

# suites_of SERIES: where Debian has it.
suites_of() {
    case $1 in
    6.1) echo bookworm bookworm-updates bookworm-security ;;
    6.12) echo bookworm-backports ;;
    *) die "no kernel $1 in this rig; there are 6.1 and 6.12" ;;
    esac
}

# What make_kernel keeps changes with this number, so that older caches are made again.
kernel_layout=2

# prepare_kernel SERIES: sets kernel_folder and kernel_version.
prepare_kernel() {
    kernel_folder=$cache/kernel-$1-$kernel_layout
    kernel_series=$1
    once "$kernel_folder" make_kernel
    kernel_version=$(cat "$kernel_folder/version")
    kernel_headers=$kernel_folder/root/usr/src/linux-headers-$kernel_version
    kernel_image=$kernel_folder/root/boot/vmlinuz-$kernel_version
}

make_kernel() {
    say "getting Linux $kernel_series"
    # shellcheck disable=SC2046 # a list of suites
    apt_root "$1/apt" $(suites_of "$kernel_series")
    headers=$(depends "$1/apt" linux-headers-amd64 '^linux-headers-[0-9]')
    version=${headers#linux-headers-}
    fetch "$1/apt" "linux-image-$version"
    unpack_image "$1/apt" "$1/root"
    fetch "$1/apt" "$headers" "$(depends "$1/apt" "$headers" '^linux-headers-.*-common')" \
        "$(depends "$1/apt" "$headers" '^linux-kbuild-')" "linux-source-$kernel_series"
    unpack "$1/apt" "$1/root"
    # Their Makefile names the common headers by an absolute path, as if they were installed.
    sources=root/usr/src
    printf 'include %s/Makefile\n' "$kernel_folder/$sources/linux-headers-${version%-*}-common" \
        >"$1/$sources/$headers/Makefile"
    extract_driver "$1/root/usr/src/linux-source-$kernel_series.tar.xz" "$1/source"
    echo "$version" >"$1/version"
    rm -rf "$1/apt"
}

# unpack_image APT ROOT: the kernel, and of its modules those that give a device to a program, and configfs.
unpack_image() {
    mkdir -p "$2"
    dpkg-deb --fsys-tarfile "$1"/cache/archives/linux-image-*.deb |
        tar -x -C "$2" --wildcards './boot/vmlinuz-*' '*/vfio/*' '*/irqbypass.ko*' '*/configfs.ko*'
    rm -f "$1"/cache/archives/*.deb
}

# extract_driver ARCHIVE FOLDER: drivers/dma/dw-edma as the distribution has it, and the headers beside it.
extract_driver() {
    mkdir -p "$2"
    tar -x -J -f "$1" -C "$2" --strip-components=1 --wildcards '*/drivers/dma/dw-edma' \
        '*/drivers/dma/dmaengine.h' '*/drivers/dma/virt-dma.h'
    rm -f "$1"
}
