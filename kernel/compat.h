/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between kernels 5.10 and 7.2, hidden behind one spelling. probed.h comes from conftest.sh,
 * which compiles each spelling against the headers at hand; there is no version number here, because
 * stable kernels and vendors carry interfaces back.
 */
#ifndef CF_COMPAT_H
#define CF_COMPAT_H

#include <probed.h>

#include <counterflow/uapi.h>

#include <linux/aio.h>
#include <linux/device.h>
#include <linux/dma-buf.h>
#include <linux/eventfd.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/poll.h>
#include <linux/scatterlist.h>
#include <linux/timer.h>
#include <linux/uio.h>

/* ---- timers ---- */

#ifndef CF_HAVE_TIMER_DELETE
#define timer_delete(timer) del_timer(timer)
#define timer_delete_sync(timer) del_timer_sync(timer)
#endif

#ifndef CF_HAVE_TIMER_CONTAINER_OF
#define timer_container_of(object, pointer, member) \
	container_of(pointer, typeof(*(object)), member)
#endif

static inline void cf_hrtimer_setup(struct hrtimer *timer,
				    enum hrtimer_restart (*function)(struct hrtimer *),
				    enum hrtimer_mode mode)
{
#ifdef CF_HAVE_HRTIMER_SETUP
	hrtimer_setup(timer, function, CLOCK_MONOTONIC, mode);
#else
	hrtimer_init(timer, CLOCK_MONOTONIC, mode);
	timer->function = function;
#endif
}

/* ---- files and memory ---- */

static inline void cf_eventfd_signal(struct eventfd_ctx *context)
{
#ifdef CF_HAVE_EVENTFD_SIGNAL_1
	eventfd_signal(context);
#else
	eventfd_signal(context, 1);
#endif
}

static inline void cf_vm_flags_set(struct vm_area_struct *vma, unsigned long flags)
{
#ifdef CF_HAVE_VM_FLAGS_SET
	vm_flags_set(vma, flags);
#else
	vma->vm_flags |= flags;
#endif
}

static inline void cf_kiocb_complete(struct kiocb *iocb, long result)
{
#ifdef CF_HAVE_KI_COMPLETE_2
	iocb->ki_complete(iocb, result);
#else
	iocb->ki_complete(iocb, result, 0);
#endif
}

/* Segments of at most `most` bytes, a multiple of a page. */
static inline int cf_sg_alloc_table(struct sg_table *table, struct page **pages,
				    unsigned int count, unsigned int offset, unsigned long size,
				    unsigned int most, gfp_t gfp)
{
#ifdef CF_HAVE_SG_SEGMENT
	return sg_alloc_table_from_pages_segment(table, pages, count, offset, size, most, gfp);
#else
	return PTR_ERR_OR_ZERO(__sg_alloc_table_from_pages(table, pages, count, offset, size, most,
							   NULL, 0, gfp));
#endif
}

/* The user address an iterator of one segment is at. False: it is no such iterator. */
static inline bool cf_iter_address(struct iov_iter *iter, unsigned long *address)
{
#ifdef CF_HAVE_ITER_UBUF
	if (iter_is_ubuf(iter)) {
		*address = (unsigned long)iter->ubuf + iter->iov_offset;
		return true;
	}
#endif
	if (!iter_is_iovec(iter) || iov_iter_single_seg_count(iter) != iov_iter_count(iter))
		return false;
#ifdef CF_HAVE_ITER_IOV_ADDR
	*address = (unsigned long)iter_iov_addr(iter);
#else
	*address = (unsigned long)iov_iter_iovec(iter).iov_base;
#endif
	return true;
}

/* ---- batches ---- */

/* io_uring plugs while it issues a batch, as the block layer has it do; who listens learns where the batch ends. */
#if defined(CF_HAVE_PLUG) && defined(CONFIG_BLOCK)
#define CF_PLUG 1
#include <linux/blkdev.h>
#endif

/* ---- dma-buf ---- */

static inline struct sg_table *cf_dmabuf_map(struct dma_buf_attachment *attachment,
					     enum dma_data_direction direction)
{
#ifdef CF_HAVE_DMABUF_UNLOCKED
	return dma_buf_map_attachment_unlocked(attachment, direction);
#else
	return dma_buf_map_attachment(attachment, direction);
#endif
}

