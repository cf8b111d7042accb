# SPDX-License-Identifier: MIT
#
# The upstream driver, unmodified, as judge of the model: it binds, its channels move data both ways over lists
# of several chunks, and an abort reaches its client.
# shellcheck shell=sh

parameters=/sys/module/dma_client/parameters

# transfer KIND ENTRIES: write (near to far), read, both at once, or stray, a write of memory no longer mapped.
transfer() { echo "$1 $2" >$parameters/run; }

# ends RESULT KIND ENTRIES: the transfer ends with that errno.
ends() {
    want=$1
    shift
    transfer "$@"
    [ "$(cat $parameters/result)" = "$want" ]
}

bound() { [ -e /sys/bus/pci/drivers/dw-edma-pcie/0000:01:00.0 ]; }
channels() { [ "$(find /sys/class/dma/ -name 'dma*chan*' | wc -l)" -eq 4 ]; }
interrupt_kind() { grep -q "$1.*dw-edma" /proc/interrupts; }

check 'dw-edma loads' insmod /dw-edma.ko
check 'dw-edma-pcie loads' insmod /dw-edma-pcie.ko
check 'the driver binds' bound
check 'two channels each way' channels
check 'a client takes channels' insmod /dma_client.ko

for entries in 1 84 85 200; do
    check "write of $entries entries" transfer write $entries
    check "read of $entries entries" transfer read $entries
    check "both at once, $entries entries" transfer both $entries
done

check 'interrupts will be doubled' model doubled-interrupt,times=0
check 'it does no harm' transfer both 200
check 'interrupts will be late' model late-interrupt,time=50ms,times=0
check 'that neither' transfer both 200
check 'no more of that' model clear

check 'an abort is set' model abort,element=2,channel=wr0
check 'the read aborts' ends -5 read 200
check 'the next one is well' transfer read 200
check 'an abort of the other kind is set' model abort,element=50,cause=poisoned,channel=rd0
check 'the write aborts' ends -5 write 200
check 'the next one is well, too' transfer both 200

if [ -n "$(ls /sys/class/iommu)" ]; then
    check 'what is not mapped cannot be reached' ends -5 stray 200
    check 'what is can' transfer both 200
fi

check 'the client lets go' rmmod dma_client
check 'the driver unbinds' eval 'echo 0000:01:00.0 >/sys/bus/pci/drivers/dw-edma-pcie/unbind'
check 'and binds again' eval 'echo 0000:01:00.0 >/sys/bus/pci/drivers/dw-edma-pcie/bind'
check 'a client takes channels again' insmod /dma_client.ko
check 'both at once after that' transfer both 200
note "model: $(model statistics)"
check 'the client lets go again' rmmod dma_client
check 'dw-edma-pcie unloads' rmmod dw-edma-pcie
check 'dw-edma unloads' rmmod dw-edma
