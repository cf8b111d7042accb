// SPDX-License-Identifier: GPL-2.0
/*
 * The dmaengine back end, transfers: cutting them into descriptors, and their callbacks.
 */
#include "dmae.h"

#include <linux/pci.h>

static struct dmae_channel *to_dmae_channel(struct cf_channel *channel)
{
	return container_of(channel, struct dmae_channel, base);
}

/* The one place where our two directions meet dmaengine's; which hardware channel serves it is the provider's. */
static enum dma_transfer_direction dmae_direction(const struct dmae_channel *channel)
{
	return channel->base.way == CF_WAY_WRITE ? DMA_MEM_TO_DEV : DMA_DEV_TO_MEM;
}

static struct dmae_part *dmae_free_part(struct dmae_channel *channel)
{
	unsigned int i;

	for (i = 0; i < DMAE_PARTS; i++)
		if (!channel->parts[i].request)
			return &channel->parts[i];
	return NULL;
}

/* Pieces of one descriptor: providers before Linux 6.0 take both addresses from the configuration, for one. */
static unsigned int dmae_most_pieces(const struct dmae_channel *channel)
{
	if (channel->copies)
		return 1;
#ifdef CF_HAVE_EDMA_CHIP_LL
	return DMAE_PIECES;
#else
	return 1;
#endif
}

/* Collects the next run of pieces into the channel's list; returns its bytes. */
static u64 dmae_collect(struct dmae_channel *channel, struct cf_request *request,
			unsigned int *count)
{
	unsigned int most = dmae_most_pieces(channel), n = 0;
	u64 at = request->fed;

	sg_init_table(channel->list, most);
	while (n < most && at < request->length) {
		struct scatterlist *sg = &channel->list[n++];
		dma_addr_t address;
		u64 size = cf_buffer_piece(request->buffer, request->buffer_offset + at,
					   &request->piece, &address);

		size = min3(size, request->length - at, channel->most);
		sg_dma_address(sg) = address;
		sg_dma_len(sg) = size;
		sg->length = size;
		at += size;
	}
	sg_mark_end(&channel->list[n - 1]);
	*count = n;
	return at - request->fed;
}

static void dmae_done(void *context, const struct dmaengine_result *result);

/*
 * A descriptor for the channel's list. The far address is for this one only: providers sample it when they
 * prepare one. The near one is for those that do not look at the list. config.direction stays unset: where it is
 * looked at, it means who drives a remote engine.
 */
static struct dma_async_tx_descriptor *dmae_prepare_slave(struct dmae_channel *channel, u64 near,
							  u64 far, unsigned int count)
{
	bool write = channel->base.way == CF_WAY_WRITE;
	struct dma_slave_config config = {
		.src_addr = write ? near : far,
		.dst_addr = write ? far : near,
	};

	if (dmaengine_slave_config(channel->chan, &config))
		return NULL;
	return dmaengine_prep_slave_sg(channel->chan, channel->list, count,
				       dmae_direction(channel),
				       DMA_PREP_INTERRUPT | DMA_CTRL_ACK);
}

static struct dma_async_tx_descriptor *dmae_prepare_copy(struct dmae_channel *channel, u64 near,
							 u64 far, u64 size)
{
	bool write = channel->base.way == CF_WAY_WRITE;

	return dmaengine_prep_dma_memcpy(channel->chan, write ? far : near, write ? near : far,
					 size, DMA_PREP_INTERRUPT | DMA_CTRL_ACK);
}

/* Hands one run of the request to the provider. False: it has no descriptor for us now. */
static bool dmae_push(struct dmae_channel *channel, struct cf_request *request,
		      struct dmae_part *part)
{
	u64 far = request->far + request->fed;
	struct dma_async_tx_descriptor *descriptor;
	unsigned int count;
	u64 size = dmae_collect(channel, request, &count);
	u64 near = sg_dma_address(channel->list);

	descriptor = channel->copies ? dmae_prepare_copy(channel, near, far, size) :
				       dmae_prepare_slave(channel, near, far, count);
	if (!descriptor)
		return false;
	descriptor->callback_result = dmae_done;
	descriptor->callback_param = part;
	part->request = request;
	part->size = size;
	if (dma_submit_error(dmaengine_submit(descriptor))) {
		part->request = NULL;
		return false;
	}
	channel->busy++;
	request->parts++;
	request->fed += size;
	return true;
}

static struct cf_request *dmae_next(struct dmae_channel *channel)
{
	struct cf_request *request = channel->feeding;

	if (!request || request->fed == request->length || request->failed || request->unwanted)
		request = cf_request_next(&channel->base);
	channel->feeding = request;
	return request;
}

/* The provider is past all of it that it was given, and gets no more. base.lock is held. */
static void dmae_finish(struct dmae_channel *channel, struct cf_request *request,
			struct list_head *reports)
{
	u32 status = CF_STATUS_OK;

	if (channel->feeding == request)
		channel->feeding = NULL;
	if (request->state == CF_REQUEST_LIMBO) {
		cf_request_release(request);
		return;
	}
	if (request->failed)
		status = request->failed;
	else if (request->done != request->length)
		status = request->unwanted ?: CF_STATUS_DEVICE_GONE;
	cf_request_over(request, status, 0, reports);
}

static bool dmae_ends(const struct dmae_channel *channel, const struct cf_request *request)
{
	return !request->parts && (request->fed == request->length || request->failed ||
				   request->unwanted || channel->base.closed);
}

