// SPDX-License-Identifier: GPL-2.0
//
// A dmaengine provider for tests: a platform device, "memcpy-dma", whose
// channels have DMA_MEMCPY and nothing else, as a memory engine does. A worker
// of each channel copies with the CPU, from and to the bus addresses it was
// given, be they RAM or a BAR; it knows no other address, so that what was
// not mapped for this device is not found. A platform device has no IOMMU in
// this guest: bus addresses are physical ones.
//
// Parameters, to be written at any time: `hold` keeps descriptors from
// ending; `abort_nth` lets the nth from now end half done with an error.

#include <linux/dma-mapping.h>
#include <linux/dmaengine.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#define CHANNELS 4

static uint mask_bits = 64;
module_param(mask_bits, uint, 0444);
MODULE_PARM_DESC(mask_bits, "width of the device's addresses");

static uint copy_align;
module_param(copy_align, uint, 0444);
MODULE_PARM_DESC(
	copy_align,
	"logarithm of what addresses and lengths must be multiples of");

static atomic_t abort_nth = ATOMIC_INIT(0);
static bool hold;
static DECLARE_WAIT_QUEUE_HEAD(changed);

struct copy {
	struct dma_async_tx_descriptor tx;
	struct list_head node;
	dma_addr_t to, from;
	size_t size;
};

struct channel {
	struct dma_chan chan;
	spinlock_t lock; /* for what follows */
	struct list_head submitted, issued;
	bool stopping; /* what is issued is not waited for any more */
	struct work_struct work;
};

struct provider {
	struct dma_device dma;
	struct workqueue_struct *workers;
	struct channel channels[CHANNELS];
};

static struct platform_device *pdev;

static struct channel *to_channel(struct dma_chan *chan)
{
	return container_of(chan, struct channel, chan);
}

static struct copy *to_copy(struct dma_async_tx_descriptor *tx)
{
	return container_of(tx, struct copy, tx);
}

/* ---- copying ---- */

/* At most one page of it; NULL: nobody is there. */
static void __iomem *reach(dma_addr_t at, size_t size, bool *mapped)
{
	*mapped = !pfn_valid(PHYS_PFN(at));
	if (*mapped)
		return ioremap(at, size);
	return (void __iomem __force *)phys_to_virt(at);
}

static bool move_part(dma_addr_t to, dma_addr_t from, size_t size, void *page)
{
	bool to_mapped, from_mapped;
	void __iomem *target = reach(to, size, &to_mapped);
	void __iomem *source = reach(from, size, &from_mapped);
	bool found = target && source;

	if (found) {
		memcpy_fromio(page, source, size);
		memcpy_toio(target, page, size);
	}
	if (source && from_mapped)
		iounmap(source);
	if (target && to_mapped)
		iounmap(target);
	return found;
}

static bool move(const struct copy *copy, size_t size)
{
	void *page = (void *)__get_free_page(GFP_KERNEL);
	bool found = page;
	size_t at, part;

	for (at = 0; found && at < size; at += part) {
		part = min_t(size_t, size - at, PAGE_SIZE);
		found = move_part(copy->to + at, copy->from + at, part, page);
	}
	free_page((unsigned long)page);
	return found;
}

static void end(struct copy *copy, enum dmaengine_tx_result outcome)
{
	struct dma_async_tx_descriptor *tx = &copy->tx;
	struct dmaengine_result result = {.result = outcome};

	tx->chan->completed_cookie = tx->cookie;
	if (tx->callback_result)
		tx->callback_result(tx->callback_param, &result);
	else if (tx->callback)
		tx->callback(tx->callback_param);
	kfree(copy);
}

static struct copy *next(struct channel *channel)
{
	struct copy *copy;

	spin_lock_irq(&channel->lock);
	copy = list_first_entry_or_null(&channel->issued, struct copy, node);
	if (copy)
		list_del(&copy->node);
	spin_unlock_irq(&channel->lock);
	return copy;
}

static void work(struct work_struct *item)
{
	struct channel *channel = container_of(item, struct channel, work);
	struct copy *copy;

	while ((copy = next(channel))) {
		bool aborts;

		wait_event(changed,
			   !READ_ONCE(hold) || READ_ONCE(channel->stopping));
		if (READ_ONCE(channel->stopping)) {
			kfree(copy); /* terminated: no callback */
			continue;
		}
		aborts = atomic_add_unless(&abort_nth, -1, 0) &&
			 !atomic_read(&abort_nth);
		if (!move(copy, aborts ? copy->size / 2 : copy->size))
			aborts = true;
		/* Callbacks run as in a tasklet. */
		local_bh_disable();
		end(copy, aborts ? DMA_TRANS_ABORTED : DMA_TRANS_NOERROR);
		local_bh_enable();
	}
}

/* ---- dmaengine's calls ---- */

static dma_cookie_t submit(struct dma_async_tx_descriptor *tx)
{
	struct channel *channel = to_channel(tx->chan);
	unsigned long flags;

	spin_lock_irqsave(&channel->lock, flags);
	tx->cookie = max(tx->chan->cookie + 1, DMA_MIN_COOKIE);
	tx->chan->cookie = tx->cookie;
	list_add_tail(&to_copy(tx)->node, &channel->submitted);
	spin_unlock_irqrestore(&channel->lock, flags);
	return tx->cookie;
}

