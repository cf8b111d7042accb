// SPDX-License-Identifier: MIT
//
// transfer: one awaited move between a buffer range and a window range. device::write() and
// device::read() return it; nothing happens before it is awaited, and it may be awaited once.
#pragma once

#include <counterflow/buffer.hpp>
#include <counterflow/detail/export.hpp>
#include <counterflow/detail/transfer_state.hpp>
#include <counterflow/direction.hpp>
#include <counterflow/error.hpp>
#include <counterflow/result.hpp>
#include <counterflow/window.hpp>

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>

namespace cf {

/// Who goes first when transfers of one kind wait for the engine. While all of them have some
/// waiting, priorities share its bytes 16 : 4 : 1, and transfers of one priority share alike,
/// whatever their sizes; so none starves.
enum class priority : std::uint8_t { high, normal, low };

struct transfer_options {
    cf::priority priority = cf::priority::normal;
    /// From the start of the await; none when zero. A transfer whose deadline passes ends with
    /// errc::timed_out: at once when the engine has not been given any of it, else as soon as
    /// the engine is proven past it.
    std::chrono::nanoseconds deadline{0};
};

namespace detail {

/// Everything that was asked of a transfer, before it is started. Plain data.
struct transfer_request {
    device_core* core;
    region* memory;
    std::size_t memory_offset;
    std::size_t size;
    window_place place;
    transfer_options options;
    transfer_kind kind;
    std::uint8_t channel; ///< any_channel, or the leased one
};

inline constexpr std::uint8_t any_channel = 0xff;

/// Checks `request`, then queues `state` or hands it to the engine. Returns false when the
/// transfer has already ended (a bad request, a stop already requested).
CF_API bool start_transfer(transfer_state& state, const transfer_request& request, stop_state* stop) noexcept;
/// The failure of an ended transfer, in words.
CF_API failure describe_failure(transfer_state& state, const transfer_request& request);

/// For those who do not ask for words: `state` has ended, and its errc (0: done) is all they want to know.
CF_API errc settle(transfer_state& state) noexcept;

/// Awaiter of a transfer. Lives in the awaiting coroutine's frame until the transfer ends, so
/// the engine's bookkeeping can point into it.
class transfer_awaiter {
public:
    explicit transfer_awaiter(const transfer_request& request) noexcept : request_(request) {}
    transfer_awaiter(const transfer_awaiter&) = delete;
    transfer_awaiter& operator=(const transfer_awaiter&) = delete;

    bool await_ready() const noexcept { return false; }

    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> waiter) noexcept
    {
        state_.handle = waiter;
        return start_transfer(state_, request_, stop_state_of(waiter));
    }

    std::size_t await_resume()
    {
        if (state_.error != 0) [[unlikely]]
            throw cf::error(describe_failure(state_, request_));
        return request_.size;
    }

    /// The form that as_result() uses.
    result<std::size_t> await_resume_result()
    {
        if (state_.error != 0) [[unlikely]]
            return describe_failure(state_, request_);
        return request_.size;
    }

private:
    const transfer_request& request_;
    transfer_state state_;
};

} // namespace detail

/// An awaitable transfer; `co_await` gives the number of bytes moved, which is the number
/// asked for, or throws cf::error:
///   - zero_length, out_of_range, misaligned, not_registered, no_such_window (of this device),
///     no_such_channel or no_such_device (moved from), not_supported, bad_argument: the request was
///     wrong; nothing was touched;
///   - canceled, timed_out: it was stopped; how much of the destination was written is
///     undefined, but nothing of it is written any more;
///   - an abort (unsupported_request, ...), link_down, device_gone: likewise undefined.
/// It resumes exactly once, and only when the engine cannot touch the memory any more (with
/// device_gone: when the device itself can no longer be asked, see docs/errors.md).
class [[nodiscard]] transfer {
public:
    explicit transfer(const detail::transfer_request& request) noexcept : request_(request) {}

    detail::transfer_awaiter operator co_await() && noexcept { return detail::transfer_awaiter(request_); }
    detail::transfer_awaiter operator co_await() & noexcept { return detail::transfer_awaiter(request_); }

    const detail::transfer_request& request() const noexcept { return request_; }

private:
    detail::transfer_request request_;
};

} // namespace cf
