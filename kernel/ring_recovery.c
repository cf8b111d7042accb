// SPDX-License-Identifier: GPL-2.0
/*
 * The ring back end, when something is wrong: an abort, a transfer that nobody wants any more, an engine that stands
 * still, a lost link. All of it happens in one work item, which may sleep, with the channels concerned held.
 *
 *   UR, CA, completion timeout          -> that channel's list laid anew without the transfer at fault
 *   local bus, list fetch, poison       -> the direction disabled, proven, every list of it laid anew
 *   a transfer unwanted                 -> the channel stopped, proven, its list laid anew without it
 *   a stop that cannot be proven        -> the direction disabled; that unproven too: gone
 *   all ones                            -> link down: everything ends so, until the link is back
 *
 * Transfers of others that a stop cuts short go on from the last element that was done: they are copies,
 * and copying a part twice is copying it once.
 */
#include "ring.h"

#include <linux/delay.h>
#include <linux/jiffies.h>

#include "trace.h"

/* Nothing goes to the engine and nothing is reported, until recovery has settled it. base.lock is held. */
void ring_hold(struct ring_channel *channel)
{
	channel->held = true;
}

void ring_recover_soon(struct ring_device *ring)
{
	mod_delayed_work(cf_workqueue, &ring->recovery, 0);
}

/* cf_engine_ops.abandon */
void ring_abandon(struct cf_channel *base, struct cf_request *request, struct list_head *reports)
{
	struct ring_channel *channel = to_ring_channel(base);

	if (base->closed) /* ring_stop_for_good() is at it */
		return;
	ring_hold(channel);
	ring_recover_soon(channel->bank->ring);
}

static bool ring_needs_restart(u8 cause)
{
	return cause == CF_STATUS_LOCAL_BUS_ERROR || cause == CF_STATUS_LIST_FETCH_ERROR ||
	       cause == CF_STATUS_DATA_POISONED;
}

/* Stops one channel. False: not proven. */
static bool ring_stop(struct ring_channel *channel)
{
	struct ring_bank *bank = channel->bank;
	unsigned long end = jiffies + msecs_to_jiffies(RING_STOP_MS) + 1;

	for (;;) {
		u32 control1 = ring_channel_load(channel, RING_CH_CONTROL1);

		if (control1 == RING_ALL_ONES)
			return false;
		if (RING_STATUS(control1) != RING_RUNNING)
			return true;
		if (time_after(jiffies, end))
			return false;
		if (!channel->stop_sent) {
			channel->stop_sent = true;
			ring_store(bank->ring, bank->at->doorbell,
				   RING_DOORBELL_STOP | channel->number);
		}
		usleep_range(20, 100);
	}
}

/* Everything that is not over goes back to where the hardware has not seen it. The channel is proven stopped. */
static void ring_take_back(struct ring_channel *channel)
{
	struct cf_request *request;

	list_for_each_entry(request, &channel->base.active, node) {
		request->state = CF_REQUEST_WAITING;
		request->fed = request->done;
	}
	list_splice_init(&channel->base.active, &channel->base.waiting);
	channel->feeding = NULL;
}

/* Ends what nobody wants; true when one of them has run into its deadline. */
static bool ring_end_unwanted(struct ring_channel *channel, bool only_look,
			      struct list_head *reports)
{
	struct cf_request *request, *next;
	bool late = false;

	list_for_each_entry_safe(request, next, &channel->base.active, node) {
		if (!request->unwanted)
			continue;
		late |= request->unwanted == CF_STATUS_TIMED_OUT;
		if (!only_look)
			cf_request_over(request, request->unwanted, 0, reports);
	}
	return late;
}

/* Everything the list had was lost with the engine's state; nobody can tell what of it was done. */
static void ring_end_all(struct ring_channel *channel, u32 status, struct list_head *reports)
{
	struct cf_request *request, *next;

	list_for_each_entry_safe(request, next, &channel->base.active, node)
		cf_request_over(request, status, 0, reports);
	channel->feeding = NULL;
}

/*
 * A channel that is proven stopped: reports what it has done, ends the transfer at fault and those that are
 * unwanted, and lets it go on with the rest. False: the whole direction has to be restarted first.
 * base.lock is held.
 */
