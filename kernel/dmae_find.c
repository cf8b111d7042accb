// SPDX-License-Identifier: GPL-2.0
/*
 * The dmaengine back end, channels: taking them when their driver binds, and letting go of them before it unbinds.
 * A driver that loses its device with a channel still taken leaves freed memory behind; so the bus tells us.
 */
#include "dmae.h"

#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/pci.h>
#include <linux/platform_device.h>
#include <linux/slab.h>

static char *channels[16] = { "dw-edma-pcie" };
static int channels_count = 1;
module_param_array_named(channels, channels, charp, &channels_count, 0400);
MODULE_PARM_DESC(channels, "dmaengine channels to take: names of drivers, devices or channels (default dw-edma-pcie); none: take none");

/* The devices of which we have channels. Taken within a device's lock, never around one. */
static DEFINE_MUTEX(dmae_lock);
static LIST_HEAD(dmae_devices);
static bool dmae_closing; /* nothing is taken any more */

static bool dmae_named(struct dma_chan *chan)
{
	struct device *dev = chan->device->dev;
	int i;

	for (i = 0; i < channels_count; i++)
		if (!strcmp(channels[i], dev_name(dev)) ||
		    !strcmp(channels[i], dma_chan_name(chan)) ||
		    (dev->driver && !strcmp(channels[i], dev->driver->name)))
			return true;
	return false;
}

static bool dmae_filter(struct dma_chan *chan, void *dev)
{
	return chan->device->dev == dev && dmae_named(chan);
}

static void dmae_release(struct cf_engine *engine)
{
	struct dmae_device *device = container_of(engine, struct dmae_device, engine);
	unsigned int i;

	for (i = 0; i < device->count; i++)
		kvfree(device->channels[i]);
	kfree(device);
}

/* The way a channel can go. dw-edma's are one way each; those of a memory engine are shared out. */
static int dmae_way(struct dmae_device *device, struct dmae_channel *channel, enum cf_way *way)
{
	const unsigned int *count = device->engine.channel_count;
	struct dma_slave_caps caps = {};
	int error;

	if (channel->copies) {
		*way = count[CF_WAY_WRITE] > count[CF_WAY_READ] ? CF_WAY_READ : CF_WAY_WRITE;
		return 0;
	}
	error = dma_get_slave_caps(channel->chan, &caps);
	if (error)
		return error;
	if (caps.directions & BIT(DMA_MEM_TO_DEV))
		*way = CF_WAY_WRITE;
	else if (caps.directions & BIT(DMA_DEV_TO_MEM))
		*way = CF_WAY_READ;
	else
		return -EOPNOTSUPP;
	return 0;
}

/* Takes over the channel, or fails and leaves it to the caller. */
static int dmae_add(struct dmae_device *device, struct dma_chan *chan)
{
	struct dmae_channel *channel;
	enum cf_way way;
	int error;

	channel = kvzalloc(sizeof(*channel), GFP_KERNEL);
	if (!channel)
		return -ENOMEM;
	channel->chan = chan;
	dmae_channel_init(channel);
	error = dmae_way(device, channel, &way);
	if (!error && device->engine.channel_count[way] == CF_MAX_CHANNELS)
		error = -ENOSPC;
	if (error) {
		kvfree(channel);
		return error;
	}
	cf_channel_init(&channel->base, &device->engine, way);
	device->channels[device->count++] = channel;
	device->engine.maps_windows |= channel->copies;
	if (channel->copies)
		device->engine.alignment =
			max(device->engine.alignment, 1u << chan->device->copy_align);
	return 0;
}

static void dmae_link(struct dmae_device *device, struct pci_dev *pdev)
{
	struct cf_engine *engine = &device->engine;
	u16 status = 0;

	engine->near_port = CF_PORT_ROOT;
	if (!pcie_capability_read_word(pdev, PCI_EXP_LNKSTA, &status)) {
		engine->link_generation = status & PCI_EXP_LNKSTA_CLS;
		engine->link_lanes = (status & PCI_EXP_LNKSTA_NLW) >> PCI_EXP_LNKSTA_NLW_SHIFT;
	}
	if (pci_is_pcie(pdev)) {
		engine->link_mps = pcie_get_mps(pdev);
		engine->link_mrrs = pcie_get_readrq(pdev);
	}
}

/*
 * An eDMA on PCI sits in the endpoint. Any other provider is taken to sit in this machine, on a bus of its own or in
 * a PCIe controller.
 */
static void dmae_describe(struct dmae_device *device, struct device *dev)
{
	device->engine.side = CF_SIDE_LOCAL;
	if (!dev_is_pci(dev) || device->engine.maps_windows)
		return;
	device->engine.side = CF_SIDE_REMOTE;
	dmae_link(device, to_pci_dev(dev));
	cf_engine_is_endpoint(&device->engine, to_pci_dev(dev), CF_ENDPOINT_REGISTERS);
}

static struct dmae_device *dmae_alloc(struct device *dev, struct dma_chan *chan)
{
	struct dmae_device *device = kzalloc(sizeof(*device), GFP_KERNEL);

	if (!device)
		return NULL;
	cf_engine_init(&device->engine, &dmae_ops, dev, cf_dma_device_of(chan), dmae_release);
	device->engine.cpu_addresses = true;
	device->provider = dev;
	init_waitqueue_head(&device->idle);
	return device;
}

/*
 * Takes those of the device's channels that the administrator has named and that can do this; as many as there is
 * room for. `device` is made with the first.
 */
static int dmae_take_all(struct dmae_device **device, struct device *dev,
			 enum dma_transaction_type what)
{
	struct dma_chan *chan;
	dma_cap_mask_t mask;
	int error = 0;

