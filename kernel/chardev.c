// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/counterflowN as a file: a session is made by open() and unmade by the last close. What the calls on it
 * do lies in ioctl.c, mmap.c, rw.c and uring.c.
 */
#include "counterflow.h"

#include <linux/capability.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/slab.h>

static void cf_session_free(struct kref *ref)
{
	struct cf_session *session = container_of(ref, struct cf_session, ref);

	/* Buffers and leases have gone with the file: an empty xarray holds nothing, and its lock is not for interrupts. */
	put_device(&session->engine->dev);
	mutex_destroy(&session->lock);
	kfree(session);
	/*
	 * Of a request that outlived its file, in an interrupt or a work item: unloading waits for both before
	 * it frees this code.
	 */
	module_put(THIS_MODULE);
}

/* Any context: what may sleep was done by cf_release(). */
void cf_session_put(struct cf_session *session)
{
	kref_put(&session->ref, cf_session_free);
}

static int cf_open(struct inode *inode, struct file *file)
{
	struct cf_engine *engine = container_of(inode->i_cdev, struct cf_engine, cdev);
	struct cf_session *session;
	bool gone;

	session = kzalloc(sizeof(*session), GFP_KERNEL);
	if (!session)
		return -ENOMEM;
	kref_init(&session->ref);
	mutex_init(&session->lock);
	xa_init_flags(&session->buffers, XA_FLAGS_ALLOC1);
	xa_init_flags(&session->leases, XA_FLAGS_ALLOC1);
	spin_lock_init(&session->table_lock);
	INIT_LIST_HEAD(&session->requests);
	session->addresses = RB_ROOT_CACHED;
	cf_sink_init(session);
	session->opener = current->files;
	session->privileged = capable(CAP_SYS_ADMIN);
	get_device(&engine->dev);
	session->engine = engine;
	__module_get(THIS_MODULE); /* for as long as requests need it, which may be longer than the file */

	mutex_lock(&engine->lock);
	gone = engine->gone;
	if (!gone)
		list_add_tail(&session->node, &engine->sessions);
	session->window_serial = engine->window_serial;
	mutex_unlock(&engine->lock);
	if (gone) {
		cf_session_put(session);
		return -ENODEV;
	}

	file->private_data = session;
	/* read_iter() and write_iter() never wait when asked not to; pread() and pwrite() stay possible. */
	file->f_mode |= FMODE_NOWAIT;
	return 0;
}

/*
 * A process that dies must not be held up by its io_uring commands, and kernels before 6.7 cannot cancel those.
 * An ordinary close() by one of several holders of the file must not disturb the others.
 */
static int cf_flush(struct file *file, fl_owner_t id)
{
	struct cf_session *session = file->private_data;

	if ((current->flags & PF_EXITING) && id == session->opener)
		cf_requests_cancel(session, 0, true);
	return 0;
}

/*
 * The last close. Transfers that the hardware has end on their own, and hold their buffers and the session
 * until then; nothing here waits for them.
 */
static int cf_release(struct inode *inode, struct file *file)
{
	struct cf_session *session = file->private_data;

	cf_requests_cancel(session, 0, true);
	cf_leases_end(session);
	cf_buffers_remove(session);
	cf_sink_release(session);
	mutex_lock(&session->engine->lock);
	list_del(&session->node);
	mutex_unlock(&session->engine->lock);
	cf_session_put(session);
	return 0;
}

static __poll_t cf_poll(struct file *file, poll_table *wait)
{
	struct cf_session *session = file->private_data;

	poll_wait(file, &session->wait, wait);
	return cf_ring_poll(session);
}

const struct file_operations cf_fops = {
	.owner = THIS_MODULE,
	.open = cf_open,
	.flush = cf_flush,
	.release = cf_release,
	.poll = cf_poll,
	.mmap = cf_mmap,
	.unlocked_ioctl = cf_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.read_iter = cf_read_iter,
	.write_iter = cf_write_iter,
	.llseek = noop_llseek,
#ifdef CF_URING
	.uring_cmd = cf_uring_cmd,
#endif
};
