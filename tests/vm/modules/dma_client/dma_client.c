// SPDX-License-Identifier: GPL-2.0
//
// A dmaengine client for tests: takes one slave channel each way of the
// 16c3:edda function and moves scattered pages to and from BAR2. "echo write
// 200 > parameters/run" moves 200 entries; the write fails, and
// parameters/result says why, when a transfer or its data did.

#include <linux/dmaengine.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>

#define FAR_READ SZ_16M	 /* where in BAR2 reads come from */
#define FAR_WRITE SZ_32M /* and where writes go */
#define ENTRIES_MAX 2048
#define DEADLINE msecs_to_jiffies(10000)
#define UNTOUCHED 0xa5

/* One direction's channel, and the transfer on it. */
struct lane {
	enum dma_transfer_direction direction;
	size_t far; /* offset in BAR2 */
	struct dma_chan *chan;
	struct page **pages;
	unsigned int entries;
	struct sg_table sgt;
	struct completion done;
	enum dmaengine_tx_result outcome;
};

static struct lane lanes[] = {
	{.direction = DMA_MEM_TO_DEV, .far = FAR_WRITE},
	{.direction = DMA_DEV_TO_MEM, .far = FAR_READ},
};
static struct pci_dev *function;
static bool stray; /* takes the memory's mapping away before the transfer */
static void __iomem *bar2;
static int result;
module_param(result, int, 0444);

static u8 pattern(size_t at)
{
	return (at * 2654435761U + (at >> 12)) >> 13;
}

/* Entries of many lengths and alignments, so that none is like the next. */
static unsigned int entry_offset(unsigned int i)
{
	return i * 64 % 1024;
}

static unsigned int entry_length(unsigned int i)
{
	return PAGE_SIZE - entry_offset(i) - i % 7;
}

static bool is_write(const struct lane *lane)
{
	return lane->direction == DMA_MEM_TO_DEV;
}

static void free_memory(struct lane *lane)
{
	unsigned int i;

	sg_free_table(&lane->sgt);
	for (i = 0; i < lane->entries; i++)
		__free_page(lane->pages[i]);
	kvfree(lane->pages);
	lane->entries = 0;
}

static int allocate_memory(struct lane *lane, unsigned int entries)
{
	struct scatterlist *sg;
	int err, i;

	lane->pages = kvcalloc(entries, sizeof(*lane->pages), GFP_KERNEL);
	if (!lane->pages)
		return -ENOMEM;
	err = sg_alloc_table(&lane->sgt, entries, GFP_KERNEL);
	for (i = 0; !err && i < entries; i++) {
		lane->pages[i] = alloc_page(GFP_KERNEL);
		if (!lane->pages[i])
			err = -ENOMEM;
		else
			lane->entries++;
	}
	if (err) {
		free_memory(lane);
		return err;
	}
	for_each_sgtable_sg (&lane->sgt, sg, i)
		sg_set_page(sg, lane->pages[i], entry_length(i),
			    entry_offset(i));
	return 0;
}

/* Puts the pattern where the transfer starts, and something else where it ends.
 */
static void fill(struct lane *lane)
{
	size_t at = 0;
	unsigned int i, k;

	for (i = 0; i < lane->entries; i++) {
		u8 *page = page_address(lane->pages[i]);

		memset(page, UNTOUCHED, PAGE_SIZE);
		for (k = 0; k < entry_length(i); k++, at++) {
			if (is_write(lane))
				page[entry_offset(i) + k] = pattern(at);
			else
				writeb(pattern(at), bar2 + lane->far + at);
		}
	}
	if (is_write(lane))
		memset_io(bar2 + lane->far, UNTOUCHED, at);
}

static bool page_verifies(const struct lane *lane, unsigned int i, size_t at)
{
	const u8 *page = page_address(lane->pages[i]);
	unsigned int begin = entry_offset(i), end = begin + entry_length(i), k;

	for (k = 0; k < PAGE_SIZE; k++) {
		u8 want = UNTOUCHED;

		if (k >= begin && k < end)
			want = pattern(at + k - begin);
		if (page[k] != want)
			return false;
		if (is_write(lane) && k >= begin && k < end &&
		    readb(bar2 + lane->far + at + k - begin) != want)
			return false;
	}
	return true;
}

static int verify(const struct lane *lane)
{
	size_t at = 0;
	unsigned int i;

	for (i = 0; i < lane->entries; at += entry_length(i), i++) {
		if (page_verifies(lane, i, at))
			continue;
		pr_err("dma_client: entry %u differs\n", i);
		return -EBADMSG;
	}
	return 0;
}

static void transfer_done(void *param, const struct dmaengine_result *res)
{
	struct lane *lane = param;

	lane->outcome = res ? res->result : DMA_TRANS_NOERROR;
	complete(&lane->done);
}

