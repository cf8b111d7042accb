// SPDX-License-Identifier: MIT
//
// stream_core: what stands behind a stream of either direction: its memory in berths, who waits for one, the
// transfers of its lanes, and its end. Lives until its handle is gone, all blocks are back and no lane is at
// work; at the latest to the end of its loop. All of it belongs to the loop's thread.
#pragma once

#include "stream/lane.hpp"
#include "stream/lines.hpp"
#include <counterflow/as_result.hpp>
#include <counterflow/block.hpp>
#include <counterflow/detail/block_awaiter.hpp>
#include <counterflow/device.hpp>
#include <counterflow/event.hpp>
#include <counterflow/stream.hpp>
#include <counterflow/time.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace cf::detail {

/// A block's place in near memory, and what becomes of the block in it.
struct berth : block_state {
    enum class use : std::uint8_t {
        empty,
        leased,
        queued, ///< sent, and not on the link yet
        moving, ///< on the link
        moved,  ///< off the link; of a ring that is overwritten, not known to be whole yet
        ready,  ///< to be handed out
        lost,
    };

    lane body;
    berth* next = nullptr; ///< in order of numbers, or among the empty ones
    use state = use::empty;
    bool stale = false;     ///< its number is of a counting that the source has left
    bool restarts = false;  ///< its number is the first of a new counting
    std::uint64_t look = 0; ///< position reads begun when it was read
    failure why;            ///< why it is lost, if a transfer failed
    block carried;          ///< of another stream, sent in the place of this one
};

/// Berths in order of their blocks' numbers.
class berth_queue {
public:
    berth* front() const noexcept { return first_; }
    bool empty() const noexcept { return first_ == nullptr; }
    void push(berth& b) noexcept
    {
        b.next = nullptr;
        *last_ = &b;
        last_ = &b.next;
    }
    berth& pop() noexcept
    {
        berth& b = *first_;
        first_ = b.next;
        if (first_ == nullptr) last_ = &first_;
        return b;
    }

private:
    berth* first_ = nullptr;
    berth** last_ = &first_;
};

class stream_core : public leftover {
public:
    /// Where blocks go to or come from.
    struct target {
        window_place place;
        ring_geometry geometry; ///< without a header when it is a fixed place
        bool ring = false;
    };

    stream_core(const stream_core&) = delete;
    stream_core& operator=(const stream_core&) = delete;
    ~stream_core() override;

    static target of(const far_ring& ring) noexcept { return {ring.place, ring.geometry, true}; }
    static target of(const fixed_place& fixed) noexcept;

    std::uint32_t block_bytes() const noexcept { return target_.geometry.block_bytes; }
    const stream_statistics& counters() const noexcept { return counters_; }
    stream_remains remains() const noexcept;

    // Who waits.
    bool take(block_awaiter& a) noexcept; ///< without a wait, if it can be
    void enqueue(block_awaiter& a) noexcept { waiting_.push_back(a); }
    loop& home() noexcept { return loop_; }
    const failure& why_failed() const noexcept { return failure_; }

    /// A lease ends.
    void give_back(berth& b) noexcept;
    /// The stream's handle is gone.
    void orphan() noexcept;

    /// Waits until no lane is at work; obeys no stop request.
    class quiet_awaiter;
    quiet_awaiter quiet() noexcept;

protected:
    enum class phase : std::uint8_t {
        running,
        draining, ///< nothing new begins
        failed,   ///< likewise, and failure_ is what waiters get
        aborted,  ///< likewise, and transfers were asked to stop
    };

    /// So often in a row; a line that makes no sense may have been read at a bad moment, or out of somebody's
    /// cache.
    static constexpr unsigned strange_max = 4;

    stream_core(device& dev, transfer_kind kind, const target& t, const stream_options& options);

    /// After anything has changed: whatever can go on goes on.
    void settle() noexcept;
    void abort() noexcept;
    void fail(failure why) noexcept;

    std::span<berth> berths() noexcept { return {berths_.get(), count_}; }
    void wake(lane& l) noexcept
    {
        if (l.at_work()) return;
        ++working_;
        l.wake(loop_);
    }
    void rest(lane& l) noexcept; ///< settles, too
    void empty(berth& b) noexcept;
    void lease(berth& b, block_awaiter& to) noexcept;
    void wake_all(block_awaiter::outcome how) noexcept;

    std::byte* peer_line() const noexcept { return memory_.data(); }
    std::byte* own_line() const noexcept { return memory_.data() + line_bytes; }
    cf::transfer read_line(std::size_t of_header) const noexcept;
    cf::transfer write_line(std::size_t of_header) const noexcept;
    cf::transfer move(const berth& b) const noexcept;
    /// Whether the transfer of a block, or of a line, that failed `attempt` times before is to be repeated.
    bool again(const failure& why, unsigned attempt) const noexcept;
    bool line_again(const failure& why, unsigned attempt) const noexcept;
    /// Asked for something that cannot be, stopped, or nobody left to ask: no rule goes on from there.
    static bool hopeless(const std::error_code& code) noexcept;
    bool stops_at_errors() const noexcept { return options_.on_error == stream_error::stop; }
    /// Nothing is handed out or sent any more.
    bool dead() const noexcept { return phase_ == phase::failed || phase_ == phase::aborted; }

    static void count(block_count& c, const block_state& b) noexcept
    {
        ++c.blocks;
        c.bytes += b.bytes;
    }

    loop& loop_;
    const stream_options options_;
    const target target_;
    const transfer_kind kind_;
    phase phase_ = phase::running;
    stop_state stop_;
    stream_statistics counters_;
    failure failure_;
    intrusive_list<block_awaiter> waiting_;
    berth* empty_ = nullptr; ///< first of the empty ones
    berth_queue order_;      ///< those with numbers: from their start to their end here
    unsigned in_flight_ = 0;
    unsigned leased_ = 0;
    std::size_t alignment_;

private:
    struct reaper : deferred {
        stream_core* core = nullptr;
    };
    struct quiet_node : list_node {
        resumable waiter{};
    };

    void let_go() noexcept;
    cf::transfer make(transfer_kind kind, region* memory, std::size_t offset, std::size_t size,
                      std::uint64_t at, cf::priority priority) const noexcept;

    buffer memory_; ///< two lines, then the berths
    std::unique_ptr<berth[]> berths_;
    std::size_t count_;
    unsigned working_ = 0; ///< lanes
    bool orphaned_ = false;
    intrusive_list<quiet_node> quiet_;
    reaper reaper_;
};

class stream_core::quiet_awaiter {
public:
    explicit quiet_awaiter(stream_core& core) noexcept : core_(core) {}
    quiet_awaiter(const quiet_awaiter&) = delete;
    quiet_awaiter& operator=(const quiet_awaiter&) = delete;

    bool await_ready() const noexcept { return core_.working_ == 0; }
    void await_suspend(std::coroutine_handle<> waiter) noexcept
    {
        node_.waiter.handle = waiter;
        core_.quiet_.push_back(node_);
    }
    void await_resume() const noexcept {}

private:
    stream_core& core_;
    quiet_node node_;
};

inline stream_core::quiet_awaiter stream_core::quiet() noexcept { return quiet_awaiter(*this); }

} // namespace cf::detail
