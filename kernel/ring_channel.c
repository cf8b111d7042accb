// SPDX-License-Identifier: GPL-2.0
/*
 * The ring back end, one channel's list: writing elements, handing them to the engine, and reporting what its
 * position proves done. Everything here is called with base.lock held, but for the set-up.
 *
 * List memory is behind a BAR, write-combining, or coherent memory of our own; both are written with relaxed
 * stores and a barrier before what publishes them.
 */
#include "ring.h"

#include <linux/slab.h>

static void __iomem *ring_element(struct ring_channel *channel, u32 slot)
{
	return channel->list + slot * RING_ELEMENT;
}

static void ring_set_control(struct ring_channel *channel, u32 slot, u32 control)
{
	writel_relaxed(control, ring_element(channel, slot));
}

/* An element the engine cannot reach yet: it is stale, or one before it is. */
static void ring_write(struct ring_channel *channel, u32 slot, u32 control, u32 size, u64 sar,
		       u64 dar)
{
	void __iomem *element = ring_element(channel, slot);

	writel_relaxed(control, element);
	writel_relaxed(size, element + 4);
	writel_relaxed(lower_32_bits(sar), element + 8);
	writel_relaxed(upper_32_bits(sar), element + 12);
	writel_relaxed(lower_32_bits(dar), element + 16);
	writel_relaxed(upper_32_bits(dar), element + 20);
}

/*
 * Readies the link for the lap after the one that is being written. Its own cycle bit is the next lap's, as vendors'
 * drivers have it; engines ignore it or expect exactly this.
 */
static void ring_set_link(struct ring_channel *channel, u32 next_cycle)
{
	ring_set_control(channel, channel->slots, RING_LINK | RING_TOGGLE | next_cycle);
}

int ring_channel_init(struct ring_channel *channel, void __iomem *list, u64 address, size_t bytes)
{
	size_t slots;

	/* The low word of LLP alone tells the position: a list lies within one 4 GiB page, and not at its start. */
	if (upper_32_bits(address) != upper_32_bits(address + bytes - 1) ||
	    !lower_32_bits(address) || address & 7 || bytes < RING_LINK_BYTES)
		return -EINVAL;
	slots = min_t(size_t, (bytes - RING_LINK_BYTES) / RING_ELEMENT, RING_MAX_SLOTS);
	if (slots < RING_MIN_SLOTS)
		return -ENOSPC;
	channel->entries = kvcalloc(slots, sizeof(*channel->entries), GFP_KERNEL);
	if (!channel->entries)
		return -ENOMEM;
	channel->slots = slots;
	channel->list = list;
	channel->list_address = address;
	cf_hrtimer_setup(&channel->look, ring_look, HRTIMER_MODE_REL_SOFT);
	return 0;
}

void ring_channel_destroy(struct ring_channel *channel)
{
	kvfree(channel->entries);
	channel->entries = NULL;
}

/* An empty list, the engine about to enter slot 0. The channel is proven stopped. */
void ring_lay(struct ring_channel *channel)
{
	void __iomem *link = ring_element(channel, channel->slots);
	u32 slot;

	for (slot = 0; slot < channel->slots; slot++)
		ring_set_control(channel, slot, 0); /* stale: the first lap has cycle 1 */
	writel_relaxed(0, link + 4);
	writel_relaxed(lower_32_bits(channel->list_address), link + 8);
	writel_relaxed(upper_32_bits(channel->list_address), link + 12);
	ring_set_link(channel, 0);
	wmb();
	channel->head = channel->tail = 0;
	channel->head_slot = channel->tail_slot = 0;
	channel->head_cycle = RING_CYCLE;
	channel->until_wake = RING_MODERATION;
	channel->running = false;
	channel->stop_sent = false;
	channel->cause = 0;
	channel->errors = 0;
	ring_channel_store(channel, RING_CH_CONTROL1, RING_LIST_ENABLE | RING_CONSUMER_CYCLE);
	ring_channel_store(channel, RING_CH_LLP_LOW, lower_32_bits(channel->list_address));
	ring_channel_store(channel, RING_CH_LLP_HIGH, upper_32_bits(channel->list_address));
}

void ring_doorbell(struct ring_channel *channel)
{
	struct ring_device *ring = channel->bank->ring;

	/* What was stored behind one BAR must have arrived before a doorbell behind another. */
	(void)readl(channel->list);
	atomic64_inc(&ring->engine.statistics.doorbells);
	ring_store(ring, channel->bank->at->doorbell, channel->number);
	channel->running = true;
}

/* ---- feeding ---- */

/* The request whose next piece goes into the list, or NULL. */
static struct cf_request *ring_next(struct ring_channel *channel)
{
	struct cf_request *request = channel->feeding;

	if (!request || request->fed == request->length)
		request = cf_request_next(&channel->base);
	channel->feeding = request;
	return request;
}

