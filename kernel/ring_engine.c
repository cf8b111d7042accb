// SPDX-License-Identifier: GPL-2.0
/*
 * The ring back end, what is the same on every bus: from registers and list memory that somebody has found to a
 * registered engine.
 */
#include "ring.h"

#include <linux/slab.h>

static const struct cf_engine_ops ring_ops = {
	.backend = CF_BACKEND_RING,
	.features = CF_FEATURE_CAUSE | CF_FEATURE_STOP,
	.feed = ring_feed,
	.abandon = ring_abandon,
};

static void ring_release(struct cf_engine *engine)
{
	struct ring_device *ring = container_of(engine, struct ring_device, engine);
	struct ring_channel *channel;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ring->banks); i++)
		for_each_ring_channel(channel, &ring->banks[i])
			ring_channel_destroy(channel);
	kvfree(ring);
}

/* Ends with put_device(&ring->engine.dev), or cf_engine_unregister() once it is registered. */
struct ring_device *ring_engine_alloc(struct device *owner, struct device *dev, u32 side)
{
	struct ring_device *ring = kvzalloc(sizeof(*ring), GFP_KERNEL);

	if (!ring)
		return NULL;
	cf_engine_init(&ring->engine, &ring_ops, owner, dev, ring_release);
	ring->engine.side = side;
	ring->engine.cpu_addresses = side == CF_SIDE_LOCAL;
	INIT_DELAYED_WORK(&ring->recovery, ring_recovery);
	return ring;
}

/* WR channels of a local engine carry writes; a remote engine's WR channels push towards us: reads. */
static enum cf_way ring_way(const struct ring_device *ring, unsigned int bank)
{
	bool wr = bank == 0;

	return wr == (ring->engine.side == CF_SIDE_LOCAL) ? CF_WAY_WRITE : CF_WAY_READ;
}

/*
 * Takes the engine over: whatever ran before, a killed kernel's transfers for example, is stopped. `lists` is
 * memory for the lists, `bytes` of it each channel, `stride` apart, WR channels first.
 */
int ring_engine_start(struct ring_device *ring, u32 control, void __iomem *lists, u64 address,
		      size_t stride, size_t bytes)
{
	unsigned int i, number, index = 0;
	int error;

	ring_banks_init(ring, control);
	for (i = 0; i < ARRAY_SIZE(ring->banks); i++)
		if (!ring_bank_prove_stopped(&ring->banks[i]))
			return -EBUSY;
	for (i = 0; i < ARRAY_SIZE(ring->banks); i++) {
		struct ring_bank *bank = &ring->banks[i];

		for (number = 0; number < bank->count; number++, index++) {
			struct ring_channel *channel = &bank->channels[number];

			channel->bank = bank;
			channel->number = number;
			channel->context = bank->at->context + number * RING_CONTEXT_STRIDE;
			error = ring_channel_init(channel, lists + index * stride,
						  address + index * stride, bytes);
			if (error)
				return error;
			cf_channel_init(&channel->base, &ring->engine, ring_way(ring, i));
			ring_lay(channel);
		}
	}
	return 0;
}

/* Lets it run and shows it to user space. The interrupt is requested. */
int ring_engine_register(struct ring_device *ring)
{
	int error;

	ring_bank_start(&ring->banks[0]);
	ring_bank_start(&ring->banks[1]);
	error = cf_engine_register(&ring->engine);
	if (error) {
		ring_bank_prove_stopped(&ring->banks[0]);
		ring_bank_prove_stopped(&ring->banks[1]);
	}
	return error;
}
