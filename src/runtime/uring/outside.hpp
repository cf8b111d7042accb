// SPDX-License-Identifier: MIT
//
// outside_waits: what a runtime waits for while the loop of somebody else has its thread. One epoll
// descriptor, for that loop to wait for, behind which are the ring, a timer and the watched descriptors.
#pragma once

#include "runtime/watch_operation.hpp"
#include <counterflow/file_descriptor.hpp>

#include <sys/epoll.h>

#include <array>
#include <cstdint>

namespace cf::detail {

class outside_waits {
public:
    /// Throws cf::error when the system has no descriptors left.
    explicit outside_waits(int ring);

    int descriptor() const noexcept { return epoll_.get(); }

    /// What a look has found.
    struct heard {
        bool watches; ///< at least one was told
        bool alarm;   ///< it has rung
    };
    /// Tells the watches. The ring's completions are the loop's own business.
    heard look() noexcept;

    /// Its notify is called by look() from now on. Throws cf::error.
    void add(watch_operation& watch);
    void remove(watch_operation& watch) noexcept;

    /// Readable from this time of the runtime's clock on; one at a time.
    void set_alarm(std::uint64_t due) noexcept;

private:
    void join(int fd, std::uint32_t events, void* who);

    file_descriptor epoll_;
    file_descriptor timer_;
    // What epoll has just told, and look() has not; remove() takes out its watch.
    std::array<epoll_event, 16> told_{};
    std::size_t told_count_ = 0;
};

} // namespace cf::detail