static bool ring_settle(struct ring_channel *channel, bool restarted, struct list_head *reports)
{
	struct ring_bank *bank = channel->bank;
	u32 control1 = ring_channel_load(channel, RING_CH_CONTROL1);
	bool halted = RING_STATUS(control1) == RING_HALTED;
	struct cf_request *first;
	enum ring_look found;

	if (halted && !channel->cause)
		channel->cause = ring_cause(bank, channel->number, &channel->errors);
	if (channel->stop_sent && !channel->errors)
		channel->cause = 0; /* halted by our stop */
	if (!halted && !restarted)
		channel->cause = 0; /* a stale status */
	found = ring_reap(channel, reports);
	if (found == RING_LOST && !restarted)
		return false;
	if (!restarted && ring_needs_restart(channel->cause))
		return false;
	/* Standing still with work until a deadline: it may have lost its enable. */
	if (!restarted && !halted && !channel->stop_sent && channel->head != channel->tail &&
	    ring_end_unwanted(channel, true, reports))
		return false;

	trace_cf_recover(&channel->base, control1, channel->errors);
	if (found == RING_LOST) {
		ring_end_all(channel, CF_STATUS_ABORTED, reports);
	} else if (channel->cause && channel->head != channel->tail) {
		first = channel->entries[channel->tail_slot].request;
		dev_warn_ratelimited(&bank->ring->engine.dev,
				     "%s channel %u aborted, status %u, errors %#x\n",
				     channel->base.way == CF_WAY_WRITE ? "write" : "read",
				     channel->base.index, channel->cause, channel->errors);
		cf_request_over(first, channel->cause, channel->errors, reports);
	}
	ring_end_unwanted(channel, false, reports);
	ring_take_back(channel);
	ring_store(bank->ring, bank->at->int_clear,
		   BIT(channel->number) | BIT(channel->number + 16));
	ring_lay(channel);
	atomic64_inc(&bank->ring->engine.statistics.restarts);
	channel->held = false;
	if (!channel->base.closed)
		ring_feed(&channel->base, reports);
	return true;
}

static bool ring_settle_locked(struct ring_channel *channel, bool restarted)
{
	unsigned long flags;
	LIST_HEAD(reports);
	bool settled;

	spin_lock_irqsave(&channel->base.lock, flags);
	settled = ring_settle(channel, restarted, &reports);
	spin_unlock_irqrestore(&channel->base.lock, flags);
	cf_reports_send(&reports);
	return settled;
}

static void ring_hold_bank(struct ring_bank *bank)
{
	struct ring_channel *channel;

	for_each_ring_channel(channel, bank) {
		spin_lock_irq(&channel->base.lock);
		ring_hold(channel);
		spin_unlock_irq(&channel->base.lock);
	}
}

/* Nothing of this direction can be proven any more: its memory is kept, its submitters are told. */
static void ring_give_up(struct ring_bank *bank, enum ring_phase phase, u32 status)
{
	struct ring_channel *channel;

	ring_hold_bank(bank);
	bank->phase = phase;
	for_each_ring_channel(channel, bank) {
		struct cf_request *request, *next;
		LIST_HEAD(reports);

		spin_lock_irq(&channel->base.lock);
		list_for_each_entry_safe(request, next, &channel->base.active, node)
			cf_request_limbo(request, status, &reports);
		channel->feeding = NULL;
		cf_channel_fail_waiting(&channel->base, status, &reports);
		spin_unlock_irq(&channel->base.lock);
		cf_reports_send(&reports);
	}
}

static bool ring_link_lost(struct ring_device *ring)
{
	return ring_load(ring, RING_CONTROL) == RING_ALL_ONES;
}

static void ring_restart(struct ring_bank *bank)
{
	struct ring_device *ring = bank->ring;
	struct ring_channel *channel;

	ring_hold_bank(bank);
	if (!ring_bank_prove_stopped(bank)) {
		if (ring_link_lost(ring)) /* the next round sees it, too */
			return ring_recover_soon(ring);
		dev_crit(&ring->engine.dev, "the engine cannot be stopped; given up\n");
		return ring_give_up(bank, RING_GONE, CF_STATUS_DEVICE_GONE);
	}
	bank->restart = false;
	/* Causes go with the status that ring_bank_start() clears. */
	for_each_ring_channel(channel, bank) {
		u32 control1 = ring_channel_load(channel, RING_CH_CONTROL1);
		unsigned long flags;

		spin_lock_irqsave(&channel->base.lock, flags);
		if (RING_STATUS(control1) == RING_HALTED && !channel->cause)
			channel->cause = ring_cause(bank, channel->number, &channel->errors);
		else if (RING_STATUS(control1) != RING_HALTED)
			channel->cause = 0;
		spin_unlock_irqrestore(&channel->base.lock, flags);
	}
	ring_bank_start(bank);
	for_each_ring_channel(channel, bank)
		ring_settle_locked(channel, true);
}

