// SPDX-License-Identifier: MIT
//
// shim::engine: transfers on an open session, by the session's way. Used like the user-space driver: segments
// are pushed to a channel, flush() follows at the end of the loop's tick, and each segment is told of exactly
// once. For the device façade.
//
//   uring_cmd  push() writes the segment into a slot that the kernel has mapped and fills in an SQE
//   rw         push() fills in an SQE
//   ring       push() notes the segment, flush() hands all of them over in one call; an eventfd tells of
//              completions, which are read without one
//
// With the first two a segment's CQE resumes its operation, whose memory therefore outlives an engine that
// stops under it. Nothing here allocates or locks after construction, and nothing depends on how many
// segments are outstanding. Thread rule: the runtime's.
#pragma once

#include "runtime/io_operation.hpp"
#include "shim/session.hpp"
#include "shim/status.hpp"
#include <counterflow/detail/loop.hpp>

#include <atomic>
#include <memory>
#include <utility>
#include <vector>

namespace cf::shim {

/// A contiguous piece of a transfer: near memory as session::add() names it, far memory by CF_POSITION().
struct segment {
    std::uint64_t near;
    std::uint64_t far;
    std::uint32_t size;
    void* owner; ///< comes back with the outcome, and is what cancel() names; never null
};

struct channel_statistics {
    std::uint64_t segments = 0; ///< ended
    std::uint64_t bytes = 0;    ///< of those that were moved
    std::uint64_t aborts = 0;   ///< the others
};

class channel;
class desk;
class engine;

/// One segment that the kernel has.
struct operation : detail::pseudo_frame {
    desk* home = nullptr;
    channel* at = nullptr;
    void* owner = nullptr; ///< null: free, or nobody waits for it any more
    std::uint32_t size = 0;
    std::uint32_t number = 0;  ///< in desk::operations; of its slot, and its tag less one, as no tag is 0
    bool unwanted = false;     ///< it was canceled, perhaps before the kernel had it
    operation* next = nullptr; ///< of those that are free, or refused
};

/// What the kernel may still come back to: the session, the operations. An engine that is destroyed with
/// completions to come leaves it with the loop, which destroys it after the last one, or at its own end.
class desk : public detail::leftover {
public:
    explicit desk(std::shared_ptr<session> s);

    /// The CQE of an operation that nobody waits for any more has come.
    void forget() noexcept;

    std::shared_ptr<session> file;
    std::unique_ptr<operation[]> operations; ///< those of writes, then those of reads
    std::uint32_t orphans = 0;               ///< operations whose CQE is to come and whose engine is gone
};

/// What segments of one direction are pushed to: whichever hardware channel the kernel finds least busy, or
/// a leased one.
class channel {
public:
    /// How many segments push() takes now.
    std::size_t space() const noexcept { return *free_count_; }
    std::size_t outstanding() const noexcept { return outstanding_; }
    std::uint64_t outstanding_bytes() const noexcept { return outstanding_bytes_; }
    const channel_statistics& statistics() const noexcept { return statistics_; }

    /// Appends a segment. Precondition: space() > 0. It is the kernel's after the next flush() and the tick
    /// that it stands in.
    void push(const segment& s) noexcept;

    /// Takes the hardware channel for this session alone. Throws cf::error: busy, device_gone.
    void take();
    void give_back() noexcept;

private:
    friend class engine;

    engine* engine_ = nullptr;
    std::uint16_t direction_ = 0; ///< CF_WRITE or CF_READ
    unsigned index_ = 0;          ///< of the hardware channel, when it can be leased
    std::uint32_t lease_ = 0;
    std::size_t* free_count_ = nullptr;
    std::size_t outstanding_ = 0;
    std::uint64_t outstanding_bytes_ = 0;
    channel_statistics statistics_;
};

class engine {
public:
    /// `sink` has `void ended(void* owner, errc result) noexcept`, which is called from the loop and from
    /// flush(), and may push(). Throws cf::error.
    template <class Sink>
    engine(detail::loop& l, std::shared_ptr<session> s, Sink& sink) : engine(l, std::move(s))
    {
        sink_ = &sink;
        for (std::uint32_t i = 0; i < 2 * operations_each; ++i)
            desk_->operations[i].resume = &completed<Sink>;
        if (file().event() >= 0)
            watch_ = detail::fd_watch(
                loop_, file().event(),
                [](void* self) noexcept {
                    auto& e = *static_cast<engine*>(self);
                    e.drain(*static_cast<Sink*>(e.sink_));
                },
                this);
    }
    engine(const engine&) = delete;
    engine& operator=(const engine&) = delete;
    ~engine();

    /// Number 0 of a direction (CF_WRITE, CF_READ) leaves the choice to the kernel; the others are the
    /// hardware's channels, to be taken before they are used.
    std::vector<channel>& channels(std::uint16_t direction) noexcept
    {
        return channels_[direction == CF_READ];
    }

