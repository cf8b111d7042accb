// SPDX-License-Identifier: MIT
//
// basic_device: a device as an I/O object of a Boost.Asio io_context.
#pragma once

#include <counterflow/asio/detail/transfer_operation.hpp>
#include <counterflow/buffer.hpp>
#include <counterflow/device.hpp>
#include <counterflow/spec.hpp>
#include <counterflow/transfer.hpp>
#include <counterflow/window.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/system/error_code.hpp>

#include <concepts>
#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

namespace cf::asio {

/// A device in a Boost.Asio program. Its transfers are asynchronous operations that take completion tokens
/// (callbacks, use_awaitable, use_future, deferred, as_tuple, ...); the io_context drives it without another
/// thread, and sleeps while there is nothing to do.
///
/// All operations of this header:
/// - complete with `void(boost::system::error_code, std::size_t)`, the bytes moved: all that were asked for,
/// or 0
///   with an error. Errors are of cf::category(): compare with cf::errc, or with std::errc where that has the
///   same.
/// - call the handler exactly once, never from inside the initiating function, on the handler's associated
///   executor, which keeps its work until then. Memory is freed before the call.
/// - allocate once, by the handler's associated allocator, or else from Asio's recycled memory.
/// - may be under way together, any number of them; their order is not defined.
///
/// Thread rule: `Executor` is of an io_context, which one thread runs; this object and its operations belong
/// to that thread. Handlers may have other executors. Two threads use two io_contexts, each with its own
/// device. The io_context outlives the device, the device its buffers and windows. Destroying it cancels what
/// is under way, waits until its engine is proven stopped, and has the handlers called later.
template <class Executor = ::boost::asio::any_io_executor>
class basic_device {
    using error_code = ::boost::system::error_code;

public:
    using executor_type = Executor;
    template <class Other>
    struct rebind_executor {
        using other = basic_device<Other>;
    };

    /// Opens `spec` in the io_context of `executor`. Throws cf::error as cf::device does. Devices of one
    /// io_context live in the same time: all of them `sim:`, or none.
    basic_device(const executor_type& executor, const device_spec& spec)
        : executor_(executor),
          body_(std::make_unique<detail::device_body>(detail::service_of(executor), spec))
    {
    }
    basic_device(const executor_type& executor, std::string_view spec)
        : basic_device(executor, parse_spec(spec))
    {
    }
    template <class Context>
        requires std::derived_from<Context, ::boost::asio::execution_context>
    basic_device(Context& context, std::string_view spec)
        : basic_device(executor_type(context.get_executor()), spec)
    {
    }

    executor_type get_executor() const noexcept { return executor_; }

    /// The device itself: buffers, windows, leases, statistics. What it starts by itself makes progress only
    /// while operations are under way here.
    cf::device& native() noexcept { return body_->device(); }

    buffer allocate(std::size_t size) { return native().allocate(size); }      ///< as cf::device
    buffer add(std::span<std::byte> memory) { return native().add(memory); }   ///< as cf::device
    cf::window window(std::string_view name) { return native().window(name); } ///< as cf::device
    const device_info& info() noexcept { return native().info(); }             ///< as cf::device

    /// Stops every operation under way; they complete with errc::canceled once the engine is past them.
    void cancel() { body_->cancel(); }

    /// Moves near memory to the far end.
    ///
    /// @par Per-operation cancellation
    /// - terminal, partial: at any time. The operation completes with errc::canceled, at once where the
    /// engine
    ///   has none of it yet, else when the engine is proven past it; then any part of the destination may
    ///   have been written. Repeating the transfer makes it whole.
    /// - total: as long as the engine has been given none of it, so nothing is written; ignored later.
    template <class Token = ::boost::asio::default_completion_token_t<executor_type>>
    auto async_write(buffer_slice from, window_place to, const transfer_options& options, Token&& token = {})
    {
        return async_transfer(native().write(from, to, options), std::forward<Token>(token));
    }
    template <::boost::asio::completion_token_for<void(error_code, std::size_t)> Token =
                  ::boost::asio::default_completion_token_t<executor_type>>
    auto async_write(buffer_slice from, window_place to, Token&& token = {})
    {
        return async_transfer(native().write(from, to), std::forward<Token>(token));
    }

    /// Brings far memory here.
    ///
    /// @par Per-operation cancellation
    /// As async_write().
    template <class Token = ::boost::asio::default_completion_token_t<executor_type>>
    auto async_read(buffer_slice into, window_place from, const transfer_options& options, Token&& token = {})
    {
        return async_transfer(native().read(into, from, options), std::forward<Token>(token));
    }
    template <::boost::asio::completion_token_for<void(error_code, std::size_t)> Token =
                  ::boost::asio::default_completion_token_t<executor_type>>
    auto async_read(buffer_slice into, window_place from, Token&& token = {})
    {
        return async_transfer(native().read(into, from), std::forward<Token>(token));
    }

    /// Any transfer of native(), such as one by address or through a channel_lease.
    ///
    /// @par Per-operation cancellation
    /// As async_write().
    template <::boost::asio::completion_token_for<void(error_code, std::size_t)> Token =
                  ::boost::asio::default_completion_token_t<executor_type>>
    auto async_transfer(transfer what, Token&& token = {})
    {
        return ::boost::asio::async_initiate<Token, void(error_code, std::size_t)>(
            initiate{executor_, body_.get()}, token, what);
    }

private:
    struct initiate {
        using executor_type = Executor;
        executor_type get_executor() const noexcept { return executor; }

        template <class Handler>
        void operator()(Handler&& handler, const transfer& what) const
        {
            detail::transfer_operation<std::decay_t<Handler>, Executor>::start(
                *body, executor, what, std::forward<Handler>(handler));
        }

        Executor executor;
        detail::device_body* body;
    };

    executor_type executor_;
    std::unique_ptr<detail::device_body> body_;
};

/// A device with the executor that suits any io_context.
using device = basic_device<>;

} // namespace cf::asio
