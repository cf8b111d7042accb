// SPDX-License-Identifier: MIT
//
// Memory of the fuzz target `kernel`: what declare.c, pin.c and dmabuf.c do, and the DMA API, all on paper.
// See back_end.h.
#include "back_end.h"

#include "stand_in.h"

struct cf_window* back_end_window[back_end_windows];

// ---- far memory ----

enum { page = 4096, far_at = 0x100000, lists_at = back_end_lists_at };

// The window `number`, from the page `first` on.
static void declare(struct cf_engine* engine, unsigned number, u64 first, u64 pages, u32 flags,
                    bool privileged)
{
    struct cf_window said = {
        .place = far_at + first * page, .size = pages * page, .flags = flags, .privileged = privileged};
    const char* why;
    struct cf_window* window;
    snprintf(said.name, sizeof(said.name), "%u", number);
    if (cf_window_add(engine, &said, &window, &why) != 0) return;

    EXPECT(!engine->gone && said.size != 0);
    EXPECT(said.place + said.size <= lists_at || said.place >= lists_at + page);
    for (unsigned i = 0; i < back_end_windows; ++i)
        EXPECT(back_end_window[i] == NULL || said.place + said.size <= back_end_window[i]->place ||
               back_end_window[i]->place + back_end_window[i]->size <= said.place);
    back_end_window[number] = window;
}

void back_end_declare_first(struct cf_engine* engine)
{
    declare(engine, 0, 0, 2, CF_WINDOW_READABLE | CF_WINDOW_WRITABLE, false);
    declare(engine, 1, 2, 1, CF_WINDOW_READABLE, false);
    declare(engine, 2, 4, 1, CF_WINDOW_READABLE | CF_WINDOW_WRITABLE, true);
}

void back_end_declare(struct back_end* back_end)
{
    for (unsigned i = 0; i < back_end_windows; ++i)
        if (back_end_window[i] == NULL) {
            const u64 first = fuzz_below(8), pages = fuzz_below(4);
            declare(&back_end->engine, i, first, pages, 1 + fuzz_below(3), fuzz_below(2) == 1);
            return;
        }
}

static bool window_in_use(const struct cf_window* window)
{
    for (unsigned i = 0; back_end_held(i) != NULL; ++i)
        if (back_end_held(i)->window == window) return true;
    return false;
}

void back_end_take_away(void)
{
    const unsigned number = fuzz_below(back_end_windows);
    struct cf_window* const window = back_end_window[number];
    if (window == NULL) return;
    back_end_window[number] = NULL;
    cf_window_close(window);
    if (fuzz_below(2) == 0 && cf_window_wait(window) == 0) EXPECT(!window_in_use(window));
    cf_window_put(window);
}

int cf_engine_declare(struct cf_engine* engine)
{
    (void)engine;
    return 0;
}

// The declarations of an engine end with it.
void cf_engine_undeclare(struct cf_engine* engine)
{
    (void)engine;
    for (unsigned i = 0; i < back_end_windows; ++i) {
        if (back_end_window[i] != NULL) cf_window_put(back_end_window[i]);
        back_end_window[i] = NULL;
    }
}

dma_addr_t dma_map_resource(struct device* dev, u64 place, u64 bytes, enum dma_data_direction direction,
                            unsigned long attributes)
{
    (void)dev, (void)bytes, (void)direction, (void)attributes;
    if (stand_in_allocations_left == 0) return 0;
    ++stand_in_balance.mapped;
    return place + (1 << 30);
}

void dma_unmap_resource(struct device* dev, dma_addr_t address, u64 bytes, enum dma_data_direction direction,
                        unsigned long attributes)
{
    (void)dev, (void)bytes, (void)direction, (void)attributes;
    for (unsigned i = 0; back_end_held(i) != NULL; ++i) EXPECT(back_end_held(i)->window->address != address);
    --stand_in_balance.mapped;
}

// ---- near memory ----

static struct sg_table* table_of(struct cf_buffer* buffer)
{
    return buffer->kind == CF_BUFFER_DMABUF ? buffer->dmabuf_table : &buffer->table;
}

bool back_end_reaches(struct cf_buffer* buffer, u64 address, u64 length)
{
    const struct sg_table* const table = table_of(buffer);
    if (!table->mapped) return false;
    for (unsigned i = 0; i < table->nents && length != 0; ++i) {
        const struct scatterlist* const sg = &table->sgl[i];
        if (address < sg->dma_address || address - sg->dma_address >= sg->dma_length) continue;
        const u64 part = min(length, sg->dma_length - (address - sg->dma_address));
        address += part;
        length -= part;
    }
    return length == 0;
}

