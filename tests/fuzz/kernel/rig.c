// SPDX-License-Identifier: MIT
//
// Files, and what is done with them, of the fuzz target `kernel`. See rig.h.
#include "rig.h"

#include "ledger.h"
#include "stand_in.h"

#include <stdlib.h>

struct mapping {
    struct list_head node;
    struct opened* of;
    struct vm_area_struct vma;
};

// An io_uring command or an asynchronous read or write under way.
struct pending {
    struct list_head node;
    struct opened* of;
    union {
        struct io_uring_cmd cmd;
        struct kiocb iocb;
    };
    struct io_uring_sqe sqe;
    void* payload;
    bool cancelable;
};

static bool removed; // the device; its engine's structure lives on
static LIST_HEAD(mappings);
static LIST_HEAD(pendings);
static struct mm_struct process;

// ---- files ----

static void release(struct opened* of)
{
    of->expected_count = 0; // nobody reads the ring any more
    EXPECT(cf_fops.release(NULL, &of->file) == 0);
    of->session = NULL;
    stand_in_expect_idle();
}

// Between two calls, and while one waits: what there is to see is seen, and files that nobody holds are
// released.
static void look_everywhere(void)
{
    stand_in_expect_idle();
    for (unsigned i = 0; i < rig_sessions; ++i) {
        ledger_look(&opened[i]);
        if (opened[i].session != NULL && opened[i].refs == 0) release(&opened[i]);
    }
}

static void call_ended(long result, bool answers)
{
    call_ends(result, answers);
    look_everywhere();
}

void rig_open(unsigned session, bool administrator)
{
    struct opened* const of = &opened[session];
    if (of->open) rig_close(session, false);
    if (of->session != NULL) return; // something holds the file that was closed
    struct inode inode = {.i_cdev = &back_end->engine.cdev};
    current->administrator = administrator;
    const int error = cf_fops.open(&inode, &of->file);
    EXPECT(error == 0 || error == -ENOMEM || (removed && error == -ENODEV));
    stand_in_allocations_left = -1;
    if (error != 0) return;
    of->session = of->file.private_data;
    of->refs = 1;
    of->open = true;
    of->spoiled = false;
    of->seen = 0;
}

void rig_close(unsigned session, bool exiting)
{
    struct opened* const of = &opened[session];
    if (!of->open) return;
    of->open = false;
    current->flags = exiting ? PF_EXITING : 0;
    EXPECT(cf_fops.flush(&of->file, current->files) == 0);
    --of->refs;
    current->flags = 0;
    look_everywhere();
}

bool rig_is_open(unsigned session) { return opened[session].open; }

long rig_ioctl(unsigned session, unsigned command, unsigned long argument)
{
    call_begins();
    const long result = cf_fops.unlocked_ioctl(&opened[session].file, command, argument);
    call_ended(result, _IOC_NR(command) == _IOC_NR(CF_IOC_TRANSFER));
    return result;
}

void rig_poll(unsigned session)
{
    const struct cf_session* const of = opened[session].session;
    const __poll_t events = cf_fops.poll(&opened[session].file, NULL);
    const bool unread = of->ring != NULL && of->ring_tail != of->ring->head;
    EXPECT(((events & EPOLLIN) != 0) == unread);
    EXPECT(((events & EPOLLHUP) != 0) == (removed && of->ring_promised == 0));
}

long rig_mmap(unsigned session, unsigned long page_offset, bool shared)
{
    struct mapping* const mapping = calloc(1, sizeof(*mapping));
    mapping->of = &opened[session];
    mapping->vma.vm_pgoff = page_offset;
    mapping->vma.vm_flags = shared ? VM_SHARED : 0;
    call_begins();
    const long result = cf_fops.mmap(&mapping->of->file, &mapping->vma);
    call_ended(result, false);
    if (result != 0) {
        free(mapping);
        return result;
    }
    ++mapping->of->refs;
    list_add_tail(&mapping->node, &mappings);
    return 0;
}

