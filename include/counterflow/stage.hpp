// SPDX-License-Identifier: MIT
//
// stage: what is done with the blocks of a stream on their way, composed with | in one expression:
//
//     co_await (in | cf::transform(scale) | cf::tee(checksum) | cf::into(out));
//
// Blocks are handed on, never copied. A block costs a recycled coroutine frame a stage, and no allocation.
#pragma once

#include <counterflow/block.hpp>
#include <counterflow/detail/awaitable.hpp>
#include <counterflow/run_on.hpp>
#include <counterflow/runtime.hpp>
#include <counterflow/task.hpp>
#include <counterflow/time.hpp>
#include <counterflow/write_stream.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace cf {

/// Something whose next() is awaited for a std::optional, empty at the end: a read_stream, or one with stages
/// behind it.
template <class S>
concept source =
    detail::awaitable<decltype(std::declval<std::remove_reference_t<S>&>().next())> &&
    requires(detail::await_result_t<decltype(std::declval<std::remove_reference_t<S>&>().next())> item) {
        *item;
        item.has_value();
    };

namespace detail {

/// What `source.next()` yields.
template <class S>
using item_of =
    typename await_result_t<decltype(std::declval<std::remove_reference_t<S>&>().next())>::value_type;

/// Calls f, and awaits what that returns if it can be awaited. Mentions nothing of the caller's frame but its
/// arguments, so it may run on another thread's runtime.
template <class F, class... Args>
task<> call(F& f, Args&&... args)
{
    if constexpr (awaitable<std::invoke_result_t<F&, Args...>>) {
        co_await std::invoke(f, std::forward<Args>(args)...);
    } else {
        std::invoke(f, std::forward<Args>(args)...);
        co_return;
    }
}

/// Where a stage's blocks come from; an lvalue is used in place, an rvalue taken along.
template <class S>
struct upstream {
    S from;
};

template <class S, class F>
class transform_stage : upstream<S> {
public:
    transform_stage(S&& s, F f, runtime* there)
        : upstream<S>{std::forward<S>(s)}, f_(std::move(f)), there_(there)
    {
    }
    task<std::optional<item_of<S>>> next()
    {
        std::optional<item_of<S>> item = co_await this->from.next();
        if (item) {
            if (there_ != nullptr)
                co_await run_on(*there_, call(f_, *item));
            else
                co_await call(f_, *item);
        }
        co_return item;
    }

private:
    F f_;
    runtime* there_;
};

/// Numbers the parts; Cut says whether a new one begins with this block.
template <class S, class Cut>
class split_stage : upstream<S> {
public:
    split_stage(S&& s, Cut cut) : upstream<S>{std::forward<S>(s)}, cut_(cut) {}
    task<std::optional<block>> next()
    {
        std::optional<block> b = co_await this->from.next();
        if (b) {
            if (cut_.before(*b)) ++part_;
            b->set_part(part_);
        }
        co_return b;
    }

private:
    Cut cut_;
    std::uint32_t part_ = 0;
};

class cut_by_bytes {
public:
    explicit cut_by_bytes(std::uint64_t most) noexcept : most_(most) {}
    bool before(const block& b) noexcept
    {
        const bool cut = in_part_ > 0 && in_part_ + b.size() > most_;
        in_part_ = (cut ? 0 : in_part_) + b.size();
        return cut;
    }

private:
    std::uint64_t most_;
    std::uint64_t in_part_ = 0;
};

class cut_by_time {
public:
    explicit cut_by_time(clock::duration length) noexcept : length_(length) {}
    bool before(const block& b) noexcept
    {
        if (!begin_) begin_ = b.timestamp();
        if (b.timestamp() - *begin_ < length_) return false;
        begin_ = b.timestamp();
        return true;
    }

private:
    clock::duration length_;
    std::optional<clock::time_point> begin_;
};

template <class S>
class batch_stage : upstream<S> {
public:
    batch_stage(S&& s, std::size_t count) : upstream<S>{std::forward<S>(s)}, count_(count < 1 ? 1 : count)
    {
        blocks_.reserve(count_);
    }
    task<std::optional<std::span<block>>> next()
    {
        blocks_.clear();
        while (blocks_.size() < count_) {
            std::optional<block> b = co_await this->from.next();
            if (!b) break;
            blocks_.push_back(std::move(*b));
        }
        if (blocks_.empty()) co_return std::nullopt;
        co_return std::span<block>(blocks_);
    }

private:
    std::size_t count_;
    std::vector<block> blocks_;
};

/// What stands behind a |, until it knows what stands before: `make(source)`.
template <class Make>
struct stage_maker {
    Make make;
};
template <class Make>
stage_maker(Make) -> stage_maker<Make>;

template <class S, class F>
task<> pour(S from, F f)
{
    for (;;) {
        auto item = co_await from.next();
        if (!item) break;
        co_await call(f, std::move(*item));
    }
}

} // namespace detail

