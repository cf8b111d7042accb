// SPDX-License-Identifier: GPL-2.0
/*
 * What a session shares with its process: submission slots, the completion ring and the pages of
 * CF_BUFFER_KERNEL buffers. An offset for mmap() is a kind and a handle, never an address.
 */
#include "counterflow.h"

#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>

/* Page offsets fit in 32 bits, for 32-bit processes and kernels: 4 bits of kind, 28 of handle. */
#define CF_MMAP_KIND_SHIFT 28
#define CF_MMAP_HANDLE_MASK (BIT(CF_MMAP_KIND_SHIFT) - 1)
#define CF_MMAP_SLOTS 1
#define CF_MMAP_RING 2
#define CF_MMAP_BUFFER 3

static u64 cf_mmap_offset(u64 kind, u32 handle)
{
	return (kind << CF_MMAP_KIND_SHIFT | handle) << PAGE_SHIFT;
}

u64 cf_buffer_mmap_offset(const struct cf_buffer *buffer)
{
	return cf_mmap_offset(CF_MMAP_BUFFER, buffer->handle);
}

static bool cf_count_valid(u32 count, u32 most)
{
	return count == 0 || (count <= most && is_power_of_2(count));
}

int cf_session_setup(struct cf_session *session, struct cf_setup *setup)
{
	struct cf_transfer *slots = NULL;
	struct cf_ring *ring = NULL;
	u64 slots_bytes, ring_bytes;

	if (setup->flags || setup->reserved || !cf_count_valid(setup->slots, CF_MAX_SLOTS) ||
	    !cf_count_valid(setup->completions, CF_MAX_COMPLETIONS) ||
	    (!setup->slots && !setup->completions))
		return -EINVAL;
	slots_bytes = PAGE_ALIGN((u64)setup->slots * sizeof(*slots));
	ring_bytes = PAGE_ALIGN(CF_RING_HEADER_BYTES +
				(u64)setup->completions * sizeof(struct cf_completion));
	if (session->slots || session->ring)
		return -EBUSY;
	if (setup->slots) {
		slots = vmalloc_user(slots_bytes);
		if (!slots)
			return -ENOMEM;
	}
	if (setup->completions) {
		ring = vmalloc_user(ring_bytes);
		if (!ring) {
			vfree(slots);
			return -ENOMEM;
		}
		ring->entries = setup->completions;
	}
	spin_lock_irq(&session->ring_lock);
	session->ring_entries = setup->completions;
	session->ring = ring;
	spin_unlock_irq(&session->ring_lock);
	session->slot_count = setup->slots;
	/* Pairs with the acquire in uring.c: who sees the slots sees their count. */
	smp_store_release(&session->slots, slots);

	setup->slots_offset = slots ? cf_mmap_offset(CF_MMAP_SLOTS, 0) : 0;
	setup->slots_bytes = slots ? slots_bytes : 0;
	setup->ring_offset = ring ? cf_mmap_offset(CF_MMAP_RING, 0) : 0;
	setup->ring_bytes = ring ? ring_bytes : 0;
	return 0;
}

/* A mapping holds its buffer, so that its pages count against the limit for as long as they are there. */
static void cf_vm_open(struct vm_area_struct *vma)
{
	struct cf_buffer *buffer = vma->vm_private_data;

	kref_get(&buffer->ref);
}

static void cf_vm_close(struct vm_area_struct *vma)
{
	cf_buffer_put(vma->vm_private_data);
}

static const struct vm_operations_struct cf_vm_ops = {
	.open = cf_vm_open,
	.close = cf_vm_close,
};

static int cf_mmap_buffer(struct cf_session *session, struct vm_area_struct *vma, u32 handle)
{
	struct cf_buffer *buffer = cf_buffer_get(session, handle);
	int error;

	if (!buffer)
		return -ESTALE;
	error = -EINVAL;
	if (buffer->kind == CF_BUFFER_KERNEL)
		error = vm_map_pages_zero(vma, buffer->pages, buffer->page_count);
	if (error) {
		cf_buffer_put(buffer);
		return error;
	}
	vma->vm_private_data = buffer;
	vma->vm_ops = &cf_vm_ops;
	return 0;
}

int cf_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct cf_session *session = file->private_data;
	unsigned long kind = vma->vm_pgoff >> CF_MMAP_KIND_SHIFT;
	u32 handle = vma->vm_pgoff & CF_MMAP_HANDLE_MASK;
	int error;

	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	cf_vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);
	if (kind == CF_MMAP_BUFFER)
		return cf_mmap_buffer(session, vma, handle);

	if (handle)
		return -EINVAL;
	mutex_lock(&session->lock);
	error = -EINVAL;
	if (kind == CF_MMAP_SLOTS && session->slots)
		error = remap_vmalloc_range(vma, session->slots, 0);
	else if (kind == CF_MMAP_RING && session->ring)
		error = remap_vmalloc_range(vma, session->ring, 0);
	mutex_unlock(&session->lock);
	return error;
}
