# SPDX-License-Identifier: MIT
#
# The guest's kernel: Debian's image, headers to build modules against, and the source of the driver that judges
# the model. A series is the first two numbers of its version.
# shellcheck shell=sh

# releases_of SERIES [ARCHITECTURE]: where Debian has it.
releases_of() {
    case $1${2-} in
    5.10arm64) echo bullseye ;; # the security archive lists more of it than it has
    5.10) echo bullseye bullseye-security ;;
    6.1 | 6.1arm64) echo bookworm bookworm-updates bookworm-security ;;
    6.12) echo bookworm-backports ;;
    7.2) echo forky ;;
    *) die "no kernel $1 in this rig; there are 5.10, 6.1, 6.12 and 7.2" ;;
    esac
}

# What make_kernel keeps changes with this number, so that older caches are made again.
kernel_layout=3

# prepare_kernel SERIES: sets kernel_folder, kernel_version, kernel_headers and kernel_image.
prepare_kernel() {
    kernel_folder=$cache/kernel-$1-$kernel_layout
    kernel_series=$1
    once "$kernel_folder" make_kernel
    kernel_paths
}

kernel_paths() {
    kernel_version=$(cat "$kernel_folder/version")
    kernel_headers=$kernel_folder/root/usr/src/linux-headers-$kernel_version
    kernel_image=$(find "$kernel_folder/root" -name 'vmlinuz*')
}

# newest_headers APT SERIES ARCHITECTURE: the version of the newest kernel of a series.
newest_headers() {
    apt_in "$1" apt-cache pkgnames "linux-headers-$2." |
        grep -E "^linux-headers-$2\.[0-9.-]+(\+[a-z0-9]+)?-$3\$" | sort -V | tail -n 1 | sed 's/^linux-headers-//'
}

make_kernel() {
    say "getting Linux $kernel_series"
    # shellcheck disable=SC2046 # a list of releases
    apt_root "$1/apt" $(releases_of "$kernel_series")
    version=$(newest_headers "$1/apt" "$kernel_series" amd64)
    [ -n "$version" ] || cannot_have "Linux $kernel_series, which $(releases_of "$kernel_series") has no longer"
    unpack_image "$1/apt" "$1/root"
    unpack_headers "$1" "$kernel_folder" amd64
    fetch "$1/apt" "linux-source-$kernel_series"
    unpack "$1/apt" "$1/root"
    extract_driver "$1/root/usr/src/linux-source-$kernel_series.tar.xz" "$1/source"
    echo "$version" >"$1/version"
    rm -rf "$1/apt"
}

# prepare_foreign SERIES ARCHITECTURE: sets kernel_folder and kernel_headers, to build for another architecture. What
# runs of its headers is taken from this architecture's.
prepare_foreign() {
    kernel_folder=$cache/headers-$1-$2-$kernel_layout
    kernel_series=$1 apt_foreign=$2
    once "$kernel_folder" make_foreign
    kernel_headers=$(find "$kernel_folder/root/usr/src" -name "linux-headers-*-$2")
}

make_foreign() {
    # shellcheck disable=SC2046 # a list of releases
    apt_root "$1/apt" $(releases_of "$kernel_series" "$apt_foreign")
    version=$(newest_headers "$1/apt" "$kernel_series" "$apt_foreign")
    [ -n "$version" ] || cannot_have "headers of Linux $kernel_series for $apt_foreign"
    unpack_headers "$1" "$kernel_folder" "$apt_foreign"
    rm -rf "$1/apt"
}

# unpack_image APT ROOT: the kernel, and of its modules those that give a device to a program, and configfs.
unpack_image() {
    mkdir -p "$2"
    case $kernel_series in
    7.*) fetch "$1" "linux-binary-$version" "linux-modules-$version" ;;
    *) fetch "$1" "linux-image-$version" ;;
    esac
    for package in "$1"/cache/archives/*.deb; do
        dpkg-deb --fsys-tarfile "$package" | tar -x -C "$2" --wildcards --no-anchored 'vmlinuz*' '*/vfio/*' \
            '*/irqbypass.ko*' '*/configfs.ko*' 2>/dev/null || true # which of them is in which package differs
    done
    [ -n "$(find "$2" -name 'vmlinuz*')" ] || die "no kernel in the packages of Linux $version"
    find "$2" -name '*.ko.xz' -exec unxz {} +
    rm -f "$1"/cache/archives/*.deb
}

# unpack_headers FOLDER FINAL ARCHITECTURE: into FOLDER/root, to be used when FOLDER is FINAL. Headers that want a newer
# compiler than this system's, and have tools that need newer libraries, come with both.
unpack_headers() {
    headers=linux-headers-$version
    case $kernel_series in
    7.*) fetch_all "$1/apt" "$headers" ;;
    *) fetch "$1/apt" "$headers" "${headers%-*}-common" "$(depends "$1/apt" "$headers:$3" '^linux-kbuild-')" ;;
    esac
    unpack "$1/apt" "$1/root"
    [ ! -d "$1/root/usr/libexec/gcc" ] || run_in_place "$1/root" "$2/root"
    # Their Makefile names itself and the common headers by absolute paths, as if they were installed.
    sed -i "s|/usr/src/|$2/root/usr/src/|g" "$1/root/usr/src/$headers/Makefile"
}

# extract_driver ARCHIVE FOLDER: drivers/dma/dw-edma as the distribution has it, and the headers beside it.
extract_driver() {
    mkdir -p "$2"
    tar -x -J -f "$1" -C "$2" --strip-components=1 --wildcards '*/drivers/dma/dw-edma' \
        '*/drivers/dma/dmaengine.h' '*/drivers/dma/virt-dma.h'
    rm -f "$1"
}