	dma_cap_zero(mask);
	dma_cap_set(what, mask);
	while (!error && (chan = dma_request_channel(mask, dmae_filter, dev))) {
		if (!*device)
			*device = dmae_alloc(dev, chan);
		error = *device ? dmae_add(*device, chan) : -ENOMEM;
		if (error)
			dma_release_channel(chan);
	}
	return error == -ENOSPC ? 0 : error;
}

/* Takes what this device offers and the administrator has named. dev's lock is held, it has its driver. */
static int dmae_take(struct device *dev)
{
	struct dmae_device *device = NULL;
	unsigned int i;
	int error;

	error = dmae_take_all(&device, dev, DMA_MEMCPY);
	if (!device && !error)
		error = dmae_take_all(&device, dev, DMA_SLAVE);
	if (!device)
		return error;
	if (!error) {
		dmae_describe(device, dev);
		error = cf_engine_register(&device->engine);
	}
	if (error) {
		dev_err(dev, "its dmaengine channels cannot be used: %d\n", error);
		for (i = 0; i < device->count; i++)
			dma_release_channel(device->channels[i]->chan);
		put_device(&device->engine.dev);
		return error;
	}
	mutex_lock(&dmae_lock);
	list_add_tail(&device->node, &dmae_devices);
	mutex_unlock(&dmae_lock);
	return 0;
}

static bool dmae_idle(struct dmae_device *device)
{
	unsigned int i;

	for (i = 0; i < device->count; i++)
		if (READ_ONCE(device->channels[i]->busy))
			return false;
	return true;
}

/* Lets go of a device's channels. Its driver is still bound. */
static void dmae_drop(struct dmae_device *device)
{
	unsigned int i;

	cf_engine_close(&device->engine);
	wait_event_timeout(device->idle, dmae_idle(device), msecs_to_jiffies(DMAE_DRAIN_MS));
	for (i = 0; i < device->count; i++)
		dmae_channel_close(device->channels[i]);
	cf_engine_unregister(&device->engine);
}

/* Takes what we have of this device off the list, if anything. dev's lock is held. */
static struct dmae_device *dmae_find(struct device *dev)
{
	struct dmae_device *device, *found = NULL;

	mutex_lock(&dmae_lock);
	list_for_each_entry(device, &dmae_devices, node)
		if (device->provider == dev) {
			found = device;
			list_del(&device->node);
			break;
		}
	mutex_unlock(&dmae_lock);
	return found;
}

/* Called with the device's lock held, so that no two of these meet for one device. */
static int dmae_notify(struct notifier_block *block, unsigned long event, void *data)
{
	struct device *dev = data;
	struct dmae_device *device;

	if (event == BUS_NOTIFY_BOUND_DRIVER) {
		if (!READ_ONCE(dmae_closing))
			dmae_take(dev);
	} else if (event == BUS_NOTIFY_UNBIND_DRIVER) {
		device = dmae_find(dev);
		if (device)
			dmae_drop(device);
	}
	return NOTIFY_OK;
}

static struct notifier_block dmae_pci_block = { .notifier_call = dmae_notify };
static struct notifier_block dmae_platform_block = { .notifier_call = dmae_notify };

static bool dmae_taken(struct device *dev)
{
	struct dmae_device *device;
	bool taken = false;

	mutex_lock(&dmae_lock);
	list_for_each_entry(device, &dmae_devices, node)
		taken |= device->provider == dev;
	mutex_unlock(&dmae_lock);
	return taken;
}

/* Those that were bound before we came. */
static int dmae_look(struct device *dev, void *unused)
{
	device_lock(dev);
	if (dev->driver && !dmae_taken(dev))
		dmae_take(dev);
	device_unlock(dev);
	return 0;
}

/* Who saw dmae_closing unset has taken what it wanted. */
static int dmae_barrier(struct device *dev, void *unused)
{
	device_lock(dev);
	device_unlock(dev);
	return 0;
}

int cf_dmae_init(void)
{
	int error;

	error = bus_register_notifier(&pci_bus_type, &dmae_pci_block);
	if (error)
		return error;
	error = bus_register_notifier(&platform_bus_type, &dmae_platform_block);
	if (error) {
		bus_unregister_notifier(&pci_bus_type, &dmae_pci_block);
		return error;
	}
	bus_for_each_dev(&pci_bus_type, NULL, NULL, dmae_look);
	bus_for_each_dev(&platform_bus_type, NULL, NULL, dmae_look);
	return 0;
}

/* A device whose channels we have; referenced. */
static struct device *dmae_any(void)
{
	struct device *dev = NULL;

	mutex_lock(&dmae_lock);
	if (!list_empty(&dmae_devices))
		dev = get_device(list_first_entry(&dmae_devices, struct dmae_device, node)->provider);
	mutex_unlock(&dmae_lock);
	return dev;
}

/* The notifiers stay until nothing is left, for a driver that unbinds meanwhile. */
void cf_dmae_exit(void)
{
	struct dmae_device *device;
	struct device *dev;

	WRITE_ONCE(dmae_closing, true);
	bus_for_each_dev(&pci_bus_type, NULL, NULL, dmae_barrier);
	bus_for_each_dev(&platform_bus_type, NULL, NULL, dmae_barrier);
	while ((dev = dmae_any())) {
		device_lock(dev);
		device = dmae_find(dev);
		if (device)
			dmae_drop(device);
		device_unlock(dev);
		put_device(dev);
	}
	bus_unregister_notifier(&platform_bus_type, &dmae_platform_block);
	bus_unregister_notifier(&pci_bus_type, &dmae_pci_block);
}
