// SPDX-License-Identifier: GPL-2.0
/*
 * The ring back end on a Tegra194 or Tegra234 root port: the engine in this machine's own PCIe controller. The
 * controller's driver keeps the device and shares its interrupt; we come after it and go before it.
 *
 * Not run on hardware yet: written after the register layouts and device trees that NVIDIA and Linux publish.
 */
#include "ring.h"

#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/pci.h>
#include <linux/platform_device.h>
#include <linux/slab.h>

/* Where Tegra has the engine, in the window that also has the address translation. Elsewhere it is 0x80000. */
#define RING_PORT_WINDOW "atu_dma"
#define RING_PORT_OFFSET 0x20000
#define RING_PORT_LIST_BYTES SZ_32K

static char *root_ports[8];
static int root_ports_count;
module_param_array_named(root_ports, root_ports, charp, &root_ports_count, 0400);
MODULE_PARM_DESC(root_ports, "platform devices of Tegra PCIe controllers whose engines to take, e.g. 14160000.pcie");

struct ring_port {
	struct list_head node; /* of all, under ring_port_lock */
	struct platform_device *pdev;
	struct pci_dev *port; /* the root port's function; referenced */
	struct ring_device *ring;
	void __iomem *registers;
	void *lists;
	dma_addr_t lists_address;
	size_t lists_bytes;
};

static DEFINE_MUTEX(ring_port_lock);
static LIST_HEAD(ring_ports);

/*
 * Memory is mapped for the root port's function and not for the controller's platform device: they have one stream
 * at the SMMU, but many device trees give only what is behind the controller a mapping (iommu-map).
 */
static struct pci_dev *ring_port_function(struct device *controller)
{
	struct pci_dev *pdev = NULL;

	for_each_pci_dev(pdev)
		if (pci_pcie_type(pdev) == PCI_EXP_TYPE_ROOT_PORT && pci_is_root_bus(pdev->bus) &&
		    pdev->bus->bridge->parent == controller)
			return pdev;
	return NULL;
}

static int ring_port_map(struct ring_port *port, u32 *control)
{
	struct resource *window = platform_get_resource_byname(port->pdev, IORESOURCE_MEM,
							       RING_PORT_WINDOW);
	unsigned int channels;

	if (!window || resource_size(window) < RING_PORT_OFFSET + RING_SPACE)
		return -ENODEV;
	/* Not requested: the controller's driver has the window. */
	port->registers = ioremap(window->start + RING_PORT_OFFSET, RING_SPACE);
	if (!port->registers)
		return -ENOMEM;
	port->ring->registers = port->registers;
	*control = readl(port->registers + RING_CONTROL);
	if (!ring_plausible(*control))
		return -ENODEV;
	channels = (*control & 0xf) + (*control >> 16 & 0xf);
	port->lists_bytes = channels * RING_PORT_LIST_BYTES;
	port->lists = dma_alloc_coherent(&port->port->dev, port->lists_bytes,
					 &port->lists_address, GFP_KERNEL);
	return port->lists ? 0 : -ENOMEM;
}

static void ring_port_unmap(struct ring_port *port)
{
	if (port->lists)
		dma_free_coherent(&port->port->dev, port->lists_bytes, port->lists,
				  port->lists_address);
	if (port->registers)
		iounmap(port->registers);
}

static void ring_port_describe(struct ring_port *port)
{
	struct cf_engine *engine = &port->ring->engine;
	u16 status = 0;

	engine->near_port = CF_PORT_ROOT;
	if (!pcie_capability_read_word(port->port, PCI_EXP_LNKSTA, &status)) {
		engine->link_generation = status & PCI_EXP_LNKSTA_CLS;
		engine->link_lanes = (status & PCI_EXP_LNKSTA_NLW) >> PCI_EXP_LNKSTA_NLW_SHIFT;
	}
	engine->link_mps = pcie_get_mps(port->port);
	engine->link_mrrs = pcie_get_readrq(port->port);
}

static int ring_port_start(struct ring_port *port)
{
	u32 control;
	int error;

	error = dma_set_mask_and_coherent(&port->port->dev, DMA_BIT_MASK(64));
	if (error)
		return error;
	error = ring_port_map(port, &control);
	if (error)
		return error;
	/* Memory of our own, through accessors made for a BAR: on arm64 they are the same instructions. */
	error = ring_engine_start(port->ring, control, (void __iomem __force *)port->lists,
				  port->lists_address, RING_PORT_LIST_BYTES,
				  RING_PORT_LIST_BYTES);
	if (error)
		return error;
	ring_port_describe(port);
	port->ring->irq = platform_get_irq_byname(port->pdev, "intr");
	if (port->ring->irq < 0)
		return port->ring->irq;
	return request_irq(port->ring->irq, ring_interrupt, IRQF_SHARED, "counterflow",
			   port->ring);
}

