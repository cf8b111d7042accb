// SPDX-License-Identifier: MIT
//
// fd_watch over io_uring: a multishot poll, which tells of every write to an eventfd without
// anyone reading it; before Linux 5.13 a poll and a read at a time.
#include "runtime/uring/uring_reactor.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>

namespace cf::detail {
namespace {

// Without waiting, should somebody else have been faster.
void take_count(int fd) noexcept
{
    std::uint64_t count;
    const iovec into{&count, sizeof count};
    [[maybe_unused]] const auto got = ::preadv2(fd, &into, 1, -1, RWF_NOWAIT);
}

// What the kernel may say of a poll that can be asked for again: no memory, or a cancel that was not ours.
bool is_passing(std::int32_t result) noexcept
{
    return result == -ENOMEM || result == -EAGAIN || result == -EINTR || result == -ECANCELED;
}

// Whoever watches waits for events that will never be told, the runtime for posts.
[[noreturn]] void give_up(int fd, std::int32_t result) noexcept
{
    std::fprintf(
        stderr,
        "counterflow: descriptor %d cannot be watched any more (%s); its events would be lost, so this "
        "cannot go on; close a descriptor only after what watches it\n",
        fd, std::strerror(-result));
    std::abort();
}

} // namespace

void uring_reactor::start_watch(watch_operation& watch)
{
    watch.all.self = &watch;
    watches_.push_back(watch.all);
    if (outside_) return outside_->add(watch);
    watch.multishot = ring_.features.multishot_poll;
    watch.prepare = [](io_operation& operation, io_uring_sqe& entry) noexcept {
        auto& self = static_cast<watch_operation&>(operation);
        entry.opcode = IORING_OP_POLL_ADD;
        entry.fd = self.fd;
        entry.poll32_events = POLLIN;
        if (self.multishot) entry.len = IORING_POLL_ADD_MULTI;
        self.in_flight = true;
    };
    watch.complete = [](io_operation& operation, std::int32_t result, std::uint32_t flags) noexcept {
        auto& self = static_cast<watch_operation&>(operation);
        self.in_flight = (flags & IORING_CQE_F_MORE) != 0;
        if (self.closed) {
            if (self.in_flight) return;
            self.unlink();
            self.all.unlink();
            delete &self;
            return;
        }
        if (result < 0 && !is_passing(result)) give_up(self.fd, result);
        if (!self.in_flight) {
            // A multishot poll tells of each write; a single one would tell of the same again.
            if (!self.multishot && result >= 0) take_count(self.fd);
            self.wanted = io_operation::request::submit;
            self.owner->request(self);
        }
        self.notify(self.context);
    };
    loop_.request(watch);
}

void uring_reactor::stop_watch(watch_operation& watch) noexcept
{
    if (outside_) outside_->remove(watch);
    watch.closed = true;
    if (watch.in_flight) {
        watch.wanted = io_operation::request::cancel;
        if (!watch.linked()) loop_.request(watch);
        return;
    }
    watch.unlink();
    watch.all.unlink();
    delete &watch;
}

} // namespace cf::detail