/// What `from` yields, with `stage` done to it. A task<> where the stage is into(): await it.
template <source S, class Make>
auto operator|(S&& from, detail::stage_maker<Make> stage)
{
    return stage.make(std::forward<S>(from));
}

/// Calls f(block&) for each block, which may change its bytes in place and shrink() it, and return something
/// to await.
template <class F>
auto transform(F f)
{
    return detail::stage_maker{[f = std::move(f)]<class S>(S&& from) mutable {
        return detail::transform_stage<S, F>(std::forward<S>(from), std::move(f), nullptr);
    }};
}

/// The same on another thread's runtime, which must be running: see run_on(). f may touch the block's bytes
/// and shrink it; it must not move the block.
template <class F>
auto transform_on(runtime& there, F f)
{
    return detail::stage_maker{[f = std::move(f), &there]<class S>(S&& from) mutable {
        return detail::transform_stage<S, F>(std::forward<S>(from), std::move(f), &there);
    }};
}

/// Shows each block to f(const block&), awaits what that returns, and hands the block on.
template <class F>
auto tee(F f)
{
    return transform([f = std::move(f)](auto& item) mutable { return std::invoke(f, std::as_const(item)); });
}

/// Counts parts of at most `bytes` of payload, for block::part(): a block that does not fit begins the next.
inline auto split_by_bytes(std::uint64_t bytes)
{
    return detail::stage_maker{[bytes]<class S>(S&& from) {
        return detail::split_stage<S, detail::cut_by_bytes>(std::forward<S>(from),
                                                            detail::cut_by_bytes(bytes));
    }};
}

/// Counts parts of `length`, by the blocks' timestamps and from a part's first.
inline auto split_by_time(clock::duration length)
{
    return detail::stage_maker{[length]<class S>(S&& from) {
        return detail::split_stage<S, detail::cut_by_time>(std::forward<S>(from),
                                                           detail::cut_by_time(length));
    }};
}

/// Yields std::span<block> of `count` blocks, fewer at the end. They may be moved out; what is left in it
/// goes back when the next batch is asked for. The stream needs more than `count` blocks of memory.
inline auto batch(std::size_t count)
{
    return detail::stage_maker{
        [count]<class S>(S&& from) { return detail::batch_stage<S>(std::forward<S>(from), count); }};
}

/// Hands each block, or batch, to f, awaits what that returns, and ends at the end of the source. A task<>.
template <class F>
auto into(F f)
{
    return detail::stage_maker{[f = std::move(f)]<class S>(S&& from) mutable {
        return detail::pour<S, F>(std::forward<S>(from), std::move(f));
    }};
}

/// Sends each block from where it lies by `out`, which has to be of the same device and outlive the task;
/// closes neither. A task<>.
inline auto into(write_stream& out)
{
    return into([&out](block b) { return out.forward(std::move(b)); });
}

} // namespace cf
