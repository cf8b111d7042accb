// SPDX-License-Identifier: GPL-2.0
/*
 * read() and write(), for io_uring and POSIX AIO on any kernel: the file position names the far place, the address
 * lies in registered memory, and the call returns -EIOCBQUEUED where its caller does not wait.
 */
#include "counterflow.h"

#include <linux/sched/signal.h>

static ssize_t cf_rw_wait(struct cf_request *request, struct completion *waiter)
{
	if (wait_for_completion_interruptible(waiter)) {
		cf_request_abandon(request, CF_STATUS_CANCELED);
		wait_for_completion(waiter); /* bounded by its deadline */
		if (request->result.status == CF_STATUS_CANCELED)
			return -EINTR;
	}
	return cf_status_errno(request->result.status) ?: request->result.bytes;
}

static ssize_t cf_rw(struct kiocb *iocb, struct iov_iter *iter, enum cf_way way)
{
	struct cf_session *session = iocb->ki_filp->private_data;
	bool synchronous = is_sync_kiocb(iocb);
	bool nowait = iocb->ki_flags & IOCB_NOWAIT;
	size_t length = iov_iter_count(iter);
	DECLARE_COMPLETION_ONSTACK(waiter);
	struct cf_request *request;
	struct cf_buffer *buffer;
	unsigned long address;
	ssize_t result;
	u64 offset;

	if (!length)
		return 0;
	if (synchronous && nowait)
		return -EAGAIN;
	if (!cf_iter_address(iter, &address))
		return -EOPNOTSUPP;
	buffer = cf_buffer_at(session, address, length, &offset);
	if (!buffer)
		return -ESTALE;
	request = cf_request_alloc(nowait ? GFP_NOWAIT | __GFP_NOWARN : GFP_KERNEL_ACCOUNT);
	if (!request) {
		cf_buffer_put(buffer);
		return nowait ? -EAGAIN : -ENOMEM;
	}
	if (synchronous) {
		request->sink = CF_SINK_WAITER;
		request->waiter = &waiter;
	} else {
		request->sink = CF_SINK_KIOCB;
		request->iocb = iocb;
	}
	result = cf_submit_at(session, way, buffer, offset, iocb->ki_pos, length, request,
			      synchronous);
	if (!result && synchronous) {
		result = cf_rw_wait(request, &waiter);
	} else if (!result) {
		cf_feed_batched(request->channel);
		result = -EIOCBQUEUED;
	}
	cf_request_put(request);
	return result;
}

ssize_t cf_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	return cf_rw(iocb, to, CF_WAY_READ);
}

ssize_t cf_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	return cf_rw(iocb, from, CF_WAY_WRITE);
}
