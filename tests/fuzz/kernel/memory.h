// SPDX-License-Identifier: MIT
//
// Part of stand_in.h: memory of the kernel, which is counted and can be made to run out; memory of the
// process, which can be made to fault at any byte; and memory as a device sees it.
#ifndef STAND_IN_MEMORY_H
#define STAND_IN_MEMORY_H

#include "sync.h"

// ---- of the kernel ----

#define __GFP_NOWARN 0u
#define GFP_NOWAIT 0u
#define GFP_KERNEL 1u // may sleep
#define GFP_KERNEL_ACCOUNT GFP_KERNEL

void* kzalloc(size_t bytes, gfp_t gfp);
void kfree(const void* memory);
static inline void* kmemdup(const void* source, size_t bytes, gfp_t gfp)
{
    void* const copy = kzalloc(bytes, gfp);
    return copy == NULL ? NULL : memcpy(copy, source, bytes);
}
static inline void* kvcalloc(size_t count, size_t bytes, gfp_t gfp) { return kzalloc(count * bytes, gfp); }
#define kvfree(memory) kfree(memory)
static inline void* vmalloc_user(u64 bytes) { return kzalloc(bytes, GFP_KERNEL); }
static inline void vfree(const void* memory)
{
    might_sleep();
    kfree(memory);
}

struct kmem_cache {
    size_t bytes;
};
#define SLAB_HWCACHE_ALIGN 0u
#define KMEM_CACHE(type, flags) stand_in_cache(sizeof(struct type))
struct kmem_cache* stand_in_cache(size_t bytes);
#define kmem_cache_zalloc(cache, gfp) kzalloc((cache)->bytes, gfp)
#define kmem_cache_free(cache, memory) kfree(memory)
#define kmem_cache_destroy(cache) kfree(cache)

// ---- of the process ----

#define u64_to_user_ptr(address) ((void*)(unsigned long)(address))
int copy_struct_from_user(void* to, size_t known, const void* from, size_t bytes);
unsigned long copy_to_user(void* to, const void* from, unsigned long bytes);

struct mm_struct {
    unsigned holders;
};
static inline void mmdrop(struct mm_struct* mm)
{
    EXPECT(mm->holders > 0);
    --mm->holders;
}

struct page;
#define VM_SHARED 1ul
#define VM_DONTEXPAND 2ul
#define VM_DONTDUMP 4ul
struct vm_area_struct {
    unsigned long vm_pgoff, vm_flags;
    void* vm_private_data;
    const struct vm_operations_struct* vm_ops;
};
struct vm_operations_struct {
    void (*open)(struct vm_area_struct*);
    void (*close)(struct vm_area_struct*);
};
#define vm_flags_set(vma, flags) ((vma)->vm_flags |= (flags))
#define remap_vmalloc_range(vma, memory, offset) ((void)(vma), EXPECT_there(memory))
#define vm_map_pages_zero(vma, pages, count) ((void)(vma), (void)(count), EXPECT_there(pages))
static inline int EXPECT_there(const void* memory)
{
    EXPECT(memory != NULL);
    return 0;
}

// ---- of a device ----

struct device;
enum dma_data_direction { DMA_BIDIRECTIONAL, DMA_TO_DEVICE, DMA_FROM_DEVICE };
struct scatterlist {
    dma_addr_t dma_address;
    u64 dma_length;
};
struct sg_table {
    struct scatterlist* sgl;
    unsigned nents;
    bool mapped;
};
#define DMA_ATTR_SKIP_CPU_SYNC 1ul
#define sg_dma_address(sg) ((sg)->dma_address)
#define sg_dma_len(sg) ((sg)->dma_length)
#define for_each_sgtable_dma_sg(table, sg, i)                                                                \
    for (sg = (table)->sgl, i = 0; i < (int)(table)->nents; ++sg, ++i)

int sg_alloc_table_from_pages_segment(struct sg_table* table, struct page** pages, unsigned int count,
                                      unsigned int offset, unsigned long size, unsigned int most, gfp_t gfp);
int dma_map_sgtable(struct device* dev, struct sg_table* table, enum dma_data_direction direction,
                    unsigned long attributes);
void dma_unmap_sgtable(struct device* dev, struct sg_table* table, enum dma_data_direction direction,
                       unsigned long attributes);
bool dma_need_sync(struct device* dev, dma_addr_t address);
void dma_sync_single_for_device(struct device* dev, dma_addr_t address, u64 bytes,
                                enum dma_data_direction direction);
#define dma_sync_single_for_cpu dma_sync_single_for_device

dma_addr_t dma_map_resource(struct device* dev, u64 place, u64 bytes, enum dma_data_direction direction,
                            unsigned long attributes);
void dma_unmap_resource(struct device* dev, dma_addr_t address, u64 bytes, enum dma_data_direction direction,
                        unsigned long attributes);
#define dma_mapping_error(dev, address) ((void)(dev), (address) == 0)
#define device_iommu_mapped(dev) ((void)(dev), true)
#define dma_get_mask(dev) ((void)(dev), U64_MAX)

struct dma_buf;
struct dma_buf_attachment;
struct sg_table* dma_buf_map_attachment_unlocked(struct dma_buf_attachment*, enum dma_data_direction);
void dma_buf_unmap_attachment_unlocked(struct dma_buf_attachment*, struct sg_table*, enum dma_data_direction);

#endif
