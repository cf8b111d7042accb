// SPDX-License-Identifier: GPL-2.0
/*
 * A transfer from its submission to its report. Every path that ends one (the hardware, a cancel, a
 * deadline, a lost device) comes through cf_request_report() under channel->lock, which lets the first one win.
 */
#include "counterflow.h"

#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/slab.h>

#define CREATE_TRACE_POINTS
#include "trace.h"

static struct kmem_cache *cf_request_cache;

int cf_request_cache_create(void)
{
	cf_request_cache = KMEM_CACHE(cf_request, SLAB_HWCACHE_ALIGN);
	return cf_request_cache ? 0 : -ENOMEM;
}

void cf_request_cache_destroy(void)
{
	kmem_cache_destroy(cf_request_cache);
}

static void cf_request_deadline(struct timer_list *timer)
{
	struct cf_request *request = timer_container_of(request, timer, deadline);

	cf_request_abandon(request, CF_STATUS_TIMED_OUT);
	cf_request_put(request);
}

/* The caller has the one reference. */
struct cf_request *cf_request_alloc(gfp_t gfp)
{
	struct cf_request *request = kmem_cache_zalloc(cf_request_cache, gfp);

	if (!request)
		return NULL;
	refcount_set(&request->refs, 1);
	INIT_LIST_HEAD(&request->node);
	INIT_LIST_HEAD(&request->session_node);
	request->state = CF_REQUEST_OVER;
	request->result.channel = CF_NO_CHANNEL;
	timer_setup(&request->deadline, cf_request_deadline, 0);
	return request;
}

void cf_request_put(struct cf_request *request)
{
	if (!refcount_dec_and_test(&request->refs))
		return;
	if (request->window)
		cf_window_put(request->window);
	if (request->buffer)
		cf_buffer_put(request->buffer);
	if (request->session)
		cf_session_put(request->session);
	kmem_cache_free(cf_request_cache, request);
}

int cf_status_errno(u32 status)
{
	static const int numbers[] = {
		[CF_STATUS_OK] = 0,
		[CF_STATUS_UNSUPPORTED_REQUEST] = -ENXIO,
		[CF_STATUS_COMPLETER_ABORT] = -EREMOTEIO,
		[CF_STATUS_COMPLETION_TIMEOUT] = -ETIMEDOUT,
		[CF_STATUS_DATA_POISONED] = -EBADMSG,
		[CF_STATUS_LOCAL_BUS_ERROR] = -ECOMM,
		[CF_STATUS_LIST_FETCH_ERROR] = -EBADSLT,
		[CF_STATUS_ABORTED] = -EIO,
		[CF_STATUS_LINK_DOWN] = -ENOLINK,
		[CF_STATUS_DEVICE_GONE] = -ENODEV,
		[CF_STATUS_TIMED_OUT] = -ETIME,
		[CF_STATUS_CANCELED] = -ECANCELED,
		[CF_STATUS_NO_MEMORY] = -ENOMEM,
	};

	return status < ARRAY_SIZE(numbers) ? numbers[status] : -EIO;
}

static void cf_count(struct cf_request *request)
{
	struct cf_statistics *statistics = &request->channel->engine->statistics;
	enum cf_way way = request->channel->way;

	atomic64_inc(&statistics->transfers[way]);
	switch (request->result.status) {
	case CF_STATUS_OK:
		atomic64_add(request->length, &statistics->bytes[way]);
		break;
	case CF_STATUS_CANCELED:
		atomic64_inc(&statistics->canceled);
		break;
	case CF_STATUS_TIMED_OUT:
		atomic64_inc(&statistics->timed_out);
		break;
	default:
		atomic64_inc(&statistics->failed);
	}
}

/*
 * Takes the first that waits, for the back end to hand over: it is active, and its memory is the device's. NULL:
 * nothing waits. channel->lock is held.
 */
struct cf_request *cf_request_next(struct cf_channel *channel)
{
	struct cf_request *request;

	lockdep_assert_held(&channel->lock);
	request = list_first_entry_or_null(&channel->waiting, struct cf_request, node);
	if (!request)
		return NULL;
	list_move_tail(&request->node, &channel->active);
	request->state = CF_REQUEST_ACTIVE;
	cf_buffer_sync(request->buffer, request->buffer_offset, request->length, true);
	return request;
}

/*
 * Decides the outcome, once: the submitter will hear of it when `reports` is sent. The request stays where it is
 * on its channel. channel->lock is held.
 */
void cf_request_report(struct cf_request *request, u32 status, u32 errors,
		       struct list_head *reports)
{
	struct cf_session *session = request->session;

	lockdep_assert_held(&request->channel->lock);
	if (request->reported)
		return;
	request->reported = true;
	request->result.status = status;
	request->result.errors = errors;
	request->result.bytes = status == CF_STATUS_OK ? request->length : 0;
	request->result.time_ns = ktime_get_ns();
	if (request->state != CF_REQUEST_WAITING)
		request->result.channel = request->channel->index;
	cf_count(request);
	trace_cf_complete(request);

