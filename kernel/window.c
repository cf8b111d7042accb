// SPDX-License-Identifier: GPL-2.0
/*
 * Far memory: the ranges that transfers may name, found without a lock, added and taken away at any time. This
 * is the security boundary: an IOMMU polices what the engine does to near memory, nothing polices the far
 * side but cf_window_resolve(). Who says what windows there are is in declare.c and configfs.c.
 */
#include "counterflow.h"

#include <linux/nospec.h>
#include <linux/slab.h>

#define CF_WINDOW_WAIT (70 * HZ) /* more than any deadline */

/* Somebody waits for the last transfer of a window that is closed. */
static DECLARE_WAIT_QUEUE_HEAD(cf_window_over);

/* ---- letting go ---- */

static void cf_window_unmap(struct cf_window *window)
{
	lockdep_assert_held(&window->engine->lock);
	if (!window->mapped)
		return;
	window->mapped = false;
	dma_unmap_resource(window->engine->dma_dev, window->address, window->size,
			   DMA_BIDIRECTIONAL, 0);
}

static void cf_window_work(struct work_struct *work)
{
	struct cf_window *window = container_of(work, struct cf_window, work);
	struct cf_engine *engine = window->engine;

	mutex_lock(&engine->lock);
	cf_window_unmap(window);
	list_del(&window->node);
	mutex_unlock(&engine->lock);
	put_device(&engine->dev);
	kfree_rcu(window, rcu);
}

static void cf_window_last_put(struct kref *ref)
{
	queue_work(cf_workqueue, &container_of(ref, struct cf_window, ref)->work);
}

/* Any context. */
void cf_window_put(struct cf_window *window)
{
	/* The barrier in wq_has_sleeper() pairs with that of the wait: one of the two sees the other. */
	if (!kref_put(&window->ref, cf_window_last_put) && wq_has_sleeper(&cf_window_over))
		wake_up_all(&cf_window_over);
}

/* engine->lock is held. */
static void cf_window_shut(struct cf_window *window)
{
	lockdep_assert_held(&window->engine->lock);
	if (window->closed)
		return;
	WRITE_ONCE(window->closed, true);
	RCU_INIT_POINTER(window->engine->windows[window->index], NULL);
	cf_window_put(window);
}

/*
 * No transfer begins in it any more, and those that have are asked to end. The caller has a reference. May be
 * called again.
 */
void cf_window_close(struct cf_window *window)
{
	struct cf_engine *engine = window->engine;
	unsigned int way, i;

	mutex_lock(&engine->lock);
	cf_window_shut(window);
	mutex_unlock(&engine->lock);
	for (way = 0; way < CF_WAYS; way++)
		for (i = 0; i < engine->channel_count[way]; i++)
			cf_channel_abandon(engine->channels[way][i], window);
}

/*
 * Of a closed window: until the engine is proven past the last of its transfers, so that it is untouched from then
 * on. The caller's reference is the only one left then.
 */
int cf_window_wait(struct cf_window *window)
{
	long left = wait_event_killable_timeout(cf_window_over, kref_read(&window->ref) == 1,
						CF_WINDOW_WAIT);

	return left > 0 ? 0 : left ? -EINTR : -EBUSY;
}

/*
 * The engine goes away, its channels are closed: all windows are, too. What a channel may still be at stays
 * mapped. engine->lock is held.
 */
void cf_windows_end(struct cf_engine *engine)
{
	struct cf_window *window, *next;

	list_for_each_entry_safe(window, next, &engine->all_windows, node) {
		if (!window->quarantined)
			cf_window_unmap(window);
		cf_window_shut(window);
	}
}

/* ---- adding ---- */

static bool cf_meets(u64 address, u64 size, u64 other_address, u64 other_size)
{
	return address <= other_address + (other_size - 1) &&
	       other_address <= address + (size - 1);
}

/* engine->lock is held. */
static int cf_window_check(struct cf_engine *engine, const struct cf_window *said,
			   const char **why)
{
	struct cf_window *other;
	unsigned int i;

	*why = "its size must be 1 .. 2^48 and must not wrap around";
	if (!said->size || said->place + (said->size - 1) < said->place ||
	    said->size > BIT_ULL(CF_POSITION_SHIFT))
		return -ERANGE;
	*why = "this engine needs places and sizes that are aligned; see `alignment` in sysfs";
	if ((said->place | said->size) & (engine->alignment - 1))
		return -EADDRNOTAVAIL;
	*why = "it reaches the engine's own registers or lists; place it behind them";
	for (i = 0; i < engine->reserved_count; i++)
		if (cf_meets(said->place, said->size, engine->reserved[i].address,
			     engine->reserved[i].size))
			return -EPERM;
	*why = "it has no name, or there is a window of that name; choose another";
	if (!said->name[0])
		return -EEXIST;
	list_for_each_entry(other, &engine->all_windows, node) {
		if (other->own && !said->own)
			continue; /* gives way */
		if (!other->closed && !strcmp(other->name, said->name))
			return -EEXIST;
	}
	/* Closed ones as well, while transfers are in them. */
	*why = "it overlaps another window, whose permissions would mean nothing; make them disjoint";
	list_for_each_entry(other, &engine->all_windows, node)
		if ((!other->own || said->own) && kref_read(&other->ref) &&
		    cf_meets(said->place, said->size, other->place, other->size))
			return -EADDRINUSE;
	return 0;
}