static int start(struct lane *lane)
{
	const phys_addr_t far = pci_resource_start(function, 2) + lane->far;
	struct dma_slave_config config = {.src_addr = far, .dst_addr = far};
	struct dma_async_tx_descriptor *tx;
	int err;

	err = dmaengine_slave_config(lane->chan, &config);
	if (err)
		return err;
	tx = dmaengine_prep_slave_sg(lane->chan, lane->sgt.sgl, lane->sgt.nents,
				     lane->direction, DMA_PREP_INTERRUPT);
	if (!tx)
		return -ENOTSUPP;
	init_completion(&lane->done);
	tx->callback_result = transfer_done;
	tx->callback_param = lane;
	err = dma_submit_error(dmaengine_submit(tx));
	if (!err)
		dma_async_issue_pending(lane->chan);
	return err;
}

static int finish(struct lane *lane)
{
	if (!wait_for_completion_timeout(&lane->done, DEADLINE))
		return -ETIMEDOUT;
	/* The driver stalls its queue behind an abort. */
	dma_async_issue_pending(lane->chan);
	return lane->outcome == DMA_TRANS_NOERROR ? 0 : -EIO;
}

static int prepare(struct lane *lane, unsigned int entries)
{
	int err = allocate_memory(lane, entries);

	if (err)
		return err;
	fill(lane);
	err = dma_map_sgtable(&function->dev, &lane->sgt,
			      is_write(lane) ? DMA_TO_DEVICE : DMA_FROM_DEVICE,
			      0);
	if (err)
		free_memory(lane);
	return err;
}

static void unmap(struct lane *lane)
{
	dma_unmap_sgtable(&function->dev, &lane->sgt,
			  is_write(lane) ? DMA_TO_DEVICE : DMA_FROM_DEVICE, 0);
}

static int clean_up(struct lane *lane, int err)
{
	if (!stray)
		unmap(lane);
	if (!err)
		err = verify(lane);
	free_memory(lane);
	return err;
}

/* Runs the lanes from first to last at the same time; the first error of any.
 */
static int transfer(struct lane *first, struct lane *last, unsigned int entries)
{
	int errors[ARRAY_SIZE(lanes)] = {}, err = 0;
	struct lane *lane;

	for (lane = first; lane <= last; lane++) {
		err = prepare(lane, entries);
		if (err)
			last = lane - 1;
	}
	for (lane = first; stray && lane <= last; lane++)
		unmap(lane);
	for (lane = first; lane <= last; lane++)
		errors[lane - lanes] = err ?: start(lane);
	for (lane = first; lane <= last; lane++) {
		int *mine = &errors[lane - lanes];

		if (!*mine)
			*mine = finish(lane);
		/* Not proven over: its memory is better lost than reused. */
		if (*mine != -ETIMEDOUT)
			*mine = clean_up(lane, *mine);
		err = err ?: *mine;
	}
	return err;
}

static int run_set(const char *text, const struct kernel_param *kp)
{
	char kind[8];
	unsigned int entries;

	if (sscanf(text, "%7s %u", kind, &entries) != 2 || !entries ||
	    entries > ENTRIES_MAX)
		return -EINVAL;
	stray = !strcmp(kind, "stray");
	if (stray || !strcmp(kind, "write"))
		result = transfer(&lanes[0], &lanes[0], entries);
	else if (!strcmp(kind, "read"))
		result = transfer(&lanes[1], &lanes[1], entries);
	else if (!strcmp(kind, "both"))
		result = transfer(&lanes[0], &lanes[1], entries);
	else
		return -EINVAL;
	return result;
}

static const struct kernel_param_ops run_ops = {.set = run_set};
module_param_cb(run, &run_ops, NULL, 0200);

static bool wanted(struct dma_chan *chan, void *param)
{
	const struct lane *lane = param;
	struct dma_slave_caps caps;

	return chan->device->dev == &function->dev &&
	       !dma_get_slave_caps(chan, &caps) &&
	       caps.directions & BIT(lane->direction);
}

static void let_go(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(lanes); i++)
		if (lanes[i].chan)
			dma_release_channel(lanes[i].chan);
	if (bar2)
		iounmap(bar2);
	pci_dev_put(function);
}

static int __init dma_client_init(void)
{
	dma_cap_mask_t mask;
	int i;

	function = pci_get_device(0x16c3, 0xedda, NULL);
	if (!function)
		return -ENODEV;
	bar2 = ioremap(pci_resource_start(function, 2),
		       pci_resource_len(function, 2));
	dma_cap_zero(mask);
	dma_cap_set(DMA_SLAVE, mask);
	for (i = 0; bar2 && i < ARRAY_SIZE(lanes); i++) {
		lanes[i].chan = dma_request_channel(mask, wanted, &lanes[i]);
		if (!lanes[i].chan)
			break;
	}
	if (i == ARRAY_SIZE(lanes))
		return 0;
	let_go();
	return -ENODEV;
}

static void __exit dma_client_exit(void)
{
	let_go();
}

module_init(dma_client_init);
module_exit(dma_client_exit);
MODULE_DESCRIPTION(
	"dmaengine client for tests of dw-edma on a modelled endpoint");
MODULE_LICENSE("GPL");
