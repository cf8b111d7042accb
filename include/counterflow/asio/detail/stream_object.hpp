// SPDX-License-Identifier: MIT
//
// stream_object: what streams of both directions are as I/O objects.
#pragma once

#include <counterflow/asio/await.hpp>
#include <counterflow/asio/device.hpp>
#include <counterflow/ring.hpp>
#include <counterflow/stream.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <utility>

namespace cf::asio::detail {

/// Native is cf::read_stream or cf::write_stream.
template <class Native, class Executor>
class stream_object {
public:
    using executor_type = Executor;

    /// As Native's. A ring is made or found by `async_await(io, cf::open_ring(dev.native(), place))`.
    stream_object(basic_device<Executor>& dev, const far_ring& ring, const stream_options& options = {})
        : executor_(dev.get_executor()), native_(dev.native(), ring, options)
    {
    }
    stream_object(basic_device<Executor>& dev, const fixed_place& place, const stream_options& options = {})
        : executor_(dev.get_executor()), native_(dev.native(), place, options)
    {
    }

    executor_type get_executor() const noexcept { return executor_; }
    Native& native() noexcept { return native_; }

    std::size_t block_bytes() const noexcept { return native_.block_bytes(); }
    stream_statistics statistics() const noexcept { return native_.statistics(); }

    /// Native's close(): `void(error_code, stream_remains)`.
    ///
    /// @par Per-operation cancellation
    /// - terminal, partial: of a write stream, draining becomes aborting; a read stream ignores them.
    /// - total: not supported.
    template <::boost::asio::completion_token_for<void(::boost::system::error_code, stream_remains)> Token =
                  ::boost::asio::default_completion_token_t<executor_type>>
    auto async_close(stream_end how, Token&& token = {})
    {
        return async_await(executor_, native_.close(how), std::forward<Token>(token));
    }

private:
    executor_type executor_;
    Native native_;
};

} // namespace cf::asio::detail
