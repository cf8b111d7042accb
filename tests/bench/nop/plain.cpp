// SPDX-License-Identifier: MIT
//
// The job as a careful loop without a library: the ring behind a class with the usual calls, which
// are inlined, as is the system call. What the runtime's goals were set with.
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

class plain_ring {
public:
    plain_ring() : ring_(cf::runtime_options{}) { ring_.enable(); }

    // Cleared. There are never more than fit.
    io_uring_sqe& next_entry()
    {
        io_uring_sqe& entry = ring_.sqes[sq_tail_++ & (ring_.sq_entries - 1)];
        std::memset(&entry, 0, sizeof entry);
        return entry;
    }

    int submit_and_wait()
    {
        release(ring_.sq_tail, sq_tail_);
        return cf::detail::io_uring_enter(ring_.enter_fd, sq_tail_ - acquire(ring_.sq_head), 1,
                                          IORING_ENTER_GETEVENTS | ring_.enter_flags, nullptr, 0);
    }

    template <class F>
    void for_each_completion(F&& f)
    {
        unsigned head = *ring_.cq_head;
        const unsigned tail = acquire(ring_.cq_tail);
        for (; head != tail; ++head) f(ring_.cqes[head & (ring_.cq_entries - 1)]);
        release(ring_.cq_head, head);
    }

private:
    cf::detail::ring ring_;
    unsigned sq_tail_ = 0;
};

void start(plain_ring& ring, record& task)
{
    io_uring_sqe& entry = ring.next_entry();
    entry.opcode = IORING_OP_NOP;
    entry.user_data = reinterpret_cast<std::uintptr_t>(&task);
}

} // namespace

long bench::plain(const job& j)
{
    plain_ring ring;
    std::vector<record> tasks(static_cast<std::size_t>(j.tasks), record{j.count / j.tasks, 0, 0});
    long running = j.tasks;
    bool failed = false;
    for (record& task : tasks) start(ring, task);
    while (running != 0 && !failed) {
        if (ring.submit_and_wait() < 0) return -1;
        ring.for_each_completion([&](const io_uring_cqe& completion) {
            record& task = *reinterpret_cast<record*>(completion.user_data);
            task.result = completion.res;
            failed |= task.result < 0;
            if (++task.ended == task.left) {
                --running;
            } else {
                start(ring, task);
            }
        });
    }
    long done = 0;
    for (const record& task : tasks) done += task.ended;
    return failed ? -1 : done;
}