    /// At the end of a tick: what was pushed becomes the kernel's. True: call it again at the end of the
    /// next tick.
    template <class Sink>
    bool flush(Sink& sink) noexcept;

    /// Asks for the end of the segments of `owner`. Each is still told of once, when the kernel says that the
    /// hardware is past it. Nothing is asked with kernel_way::rw, whose transfers have no name.
    void cancel(const void* owner) noexcept;

    /// Ends everything, and waits until the kernel says that the hardware is past it, or cannot be asked
    /// any more. What was not told of before ends with errc::device_gone.
    template <class Sink>
    void stop(Sink& sink) noexcept;

private:
    friend class channel;

    engine(detail::loop& l, std::shared_ptr<session> s);

    struct pool {
        operation* free = nullptr;
        std::size_t count = 0;
    };

    session& file() noexcept { return *desk_->file; }
    void push(channel& c, const segment& s) noexcept;
    cf_transfer describe(const operation& op, const segment& s) noexcept;
    bool fill_entry(const operation& op, const segment& s) noexcept;
    std::size_t submit(std::size_t first) noexcept;
    void cancel_again() noexcept;
    void await_end() noexcept;
    void* take_back(operation& op, errc result) noexcept;

    /// What a CQE resumes.
    template <class Sink>
    static void completed(void* frame) noexcept
    {
        auto& op = *static_cast<operation*>(static_cast<detail::pseudo_frame*>(frame));
        if (op.owner == nullptr) return op.home->forget();
        const std::int32_t value = detail::this_thread.answer.value;
        errc result{};
        if (value != static_cast<std::int32_t>(op.size)) [[unlikely]]
            result = value < 0 ? to_errc(-value) : errc::aborted;
        engine& e = *op.at->engine_;
        static_cast<Sink*>(e.sink_)->ended(e.take_back(op, result), result);
    }
    template <class Sink>
    void end(operation& op, errc result, Sink& sink) noexcept
    {
        sink.ended(take_back(op, result), result);
    }
    template <class Sink>
    void drain(Sink& sink) noexcept;
    template <class Sink>
    void submit_batch(Sink& sink) noexcept;

    detail::loop& loop_;
    void* sink_ = nullptr;
    std::unique_ptr<desk> desk_;
    pool pools_[2]; ///< of writes, of reads
    std::vector<channel> channels_[2];
    detail::fd_watch watch_;
    std::vector<cf_transfer> batch_; ///< with kernel_way::ring: pushed since the last flush
    operation* refused_ = nullptr;   ///< there was no memory for their submission entries
    unsigned cancel_in_ = 0;         ///< flushes until operations canceled too early are canceled again
    int submit_error_ = 0;           ///< of the last submit()
};

// --- what the sink is inlined into -----------------------------------------------------------

template <class Sink>
void engine::drain(Sink& sink) noexcept
{
    cf_ring& ring = *file().ring();
    const cf_completion* const completions = file().completions();
    std::uint32_t head = ring.head;
    while (head != std::atomic_ref(ring.tail).load(std::memory_order_acquire)) {
        const cf_completion& done = completions[head & (ring.entries - 1)];
        operation& op = desk_->operations[done.tag - 1];
        const errc result = status_to_errc(done.status);
        std::atomic_ref(ring.head).store(++head, std::memory_order_release); // `done` is the kernel's again
        end(op, result, sink);
    }
}

/// A transfer that the kernel refuses ends here, and those behind it are tried.
template <class Sink>
void engine::submit_batch(Sink& sink) noexcept
{
    for (std::size_t done = 0; done < batch_.size();) {
        done += submit(done);
        if (submit_error_ == 0) continue;
        end(desk_->operations[batch_[done].tag - 1], to_errc(submit_error_), sink);
        ++done;
    }
    batch_.clear();
}

template <class Sink>
bool engine::flush(Sink& sink) noexcept
{
    if (!batch_.empty()) submit_batch(sink);
    while (operation* const op = refused_) {
        refused_ = op->next;
        end(*op, errc::no_memory, sink);
    }
    if (cancel_in_ == 0) return false;
    if (--cancel_in_ == 0) cancel_again();
    return cancel_in_ != 0;
}

template <class Sink>
void engine::stop(Sink& sink) noexcept
{
    await_end();
    if (file().way() == kernel_way::ring) {
        for (const cf_transfer& t : batch_) end(desk_->operations[t.tag - 1], errc::device_gone, sink);
        batch_.clear();
        while (pools_[0].count + pools_[1].count < 2 * operations_each) {
            drain(sink);
            loop_.pause();
        }
        return;
    }
    while (operation* const op = refused_) {
        refused_ = op->next;
        end(*op, errc::device_gone, sink);
    }
    for (std::uint32_t i = 0; i < 2 * operations_each; ++i) {
        operation& op = desk_->operations[i];
        if (op.owner == nullptr) continue;
        ++desk_->orphans;
        void* const owner = std::exchange(op.owner, nullptr);
        sink.ended(owner, errc::device_gone);
    }
}

} // namespace cf::shim
