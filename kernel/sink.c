// SPDX-License-Identifier: GPL-2.0
/*
 * Where outcomes go: the completion ring with its eventfd and poll(), an io_uring command, a kiocb, or somebody who
 * waits. Called without channel->lock, in any context.
 */
#include "counterflow.h"

#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/poll.h>
#include <linux/vmalloc.h>

static struct cf_completion *cf_ring_place(struct cf_session *session, u32 index)
{
	void *first = (u8 *)session->ring + CF_RING_HEADER_BYTES;

	return (struct cf_completion *)first + (index & (session->ring_entries - 1));
}

/*
 * Takes the place for one completion, so that the ring cannot overflow. The program's `head` is read here only;
 * a wrong one costs the program its own completions or its places, nothing else.
 */
int cf_ring_promise(struct cf_session *session)
{
	unsigned long flags;
	int error = 0;
	u32 unread;

	spin_lock_irqsave(&session->ring_lock, flags);
	if (!session->ring_entries) {
		error = -ENOTCONN;
	} else {
		/* Acquire: what the program read before it moved head is not overwritten before. */
		unread = session->ring_tail - smp_load_acquire(&session->ring->head);
		if (unread > session->ring_entries ||
		    unread + session->ring_promised >= session->ring_entries)
			error = -EAGAIN;
		else
			session->ring_promised++;
	}
	spin_unlock_irqrestore(&session->ring_lock, flags);
	return error;
}

void cf_ring_forgo(struct cf_session *session)
{
	unsigned long flags;

	spin_lock_irqsave(&session->ring_lock, flags);
	session->ring_promised--;
	spin_unlock_irqrestore(&session->ring_lock, flags);
}

/* POLLHUP comes with the last completion of a device that is gone, not before. */
__poll_t cf_ring_poll(struct cf_session *session)
{
	__poll_t events = 0;
	unsigned long flags;

	spin_lock_irqsave(&session->ring_lock, flags);
	if (READ_ONCE(session->engine->gone) && !session->ring_promised)
		events |= EPOLLHUP | EPOLLERR;
	if (session->ring && session->ring_tail != READ_ONCE(session->ring->head))
		events |= EPOLLIN | EPOLLRDNORM;
	spin_unlock_irqrestore(&session->ring_lock, flags);
	return events;
}

/* ---- the eventfd ---- */

static void cf_event_now(struct cf_session *session)
{
	session->event_gathered = 0;
	if (session->eventfd && !(READ_ONCE(session->ring->quiet) & CF_RING_QUIET))
		cf_eventfd_signal(session->eventfd);
}

static enum hrtimer_restart cf_event_late(struct hrtimer *timer)
{
	struct cf_session *session = container_of(timer, struct cf_session, event_timer);
	unsigned long flags;

	spin_lock_irqsave(&session->ring_lock, flags);
	if (session->event_gathered)
		cf_event_now(session);
	spin_unlock_irqrestore(&session->ring_lock, flags);
	return HRTIMER_NORESTART;
}

/* `count` completions were posted. ring_lock is held. */
static void cf_event(struct cf_session *session, u32 count)
{
	bool first = session->event_gathered == 0;

	if (!session->eventfd)
		return;
	session->event_gathered += count;
	if (session->event_gathered >= session->event_count)
		cf_event_now(session);
	else if (first)
		hrtimer_start(&session->event_timer, ns_to_ktime(session->event_delay_ns),
			      HRTIMER_MODE_REL);
}

