# SPDX-License-Identifier: MIT
#
# Debian packages of any release, unpacked into a folder: nothing is installed, nobody has to be root.
# shellcheck shell=sh

keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# apt_root FOLDER SUITE...: an apt of its own in FOLDER, that knows the main packages of these suites.
apt_root() {
    apt_folder=$1
    shift
    mkdir -p "$apt_folder/lists/partial" "$apt_folder/cache/archives/partial"
    : >"$apt_folder/status"
    for suite in "$@"; do
        case $suite in
        *-security) archive=debian-security ;;
        *) archive=debian ;;
        esac
        uri=$(mirror $archive)
        if [ -z "$uri" ] && [ $archive = debian-security ]; then
            say "this system's apt sources name no mirror of $archive: going without" >&2
            continue
        fi
        [ -n "$uri" ] || cannot_have "$suite, as the apt sources of this system name no mirror of $archive"
        printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$uri" "$suite"
    done >"$apt_folder/sources.list"
    download "$apt_folder/update.log" apt_in "$apt_folder" apt-get -oAPT::Update::Error-Mode=any update
}

# apt_in FOLDER COMMAND...: an apt command, in that apt; $apt_foreign is an architecture it knows besides amd64.
apt_in() {
    apt_folder=$1 apt_command=$2
    shift 2
    "$apt_command" -oDir::Etc::sourcelist="$apt_folder/sources.list" -oDir::Etc::sourceparts=/dev/null \
        -oDir::Etc::preferencesparts=/dev/null -oDir::State::Lists="$apt_folder/lists" \
        -oDir::State::status="$apt_folder/status" -oDir::Cache="$apt_folder/cache" -oAPT::Sandbox::User=root \
        -oDebug::NoLocking=1 -oAPT::Install-Recommends=0 -oAcquire::Retries=3 \
        -oAPT::Architectures::=amd64 -oAPT::Architectures::="${apt_foreign:-amd64}" -q "$@"
}

# depends FOLDER PACKAGE PATTERN: what PACKAGE depends on and the pattern matches.
depends() { apt_in "$1" apt-cache depends "$2" | sed -n 's/^ *Depends: <\{0,1\}\([^:>]*\).*/\1/p' | grep -E "$3" | head -n 1; }

# fetch FOLDER PACKAGE...: these packages, without what they depend on, into FOLDER/cache/archives.
fetch() {
    fetch_folder=$1
    shift
    (cd "$fetch_folder/cache/archives" && download "$fetch_folder/fetch.log" apt_in "$fetch_folder" apt-get download "$@")
}

# fetch_all FOLDER PACKAGE...: these, and all they depend on.
fetch_all() {
    fetch_folder=$1
    shift
    download "$fetch_folder/fetch.log" apt_in "$fetch_folder" apt-get --download-only -y install "$@"
}

# unpack FOLDER ROOT: everything that was fetched.
unpack() {
    for package in "$1"/cache/archives/*.deb; do dpkg -x "$package" "$2"; done
    rm -f "$1"/cache/archives/*.deb
}

# run_in_place ROOT FINAL: lets the programs under ROOT, once it is FINAL, run with the libraries beside them,
# whatever this system's are.
run_in_place() {
    libraries=$2/usr/lib/x86_64-linux-gnu
    find "$1/usr/bin" "$1/usr/libexec" "$1/usr/lib" -type f -perm -100 | while read -r program; do
        patchelf --print-interpreter "$program" >/dev/null 2>&1 || continue
        patchelf --force-rpath --set-rpath "$libraries" --set-interpreter "$libraries/ld-linux-x86-64.so.2" "$program"
    done
}