/* dev's lock is held, and it has its driver. */
static int ring_port_take(struct device *dev)
{
	struct ring_port *port = kzalloc(sizeof(*port), GFP_KERNEL);
	int error = -ENOMEM;

	if (!port)
		return -ENOMEM;
	port->pdev = to_platform_device(dev);
	port->port = ring_port_function(dev);
	if (!port->port) {
		error = -ENODEV;
		goto out_free;
	}
	port->ring = ring_engine_alloc(dev, &port->port->dev, CF_SIDE_LOCAL);
	if (!port->ring)
		goto out_port;
	error = ring_port_start(port);
	if (error)
		goto out_ring;
	error = ring_engine_register(port->ring);
	if (error)
		goto out_irq;
	mutex_lock(&ring_port_lock);
	list_add_tail(&port->node, &ring_ports);
	mutex_unlock(&ring_port_lock);
	return 0;

out_irq:
	free_irq(port->ring->irq, port->ring);
out_ring:
	ring_port_unmap(port);
	put_device(&port->ring->engine.dev);
out_port:
	pci_dev_put(port->port);
out_free:
	kfree(port);
	dev_err(dev, "its eDMA cannot be used: %d\n", error);
	return error;
}

/* The controller's driver is still bound. List memory goes only when the engine was proven to be past it. */
static void ring_port_drop(struct ring_port *port)
{
	bool proven;

	cf_engine_close(&port->ring->engine);
	free_irq(port->ring->irq, port->ring);
	proven = ring_stop_for_good(port->ring);
	if (proven)
		ring_port_unmap(port);
	cf_engine_unregister(&port->ring->engine);
	pci_dev_put(port->port);
	kfree(port);
}

static struct ring_port *ring_port_find(struct device *dev)
{
	struct ring_port *port, *found = NULL;

	mutex_lock(&ring_port_lock);
	list_for_each_entry(port, &ring_ports, node)
		if (&port->pdev->dev == dev) {
			found = port;
			list_del(&port->node);
			break;
		}
	mutex_unlock(&ring_port_lock);
	return found;
}

static bool ring_port_named(struct device *dev)
{
	int i;

	for (i = 0; i < root_ports_count; i++)
		if (!strcmp(root_ports[i], dev_name(dev)))
			return true;
	return false;
}

/* Called with the device's lock held. */
static int ring_port_notify(struct notifier_block *block, unsigned long event, void *data)
{
	struct device *dev = data;
	struct ring_port *port;

	if (!ring_port_named(dev))
		return NOTIFY_DONE;
	if (event == BUS_NOTIFY_BOUND_DRIVER) {
		ring_port_take(dev);
	} else if (event == BUS_NOTIFY_UNBIND_DRIVER) {
		port = ring_port_find(dev);
		if (port)
			ring_port_drop(port);
	}
	return NOTIFY_OK;
}

static struct notifier_block ring_port_block = { .notifier_call = ring_port_notify };

/* A named device with its lock held, so that no bind or unbind meets us. */
static void ring_port_each(void (*act)(struct device *dev))
{
	int i;

	for (i = 0; i < root_ports_count; i++) {
		struct device *dev =
			bus_find_device_by_name(&platform_bus_type, NULL, root_ports[i]);

		if (!dev)
			continue;
		device_lock(dev);
		act(dev);
		device_unlock(dev);
		put_device(dev);
	}
}

static void ring_port_begin(struct device *dev)
{
	struct ring_port *port;
	bool taken = false;

	mutex_lock(&ring_port_lock);
	list_for_each_entry(port, &ring_ports, node)
		taken |= &port->pdev->dev == dev;
	mutex_unlock(&ring_port_lock);
	if (dev->driver && !taken)
		ring_port_take(dev);
}

static void ring_port_end(struct device *dev)
{
	struct ring_port *port = ring_port_find(dev);

	if (port)
		ring_port_drop(port);
}

int cf_ring_port_init(void)
{
	int error;

	if (!root_ports_count)
		return 0;
	error = bus_register_notifier(&platform_bus_type, &ring_port_block);
	if (!error)
		ring_port_each(ring_port_begin);
	return error;
}

void cf_ring_port_exit(void)
{
	if (!root_ports_count)
		return;
	/* Twice: a driver may have bound in between, and once the notifier is gone none is taken any more. */
	ring_port_each(ring_port_end);
	bus_unregister_notifier(&platform_bus_type, &ring_port_block);
	ring_port_each(ring_port_end);
}
