// SPDX-License-Identifier: MIT
//
// basic_read_stream, basic_write_stream: streams as I/O objects of a Boost.Asio io_context.
#pragma once

#include <counterflow/asio/await.hpp>
#include <counterflow/asio/detail/stream_object.hpp>
#include <counterflow/block.hpp>
#include <counterflow/read_stream.hpp>
#include <counterflow/write_stream.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <optional>
#include <utility>

namespace cf::asio {

/// A cf::read_stream in the io_context of its device. Operations keep the promises of basic_device's and
/// have the cancellation types of async_await(). The stream reads ahead while any operation is under way in
/// its io_context. Move-only; outlived by its device. Blocks may be destroyed anywhere on the io_context's
/// thread.
template <class Executor = ::boost::asio::any_io_executor>
class basic_read_stream : public detail::stream_object<cf::read_stream, Executor> {
    using base = detail::stream_object<cf::read_stream, Executor>;
    using error_code = ::boost::system::error_code;

public:
    template <class Other>
    struct rebind_executor {
        using other = basic_read_stream<Other>;
    };

    using base::base;

    /// Waits for the next block: `void(error_code, std::optional<block>)`, empty when the source has ended,
    /// the stream was closed, or with an error, which is what cf::read_stream::next() throws.
    ///
    /// @par Per-operation cancellation
    /// - terminal, partial: the wait ends, with errc::canceled, and nothing else; no block is lost by it.
    /// - total: not supported.
    template <::boost::asio::completion_token_for<void(error_code, std::optional<block>)> Token =
                  ::boost::asio::default_completion_token_t<Executor>>
    auto async_read_block(Token&& token = {})
    {
        return async_await(this->get_executor(), this->native().next(), std::forward<Token>(token));
    }
};

/// A cf::write_stream in the io_context of its device, likewise. What was sent goes on its way while any
/// operation is under way in the io_context: async_flush() and async_close() are such.
template <class Executor = ::boost::asio::any_io_executor>
class basic_write_stream : public detail::stream_object<cf::write_stream, Executor> {
    using base = detail::stream_object<cf::write_stream, Executor>;
    using error_code = ::boost::system::error_code;

public:
    template <class Other>
    struct rebind_executor {
        using other = basic_write_stream<Other>;
    };

    using base::base;

    /// Waits for an empty block: `void(error_code, block)`, which with an error is empty.
    ///
    /// @par Per-operation cancellation
    /// - terminal, partial: the wait ends, with errc::canceled, and nothing else.
    /// - total: not supported.
    template <::boost::asio::completion_token_for<void(error_code, block)> Token =
                  ::boost::asio::default_completion_token_t<Executor>>
    auto async_acquire_block(Token&& token = {})
    {
        return async_await(this->get_executor(), this->native().acquire(), std::forward<Token>(token));
    }

    /// cf::write_stream::send(), which does not wait.
    void send(block&& filled, std::size_t size) { this->native().send(std::move(filled), size); }
    void send(block&& filled) { this->native().send(std::move(filled)); }

    /// Waits until everything sent so far is in far memory and announced: `void(error_code)`.
    ///
    /// @par Per-operation cancellation
    /// - terminal, partial: the wait ends, with errc::canceled, and nothing else.
    /// - total: not supported.
    template <::boost::asio::completion_token_for<void(error_code)> Token =
                  ::boost::asio::default_completion_token_t<Executor>>
    auto async_flush(Token&& token = {})
    {
        return async_await(this->get_executor(), this->native().flush(), std::forward<Token>(token));
    }
};

/// Streams with the executor that suits any io_context.
using read_stream = basic_read_stream<>;
using write_stream = basic_write_stream<>;

} // namespace cf::asio
