// SPDX-License-Identifier: GPL-2.0
/*
 * The ways in: one checked transfer put on a channel, a batch of them from a process, and one that is waited
 * for. Everything that comes from user space is checked here, on a copy.
 */
#include "counterflow.h"

#include <linux/compat.h>
#include <linux/jiffies.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "trace.h"

#define CF_BATCH_MAX 65536

/* Hands over what waits. Any context. */
void cf_feed(struct cf_channel *channel)
{
	unsigned long flags;
	LIST_HEAD(reports);

	spin_lock_irqsave(&channel->lock, flags);
	if (!channel->closed && !list_empty(&channel->waiting))
		channel->engine->ops->feed(channel, &reports);
	spin_unlock_irqrestore(&channel->lock, flags);
	cf_reports_send(&reports);
}

#ifdef CF_PLUG
struct cf_plug {
	struct blk_plug_cb callback; /* its `data` is the channel */
	bool holds;		     /* a reference to the channel's engine */
};

static void cf_unplug(struct blk_plug_cb *callback, bool from_schedule)
{
	struct cf_channel *channel = callback->data;

	cf_feed(channel);
	put_device(&channel->engine->dev);
	kfree(container_of(callback, struct cf_plug, callback));
}

/*
 * True: the task is issuing a batch, and the channel is fed at its end. So the transfers of one io_uring_enter()
 * become one batch for the engine, with one doorbell and as few interrupts.
 */
static bool cf_plug(struct cf_channel *channel)
{
	struct blk_plug_cb *callback =
		blk_check_plugged(cf_unplug, channel, sizeof(struct cf_plug));
	struct cf_plug *plug = container_of(callback, struct cf_plug, callback);

	if (!callback)
		return false;
	if (!plug->holds) { /* a new one: it comes zeroed */
		plug->holds = true;
		get_device(&channel->engine->dev);
	}
	return true;
}
#else
static bool cf_plug(struct cf_channel *channel)
{
	return false;
}
#endif

/* Hands it over now, or at the end of the batch that it is part of. Task context. */
void cf_feed_batched(struct cf_channel *channel)
{
	if (!cf_plug(channel))
		cf_feed(channel);
}

/* From here on the request has an outcome, and is the channel's. */
static int cf_enqueue(struct cf_channel *channel, struct cf_request *request, bool feed)
{
	struct cf_session *session = request->session;
	unsigned long flags;
	LIST_HEAD(reports);
	int error = 0;

	spin_lock_irqsave(&channel->lock, flags);
	if (channel->closed)
		error = -ENODEV;
	else if (READ_ONCE(request->window->closed)) /* who closes it comes for the channel's lock next */
		error = -ENOENT;
	else if (channel->holder && channel->holder != session)
		error = -EBUSY;
	spin_lock(&session->table_lock);
	if (!error && session->in_flight == CF_MAX_IN_FLIGHT)
		error = -EBUSY;
	if (!error) {
		session->in_flight++;
		list_add_tail(&request->session_node, &session->requests);
	}
	spin_unlock(&session->table_lock);
	if (error)
		goto out_unlock;

	request->state = CF_REQUEST_WAITING;
	request->channel = channel;
	refcount_add(2, &request->refs); /* the channel's and the deadline's */
	request->deadline.expires = jiffies + nsecs_to_jiffies64(request->timeout_ns) + 1;
	add_timer(&request->deadline);
	list_add_tail(&request->node, &channel->waiting);
	WRITE_ONCE(channel->load, channel->load + request->length);
	trace_cf_submit(request);
	if (feed)
		channel->engine->ops->feed(channel, &reports);
out_unlock:
	spin_unlock_irqrestore(&channel->lock, flags);
	cf_reports_send(&reports);
	return error;
}

/* `request` has its sink, its buffer and where in it; what remains is checked against that buffer. */
static int cf_place(struct cf_session *session, struct cf_request *request, enum cf_way way,
		    u32 window, u64 offset, u32 lease, bool feed)
{
	struct cf_buffer *buffer = request->buffer;
	u64 mask = session->engine->alignment - 1;
	struct cf_channel *channel;
	int error;

	if (!request->length)
		return -EINVAL;
	if (request->length > CF_MAX_TRANSFER)
		return -EMSGSIZE;
	if (request->buffer_offset > buffer->size ||
	    request->length > buffer->size - request->buffer_offset)
		return -ERANGE;
	if (!(buffer->access & (way == CF_WAY_WRITE ? CF_ACCESS_WRITE : CF_ACCESS_READ)))
		return -EACCES;
	error = cf_window_resolve(session, window, way, offset, request);
	if (error)
		return error;
	if ((request->buffer_offset | offset | request->length) & mask)
		return -EADDRNOTAVAIL;
	if (!request->timeout_ns)
		request->timeout_ns = cf_default_timeout_ns();
	if (request->timeout_ns > CF_MAX_TIMEOUT_NS)
		return -EDOM;
	kref_get(&session->ref);
	request->session = session;
	do {
		channel = cf_channel_choose(session, way, lease);
		if (IS_ERR(channel))
			return PTR_ERR(channel);
		error = cf_enqueue(channel, request, feed);
		/* Another session has just taken it for itself: choose again, unless it was named. */
	} while (error == -EBUSY && !lease && READ_ONCE(channel->holder) &&
		 READ_ONCE(channel->holder) != session);
	return error;
}

