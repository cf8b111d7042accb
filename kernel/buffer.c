// SPDX-License-Identifier: GPL-2.0
/*
 * Near memory: registered once, found by handle or address, cut into pieces the engine can be given, and let
 * go of when nobody uses it any more. Where the pages come from is in pin.c and dmabuf.c.
 */
#include "counterflow.h"

#include <linux/sched/mm.h>
#include <linux/slab.h>

#define CF_START(buffer) ((buffer)->start)
#define CF_LAST(buffer) ((buffer)->last)
INTERVAL_TREE_DEFINE(struct cf_buffer, rb, unsigned long, rb_last, CF_START, CF_LAST, static,
		     cf_addresses)

/* ---- letting go ---- */

/* Takes the mapping away: after that no engine behind an IOMMU reaches the memory. engine->lock is held. */
void cf_buffer_unmap(struct cf_buffer *buffer)
{
	lockdep_assert_held(&buffer->engine->lock);
	if (!buffer->mapped)
		return;
	buffer->mapped = false;
	if (buffer->kind == CF_BUFFER_DMABUF)
		cf_dmabuf_release(buffer);
	else
		dma_unmap_sgtable(buffer->engine->dma_dev, &buffer->table, buffer->direction,
				  DMA_ATTR_SKIP_CPU_SYNC);
}

/*
 * The engine goes away and was not proven to have let go of this memory, so we never do. The request that used it
 * is never freed either; it holds the buffer and, by its session, this module.
 */
void cf_buffer_quarantine(struct cf_buffer *buffer)
{
	lockdep_assert_held(&buffer->engine->lock);
	if (buffer->quarantined)
		return;
	buffer->quarantined = true;
	atomic64_add(buffer->page_count, &buffer->engine->statistics.quarantined_pages);
	dev_crit(&buffer->engine->dev, "%llu bytes stay pinned: the engine was not proven stopped\n",
		 buffer->size);
}

static void cf_buffer_free(struct cf_buffer *buffer)
{
	put_device(&buffer->engine->dev);
	if (buffer->mm)
		mmdrop(buffer->mm);
	kvfree(buffer->pieces);
	kfree_rcu(buffer, rcu);
}

static void cf_buffer_work(struct work_struct *work)
{
	struct cf_buffer *buffer = container_of(work, struct cf_buffer, work);
	struct cf_engine *engine = buffer->engine;

	mutex_lock(&engine->lock);
	cf_buffer_unmap(buffer);
	list_del(&buffer->node);
	mutex_unlock(&engine->lock);
	cf_unpin(buffer);
	cf_buffer_free(buffer);
}

static void cf_buffer_last_put(struct kref *ref)
{
	struct cf_buffer *buffer = container_of(ref, struct cf_buffer, ref);

	queue_work(cf_workqueue, &buffer->work);
}

/* Any context. */
void cf_buffer_put(struct cf_buffer *buffer)
{
	kref_put(&buffer->ref, cf_buffer_last_put);
}

/* ---- registering ---- */

static struct sg_table *cf_buffer_table(struct cf_buffer *buffer)
{
	return buffer->kind == CF_BUFFER_DMABUF ? buffer->dmabuf_table : &buffer->table;
}

/* Writes down where the memory lies for the engine; neighbours become one piece. */
static int cf_buffer_cut(struct cf_buffer *buffer)
{
	struct sg_table *table = cf_buffer_table(buffer);
	struct cf_piece *piece = NULL;
	struct scatterlist *sg;
	u64 at = 0;
	int i;

	buffer->pieces = kvcalloc(table->nents, sizeof(*buffer->pieces), GFP_KERNEL_ACCOUNT);
	if (!buffer->pieces)
		return -ENOMEM;
	for_each_sgtable_dma_sg(table, sg, i) {
		dma_addr_t address = sg_dma_address(sg);
		u64 length = min_t(u64, sg_dma_len(sg), buffer->size - at);

		if (!length)
			break;
		if (buffer->kind != CF_BUFFER_DMABUF)
			buffer->needs_sync |= dma_need_sync(buffer->engine->dma_dev, address);
		if (piece && piece->address + piece->length == address) {
			piece->length += length;
		} else {
			piece = &buffer->pieces[buffer->piece_count++];
			piece->offset = at;
			piece->address = address;
			piece->length = length;
		}
		at += length;
	}
	return at == buffer->size ? 0 : -EINVAL;
}

