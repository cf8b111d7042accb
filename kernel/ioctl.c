// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls: copied in once, zero-extended, handed to whoever does it, copied back. A structure may have another
 * size than ours: its size is part of the number.
 */
#include "counterflow.h"

#include <linux/uaccess.h>

union cf_argument {
	struct cf_info info;
	struct cf_window_info window;
	struct cf_buffer_add buffer;
	struct cf_handle handle;
	struct cf_lease lease;
	struct cf_setup setup;
	struct cf_eventfd event;
	struct cf_submit submit;
	struct cf_transfer_wait wait;
	struct cf_cancel cancel;
};

static int cf_ioc_info(struct cf_session *session, union cf_argument *argument)
{
	struct cf_engine *engine = session->engine;
	struct cf_info *info = &argument->info;
	bool local = engine->side == CF_SIDE_LOCAL;

	memset(info, 0, sizeof(*info));
	info->abi_version = CF_ABI_VERSION;
	info->backend = engine->ops->backend;
	info->features = engine->ops->features | CF_FEATURE_ASYNC_RW | CF_FEATURE_DMABUF;
#ifdef CF_URING
	info->features |= CF_FEATURE_URING_CMD;
#ifdef CF_HAVE_CMD_CANCEL
	info->features |= CF_FEATURE_URING_CANCEL;
#endif
#endif
	info->side = engine->side;
	info->near_port = engine->near_port;
	/* A local engine writes with its WR channels; a remote one reads near memory with its RD channels. */
	info->wr_channels = engine->channel_count[local ? CF_WAY_WRITE : CF_WAY_READ];
	info->rd_channels = engine->channel_count[local ? CF_WAY_READ : CF_WAY_WRITE];
	info->windows = cf_window_count(session);
	info->alignment = engine->alignment;
	info->max_transfer = CF_MAX_TRANSFER;
	info->max_in_flight = CF_MAX_IN_FLIGHT;
	info->max_buffers = CF_MAX_BUFFERS;
	info->max_slots = CF_MAX_SLOTS;
	info->max_completions = CF_MAX_COMPLETIONS;
	info->default_timeout_ns = cf_default_timeout_ns();
	info->max_timeout_ns = CF_MAX_TIMEOUT_NS;
	info->link_generation = engine->link_generation;
	info->link_lanes = engine->link_lanes;
	info->link_mps_bytes = engine->link_mps;
	info->link_mrrs_bytes = engine->link_mrrs;
	strscpy(info->device, dev_name(engine->dma_dev), sizeof(info->device));
	return 0;
}

static int cf_ioc_window(struct cf_session *session, union cf_argument *argument)
{
	return cf_window_info(session, &argument->window);
}

static int cf_ioc_add(struct cf_session *session, union cf_argument *argument)
{
	return cf_buffer_add(session, &argument->buffer);
}

static int cf_ioc_remove(struct cf_session *session, union cf_argument *argument)
{
	if (argument->handle.flags)
		return -EINVAL;
	return cf_buffer_remove(session, argument->handle.handle);
}

static int cf_ioc_take_lease(struct cf_session *session, union cf_argument *argument)
{
	return cf_lease_take(session, &argument->lease);
}

static int cf_ioc_end_lease(struct cf_session *session, union cf_argument *argument)
{
	if (argument->handle.flags)
		return -EINVAL;
	return cf_lease_end(session, argument->handle.handle);
}

static int cf_ioc_set_up(struct cf_session *session, union cf_argument *argument)
{
	int error;

	mutex_lock(&session->lock);
	error = cf_session_setup(session, &argument->setup);
	mutex_unlock(&session->lock);
	return error;
}

static int cf_ioc_event(struct cf_session *session, union cf_argument *argument)
{
	return cf_eventfd_set(session, &argument->event);
}

static int cf_ioc_batch(struct cf_session *session, union cf_argument *argument)
{
	return cf_submit_batch(session, &argument->submit);
}

static int cf_ioc_transfer(struct cf_session *session, union cf_argument *argument)
{
	return cf_transfer_wait(session, &argument->wait);
}

static int cf_ioc_cancel(struct cf_session *session, union cf_argument *argument)
{
	struct cf_cancel *cancel = &argument->cancel;
	bool all = cancel->flags & CF_CANCEL_ALL;

	if (cancel->flags & ~CF_CANCEL_ALL || (all && cancel->tag))
		return -EINVAL;
	cancel->matched = cf_requests_cancel(session, cancel->tag, all);
	return 0;
}

/* By number. `size` is what this kernel knows of the structure. */
static const struct cf_call {
	unsigned int command;
	int (*call)(struct cf_session *session, union cf_argument *argument);
	bool failure_has_result; /* it is copied back even when the call fails */
} cf_calls[] = {
	{ CF_IOC_INFO, cf_ioc_info },
	{ CF_IOC_WINDOW, cf_ioc_window },
	{ CF_IOC_BUFFER_ADD, cf_ioc_add },
	{ CF_IOC_BUFFER_REMOVE, cf_ioc_remove },
	{ CF_IOC_LEASE, cf_ioc_take_lease },
	{ CF_IOC_LEASE_END, cf_ioc_end_lease },
	{ CF_IOC_SETUP, cf_ioc_set_up },
	{ CF_IOC_EVENTFD, cf_ioc_event },
	{ CF_IOC_SUBMIT, cf_ioc_batch },
	{ CF_IOC_TRANSFER, cf_ioc_transfer, true },
	{ CF_IOC_CANCEL, cf_ioc_cancel },
};

/* Structures only grow at their end: bytes the caller does not have read as zero and are not returned. */
static long cf_call(struct cf_session *session, const struct cf_call *call, void __user *user,
		    size_t size)
{
	size_t known = _IOC_SIZE(call->command);
	union cf_argument argument;
	int error, result;

	memset(&argument, 0, sizeof(argument));
	if (_IOC_DIR(call->command) & _IOC_WRITE) {
		error = copy_struct_from_user(&argument, known, user, size);
		if (error)
			return error;
	}
	result = call->call(session, &argument);
	if (result && !call->failure_has_result)
		return result;
	if (_IOC_DIR(call->command) & _IOC_READ &&
	    copy_to_user(user, &argument, min(known, size)))
		return -EFAULT;
	return result;
}

long cf_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct cf_session *session = file->private_data;
	unsigned int number = _IOC_NR(command);

	if (_IOC_TYPE(command) != CF_IOC_MAGIC || number >= ARRAY_SIZE(cf_calls) ||
	    _IOC_DIR(command) != _IOC_DIR(cf_calls[number].command))
		return -ENOTTY;
	return cf_call(session, &cf_calls[number], (void __user *)argument, _IOC_SIZE(command));
}