static u32 ring_interrupt_bits(struct ring_channel *channel)
{
	return RING_LOCAL_INT | (channel->bank->ring->messages ? RING_REMOTE_INT : 0);
}

/* Writes one element at the head; `control` is kept back where it starts a batch. Returns the control word. */
static u32 ring_push(struct ring_channel *channel, struct cf_request *request, bool starts_batch)
{
	struct ring_entry *entry = &channel->entries[channel->head_slot];
	dma_addr_t near;
	u64 far = request->far + request->fed;
	u64 size = cf_buffer_piece(request->buffer, request->buffer_offset + request->fed,
				   &request->piece, &near);
	u32 control = channel->head_cycle;
	bool write = channel->base.way == CF_WAY_WRITE;

	size = min(size, request->length - request->fed);
	channel->until_wake -= size;
	if (channel->until_wake <= 0) {
		channel->until_wake = RING_MODERATION;
		control |= ring_interrupt_bits(channel);
	}
	request->fed += size;
	entry->request = request;
	entry->size = size;
	entry->last = request->fed == request->length;
	entry->starts_batch = starts_batch;
	ring_write(channel, channel->head_slot, starts_batch ? control ^ RING_CYCLE : control, size,
		   write ? near : far, write ? far : near);
	channel->head++;
	if (++channel->head_slot == channel->slots) {
		channel->head_slot = 0;
		channel->head_cycle ^= RING_CYCLE;
		ring_set_link(channel, channel->head_cycle);
	}
	return control;
}

static u32 ring_slot_before_head(struct ring_channel *channel)
{
	return (channel->head_slot ?: channel->slots) - 1;
}

/* cf_engine_ops.feed: one batch of all that there is room for. */
void ring_feed(struct cf_channel *base, struct list_head *reports)
{
	struct ring_channel *channel = to_ring_channel(base);
	u32 first_slot = channel->head_slot;
	u32 first = 0, control = 0, last_slot;
	u64 start = channel->head;
	struct cf_request *request;

	if (channel->bank->phase != RING_UP) {
		u32 status = channel->bank->phase == RING_DOWN ? CF_STATUS_LINK_DOWN :
								 CF_STATUS_DEVICE_GONE;

		cf_channel_fail_waiting(base, status, reports);
		return;
	}
	if (channel->held)
		return;
	while (channel->head - channel->tail < channel->slots - 1) {
		request = ring_next(channel);
		if (!request)
			break;
		control = ring_push(channel, request, channel->head == start);
		if (channel->head == start + 1)
			first = control;
	}
	if (channel->head == start)
		return;

	/* The last of the batch interrupts, and then the first makes all of it visible. */
	if (channel->head == start + 1) {
		first |= ring_interrupt_bits(channel);
	} else {
		last_slot = ring_slot_before_head(channel);
		ring_set_control(channel, last_slot, control | ring_interrupt_bits(channel));
	}
	channel->until_wake = RING_MODERATION;
	wmb();
	ring_set_control(channel, first_slot, first);
	wmb(); /* out of the write-combining buffer: the engine may be waiting for it */
	if (!channel->running) {
		ring_doorbell(channel);
		ring_expect(channel, RING_RECHECK_NS);
	}
}

/* ---- reaping ---- */

static void ring_done(struct ring_channel *channel, struct list_head *reports)
{
	struct ring_entry *entry = &channel->entries[channel->tail_slot];
	struct cf_request *request = entry->request;

	request->done += entry->size;
	channel->tail++;
	if (++channel->tail_slot == channel->slots)
		channel->tail_slot = 0;
	if (!entry->last)
		return;
	if (channel->feeding == request)
		channel->feeding = NULL;
	cf_request_over(request, CF_STATUS_OK, 0, reports);
}

/* Reports what the list position proves done. */
enum ring_look ring_reap(struct ring_channel *channel, struct list_head *reports)
{
	u32 offset = ring_channel_load(channel, RING_CH_LLP_LOW) -
		     lower_32_bits(channel->list_address);
	u32 slot = offset / RING_ELEMENT;
	u32 count;

	if (offset != slot * RING_ELEMENT || slot > channel->slots)
		return RING_LOST;
	if (slot == channel->slots) /* on the link: at slot 0 next */
		slot = 0;
	count = slot >= channel->tail_slot ? slot - channel->tail_slot :
					     slot + channel->slots - channel->tail_slot;
	if (count > channel->head - channel->tail)
		return RING_LOST;
	while (count--)
		ring_done(channel, reports);
	if (channel->head == channel->tail) {
		channel->running = false; /* or will be in a moment: the next doorbell may be lost */
		return RING_FINE;
	}
	return channel->entries[slot].starts_batch ? RING_VERIFY : RING_FINE;
}
