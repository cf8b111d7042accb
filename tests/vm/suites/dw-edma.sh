# SPDX-License-Identifier: MIT
#
# The model's proof: Linux's own driver on it, with each kind of interrupt and with the vendor capability.
# shellcheck shell=sh

if [ "$kernel_series" = 5.10 ]; then
    result ok "dw-edma # SKIP the driver of 5.10 takes no lists, and this suite's client gives it lists"
else
    build_module dma_client
    initramfs "$kernel_folder"/dw-edma/*.ko "$work"/modules/dma_client/dma_client.ko

    boot 'dw-edma, MSI' dw-edma.sh
    boot 'dw-edma, MSI-X' dw-edma.sh --msix 4
    boot 'dw-edma, vendor capability' dw-edma.sh --vsec
fi