static inline void cf_dmabuf_unmap(struct dma_buf_attachment *attachment, struct sg_table *table,
				   enum dma_data_direction direction)
{
#ifdef CF_HAVE_DMABUF_UNLOCKED
	dma_buf_unmap_attachment_unlocked(attachment, table, direction);
#else
	dma_buf_unmap_attachment(attachment, table, direction);
#endif
}

#ifdef CF_HAVE_IMPORT_NS_BARE
#define CF_IMPORT_DMA_BUF MODULE_IMPORT_NS(DMA_BUF)
#else
#define CF_IMPORT_DMA_BUF MODULE_IMPORT_NS("DMA_BUF")
#endif

/* ---- devices ---- */

#ifdef CF_HAVE_DMA_DEVICE_OF
#define cf_dma_device_of(chan) dmaengine_get_dma_device(chan)
#else
#define cf_dma_device_of(chan) ((chan)->device->dev)
#endif

#ifdef CF_HAVE_CLASS_CREATE_1
#define cf_class_create(name) class_create(name)
#else
#define cf_class_create(name) class_create(THIS_MODULE, name)
#endif

/* ---- io_uring ---- */

#if defined(CF_HAVE_URING_CMD) && defined(CONFIG_IO_URING)
#define CF_URING 1

#ifdef CF_HAVE_URING_CMD_H
#include <linux/io_uring/cmd.h>
#else
#include <linux/io_uring.h>
#endif

/* The command's 16 or 80 bytes. Memory that user space may be writing: read every word once. */
static inline const void *cf_uring_payload(struct io_uring_cmd *cmd, bool wide)
{
#if defined(CF_HAVE_SQE_CMD_TYPED)
	if (wide)
#ifdef CF_HAVE_SQE128_CMD_TYPED
		return io_uring_sqe128_cmd(cmd->sqe, struct cf_uring_inline);
#else
		return cmd->sqe->cmd;
#endif
	return io_uring_sqe_cmd(cmd->sqe, struct cf_uring_slot);
#elif defined(CF_HAVE_SQE_CMD)
	return io_uring_sqe_cmd(cmd->sqe);
#else
	return cmd->cmd;
#endif
}

static inline void cf_uring_done(struct io_uring_cmd *cmd, s32 result, u64 extra, bool cqe32,
				 unsigned int issue_flags)
{
#if defined(CF_HAVE_CMD_DONE32)
	if (cqe32)
		io_uring_cmd_done32(cmd, result, extra, issue_flags);
	else
		io_uring_cmd_done(cmd, result, issue_flags);
#elif defined(CF_HAVE_CMD_DONE_RES2)
	io_uring_cmd_done(cmd, result, extra, issue_flags);
#elif defined(CF_HAVE_CMD_DONE_OLD)
	io_uring_cmd_done(cmd, result, extra);
#else
	io_uring_cmd_done(cmd, result, issue_flags);
#endif
}

/* CF_URING_WORK(name) { CF_URING_WORK_ENTER(cmd, flags); ... } defines what runs in the task's context. */
#ifdef CF_HAVE_CMD_TW_REQ
#define CF_URING_WORK(name) static void name(struct io_tw_req cf_req, io_tw_token_t cf_token)
#define CF_URING_WORK_ENTER(cmd, flags)                                \
	struct io_uring_cmd *cmd = io_uring_cmd_from_tw(cf_req);       \
	unsigned int flags = IO_URING_CMD_TASK_WORK_ISSUE_FLAGS
#else
#define CF_URING_WORK(name) \
	static void name(struct io_uring_cmd *cf_cmd, unsigned int cf_flags)
#define CF_URING_WORK_ENTER(cmd, flags)     \
	struct io_uring_cmd *cmd = cf_cmd;  \
	unsigned int flags = cf_flags
#endif

/* Lazy work may wait until the task has gathered as many completions as it waits for. */
#ifdef CF_HAVE_CMD_LAZY
#define cf_uring_defer(cmd, function) io_uring_cmd_do_in_task_lazy(cmd, function)
#else
#define cf_uring_defer(cmd, function) io_uring_cmd_complete_in_task(cmd, function)
#endif

#endif /* CF_HAVE_URING_CMD && CONFIG_IO_URING */

#endif /* CF_COMPAT_H */