int cf_eventfd_set(struct cf_session *session, const struct cf_eventfd *event)
{
	struct eventfd_ctx *context = NULL, *old;

	if (event->flags || event->fd < -1 ||
	    (event->fd >= 0 && event->count > 1 && !event->delay_us))
		return -EINVAL;
	if (!READ_ONCE(session->ring_entries))
		return -ENOTCONN;
	if (event->fd >= 0) {
		context = eventfd_ctx_fdget(event->fd);
		if (IS_ERR(context))
			return PTR_ERR(context);
	}
	spin_lock_irq(&session->ring_lock);
	old = session->eventfd;
	session->eventfd = context;
	session->event_count = max(event->count, 1u);
	session->event_delay_ns = (u64)event->delay_us * NSEC_PER_USEC;
	session->event_gathered = 0;
	/* What arrived before is not announced again by itself. */
	if (context && session->ring_tail != READ_ONCE(session->ring->head))
		cf_event_now(session);
	spin_unlock_irq(&session->ring_lock);
	if (old)
		eventfd_ctx_put(old);
	return 0;
}

void cf_sink_init(struct cf_session *session)
{
	spin_lock_init(&session->ring_lock);
	init_waitqueue_head(&session->wait);
	cf_hrtimer_setup(&session->event_timer, cf_event_late, HRTIMER_MODE_REL);
}

/* The file is closed: nobody reads the ring, so nothing is posted any more. */
void cf_sink_release(struct cf_session *session)
{
	struct eventfd_ctx *eventfd;
	struct cf_ring *ring;

	spin_lock_irq(&session->ring_lock);
	ring = session->ring;
	eventfd = session->eventfd;
	session->ring = NULL;
	session->ring_entries = 0;
	session->eventfd = NULL;
	session->event_gathered = 0;
	spin_unlock_irq(&session->ring_lock);
	hrtimer_cancel(&session->event_timer);
	if (eventfd)
		eventfd_ctx_put(eventfd);
	vfree(ring);
	vfree(session->slots);
	session->slots = NULL;
}

/* ---- delivering ---- */

/* Posts the reports at the front of the list that belong to one session's ring: one lock, one wake-up. */
static void cf_ring_report(struct list_head *reports)
{
	struct cf_request *request = list_first_entry(reports, struct cf_request, report_node);
	struct cf_session *session = request->session;
	LIST_HEAD(posted);
	unsigned long flags;
	u32 count = 0;
	bool wake;

	spin_lock_irqsave(&session->ring_lock, flags);
	do {
		list_move_tail(&request->report_node, &posted);
		if (session->ring) {
			*cf_ring_place(session, session->ring_tail) = request->result;
			session->ring_tail++;
			session->ring_promised--;
			count++;
		}
		request = list_first_entry_or_null(reports, struct cf_request, report_node);
	} while (request && request->sink == CF_SINK_RING && request->session == session);
	if (count) {
		/* Release: who sees the new tail sees what lies before it. */
		smp_store_release(&session->ring->tail, session->ring_tail);
		cf_event(session, count);
	}
	spin_unlock_irqrestore(&session->ring_lock, flags);

	wake = count && wq_has_sleeper(&session->wait);
	if (wake)
		wake_up_interruptible_poll(&session->wait, EPOLLIN | EPOLLRDNORM);
	while (!list_empty(&posted)) {
		request = list_first_entry(&posted, struct cf_request, report_node);
		list_del(&request->report_node);
		cf_request_put(request);
	}
}

static void cf_kiocb_report(struct cf_request *request)
{
	long result = cf_status_errno(request->result.status);

	if (!result)
		result = request->result.bytes;
	cf_kiocb_complete(request->iocb, result);
	cf_request_put(request);
}

/* Tells everybody on the list; the list is empty afterwards. */
void cf_reports_send(struct list_head *reports)
{
	while (!list_empty(reports)) {
		struct cf_request *request =
			list_first_entry(reports, struct cf_request, report_node);

		if (request->sink == CF_SINK_RING) {
			cf_ring_report(reports);
			continue;
		}
		list_del(&request->report_node);
		switch (request->sink) {
		case CF_SINK_URING:
			cf_uring_report(request); /* keeps the reference until the command is done */
			break;
		case CF_SINK_KIOCB:
			cf_kiocb_report(request);
			break;
		default:
			complete(request->waiter);
			cf_request_put(request);
		}
	}
}