/* cf_engine_ops.feed */
static void dmae_feed(struct cf_channel *base, struct list_head *reports)
{
	struct dmae_channel *channel = to_dmae_channel(base);
	struct cf_request *request;
	struct dmae_part *part;
	bool given = false;

	while ((part = dmae_free_part(channel)) && (request = dmae_next(channel))) {
		if (dmae_push(channel, request, part)) {
			given = true;
			continue;
		}
		/* No memory, most likely. What is in flight will ask again when it ends; else nobody would. */
		if (!channel->busy) {
			request->failed = CF_STATUS_NO_MEMORY;
			dmae_finish(channel, request, reports);
			continue;
		}
		break;
	}
	if (given)
		dma_async_issue_pending(channel->chan);
}

static u8 dmae_status(struct dmae_channel *channel, const struct dmaengine_result *result)
{
	struct device *provider = channel->chan->device->dev;

	/* A dead function's status reads all ones, which a provider takes for done. */
	if (dev_is_pci(provider) && pci_channel_offline(to_pci_dev(provider)))
		return CF_STATUS_LINK_DOWN;
	if (result && result->result != DMA_TRANS_NOERROR)
		return CF_STATUS_ABORTED;
	return CF_STATUS_OK;
}

/* A descriptor has ended. In the provider's tasklet. */
static void dmae_done(void *context, const struct dmaengine_result *result)
{
	struct dmae_part *part = context;
	struct dmae_channel *channel = part->channel;
	struct dmae_device *device =
		container_of(channel->base.engine, struct dmae_device, engine);
	struct cf_request *request;
	unsigned long flags;
	LIST_HEAD(reports);
	u8 status;

	atomic64_inc(&device->engine.statistics.interrupts);
	spin_lock_irqsave(&channel->base.lock, flags);
	request = part->request;
	part->request = NULL;
	channel->busy--;
	request->parts--;
	status = dmae_status(channel, result);
	if (status)
		request->failed = request->failed ?: status;
	else
		request->done += part->size;
	if (dmae_ends(channel, request))
		dmae_finish(channel, request, &reports);
	if (!channel->base.closed) {
		dmae_feed(&channel->base, &reports);
		/* After an abort dw-edma does not go on by itself with what it was given before. */
		if (status)
			dma_async_issue_pending(channel->chan);
	}
	if (!channel->busy)
		wake_up(&device->idle);
	spin_unlock_irqrestore(&channel->base.lock, flags);
	cf_reports_send(&reports);
}

/*
 * cf_engine_ops.abandon. Nothing more of it is given to the provider. A cancel waits for what was; a deadline
 * cannot: the submitter is told, and the memory waits.
 */
static void dmae_abandon(struct cf_channel *base, struct cf_request *request,
			 struct list_head *reports)
{
	struct dmae_channel *channel = to_dmae_channel(base);

	if (dmae_ends(channel, request))
		dmae_finish(channel, request, reports);
	else if (request->unwanted == CF_STATUS_TIMED_OUT)
		cf_request_limbo(request, CF_STATUS_TIMED_OUT, reports);
}

const struct cf_engine_ops dmae_ops = {
	.backend = CF_BACKEND_DMAENGINE,
	.features = 0,
	.feed = dmae_feed,
	.abandon = dmae_abandon,
};

void dmae_channel_init(struct dmae_channel *channel)
{
	struct dma_device *device = channel->chan->device;
	unsigned int i;

	for (i = 0; i < DMAE_PARTS; i++)
		channel->parts[i].channel = channel;
	channel->copies = dma_has_cap(DMA_MEMCPY, device->cap_mask);
	channel->most = CF_MAX_TRANSFER;
	if (channel->copies)
		channel->most = min_t(u64, channel->most,
				      round_down(dma_get_max_seg_size(device->dev),
						 1u << device->copy_align));
}

/* What is with a provider that has let go of it all: none of it will be called back. base.lock is held. */
static void dmae_forget(struct dmae_channel *channel, struct list_head *reports)
{
	struct list_head *const lists[] = { &channel->base.active, &channel->base.limbo };
	struct cf_request *request, *next;
	unsigned int i;

	for (i = 0; i < DMAE_PARTS; i++)
		channel->parts[i].request = NULL;
	channel->busy = 0;
	for (i = 0; i < ARRAY_SIZE(lists); i++)
		list_for_each_entry_safe(request, next, lists[i], node) {
			request->parts = 0;
			dmae_finish(channel, request, reports);
		}
}

/* What has not ended may still be under way. base.lock is held. */
static void dmae_keep(struct dmae_channel *channel, struct list_head *reports)
{
	struct cf_request *request, *next;

	list_for_each_entry_safe(request, next, &channel->base.active, node) {
		if (request->parts)
			cf_request_limbo(request, CF_STATUS_DEVICE_GONE, reports);
		else
			dmae_finish(channel, request, reports);
	}
	channel->feeding = NULL;
}

/*
 * The provider goes away. After cf_engine_close(), and after a while for what is in flight. Sleeps.
 *
 * A memory engine that has device_synchronize() is believed: after it nothing is touched any more, and no callback
 * comes. dw-edma is not; it returns from there with its engine running, after 5 s, or has no such function.
 */
void dmae_channel_close(struct dmae_channel *channel)
{
	bool proven = channel->copies && channel->chan->device->device_synchronize &&
		      !dmaengine_terminate_sync(channel->chan);
	LIST_HEAD(reports);

	/* Not as a barrier. Without it a busy channel takes longer to release. */
	if (!proven)
		dmaengine_terminate_async(channel->chan);
	spin_lock_irq(&channel->base.lock);
	if (proven)
		dmae_forget(channel, &reports);
	else
		dmae_keep(channel, &reports);
	spin_unlock_irq(&channel->base.lock);
	cf_reports_send(&reports);
	dma_release_channel(channel->chan);
}