/*
 * Makes the memory reachable for the engine, unless that has just gone. Caches are left alone until a transfer wants
 * them, see cf_buffer_sync(): between transfers, and so when the mapping goes, the memory is the CPU's, and other
 * mappings of it may be in use.
 */
static int cf_buffer_map(struct cf_buffer *buffer)
{
	struct cf_engine *engine = buffer->engine;
	int error = -ENODEV;

	mutex_lock(&engine->lock);
	if (!engine->gone) {
		error = 0;
		if (buffer->kind != CF_BUFFER_DMABUF)
			error = dma_map_sgtable(engine->dma_dev, &buffer->table, buffer->direction,
						DMA_ATTR_SKIP_CPU_SYNC);
	}
	if (!error) {
		buffer->mapped = true;
		list_add_tail(&buffer->node, &engine->buffers);
	}
	mutex_unlock(&engine->lock);
	return error;
}

static enum dma_data_direction cf_dma_direction(u32 access)
{
	switch (access) {
	case CF_ACCESS_WRITE:
		return DMA_TO_DEVICE;
	case CF_ACCESS_READ:
		return DMA_FROM_DEVICE;
	default:
		return DMA_BIDIRECTIONAL;
	}
}

static int cf_buffer_check(const struct cf_buffer_add *add)
{
	if (add->flags || add->reserved[0] || add->reserved[1] || !add->access ||
	    add->access & ~(CF_ACCESS_WRITE | CF_ACCESS_READ))
		return -EINVAL;
	switch (add->kind) {
	case CF_BUFFER_USER:
		/* Addresses of the process, so that both fit: checked without a sum that could wrap. */
		if (add->fd || !add->length || add->address > ULONG_MAX - PAGE_SIZE ||
		    add->length - 1 > ULONG_MAX - PAGE_SIZE - add->address)
			return -EINVAL;
		return 0;
	case CF_BUFFER_KERNEL:
		return add->fd || add->address || !add->length || add->length > SZ_2G ? -EINVAL : 0;
	case CF_BUFFER_DMABUF:
		return add->address ? -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

static int cf_buffer_acquire(struct cf_buffer *buffer, const struct cf_buffer_add *add)
{
	switch (add->kind) {
	case CF_BUFFER_USER:
		return cf_pin_user(buffer, add->address);
	case CF_BUFFER_KERNEL:
		return cf_pin_kernel(buffer);
	default:
		return cf_dmabuf_import(buffer, add->fd);
	}
}

static void cf_buffer_forget(struct cf_session *session, struct cf_buffer *buffer)
{
	if (buffer->kind == CF_BUFFER_USER) {
		spin_lock_irq(&session->table_lock);
		cf_addresses_remove(buffer, &session->addresses);
		spin_unlock_irq(&session->table_lock);
	}
	cf_buffer_put(buffer);
}

int cf_buffer_add(struct cf_session *session, struct cf_buffer_add *add)
{
	struct cf_buffer *buffer;
	int error;

	error = cf_buffer_check(add);
	if (error)
		return error;
	/* Every piece but the last is made of pages, so that what begins aligned stays so. */
	if (add->kind == CF_BUFFER_USER && add->address & (session->engine->alignment - 1))
		return -EADDRNOTAVAIL;
	buffer = kzalloc(sizeof(*buffer), GFP_KERNEL_ACCOUNT);
	if (!buffer)
		return -ENOMEM;
	kref_init(&buffer->ref);
	INIT_WORK(&buffer->work, cf_buffer_work);
	RB_CLEAR_NODE(&buffer->rb);
	buffer->engine = session->engine;
	get_device(&buffer->engine->dev);
	buffer->kind = add->kind;
	buffer->access = add->access;
	buffer->direction = cf_dma_direction(add->access);
	buffer->size = add->length;

	error = cf_buffer_acquire(buffer, add);
	if (error)
		goto out_free;
	error = cf_buffer_map(buffer);
	if (error)
		goto out_unpin;
	error = cf_buffer_cut(buffer);
	if (error)
		goto out_put;
	if (buffer->kind == CF_BUFFER_USER) {
		spin_lock_irq(&session->table_lock);
		cf_addresses_insert(buffer, &session->addresses);
		spin_unlock_irq(&session->table_lock);
	}
	/* Once it is in the table another thread may guess the handle and remove it. */
	kref_get(&buffer->ref);
	error = xa_alloc(&session->buffers, &buffer->handle, buffer, XA_LIMIT(1, CF_MAX_BUFFERS),
			 GFP_KERNEL_ACCOUNT);
	if (error) {
		cf_buffer_forget(session, buffer);
		goto out_put;
	}
	add->length = buffer->size;
	add->buffer = buffer->handle;
	add->pieces = buffer->piece_count;
	add->mmap_offset = buffer->kind == CF_BUFFER_KERNEL ? cf_buffer_mmap_offset(buffer) : 0;
	cf_buffer_put(buffer);
	return 0;

out_put: /* it is on the engine's list: the one way to free it */
	cf_buffer_put(buffer);
	return error;
out_unpin:
	if (buffer->kind == CF_BUFFER_DMABUF)
		cf_dmabuf_release(buffer);
	cf_unpin(buffer);
out_free:
	cf_buffer_free(buffer);
	return error;
}

int cf_buffer_remove(struct cf_session *session, u32 handle)
{
	struct cf_buffer *buffer = xa_erase(&session->buffers, handle);

	if (!buffer)
		return -ESTALE;
	cf_buffer_forget(session, buffer);
	return 0;
}

void cf_buffers_remove(struct cf_session *session)
{
	struct cf_buffer *buffer;
	unsigned long handle;

	xa_for_each(&session->buffers, handle, buffer) {
		xa_erase(&session->buffers, handle);
		cf_buffer_forget(session, buffer);
	}
}

/* ---- finding ---- */

struct cf_buffer *cf_buffer_get(struct cf_session *session, u32 handle)
{
	struct cf_buffer *buffer;

	rcu_read_lock();
	buffer = xa_load(&session->buffers, handle);
	if (buffer && !kref_get_unless_zero(&buffer->ref))
		buffer = NULL;
	rcu_read_unlock();
	return buffer;
}

/* A buffer of this process that covers the whole of [address, address + length), length > 0. */
struct cf_buffer *cf_buffer_at(struct cf_session *session, unsigned long address, u64 length,
			       u64 *offset)
{
	struct cf_buffer *buffer, *found = NULL;
	unsigned long last, flags;

	if (length - 1 > ULONG_MAX - address)
		return NULL;
	last = address + length - 1;
	spin_lock_irqsave(&session->table_lock, flags);
	for (buffer = cf_addresses_iter_first(&session->addresses, address, address); buffer;
	     buffer = cf_addresses_iter_next(buffer, address, address)) {
		if (buffer->mm != current->mm || buffer->last < last ||
		    !kref_get_unless_zero(&buffer->ref))
			continue;
		found = buffer;
		*offset = address - buffer->start;
		break;
	}
	spin_unlock_irqrestore(&session->table_lock, flags);
	return found;
}

/*
 * How many bytes from `offset` on are contiguous for the engine, and where they start. `hint` is where the
 * caller was last; sequential use costs nothing, any other a binary search.
 */
u64 cf_buffer_piece(struct cf_buffer *buffer, u64 offset, unsigned int *hint, dma_addr_t *address)
{
	const struct cf_piece *piece = &buffer->pieces[*hint];
	unsigned int low = 0, high = buffer->piece_count - 1;

	if (*hint < high && offset - piece->offset == piece->length)
		piece = &buffer->pieces[++*hint];
	if (offset < piece->offset || offset - piece->offset >= piece->length) {
		while (low < high) {
			unsigned int middle = low + (high - low + 1) / 2;

			if (buffer->pieces[middle].offset <= offset)
				low = middle;
			else
				high = middle - 1;
		}
		*hint = low;
		piece = &buffer->pieces[low];
	}
	*address = piece->address + (offset - piece->offset);
	return piece->length - (offset - piece->offset);
}

/* For engines that are not coherent with the CPU's caches, and for bounce buffers; else nothing. */
void cf_buffer_sync(struct cf_buffer *buffer, u64 offset, u64 length, bool for_device)
{
	struct device *dev = buffer->engine->dma_dev;
	unsigned int hint = 0;

	/* A dma-buf is its owner's business: DMA_BUF_IOCTL_SYNC. */
	if (!buffer->needs_sync)
		return;
	while (length) {
		dma_addr_t address;
		u64 part = min(cf_buffer_piece(buffer, offset, &hint, &address), length);

		if (for_device)
			dma_sync_single_for_device(dev, address, part, buffer->direction);
		else
			dma_sync_single_for_cpu(dev, address, part, buffer->direction);
		offset += part;
		length -= part;
	}
}
