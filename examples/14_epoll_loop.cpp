// SPDX-License-Identifier: MIT
//
// A device in the loop that a program has already, here a plain epoll one: a descriptor to wait for, one call
// when it is readable, and callbacks. Works likewise with libuv, GLib, Qt or poll().
//
//     14_epoll_loop [DEVICE]
#include <counterflow/counterflow.hpp>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <system_error>

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

using namespace cf::literals;

namespace {

/// The program's own loop, with a source of its own: a timer.
class event_loop {
public:
    explicit event_loop(std::chrono::milliseconds period)
    {
        const long ns = std::chrono::nanoseconds(period).count();
        const itimerspec every{{0, ns}, {0, ns}};
        ::timerfd_settime(timer_, 0, &every, nullptr);
        watch(timer_);
    }
    ~event_loop()
    {
        ::close(timer_);
        ::close(epoll_);
    }

    void watch(int fd)
    {
        epoll_event readable{};
        readable.events = EPOLLIN;
        readable.data.fd = fd;
        if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &readable) != 0)
            throw std::system_error(errno, std::generic_category(), "epoll_ctl");
    }

    int timer() const { return timer_; }

    /// The next readable descriptor, or -1 when a signal came first.
    int wait() const
    {
        epoll_event event{};
        return ::epoll_wait(epoll_, &event, 1, -1) == 1 ? event.data.fd : -1;
    }

private:
    int epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    int timer_ = ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
};

} // namespace

int main(int argc, char** argv)
try {
    event_loop events(std::chrono::milliseconds(5));

    // [epoll]
    cf::runtime_options options;
    options.drained = true; // by this program's loop, instead of its own run()
    cf::runtime loop(options);
    cf::device dev(loop, argc > 1 ? argv[1] : "model:gen3x1");
    cf::buffer block = dev.allocate(64_KiB);
    events.watch(loop.descriptor());

    int moved = 0;
    const auto start_one = [&] {
        cf::start(loop, dev.write(block, dev.window("ram").at(0)), [&](const cf::result<std::size_t>& r) {
            std::printf("%d: %zu bytes\n", ++moved, r.value());
        });
    };
    while (moved < 5) {
        const int readable = events.wait();
        if (readable == events.timer()) {
            std::uint64_t ticks = 0;
            if (::read(readable, &ticks, sizeof ticks) > 0) start_one();
        }
        loop.drain(); // what has been started, and what has come; never waits
    }
    // [/epoll]
    return 0;
} catch (const std::exception& e) {
    std::fprintf(stderr, "%s: %s\n", argv[0], e.what());
    return 1;
}
