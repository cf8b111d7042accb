// SPDX-License-Identifier: MIT
//
// block_awaiter: a wait for a block, filled or empty. For read_stream and write_stream.
#pragma once

#include <counterflow/block.hpp>
#include <counterflow/detail/export.hpp>
#include <counterflow/detail/intrusive_list.hpp>
#include <counterflow/detail/loop.hpp>
#include <counterflow/detail/stop_state.hpp>
#include <counterflow/error.hpp>
#include <counterflow/result.hpp>

#include <coroutine>
#include <cstdint>
#include <optional>

namespace cf::detail {

class CF_API block_awaiter : list_node {
public:
    explicit block_awaiter(stream_core& stream) noexcept : stream_(&stream) {}
    block_awaiter(const block_awaiter&) = delete;
    block_awaiter& operator=(const block_awaiter&) = delete;
    ~block_awaiter()
    {
        if (got_ != nullptr) give_back(*got_);
    }

    bool await_ready() noexcept;
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> waiter) noexcept
    {
        return suspend(waiter, stop_state_of(waiter));
    }

    enum class outcome : std::uint8_t { waiting, got, ended, failed, canceled };

protected:
    outcome how() const noexcept { return how_; }
    block take() noexcept
    {
        block_state& got = *got_;
        got_ = nullptr;
        return block(got);
    }
    /// Why there is none: the stream's failure, or canceled.
    [[gnu::cold]] failure why(const char* what) const;

private:
    friend class stream_core;
    template <class T>
    friend class intrusive_list;

    bool suspend(std::coroutine_handle<> waiter, stop_state* stop) noexcept;
    void wake(outcome how) noexcept;

    struct hook : stop_hook {
        block_awaiter* self = nullptr;
    } hook_;
    stream_core* stream_;
    resumable waiter_{};
    block_state* got_ = nullptr; ///< ours until taken
    outcome how_ = outcome::waiting;
};

class next_awaiter : public block_awaiter {
public:
    using block_awaiter::block_awaiter;

    std::optional<block> await_resume()
    {
        if (how() == outcome::got) [[likely]]
            return take();
        if (how() == outcome::ended) return std::nullopt;
        throw error(why("next block"));
    }
    result<std::optional<block>> await_resume_result()
    {
        if (how() == outcome::got) [[likely]]
            return std::optional<block>(take());
        if (how() == outcome::ended) return std::optional<block>();
        return why("next block");
    }
};

class acquire_awaiter : public block_awaiter {
public:
    using block_awaiter::block_awaiter;

    block await_resume()
    {
        if (how() == outcome::got) [[likely]]
            return take();
        throw error(why("empty block"));
    }
    result<block> await_resume_result()
    {
        if (how() == outcome::got) [[likely]]
            return take();
        return why("empty block");
    }
};

} // namespace cf::detail
