// SPDX-License-Identifier: MIT
//
// The job by hand, as fast as we know how: the system call inlined into the loop, the ring
// addressed by registered index, completions taken and new operations filled in in one pass. Once with
// a record a task, where its result goes and its operations are counted; and once bare, where no
// task knows how its operation ended.
#include "contender.hpp"
#include "runtime/uring/ring.hpp"
#include "runtime/uring/shared_index.hpp"
#include "runtime/uring/system_call.hpp"

#include <cstdint>
#include <cstring>
#include <vector>

namespace {

using cf::detail::acquire;
using cf::detail::release;

struct record {
    long left;
    long ended;
    std::int32_t result;
};

// Filled in like the runtime's: cleared as a whole, then what differs.
[[gnu::always_inline]] inline void fill(io_uring_sqe& entry, std::uint64_t user_data)
{
    std::memset(&entry, 0, sizeof entry);
    entry.opcode = IORING_OP_NOP;
    entry.user_data = user_data;
}

cf::detail::ring make_ring() { return cf::detail::ring(cf::runtime_options{}); }

} // namespace

long bench::by_hand(const job& j)
{
    auto ring = make_ring();
    ring.enable();
    const unsigned sq_mask = ring.sq_entries - 1;
    const unsigned cq_mask = ring.cq_entries - 1;
    unsigned sq_tail = 0;
    unsigned cq_head = 0;
    std::vector<record> tasks(static_cast<std::size_t>(j.tasks), record{j.count / j.tasks, 0, 0});
    long running = j.tasks;
    for (record& task : tasks) fill(ring.sqes[sq_tail++ & sq_mask], reinterpret_cast<std::uintptr_t>(&task));
    while (running != 0) {
        release(ring.sq_tail, sq_tail);
        const unsigned submit = sq_tail - acquire(ring.sq_head);
        if (cf::detail::io_uring_enter(ring.enter_fd, submit, 1, IORING_ENTER_GETEVENTS | ring.enter_flags,
                                       nullptr, 0) < 0) {
            return -1;
        }
        const unsigned tail = acquire(ring.cq_tail);
        for (; cq_head != tail; ++cq_head) {
            const io_uring_cqe& completion = ring.cqes[cq_head & cq_mask];
            record& task = *reinterpret_cast<record*>(completion.user_data);
            task.result = completion.res;
            if (task.result < 0) return -1;
            if (++task.ended == task.left) {
                --running;
            } else {
                fill(ring.sqes[sq_tail++ & sq_mask], reinterpret_cast<std::uintptr_t>(&task));
            }
        }
        release(ring.cq_head, cq_head);
    }
    long done = 0;
    for (const record& task : tasks) done += task.ended;
    return done;
}

long bench::by_hand_bare(const job& j)
{
    auto ring = make_ring();
    ring.enable();
    const unsigned sq_mask = ring.sq_entries - 1;
    const unsigned cq_mask = ring.cq_entries - 1;
    unsigned sq_tail = 0;
    unsigned cq_head = 0;
    long left = j.count - j.tasks;
    long done = 0;
    unsigned submit = 0;
    for (; submit != static_cast<unsigned>(j.tasks); ++submit) fill(ring.sqes[sq_tail++ & sq_mask], 1);
    while (done != j.count) {
        release(ring.sq_tail, sq_tail);
        if (cf::detail::io_uring_enter(ring.enter_fd, submit, 1, IORING_ENTER_GETEVENTS | ring.enter_flags,
                                       nullptr, 0) < 0) {
            return -1;
        }
        submit = 0;
        const unsigned tail = acquire(ring.cq_tail);
        for (; cq_head != tail; ++cq_head) {
            if (ring.cqes[cq_head & cq_mask].res < 0) return -1;
            ++done;
            if (left == 0) continue;
            --left;
            ++submit;
            fill(ring.sqes[sq_tail++ & sq_mask], 1);
        }
        release(ring.cq_head, cq_head);
    }
    return done;
}