void rig_fork(void)
{
    if (list_empty(&mappings)) return;
    const struct mapping* const mapping = list_first_entry(&mappings, struct mapping, node);
    struct mapping* const copy = calloc(1, sizeof(*copy));
    *copy = *mapping;
    if (copy->vma.vm_ops != NULL) copy->vma.vm_ops->open(&copy->vma);
    ++copy->of->refs;
    list_add_tail(&copy->node, &mappings);
}

void rig_munmap(void)
{
    if (list_empty(&mappings)) return;
    struct mapping* const mapping = list_first_entry(&mappings, struct mapping, node);
    list_del(&mapping->node);
    if (mapping->vma.vm_ops != NULL) mapping->vma.vm_ops->close(&mapping->vma);
    --mapping->of->refs;
    free(mapping);
    look_everywhere();
}

// ---- what is asynchronous ----

static struct pending* pending_new(unsigned session)
{
    struct pending* const pending = calloc(1, sizeof(*pending));
    pending->of = &opened[session];
    ++pending->of->refs;
    list_add_tail(&pending->node, &pendings);
    return pending;
}

static void pending_over(struct pending* pending)
{
    --pending->of->refs;
    list_del(&pending->node);
    free(pending->payload);
    free(pending);
}

static void io_done(struct kiocb* iocb, long result)
{
    rig_told(result);
    pending_over(container_of(iocb, struct pending, iocb));
}

long rig_read_write(unsigned session, const struct rig_io* io)
{
    struct pending* const pending = pending_new(session);
    struct iov_iter iterator = {.type = io->iterator,
                                .segments = io->segments,
                                .ubuf = (void*)(io->address - 8),
                                .iov_offset = 8,
                                .count = io->length};
    pending->iocb = (struct kiocb){.ki_filp = &opened[session].file,
                                   .ki_pos = (loff_t)io->position,
                                   .ki_flags = io->nowait ? IOCB_NOWAIT : 0,
                                   .ki_complete = io->waits ? NULL : io_done};
    call_begins();
    const long result = (io->write ? cf_fops.write_iter : cf_fops.read_iter)(&pending->iocb, &iterator);
    call_ended(result, false);
    EXPECT(!io->waits || result != -EIOCBQUEUED);
    if (result != -EIOCBQUEUED) pending_over(pending);
    return result;
}

void io_uring_cmd_done(struct io_uring_cmd* cmd, s32 result, u64 extra, unsigned issue_flags)
{
    (void)extra, (void)issue_flags;
    rig_told(result);
    pending_over(container_of(cmd, struct pending, cmd));
}

void io_uring_cmd_mark_cancelable(struct io_uring_cmd* cmd, unsigned issue_flags)
{
    EXPECT(!(issue_flags & IO_URING_F_UNLOCKED));
    container_of(cmd, struct pending, cmd)->cancelable = true;
}

void rig_enter(bool begin)
{
    stand_in_unplug(begin);
    look_everywhere();
}

long rig_command(unsigned session, unsigned operation, const void* payload, bool wide, bool cqe32)
{
    const size_t bytes = wide ? sizeof(struct cf_uring_inline) : sizeof(struct cf_uring_slot);
    const unsigned flags = (wide ? IO_URING_F_SQE128 : 0) | (cqe32 ? IO_URING_F_CQE32 : 0);
    struct pending* const pending = pending_new(session);
    pending->payload = malloc(bytes);
    memcpy(pending->payload, payload, bytes);
    pending->sqe.cmd = pending->payload;
    pending->cmd =
        (struct io_uring_cmd){.file = &opened[session].file, .sqe = &pending->sqe, .cmd_op = operation};

    call_begins();
    long result = cf_fops.uring_cmd(&pending->cmd, flags | IO_URING_F_NONBLOCK);
    call_ended(result, false);
    if (result == -EAGAIN) { // a worker does it again, and may wait
        call_begins();
        result = cf_fops.uring_cmd(&pending->cmd, flags | IO_URING_F_UNLOCKED);
        call_ended(result, false);
        EXPECT(result != -EAGAIN);
    }
    if (result != -EIOCBQUEUED) pending_over(pending);
    return result;
}

