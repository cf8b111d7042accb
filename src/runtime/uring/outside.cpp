// SPDX-License-Identifier: MIT
//
// The epoll set behind a drained runtime's descriptor. Watched descriptors do not go through the ring there:
// that would take a system call more to hear of each, and interrupt the outer loop's wait.
#include "runtime/uring/outside.hpp"

#include <counterflow/error.hpp>

#include <cerrno>
#include <ctime>
#include <string>
#include <sys/timerfd.h>

namespace cf::detail {
namespace {

constexpr std::uint64_t second = 1'000'000'000;

int checked(int fd, const char* what)
{
    if (fd < 0) throw error(failure{{errno, std::system_category()}, what});
    return fd;
}

} // namespace

outside_waits::outside_waits(int ring)
    : epoll_(checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1 for a runtime's descriptor")),
      timer_(checked(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
                     "timerfd_create for a runtime's alarm"))
{
    join(ring, EPOLLIN, nullptr);
    join(timer_.get(), EPOLLIN | EPOLLET, this);
}

void outside_waits::join(int fd, std::uint32_t events, void* who)
{
    epoll_event wanted{};
    wanted.events = events;
    wanted.data.ptr = who;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &wanted) == 0) return;
    throw error(failure{{errno, std::system_category()}, "watching descriptor " + std::to_string(fd)});
}

// At each edge: nobody reads a watched eventfd.
void outside_waits::add(watch_operation& watch) { join(watch.fd, EPOLLIN | EPOLLET, &watch); }

void outside_waits::remove(watch_operation& watch) noexcept
{
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, watch.fd, nullptr);
    for (std::size_t i = 0; i < told_count_; ++i)
        if (told_[i].data.ptr == &watch) told_[i].data.ptr = nullptr;
}

outside_waits::heard outside_waits::look() noexcept
{
    heard all{};
    bool more = true;
    while (more) {
        const int found = ::epoll_wait(epoll_.get(), told_.data(), static_cast<int>(told_.size()), 0);
        told_count_ = found > 0 ? static_cast<std::size_t>(found) : 0;
        more = told_count_ == told_.size();
        for (std::size_t i = 0; i < told_count_; ++i) {
            void* const who = told_[i].data.ptr;
            if (who == this) {
                all.alarm = true;
            } else if (who != nullptr) {
                const auto& watch = *static_cast<watch_operation*>(who);
                all.watches = true;
                watch.notify(watch.context);
            }
        }
        told_count_ = 0;
    }
    return all;
}

void outside_waits::set_alarm(std::uint64_t due) noexcept
{
    itimerspec at{};
    at.it_value.tv_sec = static_cast<std::time_t>(due / second);
    at.it_value.tv_nsec = static_cast<long>(due % second) + (due == 0 ? 1 : 0); // all zeros would disarm it
    ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &at, nullptr);
}

} // namespace cf::detail