static int cf_window_map(struct cf_window *window, const char **why)
{
	struct device *dev = window->engine->dma_dev;

	window->address = window->place;
	if (!window->engine->maps_windows)
		return 0;
	*why = "the platform gives this engine no way to that BAR (dma_map_resource); use the engine of the PCIe controller or of the endpoint";
	/* Asked, it says no with a warning and a backtrace. */
	if (!device_iommu_mapped(dev) && window->place + (window->size - 1) > dma_get_mask(dev))
		return -EOPNOTSUPP;
	window->address = dma_map_resource(dev, window->place, window->size, DMA_BIDIRECTIONAL, 0);
	if (dma_mapping_error(dev, window->address))
		return -EOPNOTSUPP;
	window->mapped = true;
	*why = "the platform maps that BAR where this engine's alignment is lost";
	return window->address & (window->engine->alignment - 1) ? -EADDRNOTAVAIL : 0;
}

/* A free index, and the window there. engine->lock is held. */
static int cf_window_show(struct cf_engine *engine, struct cf_window *window)
{
	unsigned int i;

	for (i = 0; i < CF_MAX_WINDOWS; i++)
		if (!rcu_access_pointer(engine->windows[i]))
			break;
	if (i == CF_MAX_WINDOWS)
		return -ENOSPC;
	window->index = i;
	window->serial = ++engine->window_serial;
	rcu_assign_pointer(engine->windows[i], window);
	return 0;
}

/*
 * Adds what `said` says: name, size, place, flags, privileged, own, function. `added` gets a reference. On failure
 * `why` says what is wrong and what to do.
 */
int cf_window_add(struct cf_engine *engine, const struct cf_window *said, struct cf_window **added,
		  const char **why)
{
	struct cf_window *window;
	int error;

	*why = "no memory";
	window = kmemdup(said, sizeof(*said), GFP_KERNEL);
	if (!window)
		return -ENOMEM;
	kref_init(&window->ref);
	INIT_WORK(&window->work, cf_window_work);
	window->engine = engine;

	mutex_lock(&engine->lock);
	*why = "the device is going away";
	error = engine->gone ? -ENODEV : cf_window_check(engine, said, why);
	if (!error)
		error = cf_window_map(window, why);
	if (!error) {
		*why = "there are as many as there can be; take one away";
		error = cf_window_show(engine, window);
	}
	if (error) {
		cf_window_unmap(window);
	} else {
		get_device(&engine->dev);
		list_add_tail(&window->node, &engine->all_windows);
		kref_get(&window->ref);
		*added = window;
	}
	mutex_unlock(&engine->lock);
	if (error)
		kfree(window);
	return error;
}

/* ---- finding ---- */

/* RCU's read side. NULL: this session has no such window. */
static struct cf_window *cf_window_seen(struct cf_session *session, u32 index)
{
	struct cf_window *window;

	if (index >= CF_MAX_WINDOWS)
		return NULL;
	index = array_index_nospec(index, CF_MAX_WINDOWS);
	window = rcu_dereference(session->engine->windows[index]);
	return window && window->serial <= session->window_serial ? window : NULL;
}

static u32 cf_window_flags(struct cf_session *session, const struct cf_window *window)
{
	return window->privileged && !session->privileged ? 0 : window->flags;
}

/* Indices below it may name a window. */
unsigned int cf_window_count(struct cf_session *session)
{
	unsigned int count = 0, i;

	rcu_read_lock();
	for (i = 0; i < CF_MAX_WINDOWS; i++)
		if (cf_window_seen(session, i))
			count = i + 1;
	rcu_read_unlock();
	return count;
}

int cf_window_info(struct cf_session *session, struct cf_window_info *info)
{
	const struct cf_window *window;
	int error = -ENOENT;

	if (info->reserved[0] || info->reserved[1])
		return -EINVAL;
	rcu_read_lock();
	window = cf_window_seen(session, info->window);
	if (window) {
		info->flags = cf_window_flags(session, window);
		info->size = window->size;
		memcpy(info->name, window->name, sizeof(info->name));
		error = 0;
	}
	rcu_read_unlock();
	return error;
}

/*
 * Where the request's bytes at `offset` of a window lie for the engine, if this session may go there. The
 * request holds the window from now on.
 */
int cf_window_resolve(struct cf_session *session, u32 index, enum cf_way way, u64 offset,
		      struct cf_request *request)
{
	u32 needed = way == CF_WAY_WRITE ? CF_WINDOW_WRITABLE : CF_WINDOW_READABLE;
	struct cf_window *window;

	rcu_read_lock();
	window = cf_window_seen(session, index);
	if (window && !kref_get_unless_zero(&window->ref))
		window = NULL;
	rcu_read_unlock();
	if (!window) /* a device that goes closes its windows first */
		return READ_ONCE(session->engine->gone) ? -ENODEV : -ENOENT;
	request->window = window;
	if (!(cf_window_flags(session, window) & needed))
		return -EACCES;
	if (offset > window->size || request->length > window->size - offset)
		return -ERANGE;
	request->far = window->address + offset;
	return 0;
}
