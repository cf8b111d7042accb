/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The dmaengine back end: a client of channels that another driver provides, dw-edma first. A transfer becomes one
 * descriptor for each run of pieces; several are queued at the provider, which starts the next from the interrupt of
 * the last.
 *
 * What a provider has been given cannot be taken back: dw-edma never stops its engine, and on kernels without
 * device_synchronize() even a terminated descriptor runs, and its callback comes. So a part, its request, and with
 * that the buffer, live until the callback came, whatever the submitter was told; the rest is quarantined.
 *
 * Two kinds of channels: slaves, whose far end is a bus address the provider knows how to reach; and memory
 * engines (DMA_MEMCPY), which copy between two mapped addresses, so that a window is a BAR mapped by
 * dma_map_resource(). A channel that can copy memory is used so, whatever else it can: it is no eDMA.
 */
#ifndef CF_DMAE_H
#define CF_DMAE_H

#include "counterflow.h"

#include <linux/dmaengine.h>

/*
 * Below the list length of every dw-edma (84 elements): a longer list is cut into chunks that the provider starts
 * one by one, and reports an abort in as if all of it had failed.
 */
#define DMAE_PIECES 64
#define DMAE_PARTS 8 /* descriptors at the provider: enough to bridge its interrupt, few to wait for */
#define DMAE_CHANNELS (CF_WAYS * CF_MAX_CHANNELS)
#define DMAE_DRAIN_MS 2000 /* how long an unbind waits for what is in flight */

struct dmae_channel;

/* One descriptor at the provider, or a free place for one. */
struct dmae_part {
	struct dmae_channel *channel;
	struct cf_request *request; /* NULL: free */
	u64 size;
};

/* One channel; all that changes is under base.lock. */
struct dmae_channel {
	struct cf_channel base;
	struct dma_chan *chan;
	bool copies; /* a memory engine */
	u64 most;    /* bytes of a piece */
	struct cf_request *feeding; /* the active request that is not fully at the provider */
	unsigned int busy;	    /* parts that are not free */
	struct dmae_part parts[DMAE_PARTS];
	struct scatterlist list[DMAE_PIECES];
};

/* The channels of one device. Freed by its cf_engine's release. */
struct dmae_device {
	struct cf_engine engine;
	struct list_head node;	/* of all, under dmae_lock */
	struct device *provider;
	wait_queue_head_t idle; /* a channel has no busy part any more */
	unsigned int count;
	struct dmae_channel *channels[DMAE_CHANNELS];
};

/* dmae_transfer.c */
extern const struct cf_engine_ops dmae_ops;
void dmae_channel_init(struct dmae_channel *channel);
void dmae_channel_close(struct dmae_channel *channel);

#endif /* CF_DMAE_H */