/*
 * Submits what `transfer`, a kernel copy, describes. On success the request's outcome will be reported; the
 * caller's reference stays its own either way.
 */
int cf_submit(struct cf_session *session, const struct cf_transfer *transfer,
	      struct cf_request *request, bool feed)
{
	enum cf_way way;

	if (transfer->flags || transfer->reserved)
		return -EINVAL;
	switch (transfer->direction) {
	case CF_WRITE:
		way = CF_WAY_WRITE;
		break;
	case CF_READ:
		way = CF_WAY_READ;
		break;
	default:
		return -EINVAL;
	}
	request->buffer = cf_buffer_get(session, transfer->buffer);
	if (!request->buffer)
		return -ESTALE;
	request->buffer_offset = transfer->buffer_offset;
	request->length = transfer->length;
	request->timeout_ns = transfer->timeout_ns;
	request->result.tag = transfer->tag;
	return cf_place(session, request, way, transfer->window, transfer->window_offset,
			transfer->lease, feed);
}

/* The same for read_iter() and write_iter(). Takes over the reference to `buffer`. */
int cf_submit_at(struct cf_session *session, enum cf_way way, struct cf_buffer *buffer,
		 u64 buffer_offset, u64 position, u64 length, struct cf_request *request,
		 bool feed)
{
	request->buffer = buffer;
	request->buffer_offset = buffer_offset;
	request->length = length;
	return cf_place(session, request, way, position >> CF_POSITION_SHIFT,
			position & (BIT_ULL(CF_POSITION_SHIFT) - 1), 0, feed);
}

/* ---- batch ---- */

static int cf_batch_one(struct cf_session *session, u64 from, u32 stride, u8 *touched)
{
	struct cf_transfer transfer;
	struct cf_request *request;
	int error;

	/* One copy; a longer structure of the future is fine as long as what we do not know is zero. */
	error = copy_struct_from_user(&transfer, sizeof(transfer), u64_to_user_ptr(from), stride);
	if (error)
		return error;
	error = cf_ring_promise(session);
	if (error)
		return error;
	request = cf_request_alloc(GFP_KERNEL_ACCOUNT);
	if (!request) {
		cf_ring_forgo(session);
		return -ENOMEM;
	}
	request->sink = CF_SINK_RING;
	error = cf_submit(session, &transfer, request, false);
	if (error)
		cf_ring_forgo(session);
	else
		touched[request->channel->way] |= BIT(request->channel->index);
	cf_request_put(request);
	return error;
}

int cf_submit_batch(struct cf_session *session, struct cf_submit *submit)
{
	u64 from = submit->transfers;
	u8 touched[CF_WAYS] = {};
	unsigned int way, i;
	int error = 0;

	submit->submitted = 0;
	if (submit->flags || submit->reserved || !submit->count || submit->count > CF_BATCH_MAX ||
	    submit->stride < sizeof(struct cf_transfer) || submit->stride > PAGE_SIZE)
		return -EINVAL;
	while (submit->submitted < submit->count) {
		error = cf_batch_one(session, from, submit->stride, touched);
		if (error)
			break;
		submit->submitted++;
		from += submit->stride;
		cond_resched();
	}
	/* One doorbell for the batch. */
	for (way = 0; way < CF_WAYS; way++)
		for (i = 0; i < CF_MAX_CHANNELS; i++)
			if (touched[way] & BIT(i))
				cf_feed(session->engine->channels[way][i]);
	return submit->submitted ? 0 : error;
}

/* ---- one that is waited for ---- */

int cf_transfer_wait(struct cf_session *session, struct cf_transfer_wait *wait)
{
	DECLARE_COMPLETION_ONSTACK(waiter);
	struct cf_request *request;
	bool interrupted;
	int error;

	memset(&wait->completion, 0, sizeof(wait->completion));
	request = cf_request_alloc(GFP_KERNEL_ACCOUNT);
	if (!request)
		return -ENOMEM;
	request->sink = CF_SINK_WAITER;
	request->waiter = &waiter;
	error = cf_submit(session, &wait->transfer, request, true);
	if (error)
		goto out_put;

	interrupted = wait_for_completion_interruptible(&waiter) != 0;
	if (interrupted) {
		cf_request_abandon(request, CF_STATUS_CANCELED);
		wait_for_completion(&waiter); /* bounded by its deadline */
	}
	wait->completion = request->result;
	error = cf_status_errno(request->result.status);
	if (interrupted && error == -ECANCELED)
		error = -EINTR;
out_put:
	cf_request_put(request);
	return error;
}