static void ring_recover_bank(struct ring_bank *bank)
{
	struct ring_channel *channel;
	bool restart = bank->restart;

	for_each_ring_channel(channel, bank) {
		if (restart || !READ_ONCE(channel->held))
			continue;
		restart = !ring_stop(channel) || !ring_settle_locked(channel, false);
	}
	if (restart)
		ring_restart(bank);
}

/* ---- the link ---- */

static void ring_link_down(struct ring_device *ring)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ring->banks); i++)
		if (ring->banks[i].phase == RING_UP) {
			dev_warn(&ring->engine.dev, "link down\n");
			ring_give_up(&ring->banks[i], RING_DOWN, CF_STATUS_LINK_DOWN);
		}
}

/* Lets go of what was kept when the link went down, and starts with empty lists. */
static void ring_link_up(struct ring_bank *bank)
{
	struct ring_channel *channel;

	if (!ring_bank_prove_stopped(bank)) {
		if (!ring_link_lost(bank->ring))
			ring_give_up(bank, RING_GONE, CF_STATUS_DEVICE_GONE);
		return;
	}
	dev_warn(&bank->ring->engine.dev, "link up\n");
	ring_bank_start(bank);
	bank->restart = false;
	bank->phase = RING_UP;
	for_each_ring_channel(channel, bank) {
		struct cf_request *request, *next;
		LIST_HEAD(reports);

		spin_lock_irq(&channel->base.lock);
		list_for_each_entry_safe(request, next, &channel->base.limbo, node)
			cf_request_release(request);
		ring_lay(channel);
		channel->held = false;
		if (!channel->base.closed)
			ring_feed(&channel->base, &reports);
		spin_unlock_irq(&channel->base.lock);
		cf_reports_send(&reports);
	}
}

void ring_recovery(struct work_struct *work)
{
	struct ring_device *ring =
		container_of(to_delayed_work(work), struct ring_device, recovery);
	u32 control = ring_load(ring, RING_CONTROL);
	bool down = false;
	unsigned int i;

	if (control == RING_ALL_ONES)
		ring_link_down(ring);
	for (i = 0; i < ARRAY_SIZE(ring->banks); i++) {
		struct ring_bank *bank = &ring->banks[i];

		if (bank->phase == RING_DOWN && control != RING_ALL_ONES)
			ring_link_up(bank);
		if (bank->phase == RING_UP)
			ring_recover_bank(bank);
		down |= bank->phase == RING_DOWN;
	}
	if (down)
		queue_delayed_work(cf_workqueue, &ring->recovery, msecs_to_jiffies(RING_LINK_MS));
}

/* ---- the end ---- */

/*
 * After cf_engine_close(), with the interrupt freed: the engine is stopped, which it returns as true, or what it may
 * still reach is left on the limbo lists.
 */
bool ring_stop_for_good(struct ring_device *ring)
{
	struct ring_channel *channel;
	bool all = true;
	unsigned int i;

	cancel_delayed_work_sync(&ring->recovery);
	for (i = 0; i < ARRAY_SIZE(ring->banks); i++)
		ring_hold_bank(&ring->banks[i]);
	for (i = 0; i < ARRAY_SIZE(ring->banks); i++)
		for_each_ring_channel(channel, &ring->banks[i])
			hrtimer_cancel(&channel->look);
	cancel_delayed_work_sync(&ring->recovery); /* a look may have asked for it once more */

	for (i = 0; i < ARRAY_SIZE(ring->banks); i++) {
		struct ring_bank *bank = &ring->banks[i];
		bool proven = ring_bank_prove_stopped(bank);

		all &= proven;
		if (proven)
			ring_bank_quiet(bank);
		for_each_ring_channel(channel, bank) {
			struct cf_request *request, *next;
			LIST_HEAD(reports);

			spin_lock_irq(&channel->base.lock);
			if (proven) {
				if (bank->phase == RING_UP)
					ring_reap(channel, &reports);
				ring_end_all(channel, CF_STATUS_DEVICE_GONE, &reports);
				list_for_each_entry_safe(request, next, &channel->base.limbo, node)
					cf_request_release(request);
			} else {
				list_for_each_entry_safe(request, next, &channel->base.active,
							 node)
					cf_request_limbo(request, CF_STATUS_DEVICE_GONE, &reports);
			}
			spin_unlock_irq(&channel->base.lock);
			cf_reports_send(&reports);
		}
	}	return all;
}