// One to three pieces, of whatever sizes.
static int lay_out(struct sg_table* table, u64 bytes)
{
    const unsigned pieces = 1 + fuzz_below(3);
    table->sgl = kzalloc(pieces * sizeof(*table->sgl), GFP_KERNEL_ACCOUNT);
    if (table->sgl == NULL) return -ENOMEM;
    while (bytes != 0 && table->nents < pieces) {
        const bool last = table->nents == pieces - 1;
        const u64 part = last ? bytes : 1 + fuzz_below((u32)min(bytes, 4096u));
        table->sgl[table->nents++].dma_length = part;
        bytes -= part;
    }
    return 0;
}

static int pin(struct cf_buffer* buffer, u64 bytes)
{
    const int error = lay_out(&buffer->table, bytes);
    if (error != 0) return error;
    buffer->pages = (struct page**)stand_in_user; // not to be looked at
    buffer->page_count = bytes / PAGE_SIZE + 2;
    stand_in_balance.pinned += buffer->page_count;
    buffer->mm = current->mm;
    ++buffer->mm->holders;
    return 0;
}

int cf_pin_user(struct cf_buffer* buffer, unsigned long address)
{
    const unsigned long first = (unsigned long)stand_in_user;
    if (address < first || address - first > stand_in_user_end ||
        buffer->size > stand_in_user_end - (address - first))
        return -EFAULT;
    buffer->start = address;
    buffer->last = address + buffer->size - 1;
    return pin(buffer, buffer->size);
}

int cf_pin_kernel(struct cf_buffer* buffer) { return pin(buffer, buffer->size); }

void cf_unpin(struct cf_buffer* buffer)
{
    if (buffer->pages == NULL) return;
    EXPECT(!buffer->table.mapped && !buffer->mapped);
    stand_in_balance.pinned -= buffer->page_count;
    kfree(buffer->table.sgl);
    buffer->pages = NULL;
}

static u64 next_bus_address = 1 << 20;

int dma_map_sgtable(struct device* dev, struct sg_table* table, enum dma_data_direction direction,
                    unsigned long attributes)
{
    (void)dev, (void)direction, (void)attributes;
    if (stand_in_allocations_left == 0) return -ENOMEM;
    for (unsigned i = 0; i < table->nents; ++i) {
        if (fuzz_below(2) == 0) next_bus_address += 4096; // else it follows upon its neighbour
        table->sgl[i].dma_address = next_bus_address;
        next_bus_address += table->sgl[i].dma_length;
    }
    next_bus_address += 4096;
    table->mapped = true;
    ++stand_in_balance.mapped;
    return 0;
}

void dma_unmap_sgtable(struct device* dev, struct sg_table* table, enum dma_data_direction direction,
                       unsigned long attributes)
{
    (void)dev, (void)direction, (void)attributes;
    EXPECT(table->mapped);
    // The promise: never while an engine may be at it.
    for (unsigned i = 0; back_end_held(i) != NULL; ++i) EXPECT(table_of(back_end_held(i)->buffer) != table);
    table->mapped = false;
    --stand_in_balance.mapped;
}

bool dma_need_sync(struct device* dev, dma_addr_t address)
{
    (void)dev;
    return (address & 1) != 0;
}

void dma_sync_single_for_device(struct device* dev, dma_addr_t address, u64 bytes,
                                enum dma_data_direction direction)
{
    (void)dev, (void)direction;
    EXPECT(address >= 1 << 20 && bytes != 0 && address + bytes <= next_bus_address);
}

// The descriptors 4 to 7 are dma-bufs, of four pages each.
int cf_dmabuf_import(struct cf_buffer* buffer, int fd)
{
    const u64 whole = 4 * PAGE_SIZE;
    if (fd < 4 || fd > 7) return -EBADF;
    if (buffer->size == 0) buffer->size = whole;
    if (buffer->size > whole) return -ERANGE;
    buffer->dmabuf_table = kzalloc(sizeof(*buffer->dmabuf_table), GFP_KERNEL);
    if (buffer->dmabuf_table == NULL) return -ENOMEM;
    const int error = lay_out(buffer->dmabuf_table, whole)
                          ?: dma_map_sgtable(NULL, buffer->dmabuf_table, buffer->direction, 0);
    if (error == 0) return 0;
    kfree(buffer->dmabuf_table->sgl);
    kfree(buffer->dmabuf_table);
    return error;
}

void cf_dmabuf_release(struct cf_buffer* buffer)
{
    dma_unmap_sgtable(NULL, buffer->dmabuf_table, buffer->direction, 0);
    kfree(buffer->dmabuf_table->sgl);
    kfree(buffer->dmabuf_table);
}
