// SPDX-License-Identifier: GPL-2.0
/*
 * The ring back end on PCI: an endpoint whose function shows its own eDMA's registers and list memory in
 * BARs. Bound by choice only (driver_override, or the parameter `ids`), never by a table, because dw-edma-pcie
 * binds to the same functions.
 */
#include "ring.h"

#include <linux/interrupt.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/pci.h>

/* What a Synopsys endpoint has where it does not say otherwise (VSEC 6). */
#define RING_PCI_REGISTERS_BAR CF_ENDPOINT_REGISTERS
#define RING_PCI_REGISTERS_OFFSET 0x1000
#define RING_PCI_LISTS_BAR CF_ENDPOINT_BAR
#define RING_PCI_LISTS_BYTES CF_ENDPOINT_LISTS

#define RING_PCI_VSEC_ID 6
#define RING_PCI_MAP_UNROLL 1
#define RING_PCI_MAP_HDMA_COMPAT 5

static char *ids[8];
static int ids_count;
module_param_array_named(ids, ids, charp, &ids_count, 0400);
MODULE_PARM_DESC(ids, "vendor:device (hexadecimal) of functions to take, e.g. 16c3:edda");

static uint list_bytes = SZ_16K;
module_param(list_bytes, uint, 0400);
MODULE_PARM_DESC(list_bytes, "list memory of each channel in BAR 2, bytes (default 16384)");

struct ring_pci {
	struct pci_dev *pdev;
	struct ring_device *ring;
	void __iomem *registers; /* the whole BAR */
	unsigned int registers_bar;
	void __iomem *lists;
};

/* Where the capability of the vendor says the registers are. -ENOENT: there is none. */
static int ring_pci_vsec(struct pci_dev *pdev, unsigned int *bar, u64 *offset)
{
	int at = 0;
	u32 value, low, high;

	while ((at = pci_find_next_ext_capability(pdev, at, PCI_EXT_CAP_ID_VNDR))) {
		pci_read_config_dword(pdev, at + PCI_VNDR_HEADER, &value);
		if (PCI_VNDR_HEADER_ID(value) != RING_PCI_VSEC_ID ||
		    PCI_VNDR_HEADER_LEN(value) != 0x18)
			continue;
		pci_read_config_dword(pdev, at + 8, &value);
		pci_read_config_dword(pdev, at + 0x10, &low);
		pci_read_config_dword(pdev, at + 0x14, &high);
		if ((value & 7) != RING_PCI_MAP_UNROLL && (value & 7) != RING_PCI_MAP_HDMA_COMPAT) {
			pci_err(pdev, "register map %u: only unrolled eDMA can be driven\n",
				value & 7);
			return -EOPNOTSUPP;
		}
		*bar = value >> 8 & 7;
		*offset = (u64)high << 32 | low;
		return 0;
	}
	return -ENOENT;
}

/* Maps the registers and returns what RING_CONTROL reads. */
static int ring_pci_map_registers(struct ring_pci *pci, u32 *control)
{
	struct pci_dev *pdev = pci->pdev;
	unsigned int bar = RING_PCI_REGISTERS_BAR;
	u64 offset = RING_PCI_REGISTERS_OFFSET;
	int said = ring_pci_vsec(pdev, &bar, &offset);

	if (said && said != -ENOENT)
		return said;
	if (bar >= PCI_STD_NUM_BARS || pci_resource_len(pdev, bar) < RING_SPACE)
		return -ENODEV;
	pci->registers_bar = bar;
	pci->registers = pci_iomap(pdev, bar, 0);
	if (!pci->registers)
		return -ENOMEM;
	*control = 0;
	if (offset <= pci_resource_len(pdev, bar) - RING_SPACE)
		*control = readl(pci->registers + offset + RING_CONTROL);
	if (!ring_plausible(*control)) {
		/* Linux looks at the BAR's start from 5.11 on, and endpoints have followed. */
		offset = 0;
		*control = readl(pci->registers + RING_CONTROL);
	}
	if (!ring_plausible(*control)) {
		pci_err(pdev, "no eDMA in BAR %u: its control register reads %#x\n", bar,
			*control);
		return -ENODEV;
	}
	pci->ring->registers = pci->registers + offset;
	return 0;
}

static void ring_pci_link(struct ring_pci *pci)
{
	struct cf_engine *engine = &pci->ring->engine;
	u16 status = 0;

	if (!pcie_capability_read_word(pci->pdev, PCI_EXP_LNKSTA, &status)) {
		engine->link_generation = status & PCI_EXP_LNKSTA_CLS;
		engine->link_lanes = (status & PCI_EXP_LNKSTA_NLW) >> PCI_EXP_LNKSTA_NLW_SHIFT;
	}
	if (pci_is_pcie(pci->pdev)) {
		engine->link_mps = pcie_get_mps(pci->pdev);
		engine->link_mrrs = pcie_get_readrq(pci->pdev);
	}
	engine->near_port = CF_PORT_ROOT;
}

