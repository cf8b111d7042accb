// SPDX-License-Identifier: GPL-2.0
/*
 * IORING_OP_URING_CMD: a transfer whose outcome is a CQE. Issued without ever waiting, completed in the context of
 * the task that issued it, because that is where io_uring wants it.
 */
#include "counterflow.h"

#ifdef CF_URING

#include <linux/nospec.h>

/* What the command itself remembers. The request lives until the command is done. */
struct cf_uring_pdu {
	struct cf_request *request;
};

static struct cf_uring_pdu *cf_uring_pdu(struct io_uring_cmd *cmd)
{
	BUILD_BUG_ON(sizeof(struct cf_uring_pdu) > sizeof(cmd->pdu));
	return (struct cf_uring_pdu *)cmd->pdu;
}

CF_URING_WORK(cf_uring_finish)
{
	CF_URING_WORK_ENTER(cmd, issue_flags);
	struct cf_request *request = cf_uring_pdu(cmd)->request;
	const struct cf_completion *result = &request->result;
	s32 number = cf_status_errno(result->status);
	u64 extra = result->status | (u64)result->channel << 32 | (u64)result->errors << 48;
	bool cqe32 = request->cqe32;

	if (!number)
		number = result->bytes;
	cf_uring_done(cmd, number, extra, cqe32, issue_flags);
	cf_request_put(request);
}

/* Any context. The reference that came with the report goes on to cf_uring_finish(). */
void cf_uring_report(struct cf_request *request)
{
	cf_uring_defer(request->cmd, cf_uring_finish);
}

/* Reads every word once: what is copied from may be changing. */
static void cf_copy_once(void *to, const void *from, size_t size)
{
	const u64 *source = from;
	u64 *target = to;
	size_t i;

	for (i = 0; i < size / sizeof(u64); i++)
		target[i] = READ_ONCE(source[i]);
}

static int cf_uring_slot(struct cf_session *session, struct io_uring_cmd *cmd,
			 struct cf_transfer *transfer)
{
	struct cf_uring_slot payload;
	const struct cf_transfer *slots;

	cf_copy_once(&payload, cf_uring_payload(cmd, false), sizeof(payload));
	if (payload.flags || payload.reserved)
		return -EINVAL;
	/* Pairs with the release in cf_session_setup(). */
	slots = smp_load_acquire(&session->slots);
	if (!slots)
		return -ENOTCONN;
	if (payload.slot >= session->slot_count)
		return -ERANGE;
	payload.slot = array_index_nospec(payload.slot, session->slot_count);
	cf_copy_once(transfer, &slots[payload.slot], sizeof(*transfer));
	return 0;
}

static int cf_uring_inline(struct io_uring_cmd *cmd, struct cf_transfer *transfer,
			   unsigned int issue_flags)
{
	struct cf_uring_inline payload;

	if (!(issue_flags & IO_URING_F_SQE128))
		return -EINVAL;
	cf_copy_once(&payload, cf_uring_payload(cmd, true), sizeof(payload));
	if (payload.reserved[0] || payload.reserved[1])
		return -EINVAL;
	*transfer = payload.transfer;
	return 0;
}

static int cf_uring_issue(struct cf_session *session, struct io_uring_cmd *cmd,
			  unsigned int issue_flags)
{
	bool wait = !(issue_flags & IO_URING_F_NONBLOCK);
	struct cf_transfer transfer;
	struct cf_request *request;
	int error;

	switch (cmd->cmd_op) {
	case CF_URING_SLOT:
		error = cf_uring_slot(session, cmd, &transfer);
		break;
	case CF_URING_INLINE:
		error = cf_uring_inline(cmd, &transfer, issue_flags);
		break;
	default:
		error = -ENOTTY;
	}
	if (error)
		return error;
	request = cf_request_alloc(wait ? GFP_KERNEL_ACCOUNT : GFP_NOWAIT | __GFP_NOWARN);
	if (!request)
		return wait ? -ENOMEM : -EAGAIN;
	request->sink = CF_SINK_URING;
	request->cmd = cmd;
	request->cqe32 = issue_flags & IO_URING_F_CQE32;
	cf_uring_pdu(cmd)->request = request;

	error = cf_submit(session, &transfer, request, false);
	if (!error) {
		cf_feed_batched(request->channel);
#ifdef CF_HAVE_CMD_CANCEL
		/*
		 * Not too late: what completes it is work of this task, or takes the ring's lock, which is
		 * held here. Where a worker issues it neither is true, and its deadline has to do.
		 */
		if (!(issue_flags & IO_URING_F_UNLOCKED))
			io_uring_cmd_mark_cancelable(cmd, issue_flags);
#endif
		error = -EIOCBQUEUED;
	}
	cf_request_put(request);
	return error;
}

int cf_uring_cmd(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	struct cf_session *session = cmd->file->private_data;

#ifdef CF_HAVE_CMD_CANCEL
	if (issue_flags & IO_URING_F_CANCEL) {
		cf_request_abandon(cf_uring_pdu(cmd)->request, CF_STATUS_CANCELED);
		return 0;
	}
#endif
	return cf_uring_issue(session, cmd, issue_flags);
}

#endif /* CF_URING */