	spin_lock(&session->table_lock);
	list_del_init(&request->session_node);
	session->in_flight--;
	spin_unlock(&session->table_lock);

	refcount_inc(&request->refs);
	list_add_tail(&request->report_node, reports);
	if (timer_delete(&request->deadline))
		cf_request_put(request); /* not the last: the report has one */
}

/* The hardware is proven past it, or never saw it. channel->lock is held. */
void cf_request_release(struct cf_request *request)
{
	struct cf_channel *channel = request->channel;

	lockdep_assert_held(&channel->lock);
	if (request->state != CF_REQUEST_LIMBO)
		WRITE_ONCE(channel->load, channel->load - request->length);
	list_del_init(&request->node);
	request->state = CF_REQUEST_OVER;
	cf_window_put(request->window);
	request->window = NULL;
	cf_request_put(request);
}

/* Both: it is reported and gone. channel->lock is held. */
void cf_request_over(struct cf_request *request, u32 status, u32 errors,
		     struct list_head *reports)
{
	if (!request->reported && request->channel->way == CF_WAY_READ)
		cf_buffer_sync(request->buffer, request->buffer_offset, request->length, false);
	cf_request_report(request, status, errors, reports);
	cf_request_release(request);
}

/* It is reported, but the hardware may still be at it. channel->lock is held. */
void cf_request_limbo(struct cf_request *request, u32 status, struct list_head *reports)
{
	struct cf_channel *channel = request->channel;

	cf_request_report(request, status, 0, reports);
	WRITE_ONCE(channel->load, channel->load - request->length);
	list_move_tail(&request->node, &channel->limbo);
	request->state = CF_REQUEST_LIMBO;
}

void cf_channel_fail_waiting(struct cf_channel *channel, u32 status, struct list_head *reports)
{
	struct cf_request *request, *next;

	list_for_each_entry_safe(request, next, &channel->waiting, node)
		cf_request_over(request, status, 0, reports);
}

/* channel->lock is held. */
static void cf_request_abandon_locked(struct cf_request *request, u8 status,
				      struct list_head *reports)
{
	struct cf_channel *channel = request->channel;

	if (request->state == CF_REQUEST_WAITING) {
		cf_request_over(request, status, 0, reports);
	} else if (request->state == CF_REQUEST_ACTIVE && !request->reported &&
		   request->unwanted != CF_STATUS_TIMED_OUT && request->unwanted != status) {
		/* A deadline overrules a cancel that the hardware has not come to an end with. */
		request->unwanted = status;
		channel->engine->ops->abandon(channel, request, reports);
	}
}

/* Nobody wants it any more. The caller has a reference. */
void cf_request_abandon(struct cf_request *request, u8 status)
{
	struct cf_channel *channel = request->channel;
	unsigned long flags;
	LIST_HEAD(reports);

	spin_lock_irqsave(&channel->lock, flags);
	cf_request_abandon_locked(request, status, &reports);
	spin_unlock_irqrestore(&channel->lock, flags);
	cf_reports_send(&reports);
}

/* Cancels all that is on the channel for a window, which is closed: nothing of the kind is enqueued after this. */
void cf_channel_abandon(struct cf_channel *channel, const struct cf_window *window)
{
	struct list_head *const lists[] = { &channel->waiting, &channel->active };
	struct cf_request *request, *next;
	unsigned long flags;
	unsigned int i;
	LIST_HEAD(reports);

	spin_lock_irqsave(&channel->lock, flags);
	for (i = 0; i < ARRAY_SIZE(lists); i++)
		list_for_each_entry_safe(request, next, lists[i], node)
			if (request->window == window)
				cf_request_abandon_locked(request, CF_STATUS_CANCELED, &reports);
	spin_unlock_irqrestore(&channel->lock, flags);
	cf_reports_send(&reports);
}

/* Asks the session's transfers with this tag, or all, to end; returns how many were asked. */
unsigned int cf_requests_cancel(struct cf_session *session, u64 tag, bool all)
{
	struct cf_request *request, *next;
	unsigned int count = 0;
	LIST_HEAD(matches);

	mutex_lock(&session->lock);
	spin_lock_irq(&session->table_lock);
	list_for_each_entry(request, &session->requests, session_node)
		if (all || request->result.tag == tag) {
			/* On the list it is not reported, so its channel has a reference. */
			refcount_inc(&request->refs);
			list_add_tail(&request->cancel_node, &matches);
			count++;
		}
	spin_unlock_irq(&session->table_lock);
	list_for_each_entry_safe(request, next, &matches, cancel_node) {
		cf_request_abandon(request, CF_STATUS_CANCELED);
		cf_request_put(request);
	}
	mutex_unlock(&session->lock);
	return count;
}