static int ring_pci_start(struct ring_pci *pci)
{
	struct pci_dev *pdev = pci->pdev;
	unsigned int channels;
	size_t stride;
	u32 control;
	int error;

	error = ring_pci_map_registers(pci, &control);
	if (error)
		return error;
	channels = (control & 0xf) + (control >> 16 & 0xf);
	stride = RING_PCI_LISTS_BYTES / roundup_pow_of_two(channels);
	if (pci_resource_len(pdev, RING_PCI_LISTS_BAR) < RING_PCI_LISTS_BYTES ||
	    !(pci_resource_flags(pdev, RING_PCI_LISTS_BAR) & IORESOURCE_MEM)) {
		pci_err(pdev, "BAR %u has no room for lists\n", RING_PCI_LISTS_BAR);
		return -ENODEV;
	}
	pci->lists = ioremap_wc(pci_resource_start(pdev, RING_PCI_LISTS_BAR),
				RING_PCI_LISTS_BYTES);
	if (!pci->lists)
		return -ENOMEM;
	error = ring_engine_start(pci->ring, control, pci->lists,
				  pci_bus_address(pdev, RING_PCI_LISTS_BAR), stride,
				  min_t(size_t, list_bytes, stride));
	if (error)
		return error;
	ring_pci_link(pci);
	cf_engine_is_endpoint(&pci->ring->engine, pdev, pci->registers_bar);
	return 0;
}

static void ring_pci_unmap(struct ring_pci *pci)
{
	if (pci->lists)
		iounmap(pci->lists);
	if (pci->registers)
		pci_iounmap(pci->pdev, pci->registers);
}

static int ring_pci_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct ring_pci *pci;
	int error;

	pci = devm_kzalloc(&pdev->dev, sizeof(*pci), GFP_KERNEL);
	if (!pci)
		return -ENOMEM;
	pci->pdev = pdev;
	error = pci_enable_device(pdev);
	if (error)
		return error;
	error = pci_request_regions(pdev, "counterflow");
	if (error)
		goto out_disable;
	error = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (error)
		goto out_regions;
	dma_set_max_seg_size(&pdev->dev, UINT_MAX);
	pci->ring = ring_engine_alloc(&pdev->dev, &pdev->dev, CF_SIDE_REMOTE);
	if (!pci->ring) {
		error = -ENOMEM;
		goto out_regions;
	}
	error = ring_pci_start(pci);
	if (error)
		goto out_ring;
	error = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_MSI | PCI_IRQ_MSIX);
	if (error < 0)
		goto out_ring;
	pci->ring->irq = pci_irq_vector(pdev, 0);
	pci->ring->messages = true;
	/* Not balanced: the engine has the message's address in its registers. */
	error = request_irq(pci->ring->irq, ring_interrupt, IRQF_NOBALANCING, "counterflow",
			    pci->ring);
	if (error)
		goto out_vectors;
	pci_set_master(pdev);
	pci_set_drvdata(pdev, pci);
	error = ring_engine_register(pci->ring);
	if (error)
		goto out_irq;
	return 0;

out_irq:
	pci_clear_master(pdev);
	free_irq(pci->ring->irq, pci->ring);
out_vectors:
	pci_free_irq_vectors(pdev);
out_ring:
	ring_pci_unmap(pci);
	put_device(&pci->ring->engine.dev);
out_regions:
	pci_release_regions(pdev);
out_disable:
	pci_disable_device(pdev);
	return error;
}

static void ring_pci_remove(struct pci_dev *pdev)
{
	struct ring_pci *pci = pci_get_drvdata(pdev);

	cf_engine_close(&pci->ring->engine);
	free_irq(pci->ring->irq, pci->ring);
	ring_stop_for_good(pci->ring);
	pci_clear_master(pdev);
	ring_pci_unmap(pci);
	cf_engine_unregister(&pci->ring->engine);
	pci_free_irq_vectors(pdev);
	pci_release_regions(pdev);
	pci_disable_device(pdev);
}

static struct pci_driver ring_pci_driver = {
	.name = "counterflow",
	.probe = ring_pci_probe,
	.remove = ring_pci_remove,
};

static int ring_pci_add_id(const char *text)
{
	unsigned int vendor, device;
	char end;

	if (sscanf(text, "%x:%x%c", &vendor, &device, &end) != 2 || vendor > 0xffff ||
	    device > 0xffff) {
		pr_err("counterflow: ids=%s: expected vendor:device\n", text);
		return -EINVAL;
	}
	return pci_add_dynid(&ring_pci_driver, vendor, device, PCI_ANY_ID, PCI_ANY_ID, 0, 0, 0);
}

int cf_ring_pci_init(void)
{
	int error, i;

	error = pci_register_driver(&ring_pci_driver);
	for (i = 0; i < ids_count && !error; i++) {
		error = ring_pci_add_id(ids[i]);
		if (error)
			pci_unregister_driver(&ring_pci_driver);
	}
	return error;
}

void cf_ring_pci_exit(void)
{
	pci_unregister_driver(&ring_pci_driver);
}
