// SPDX-License-Identifier: MIT
//
// The job as programs on liburing are usually written, on the same ring flags.
#include "contender.hpp"

#include <liburing.h>

#include <vector>

#ifndef IORING_SETUP_DEFER_TASKRUN
#define IORING_SETUP_DEFER_TASKRUN (1U << 13)
#endif
#ifndef IORING_SETUP_SINGLE_ISSUER
#define IORING_SETUP_SINGLE_ISSUER (1U << 12)
#endif

namespace {

struct record {
    long left;
    long ended;
};

void submit_one(io_uring& ring, record& task)
{
    io_uring_sqe* const entry = io_uring_get_sqe(&ring);
    io_uring_prep_nop(entry);
    io_uring_sqe_set_data(entry, &task);
}

} // namespace

long bench::on_liburing(const job& j)
{
    io_uring ring;
    unsigned flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
    if (io_uring_queue_init(256, &ring, flags) < 0 && io_uring_queue_init(256, &ring, 0) < 0) return -1;
    io_uring_register_ring_fd(&ring);
    std::vector<record> tasks(static_cast<std::size_t>(j.tasks), record{j.count / j.tasks, 0});
    long running = j.tasks;
    for (record& task : tasks) submit_one(ring, task);
    while (running != 0) {
        if (io_uring_submit_and_wait(&ring, 1) < 0) return -1;
        unsigned head;
        unsigned seen = 0;
        io_uring_cqe* completion;
        io_uring_for_each_cqe(&ring, head, completion)
        {
            ++seen;
            if (completion->res < 0) return -1;
            auto& task = *static_cast<record*>(io_uring_cqe_get_data(completion));
            if (++task.ended == task.left) {
                --running;
            } else {
                submit_one(ring, task);
            }
        }
        io_uring_cq_advance(&ring, seen);
    }
    io_uring_queue_exit(&ring);
    long done = 0;
    for (const record& task : tasks) done += task.ended;
    return done;
}