void rig_cancel_command(void)
{
    struct pending* pending;
    list_for_each_entry(pending, &pendings, node)
    {
        if (!pending->cancelable || fuzz_below(2) != 0) continue;
        EXPECT(cf_fops.uring_cmd(&pending->cmd, IO_URING_F_CANCEL) == 0);
        break;
    }
    look_everywhere();
}

// ---- what happens by itself ----

void rig_interrupt(void)
{
    if (!removed) back_end_interrupt(back_end);
    look_everywhere();
}

void rig_window(bool declares)
{
    if (declares)
        back_end_declare(back_end);
    else
        back_end_take_away();
    stand_in_allocations_left = -1;
    look_everywhere();
}

void rig_time(u64 ns)
{
    stand_in_advance(ns);
    look_everywhere();
}

void rig_work(void) { stand_in_run_work(); }

void rig_task_work(void)
{
    stand_in_run_task_work();
    look_everywhere();
}

void rig_remove(void)
{
    if (removed) return;
    removed = true;
    back_end_remove(back_end);
    look_everywhere();
}

bool stand_in_turn(bool interruptible, bool* signaled)
{
    if (!fuzz_decides()) {
        // Everything happens that has to, in time.
        const u64 before_this = decided;
        bool something = stand_in_run_work();
        if (!removed) back_end_finish(back_end, back_end->idle ? back_end_unwanted : back_end_running);
        something |= stand_in_advance_to_alarm();
        return something || decided != before_this;
    }
    switch (fuzz_below(5)) {
    case 0:
    case 1: rig_interrupt(); break;
    case 2: stand_in_advance_to_alarm(); break;
    case 3: stand_in_run_work(); break;
    case 4:
        if (interruptible) *signaled = true;
    }
    return true;
}

// ---- from the beginning to the end ----

u8* rig_user(void) { return stand_in_user; }
void rig_user_ends(unsigned end) { stand_in_user_end = end; }
void rig_allocations(int left) { stand_in_allocations_left = left; }

struct cf_ring* rig_ring(unsigned session) { return opened[session].session->ring; }

struct cf_transfer* rig_slots(unsigned session, unsigned* count)
{
    *count = opened[session].session->slot_count;
    return opened[session].session->slots;
}

void rig_spoiled_ring(unsigned session) { opened[session].spoiled = true; }

void rig_begin(void)
{
    static int files;
    BUILD_BUG_ON((int)rig_user_bytes != (int)stand_in_user_bytes);
    stand_in_reset();
    current->mm = &process;
    current->files = &files;
    accepted = decided = 0;
    EXPECT(cf_request_cache_create() == 0);
    back_end = back_end_new();
    get_device(&back_end->engine.dev);
    removed = false;
    rig_open(0, true);
    rig_open(1, false);
}

void rig_end(bool closes, bool removes, bool proves)
{
    if (closes)
        for (unsigned i = 0; i < rig_sessions; ++i) rig_close(i, i == 0);
    if (removes) rig_remove();

    // The longest deadline has passed: whatever the engine did, everything is reported by now.
    rig_time(CF_MAX_TIMEOUT_NS + NSEC_PER_SEC);
    if (!removed) back_end_finish(back_end, back_end_unwanted);
    rig_task_work();
    EXPECT(accepted == decided && list_empty(&pendings));
    for (unsigned i = 0; i < rig_sessions; ++i) EXPECT(opened[i].expected_count == 0);

    while (!list_empty(&mappings)) rig_munmap();
    for (unsigned i = 0; i < rig_sessions; ++i) rig_close(i, false);
    if (!removed && proves) back_end_finish(back_end, back_end_proven);
    rig_remove();
    stand_in_run_work();
    if (back_end_held(0) != NULL) {
        // In quarantine for ever, were this not a test.
        EXPECT(stand_in_balance.mapped != 0);
        back_end_finish(back_end, back_end_proven);
    }
    put_device(&back_end->engine.dev);
    stand_in_run_work();
    cf_request_cache_destroy();
    const struct stand_in_balance none = {0};
    EXPECT(memcmp(&stand_in_balance, &none, sizeof(none)) == 0 && process.holders == 0);
}