static struct dma_async_tx_descriptor *prepare(struct dma_chan *chan,
					       dma_addr_t to, dma_addr_t from,
					       size_t size, unsigned long flags)
{
	size_t mask = (1u << chan->device->copy_align) - 1;
	struct copy *copy;

	if ((to | from | size) & mask ||
	    size > dma_get_max_seg_size(chan->device->dev)) {
		pr_err("memcpy_dma: WARNING: a copy that this device cannot "
		       "do\n");
		return NULL;
	}
	copy = kzalloc(sizeof(*copy), GFP_NOWAIT);
	if (!copy)
		return NULL;
	dma_async_tx_descriptor_init(&copy->tx, chan);
	copy->tx.tx_submit = submit;
	copy->tx.flags = flags;
	copy->to = to;
	copy->from = from;
	copy->size = size;
	return &copy->tx;
}

static void issue(struct dma_chan *chan)
{
	struct channel *channel = to_channel(chan);
	struct provider *provider =
		container_of(chan->device, struct provider, dma);
	unsigned long flags;

	spin_lock_irqsave(&channel->lock, flags);
	list_splice_tail_init(&channel->submitted, &channel->issued);
	spin_unlock_irqrestore(&channel->lock, flags);
	queue_work(provider->workers, &channel->work);
}

static enum dma_status status(struct dma_chan *chan, dma_cookie_t cookie,
			      struct dma_tx_state *state)
{
	return dma_async_is_complete(cookie, chan->completed_cookie,
				     chan->cookie);
}

static int terminate(struct dma_chan *chan)
{
	struct channel *channel = to_channel(chan);
	struct copy *copy, *following;
	unsigned long flags;
	LIST_HEAD(all);

	spin_lock_irqsave(&channel->lock, flags);
	list_splice_init(&channel->issued, &all);
	list_splice_init(&channel->submitted, &all);
	channel->stopping = true;
	spin_unlock_irqrestore(&channel->lock, flags);
	wake_up_all(&changed);
	list_for_each_entry_safe(copy, following, &all, node) kfree(copy);
	return 0;
}

static void synchronize(struct dma_chan *chan)
{
	struct channel *channel = to_channel(chan);

	flush_work(&channel->work);
	WRITE_ONCE(channel->stopping, false);
}

static int allocate(struct dma_chan *chan)
{
	chan->cookie = DMA_MIN_COOKIE;
	chan->completed_cookie = DMA_MIN_COOKIE;
	return 0;
}

static void release(struct dma_chan *chan)
{
	terminate(chan);
	synchronize(chan);
}

/* ---- the device ---- */

static void set_up(struct provider *provider, struct device *dev)
{
	struct dma_device *dma = &provider->dma;
	int i;

	dma->dev = dev;
	dma->copy_align = copy_align;
	dma->directions = BIT(DMA_MEM_TO_MEM);
	dma->residue_granularity = DMA_RESIDUE_GRANULARITY_DESCRIPTOR;
	dma_cap_set(DMA_MEMCPY, dma->cap_mask);
	dma_cap_set(DMA_PRIVATE, dma->cap_mask);
	dma->device_alloc_chan_resources = allocate;
	dma->device_free_chan_resources = release;
	dma->device_prep_dma_memcpy = prepare;
	dma->device_issue_pending = issue;
	dma->device_tx_status = status;
	dma->device_terminate_all = terminate;
	dma->device_synchronize = synchronize;
	INIT_LIST_HEAD(&dma->channels);
	for (i = 0; i < CHANNELS; i++) {
		struct channel *channel = &provider->channels[i];

		spin_lock_init(&channel->lock);
		INIT_LIST_HEAD(&channel->submitted);
		INIT_LIST_HEAD(&channel->issued);
		INIT_WORK(&channel->work, work);
		channel->chan.device = dma;
		list_add_tail(&channel->chan.device_node, &dma->channels);
	}
}

static void free_workers(void *workers)
{
	destroy_workqueue(workers);
}

static int probe(struct platform_device *device)
{
	struct provider *provider =
		devm_kzalloc(&device->dev, sizeof(*provider), GFP_KERNEL);
	int error;

	if (!provider)
		return -ENOMEM;
	error = dma_set_mask_and_coherent(&device->dev,
					  DMA_BIT_MASK(mask_bits));
	if (error)
		return error;
	provider->workers = alloc_workqueue("memcpy_dma", WQ_UNBOUND, 0);
	if (!provider->workers)
		return -ENOMEM;
	error = devm_add_action_or_reset(&device->dev, free_workers,
					 provider->workers);
	if (error)
		return error;
	set_up(provider, &device->dev);
	return dmaenginem_async_device_register(&provider->dma);
}

static struct platform_driver driver = {
	.probe = probe,
	.driver = {.name = "memcpy-dma"},
};

static int set_hold(const char *text, const struct kernel_param *kp)
{
	int error = param_set_bool(text, kp);

	wake_up_all(&changed);
	return error;
}

static const struct kernel_param_ops hold_ops = {.set = set_hold,
						 .get = param_get_bool};
module_param_cb(hold, &hold_ops, &hold, 0644);

static int set_abort(const char *text, const struct kernel_param *kp)
{
	uint nth;
	int error = kstrtouint(text, 0, &nth);

	if (!error)
		atomic_set(&abort_nth, nth);
	return error;
}

static const struct kernel_param_ops abort_ops = {.set = set_abort};
module_param_cb(abort_nth, &abort_ops, NULL, 0200);

static int __init memcpy_dma_init(void)
{
	int error = platform_driver_register(&driver);

	if (error)
		return error;
	pdev = platform_device_register_simple("memcpy-dma",
					       PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(pdev)) {
		platform_driver_unregister(&driver);
		return PTR_ERR(pdev);
	}
	return 0;
}

static void __exit memcpy_dma_exit(void)
{
	platform_device_unregister(pdev);
	platform_driver_unregister(&driver);
}

module_init(memcpy_dma_init);
module_exit(memcpy_dma_exit);
MODULE_DESCRIPTION("A memory engine made of software, for tests");
MODULE_LICENSE("GPL");
