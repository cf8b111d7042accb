// SPDX-License-Identifier: GPL-2.0
/*
 * The ring back end, looking at the engine: its interrupt, and timers for when an interrupt or a doorbell was
 * lost. Interrupts are never counted; they may be lost, doubled or merged.
 */
#include "ring.h"

#include <linux/interrupt.h>

/* Looks again in `distance_ns`, and then less and less often. base.lock is held. */
void ring_expect(struct ring_channel *channel, u64 distance_ns)
{
	channel->look_ns = distance_ns;
	channel->look_tail = channel->tail;
	hrtimer_start(&channel->look, ns_to_ktime(distance_ns), HRTIMER_MODE_REL_SOFT);
}

/*
 * The channel may stand still with work pending: CONTROL1 tells. Where it says running although the engine has met a
 * stale element already, the timer asks again.
 */
static void ring_verify(struct ring_channel *channel, enum ring_look found)
{
	struct ring_device *ring = channel->bank->ring;
	u32 control1;

	if (found == RING_LOST) {
		/* Nobody answers, or the engine was reset under us. */
		channel->bank->restart = true;
		ring_hold(channel);
		ring_recover_soon(ring);
		return;
	}
	control1 = ring_channel_load(channel, RING_CH_CONTROL1);
	if (control1 == RING_ALL_ONES || RING_STATUS(control1) == RING_HALTED) {
		ring_hold(channel);
		ring_recover_soon(ring);
		return;
	}
	channel->cause = 0; /* a stale status: an aborted channel is halted */
	if (channel->head == channel->tail)
		return;
	if (RING_STATUS(control1) != RING_RUNNING) {
		atomic64_inc(&ring->engine.statistics.rerings);
		ring_doorbell(channel);
	}
}

/* base.lock is held. */
static void ring_attend(struct ring_channel *channel, struct list_head *reports)
{
	enum ring_look found;

	if (channel->held)
		return;
	found = ring_reap(channel, reports);
	if (found != RING_FINE || channel->cause) {
		ring_verify(channel, found);
		if (!channel->held && channel->head != channel->tail)
			ring_expect(channel, RING_RECHECK_NS);
	}
	if (!channel->base.closed)
		ring_feed(&channel->base, reports);
}

static void ring_visit(struct ring_bank *bank, u32 status)
{
	struct ring_channel *channel;
	LIST_HEAD(reports);

	for_each_ring_channel(channel, bank) {
		unsigned long flags;

		if (!(status & (BIT(channel->number) | BIT(channel->number + 16))))
			continue;
		spin_lock_irqsave(&channel->base.lock, flags);
		ring_attend(channel, &reports);
		spin_unlock_irqrestore(&channel->base.lock, flags);
	}
	cf_reports_send(&reports);
}

/* Keeps the causes before the clearing of the abort bits takes them away. */
static void ring_note_aborts(struct ring_bank *bank, u32 status)
{
	struct ring_channel *channel;

	for_each_ring_channel(channel, bank) {
		unsigned long flags;

		if (!(status & BIT(channel->number + 16)))
			continue;
		spin_lock_irqsave(&channel->base.lock, flags);
		channel->cause = ring_cause(bank, channel->number, &channel->errors);
		spin_unlock_irqrestore(&channel->base.lock, flags);
	}
}

/* Whether the direction has anything to do. A stale answer costs a load, or is made good by the next message. */
static bool ring_busy(struct ring_bank *bank)
{
	struct ring_channel *channel;

	for_each_ring_channel(channel, bank)
		if (READ_ONCE(channel->base.load))
			return true;
	return false;
}

/*
 * One round is enough: an element that ends after the status was read posts a message of its own, or keeps the
 * line up. Cleared first, looked at then, so that nothing falls in between.
 */
irqreturn_t ring_interrupt(int irq, void *data)
{
	struct ring_device *ring = data;
	bool found = false;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ring->banks); i++) {
		struct ring_bank *bank = &ring->banks[i];
		u32 status;

		if (!bank->count || (ring->messages && !ring_busy(bank)))
			continue;
		status = ring_load(ring, bank->at->int_status);
		if (status == RING_ALL_ONES) {
			ring_recover_soon(ring);
			break;
		}
		if (!status)
			continue;
		found = true;
		if (status >> 16)
			ring_note_aborts(bank, status);
		ring_store(ring, bank->at->int_clear, status & RING_ALL_INTS);
		ring_visit(bank, status);
	}
	if (found)
		atomic64_inc(&ring->engine.statistics.interrupts);
	/* A message that another one's round has served is still ours; a shared line may be another's. */
	return found || ring->messages ? IRQ_HANDLED : IRQ_NONE;
}

/* Nothing was heard of this channel for look_ns, or something was and all is well. */
enum hrtimer_restart ring_look(struct hrtimer *timer)
{
	struct ring_channel *channel = container_of(timer, struct ring_channel, look);
	struct ring_device *ring = channel->bank->ring;
	u64 next = RING_WATCHDOG_NS;
	unsigned long flags;
	LIST_HEAD(reports);

	spin_lock_irqsave(&channel->base.lock, flags);
	if (channel->held || channel->head == channel->tail)
		goto out_unlock;
	if (channel->tail == channel->look_tail) {
		enum ring_look found = ring_reap(channel, &reports);
		bool unheard = channel->tail != channel->look_tail;

		if (unheard && channel->look_ns >= RING_WATCHDOG_NS)
			atomic64_inc(&ring->engine.statistics.lost_interrupts);
		if (!unheard) {
			next = min_t(u64, channel->look_ns * RING_BACK_OFF, RING_WATCHDOG_NS);
			found = found == RING_LOST ? found : RING_VERIFY;
		}
		if (found != RING_FINE)
			ring_verify(channel, found);
	}
	if (channel->held)
		goto out_unlock;
	if (channel->head != channel->tail)
		ring_expect(channel, next);
	if (!channel->base.closed)
		ring_feed(&channel->base, &reports);
out_unlock:
	spin_unlock_irqrestore(&channel->base.lock, flags);
	cf_reports_send(&reports);
	return HRTIMER_NORESTART; /* ring_expect() has started it again */
}
