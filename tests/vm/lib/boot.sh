# SPDX-License-Identifier: MIT
#
# One boot: the model is served, a guest with the function behind a root port runs a script, and what it said
# becomes results. The guest's serial ports are its console (the kernel log), the model's control socket, its
# results, and QEMU's monitor (QMP), so that a script injects faults itself and no line is torn.
# shellcheck shell=sh

# In TCG a boot takes some seconds, and all cases of a back end a minute or two; a debug kernel five times as long, and
# a busy host is slower still.
boot_seconds=${boot_seconds:-1800}
guest_words=
guest_devices=
model=
sockets=

# boot TITLE SCRIPT [serve option]...: runs /SCRIPT in the guest. Obeys $iommu (1: with an emulated one), $guest_words
# (more for the kernel's command line) and $guest_devices (more for QEMU's).
boot() {
    title=$1 script=$2
    [ "$iommu" = 0 ] || title="$title, IOMMU"
    shift 2
    run=$work/$(printf '%s' "$title" | tr -c 'a-zA-Z0-9' '-')
    rm -rf "$run"
    mkdir -p "$run"
    sockets=$(mktemp -d) # short: a socket's path has room for 107 bytes
    start_model "$@"
    run_guest >"$run/qemu.log" 2>&1 || true
    kill "$model" 2>/dev/null || true
    wait "$model" || result 'not ok' "$title: the model ended well"
    model=''
    clean_up
    sockets=''
    report_boot
}

# Whatever ends the run, nothing of a boot stays behind.
clean_up() {
    [ -z "$model" ] || kill "$model" 2>/dev/null || true
    [ -z "$sockets" ] || rm -rf "$sockets"
}

start_model() {
    : >"$run/model.out"
    "$counterflow" serve model:gen3x4,wr=2,rd=2 --socket "$sockets/device" --control "$sockets/control" "$@" \
        >>"$run/model.out" 2>"$run/model.err" &
    model=$!
    until grep -q '^serving' "$run/model.out"; do
        kill -0 $model 2>/dev/null || die "the model did not start: $(cat "$run/model.err")"
        sleep 0.05
    done
}

run_guest() {
    set -- -device pcie-root-port,id=rp0,chassis=1,slot=1
    # On a busy host a guest may not run for a while, which is no fault of its kernel's.
    patience='no_timer_check watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=120'
    # And a test may look through a BAR that a driver has.
    words="console=ttyS0 panic=-1 oops=panic iomem=relaxed $patience $guest_words"
    if [ "$iommu" = 1 ]; then
        set -- -device intel-iommu,caching-mode=on,intremap=on "$@"
        words="$words intel_iommu=on"
    fi
    qemu_device='{"driver":"vfio-user-pci","id":"edma0","bus":"rp0","socket":{"type":"unix","path":"'$sockets'/device"}}'
    # shellcheck disable=SC2086 # $guest_devices is a list of options
    qemu -nodefaults -no-user-config -display none -no-reboot -M q35 -cpu max -accel tcg,thread=multi -smp 1 \
        -m 512M -object memory-backend-memfd,id=mem,size=512M,share=on -numa node,memdev=mem \
        -serial "file:$run/kernel.log" -chardev "socket,id=control,path=$sockets/control" -serial chardev:control \
        -serial "file:$run/results" -chardev "socket,id=monitor,path=$sockets/monitor,server=on,wait=off" \
        -mon chardev=monitor,mode=control -chardev "socket,id=machine,path=$sockets/monitor" -serial chardev:machine \
        -kernel "$kernel_image" -initrd "$work/initramfs" \
        -append "$words script=$script endpoint=$sockets/device" "$@" $guest_devices -device "$qemu_device"
}

# What the guest reported, that it came to its end, and that its kernel had nothing to complain about.
report_boot() {
    while read -r line; do
        case $line in
        'ok '*) result ok "$title: ${line#ok }" ;;
        'not ok '*) result 'not ok' "$title: ${line#not ok }" ;;
        '#'*) say "$title: ${line#\# }" ;;
        esac
    done <"$run/results"
    # QEMU gives the model five seconds: a stall of that length is no driver's.
    ! grep -q 'timed out waiting for reply' "$run/qemu.log" ||
        say "$title: QEMU waited for the model in vain; it has ended, or this host is too busy"
    found=$(trouble_in "$run/kernel.log")
    [ -z "$found" ] || printf '%s\n' "$found" | sed 's/^/# /'
    verdict=0
    { [ -z "$found" ] && grep -q '^end' "$run/results"; } || verdict=1
    [ $verdict -eq 0 ] || say "the logs are in $run"
    if [ $verdict -eq 0 ]; then
        result ok "$title: the guest came to its end and its log is clean"
    else
        result 'not ok' "$title: the guest came to its end and its log is clean"
    fi
}
