// SPDX-License-Identifier: GPL-2.0
/*
 * Which channel a transfer takes: the one its lease names, or the least busy of those that nobody holds
 * for himself.
 */
#include "counterflow.h"

#include <linux/slab.h>

/* Holding it alone is only given when nobody else's transfers are on it. engine->lock is held. */
static int cf_channel_hold(struct cf_channel *channel, struct cf_session *session)
{
	struct cf_request *request;
	unsigned long flags;
	int error = 0;

	spin_lock_irqsave(&channel->lock, flags);
	if (channel->closed)
		error = -ENODEV;
	else if (channel->holder)
		error = -EBUSY;
	list_for_each_entry(request, &channel->waiting, node)
		if (request->session != session)
			error = error ?: -EBUSY;
	list_for_each_entry(request, &channel->active, node)
		if (request->session != session)
			error = error ?: -EBUSY;
	if (!error)
		WRITE_ONCE(channel->holder, session);
	spin_unlock_irqrestore(&channel->lock, flags);
	return error;
}

static void cf_channel_unhold(struct cf_channel *channel)
{
	unsigned long flags;

	spin_lock_irqsave(&channel->lock, flags);
	WRITE_ONCE(channel->holder, NULL);
	spin_unlock_irqrestore(&channel->lock, flags);
}

static bool cf_channel_open_to(struct cf_channel *channel, struct cf_session *session)
{
	struct cf_session *holder = READ_ONCE(channel->holder);

	return !holder || holder == session;
}

static struct cf_channel *cf_channel_pick(struct cf_session *session, enum cf_way way,
					  const struct cf_lease *lease)
{
	struct cf_engine *engine = session->engine;
	struct cf_channel *channel;
	unsigned int i;

	if (lease->channel != CF_ANY_CHANNEL) {
		if (lease->channel >= engine->channel_count[way])
			return ERR_PTR(-ECHRNG);
		channel = engine->channels[way][lease->channel];
		if (!cf_channel_open_to(channel, session))
			return ERR_PTR(-EBUSY);
		if (!(lease->flags & CF_LEASE_EXCLUSIVE))
			return channel;
		return ERR_PTR(cf_channel_hold(channel, session)) ?: channel;
	}
	if (!(lease->flags & CF_LEASE_EXCLUSIVE))
		return cf_channel_choose(session, way, 0);
	for (i = 0; i < engine->channel_count[way]; i++)
		if (!cf_channel_hold(engine->channels[way][i], session))
			return engine->channels[way][i];
	return ERR_PTR(-EBUSY);
}

int cf_lease_take(struct cf_session *session, struct cf_lease *lease)
{
	struct cf_engine *engine = session->engine;
	struct cf_lease_entry *entry;
	struct cf_channel *channel;
	enum cf_way way;
	int error;

	if (lease->reserved[0] || lease->reserved[1] || lease->flags & ~CF_LEASE_EXCLUSIVE ||
	    (lease->direction != CF_WRITE && lease->direction != CF_READ))
		return -EINVAL;
	way = lease->direction == CF_WRITE ? CF_WAY_WRITE : CF_WAY_READ;
	entry = kzalloc(sizeof(*entry), GFP_KERNEL_ACCOUNT);
	if (!entry)
		return -ENOMEM;

	mutex_lock(&engine->lock);
	channel = engine->gone ? ERR_PTR(-ENODEV) : cf_channel_pick(session, way, lease);
	if (IS_ERR(channel)) {
		error = PTR_ERR(channel);
		goto out_unlock;
	}
	entry->channel = channel;
	entry->exclusive = lease->flags & CF_LEASE_EXCLUSIVE;
	error = xa_alloc(&session->leases, &lease->lease, entry, XA_LIMIT(1, CF_MAX_BUFFERS),
			 GFP_KERNEL_ACCOUNT);
	if (error && entry->exclusive)
		cf_channel_unhold(channel);
	lease->channel = channel->index;
out_unlock:
	mutex_unlock(&engine->lock);
	if (error)
		kfree(entry);
	return error;
}

int cf_lease_end(struct cf_session *session, u32 handle)
{
	struct cf_engine *engine = session->engine;
	struct cf_lease_entry *entry;

	mutex_lock(&engine->lock);
	entry = xa_erase(&session->leases, handle);
	if (entry && entry->exclusive)
		cf_channel_unhold(entry->channel);
	mutex_unlock(&engine->lock);
	if (!entry)
		return -ESTALE;
	kfree_rcu(entry, rcu);
	return 0;
}

void cf_leases_end(struct cf_session *session)
{
	struct cf_lease_entry *entry;
	unsigned long handle;

	xa_for_each(&session->leases, handle, entry)
		cf_lease_end(session, handle);
}

#define CF_STUCK BIT_ULL(62) /* more than any load */

/* Never waits. The channel may be taken by an exclusive lease right after: enqueueing checks again. */
struct cf_channel *cf_channel_choose(struct cf_session *session, enum cf_way way, u32 lease)
{
	struct cf_engine *engine = session->engine;
	struct cf_channel *best = NULL;
	struct cf_lease_entry *entry;
	u64 least = U64_MAX;
	unsigned int i;

	if (lease) {
		rcu_read_lock();
		entry = xa_load(&session->leases, lease);
		best = entry ? entry->channel : NULL;
		rcu_read_unlock();
		if (!best)
			return ERR_PTR(-ESTALE);
		return best->way == way ? best : ERR_PTR(-EINVAL);
	}
	for (i = 0; i < engine->channel_count[way]; i++) {
		struct cf_channel *channel = engine->channels[way][i];
		u64 load = READ_ONCE(channel->load);

		/* One with transfers that did not end in time is for when there is no other. */
		if (!list_empty(&channel->limbo))
			load += CF_STUCK;

		if (!cf_channel_open_to(channel, session) || load >= least)
			continue;
		best = channel;
		least = load;
	}
	if (best)
		return best;
	return ERR_PTR(engine->channel_count[way] ? -EBUSY : -EOPNOTSUPP);
}
