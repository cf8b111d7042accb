// SPDX-License-Identifier: MIT
//
// duplex: one stream in each direction, run as one.
#pragma once

#include <counterflow/detail/awaitable.hpp>
#include <counterflow/read_stream.hpp>
#include <counterflow/stage.hpp>
#include <counterflow/task.hpp>
#include <counterflow/when_all.hpp>
#include <counterflow/write_stream.hpp>

#include <cstddef>
#include <span>
#include <utility>

namespace cf {

/// A read_stream and a write_stream whose work is done side by side: while one waits for its far end, its
/// file or its program, the other goes on. Either ends when its side does; an error of one stops both.
class duplex {
public:
    duplex(read_stream in, write_stream out) noexcept : in_(std::move(in)), out_(std::move(out)) {}

    read_stream& in() noexcept { return in_; }
    write_stream& out() noexcept { return out_; }

    /// Calls `fill(std::span<std::byte>)` for each empty block; it returns how many bytes it has written
    /// there, or something to await for that, and 0 at the end, after which what was sent is drained. Calls
    /// `take(block)` for each block that comes, and awaits what that returns. Ends when both have ended.
    template <class Fill, class Take>
    task<> run(Fill fill, Take take)
    {
        co_await when_all(send(fill), in_ | into(std::ref(take)));
    }

    /// Closes both, at the same time. Yields what there was in each: read first.
    task<std::pair<stream_remains, stream_remains>> close(stream_end how = stream_end::drain)
    {
        auto [read, written] = co_await when_all(in_.close(how), out_.close(how));
        co_return std::pair(read, written);
    }

private:
    template <class Fill>
    task<> send(Fill& fill)
    {
        for (;;) {
            block b = co_await out_.acquire();
            std::size_t size = 0;
            if constexpr (detail::awaitable<std::invoke_result_t<Fill&, std::span<std::byte>>>)
                size = co_await fill(b.bytes());
            else
                size = fill(b.bytes());
            if (size == 0) break;
            out_.send(std::move(b), size);
        }
        co_await out_.close();
    }

    read_stream in_;
    write_stream out_;
};

} // namespace cf
