// SPDX-License-Identifier: MIT
//
// The customary way: a thread for each outstanding transfer, blocked until an interrupt thread
// says that it is done.
#include "driver_rig.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include <sys/eventfd.h>
#include <unistd.h>

namespace bench {
namespace {

struct waiter {
    std::condition_variable done;
    bool ended = false;
};

struct shared_driver {
    explicit shared_driver(const cf::model_spec& spec) : rig(spec) {}

    std::mutex lock;
    driver_rig rig;
    std::uint64_t started = 0;
    std::uint64_t completed = 0;
    unsigned turn = 0;

    /// One transfer, start to end, on the calling thread. False when there is none left to start.
    bool transfer(std::uint64_t count)
    {
        waiter w;
        std::unique_lock held(lock);
        if (started == count) return false;
        cf::edma::channel& channel = rig.channel(turn);
        if (++turn == rig.channels()) turn = 0;
        channel.push(rig.segment(started++, &w));
        channel.flush(now_ns());
        w.done.wait(held, [&] { return w.ended; });
        return true;
    }

    void on_interrupt()
    {
        const std::lock_guard held(lock);
        auto sink = [this](void* owner, cf::edma::outcome outcome) {
            if (outcome == cf::edma::outcome::done) ++completed;
            auto& w = *static_cast<waiter*>(owner);
            w.ended = true;
            w.done.notify_one();
        };
        rig.engine().service(now_ns(), sink);
    }
};

} // namespace

measurement in_threads(const job& j)
{
    shared_driver driver(j.device);
    measurement m;
    std::atomic<bool> over{false};
    std::jthread interrupts([&] {
        while (!over) {
            eventfd_t times = 0;
            ::eventfd_read(driver.rig.interrupt_fd(), &times);
            driver.on_interrupt();
        }
    });
    {
        const stopwatch timing(m);
        std::vector<std::jthread> threads;
        for (unsigned i = 0; i < j.outstanding; ++i)
            threads.emplace_back([&] {
                while (driver.transfer(j.count)) {
                }
            });
    }
    over = true;
    ::eventfd_write(driver.rig.interrupt_fd(), 1);
    interrupts.join();
    m.completed = driver.completed;
    return m;
}

} // namespace bench
