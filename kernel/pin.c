// SPDX-License-Identifier: GPL-2.0
/*
 * Pages for buffers: those of a process, pinned for as long as the buffer lives, or fresh ones from the kernel
 * to be mapped by the process. Both count against RLIMIT_MEMLOCK of the process that registers them.
 */
#include "counterflow.h"

#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#define CF_LARGEST_ORDER 9
#define CF_MAX_PAGES BIT(26) /* of a buffer; their table must not grow without bounds either */

static int cf_pages_prepare(struct cf_buffer *buffer, unsigned long count)
{
	int error;

	if (count > CF_MAX_PAGES)
		return -ENOMEM;
	error = account_locked_vm(current->mm, count, true);
	if (error)
		return error;
	buffer->pages =
		kvcalloc(count, sizeof(*buffer->pages), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!buffer->pages) {
		account_locked_vm(current->mm, count, false);
		return -ENOMEM;
	}
	mmgrab(current->mm);
	buffer->mm = current->mm;
	buffer->page_count = count;
	atomic64_add(count, &buffer->engine->statistics.pinned_pages);
	return 0;
}

/* Ends what cf_pages_prepare() began, once the first `held` pages are given back. */
static void cf_pages_finish(struct cf_buffer *buffer)
{
	account_locked_vm(buffer->mm, buffer->page_count, false);
	/* Last: who sees it go down may pin as much again. */
	atomic64_sub(buffer->page_count, &buffer->engine->statistics.pinned_pages);
	kvfree(buffer->pages);
	buffer->pages = NULL;
	buffer->page_count = 0;
}

static int cf_pages_table(struct cf_buffer *buffer, unsigned int offset)
{
	unsigned int most = dma_get_max_seg_size(buffer->engine->dma_dev);

	return cf_sg_alloc_table(&buffer->table, buffer->pages, buffer->page_count, offset,
				 buffer->size, max_t(unsigned int, most & PAGE_MASK, PAGE_SIZE),
				 GFP_KERNEL_ACCOUNT);
}

/*
 * Always pinned as writable, also where transfers only read it: a page of a private mapping that was never
 * written is shared, and a read-only pin would stay with the shared page when the process writes.
 */
int cf_pin_user(struct cf_buffer *buffer, unsigned long address)
{
	unsigned int offset = offset_in_page(address);
	unsigned long count = DIV_ROUND_UP_ULL(offset + buffer->size, PAGE_SIZE);
	unsigned long pinned = 0;
	int error;

	error = cf_pages_prepare(buffer, count);
	if (error)
		return error;
	while (pinned < count) {
		unsigned long at = (address & PAGE_MASK) + pinned * PAGE_SIZE;
		int chunk = min_t(unsigned long, count - pinned, 1024);
		int got = pin_user_pages_fast(at, chunk, FOLL_WRITE | FOLL_LONGTERM,
					      buffer->pages + pinned);

		if (got <= 0) {
			error = got ?: -EFAULT;
			goto out_unpin;
		}
		pinned += got;
		cond_resched();
	}
	error = cf_pages_table(buffer, offset);
	if (error)
		goto out_unpin;
	buffer->start = address;
	buffer->last = address + buffer->size - 1;
	return 0;

out_unpin:
	unpin_user_pages(buffer->pages, pinned);
	cf_pages_finish(buffer);
	return error;
}

static void cf_free_pages(struct cf_buffer *buffer, unsigned long count)
{
	while (count)
		__free_page(buffer->pages[--count]);
}

/* In blocks as large as can be had without trying hard, so that the engine sees few pieces. */
int cf_pin_kernel(struct cf_buffer *buffer)
{
	unsigned long count = DIV_ROUND_UP_ULL(buffer->size, PAGE_SIZE);
	unsigned int order = CF_LARGEST_ORDER;
	unsigned long got = 0, i;
	int error;

	error = cf_pages_prepare(buffer, count);
	if (error)
		return error;
	while (got < count) {
		gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN;
		struct page *page;

		while (order && (1ul << order) > count - got)
			order--;
		if (order)
			gfp |= __GFP_NORETRY;
		page = alloc_pages(gfp, order);
		if (!page && order) {
			order--;
			continue;
		}
		error = -ENOMEM;
		if (!page || fatal_signal_pending(current)) {
			if (page)
				__free_pages(page, order);
			goto out_free;
		}
		if (order)
			split_page(page, order);
		for (i = 0; i < 1ul << order; i++)
			buffer->pages[got++] = page + i;
		cond_resched();
	}
	error = cf_pages_table(buffer, 0);
	if (error)
		goto out_free;
	return 0;

out_free:
	cf_free_pages(buffer, got);
	cf_pages_finish(buffer);
	return error;
}

/* The mapping is gone. */
void cf_unpin(struct cf_buffer *buffer)
{
	bool written = buffer->access & CF_ACCESS_READ;

	if (!buffer->pages)
		return;
	sg_free_table(&buffer->table);
	if (buffer->kind == CF_BUFFER_USER)
		unpin_user_pages_dirty_lock(buffer->pages, buffer->page_count, written);
	else
		cf_free_pages(buffer, buffer->page_count);
	cf_pages_finish(buffer);
}
