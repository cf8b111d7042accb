# SPDX-License-Identifier: MIT
#
# What the scripts about VFIO have in common.
# shellcheck shell=sh

function=0000:01:00.0
device=vfio:$function
here=/sys/bus/pci/devices/$function

# In the order in which they need each other; not every kernel has them all.
load_vfio() {
    for module in irqbypass vfio vfio_virqfd vfio_iommu_type1 vfio-pci-core vfio-pci; do
        [ ! -f /$module.ko ] || insmod /$module.ko || return 1
    done
}
driver() { basename "$(readlink $here/driver 2>/dev/null)"; }
has_driver() { [ "$(driver)" = "$1" ]; }
no_driver() { [ ! -e $here/driver ]; }
bind() {
    echo "$1" >$here/driver_override
    echo $function >/sys/bus/pci/drivers_probe
    has_driver "$1"
}
node() { echo "/dev/vfio/$(basename "$(readlink $here/iommu_group)")"; }

# as_user COMMAND...: as somebody without rights. busybox's start-stop-daemon is a way to become one.
as_user() {
    mkdir -p /etc
    echo 'user:x:1000:1000::/:/bin/sh' >/etc/passwd
    program=$1
    shift
    start-stop-daemon -S -c user -x "$program" -- "$@"
}

# refuses WORDS COMMAND...: the command fails and says that.
refuses() {
    words=$1
    shift
    if "$@" >/tmp/said 2>&1; then
        echo 'it did not fail'
        return 1
    fi
    cat /tmp/said
    grep -qF -- "$words" /tmp/said
}

# says WORDS COMMAND...: the command succeeds and says that.
says() {
    words=$1
    shift
    "$@" >/tmp/said 2>&1 || {
        cat /tmp/said
        return 1
    }
    grep -qF -- "$words" /tmp/said || {
        cat /tmp/said
        return 1
    }
}

# bench OPTION...: of the device, verified; what it found is in /tmp/bench.
bench() {
    /counterflow bench "$@" --json -q >/tmp/bench || return 1
    grep -q '"verified": true' /tmp/bench || {
        cat /tmp/bench
        return 1
    }
}

# transfers: how many a second the last bench made, both directions together.
transfers() {
    awk '/"transfers":/ { sum += $2 } /"seconds":/ { seconds = $2 } END { printf "%.0f", seconds ? sum / seconds : 0 }' /tmp/bench
}

elements() { model statistics | sed -n 's/.*elements=\([0-9]*\).*/\1/p'; }

# busy_bench: starts a bench without end, and returns when its transfers run. Its process is $running.
busy_bench() {
    before=$(elements)
    /counterflow bench "$device" --seconds 3600 -q >/tmp/busy 2>&1 &
    running=$!
    until [ "$(elements)" -gt $((before + 200)) ]; do
        kill -0 "$running" || {
            cat /tmp/busy
            return 1
        }
    done
}

# said WORDS: the busy bench has said so, or will.
said() {
    until grep -qF -- "$1" /tmp/busy; do
        kill -0 "$running" || {
            cat /tmp/busy
            return 1
        }
    done
}

# ended WORDS: the busy bench came to a bad end, and said so.
ended() {
    if wait "$running"; then
        echo 'it ended well'
        return 1
    fi
    cat /tmp/busy
    grep -qF -- "$1" /tmp/busy
}
