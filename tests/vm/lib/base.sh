# SPDX-License-Identifier: MIT
#
# What every script of the rig stands on: where things lie, what there is to say, and the system's mirror.
# shellcheck shell=sh

# Everything that is downloaded, or built from what is, outlives a checkout here.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/counterflow/vm

say() { printf '# %s\n' "$*"; }
die() {
    printf 'vm: %s\n' "$*" >&2
    exit 1
}

# cannot_have WHAT: ends all with an exit code of its own: what a mirror does not give is no fault found.
cannot_have() {
    printf 'vm: cannot be had: %s\n' "$*" >&2
    exit 77
}

# quietly LOG COMMAND...: shows the end of LOG when the command fails.
quietly() {
    quiet_log=$1
    shift
    "$@" >"$quiet_log" 2>&1 || {
        tail -n 30 "$quiet_log" >&2
        die "that was: $*; all of it is in $quiet_log"
    }
}

# download LOG COMMAND...: the same, for what asks the mirror.
download() {
    download_log=$1
    shift
    "$@" >"$download_log" 2>&1 || {
        tail -n 10 "$download_log" >&2
        cannot_have "what this asked for: $*"
    }
}

# mirror ARCHIVE: where this system takes Debian's ARCHIVE (debian, debian-security) from.
mirror() {
    sed -n -e 's/^URIs: *\([^ ]*\).*/\1/p' -e 's/^deb \(\[[^]]*\] *\)\{0,1\}\([^ ]*\) .*/\2/p' \
        /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
        grep -E "/$1/?\$" | head -n 1
}

# once FOLDER COMMAND...: makes FOLDER by COMMAND FOLDER.part, unless it is there; one at a time on this machine.
once() {
    once_folder=$1
    shift
    [ ! -d "$once_folder" ] || return 0
    mkdir -p "$cache"
    (
        flock 9
        [ ! -d "$once_folder" ] || exit 0
        rm -rf "$once_folder.part"
        mkdir -p "$once_folder.part"
        "$@" "$once_folder.part"
        mv "$once_folder.part" "$once_folder"
    ) 9>"$once_folder.lock" # not in a condition: the first command that fails in there ends all
}
