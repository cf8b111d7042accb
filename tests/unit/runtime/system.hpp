// SPDX-License-Identifier: MIT
//
// What the runtime's tests need of the system: descriptors that close themselves, pipes, and
// every feature level a kernel could offer.
#pragma once

#include "catch.hpp"
#include "runtime/uring/uring_reactor.hpp"

#include <counterflow/runtime.hpp>

#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <string>
#include <vector>

namespace cf::detail {

struct test_access {
    static uring_reactor& reactor_of(loop& l) { return static_cast<uring_reactor&>(*l.reactor_); }
    static unsigned attention_of(const loop& l) { return *l.attention_; }
};

} // namespace cf::detail

namespace test {

/// The next n times the submission queue is full, the kernel refuses to take anything.
inline void pretend_busy(cf::runtime& runtime, unsigned n)
{
    cf::detail::test_access::reactor_of(runtime).pretend_busy(n);
}

class descriptor {
public:
    explicit descriptor(int fd) : fd_(fd) { REQUIRE(fd >= 0); }
    descriptor(descriptor&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
    descriptor& operator=(descriptor&&) = delete;
    ~descriptor()
    {
        if (fd_ >= 0) ::close(fd_);
    }
    operator int() const noexcept { return fd_; }

private:
    int fd_;
};

inline descriptor make_eventfd() { return descriptor(::eventfd(0, EFD_CLOEXEC)); }

struct pipe_ends {
    descriptor out;
    descriptor in;

    void write(char c) const { REQUIRE(::write(in, &c, 1) == 1); }
};

inline pipe_ends make_pipe()
{
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    return {descriptor(ends[0]), descriptor(ends[1])};
}

/// Option sets that stand for kernels from the newest down to Linux 5.10.
inline std::vector<cf::runtime_options> feature_levels()
{
    std::vector<cf::runtime_options> levels(5);
    levels[1].features.defer_taskrun = false;
    levels[2].features = levels[1].features;
    levels[2].features.single_issuer = false;
    levels[2].features.send_zc = false;
    levels[3].features = levels[2].features;
    levels[3].features.coop_taskrun = false;
    levels[4].features = levels[3].features;
    levels[4].features.registered_ring = false;
    levels[4].features.multishot_poll = false;
    levels[4].features.shutdown = false;
    return levels;
}

} // namespace test
