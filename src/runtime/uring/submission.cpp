// SPDX-License-Identifier: MIT
//
// The uncommon ways into the submission queue: at the end of a row, when it is full, and what
// the runtime itself submits.
#include "runtime/uring/shared_index.hpp"
#include "runtime/uring/system_call.hpp"
#include "runtime/uring/uring_reactor.hpp"

#include <cerrno>
#include <cstring>
#include <new>

namespace cf::detail {
namespace {

// In a backlogged entry: the coroutine was stopped before there was room.
constexpr std::uint8_t canceled_opcode = 0xff;

// promise_base::unlisted of coroutines in loop::cancels_: neither null nor the one they obey.
stop_state elsewhere;

// Takes the completions of cancels: the canceled operation's own tells how it ended.
constinit const pseudo_frame unheard{[](void*) noexcept {}};

std::uint64_t frame_of(promise_base& promise) noexcept
{
    return reinterpret_cast<std::uintptr_t>(promise.frame());
}

} // namespace

// Entries come in rows: from where the last one ended to the end of the array, as far as there is room.
// Null while the kernel takes no more.
io_uring_sqe* uring_reactor::take_ring_entry() noexcept
{
    thread_state& here = this_thread;
    if (here.sq_next != here.sq_end) return here.sq_next++;
    count_completions(); // often enough: no more than a few rows complete from one end of a row to the next
    const auto filled = static_cast<unsigned>(here.sq_next - ring_.sqes);
    const auto tail = static_cast<unsigned>(submitted(here.sq_next));
    unsigned waiting = tail - acquire(ring_.sq_head);
    if (waiting == ring_.sq_entries) {
        if (pretend_busy_ != 0) {
            --pretend_busy_;
            return nullptr;
        }
        // Submits only. Completions are taken by the loop and never from here, where a coroutine is
        // running: a kernel that is busy with completions (EBUSY) has to be asked again.
        release(ring_.sq_tail, tail);
        ++enters_;
        io_uring_enter(ring_.enter_fd, waiting, 0, ring_.enter_flags, nullptr, 0);
        waiting = tail - acquire(ring_.sq_head);
        if (waiting == ring_.sq_entries) return nullptr;
    }
    if (filled == ring_.sq_entries) {
        here.sq_next = ring_.sqes;
        row_base_ -= ring_.sq_entries * sizeof(io_uring_sqe);
    }
    const unsigned room = ring_.sq_entries - waiting;
    const auto row = static_cast<unsigned>(ring_.sqes + ring_.sq_entries - here.sq_next);
    here.sq_end = here.sq_next + (room < row ? room : row);
    return here.sq_next++;
}

// For a coroutine's operation, which can wait in the backlog.
io_uring_sqe* uring_reactor::take_entry() noexcept
{
    if (io_uring_sqe* const entry = take_ring_entry()) return entry;
    attention_ |= loop::has_requests;
    try {
        return &backlog_.emplace_back();
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}

// The coroutine may wait for something else, or run: then the kernel finds nothing to cancel. It cannot
// find a later operation of the same frame, which stands behind the cancel in the queue.
void uring_reactor::cancel_operation_of(promise_base& coroutine) noexcept
{
    const std::uint64_t frame = frame_of(coroutine);
    for (io_uring_sqe& entry : backlog_) {
        if (entry.user_data != frame) continue;
        entry.opcode = canceled_opcode;
        return;
    }
    // Never into the row of another loop, which runs inside of this one.
    if (this_thread.current == &loop_ && submit_cancel(frame)) return;
    coroutine.unlisted = &elsewhere; // so that end() takes it out of this list
    loop_.cancels_.push_back(coroutine);
    attention_ |= loop::has_requests;
}

bool uring_reactor::submit_cancel(std::uint64_t user_data) noexcept
{
    io_uring_sqe* const entry = take_ring_entry();
    if (entry == nullptr) return false;
    std::memset(entry, 0, sizeof *entry);
    entry->opcode = IORING_OP_ASYNC_CANCEL;
    entry->fd = -1;
    entry->addr = user_data;
    entry->user_data = unheard.user_data();
    return true;
}

// Stops where there is no room: the loop comes back when it has taken completions.
void uring_reactor::run_requests() noexcept
{
    while (promise_base* const coroutine = loop_.cancels_.front()) {
        if (!submit_cancel(frame_of(*coroutine))) return;
        coroutine->unlink();
    }
    while (io_operation* const operation = loop_.requests_.front()) {
        if (operation->wanted == io_operation::request::cancel) {
            if (!submit_cancel(operation->user_data())) return;
        } else {
            io_uring_sqe* const entry = take_ring_entry();
            if (entry == nullptr) return;
            std::memset(entry, 0, sizeof *entry);
            operation->prepare(*operation, *entry);
            entry->user_data = operation->user_data();
        }
        operation->unlink();
    }
    // Those whom submit_backlog() resumes may have left new requests.
    if (submit_backlog() && loop_.requests_.empty() && loop_.cancels_.empty())
        attention_ &= ~loop::has_requests;
}

// By index, because a coroutine that is resumed here may come back with another operation.
bool uring_reactor::submit_backlog() noexcept
{
    std::size_t done = 0;
    for (; done < backlog_.size(); ++done) {
        if (backlog_[done].opcode == canceled_opcode) {
            auto* const frame = reinterpret_cast<void*>(backlog_[done].user_data);
            backlog_[done].user_data = 0; // of nobody, should the frame be used again meanwhile
            this_thread.answer = {-ECANCELED, 0};
            std::coroutine_handle<>::from_address(frame).resume();
            run_transfers();
        } else {
            io_uring_sqe* const entry = take_ring_entry();
            if (entry == nullptr) break;
            *entry = backlog_[done];
            backlog_[done].user_data = 0; // a cancel from now on is the kernel's business
        }
    }
    backlog_.erase(backlog_.begin(), backlog_.begin() + static_cast<std::ptrdiff_t>(done));
    return backlog_.empty();
}

} // namespace cf::detail
