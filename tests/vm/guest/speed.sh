# SPDX-License-Identifier: MIT
#
# Measures with the ring back end, then with dmaengine, and compares. Time in here is the emulator's: only the ratios are
# worth anything, and those only within one boot.
# shellcheck shell=sh

# shellcheck source=/dev/null # in the guest
. /engine.sh

override() { echo "$1" >"/sys/bus/pci/devices/$function/driver_override"; }
to_ring() { override counterflow && rebind && present; }
from_ring() { unbind && override '' && rmmod counterflow; }
to_dmaengine() { load_engine && grep -qx dmaengine "$device/backend"; }

check 'counterflow loads' insmod /counterflow.ko
check 'the ring back end takes the function' to_ring
for case in speed-ways speed-directions speed-copies; do check "ring: $case" env label=ring /kernel_test $case; done
check 'it lets go' from_ring
check 'the dmaengine back end takes it' to_dmaengine
for case in speed-ways speed-directions speed-copies; do check "dmaengine: $case" env label=dmaengine /kernel_test $case; done
check 'it lets go, too' rmmod counterflow

while read -r line; do note "$line"; done </tmp/rates

rate() { sed -n "s/^$1 //p" /tmp/rates; }
# at_least TEXT FACTOR A B: says how often B goes into A, and the goal. A busy host may miss it, so it is no check.
at_least() { note "$1: $(awk "BEGIN { x = $3 / $4; printf \"%.2f, %s the goal of %s\", x, x < $2 ? \"below\" : \"meets\", \"$2\" }")"; }

# A provider ends each descriptor with an interrupt and a restart, which is what its transfers cost however they are
# submitted: nothing to be asked of the ways in.
factor() { awk "BEGIN { printf \"%.2f\", $1 / $2 }"; }
[ -z "$(rate ring.uring_cmd)" ] || note "dmaengine: uring_cmd against a blocking ioctl: $(factor "$(rate dmaengine.uring_cmd)" "$(rate dmaengine.ioctl)")"
note "dmaengine: eventfd and ring against a blocking ioctl: $(factor "$(rate dmaengine.ring)" "$(rate dmaengine.ioctl)")"
[ -z "$(rate ring.uring_cmd)" ] || # a kernel without it
    at_least 'ring: uring_cmd against a blocking ioctl' 2 "$(rate ring.uring_cmd)" "$(rate ring.ioctl)"
at_least 'ring: eventfd and ring against a blocking ioctl' 2 "$(rate ring.ring)" "$(rate ring.ioctl)"
for engine in ring dmaengine; do
    at_least "$engine: completions a wake-up" 16 "$(rate $engine.ring_per_wake)" 1
    one=$(awk "BEGIN { print ($(rate $engine.write) + $(rate $engine.read)) / 2 }")
    at_least "$engine: both directions against one" 1.8 "$(rate $engine.both)" "$one"
    at_least "$engine: writes beside reads" 0.9 "$(rate $engine.both_write)" "$(rate $engine.both_read)"
    at_least "$engine: reads beside writes" 0.9 "$(rate $engine.both_read)" "$(rate $engine.both_write)"
done
at_least 'ring against dmaengine, eventfd and ring' 1.5 "$(rate ring.ring)" "$(rate dmaengine.ring)"
# The BAR is ordinary memory here and no link lies before it, so this says nothing about hardware.
note "engine against the CPU through the BAR: $(factor "$(rate ring.engine_mb)" "$(rate ring.cpu_mb)")"
