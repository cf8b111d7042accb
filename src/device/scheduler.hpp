// SPDX-License-Identifier: MIT
//
// scheduler: decides for one kind of transfer (write or read) which task's bytes go to which
// hardware channel next. Small transfers go straight to a channel; what does not fit waits in
// the backlog, is cut into segments and served in turns, so that a long transfer does not hold up
// short ones and no task starves.
#pragma once

#include "device/backlog.hpp"
#include "device/lane.hpp"
#include <counterflow/detail/transfer_state.hpp>
#include <counterflow/statistics.hpp>
#include <counterflow/transfer.hpp>

#include <cstdint>
#include <vector>

namespace cf::detail {

/// A channel that serves this kind of transfer.
struct served_channel {
    lane hardware;
    unsigned number;            ///< index into device_info::channels
    bool by_lease_only = false; ///< the kernel module chooses another one's by itself
    std::uint16_t bit = 0;      ///< in transfer_state::channels
    bool leased = false;        ///< by a lease, or by transfers that outlive theirs
    bool open = true;           ///< to everybody's transfers
    bool lease_ended = false;
    bool unflushed = false;  ///< pushed to since the last flush
    std::uint64_t ahead = 0; ///< bytes it may be given in advance
    std::uint64_t bound = 0; ///< transfers started through the lease that have not ended
    backlog waiting{};       ///< those of them that wait
};

class scheduler {
public:
    /// `in_engine_bytes` bounds what the engine is given in advance: enough to bridge a wake-up
    /// of the program, little enough that cancelling and taking turns stay prompt. The channels that
    /// everybody uses share it, or the wait would grow with their number; a leased one has as much.
    void configure(std::uint64_t in_engine_bytes, std::uint32_t segment_bytes) noexcept
    {
        in_engine_bytes_ = in_engine_bytes;
        segment_bytes_ = segment_bytes;
        share_out();
    }
    void add(served_channel channel)
    {
        channel.bit = static_cast<std::uint16_t>(1u << channels_.size());
        channels_.push_back(channel);
        turn_ = channels_.data();
    }
    std::vector<served_channel>& channels() noexcept { return channels_; }

    /// Takes a checked transfer: hands all of it to a channel when one has room and nobody
    /// waits, else queues it. The caller sees to it that flush() follows.
    void start(transfer_state& t) noexcept
    {
        if (waiting_ == 0 && t.remaining <= segment_bytes_ && t.channel == any_channel) [[likely]] {
            if (served_channel* const c = channel_with_room()) {
                hand_over(t, *c);
                return;
            }
        }
        enqueue(t);
    }

    /// Moves waiting transfers to channels as far as there is room.
    void pump() noexcept;
    /// Publishes what was handed over since the last flush; one doorbell a channel at most.
    void flush(std::uint64_t now_ns) noexcept;

    /// Takes the bytes not yet handed over out of the queue; they will not be moved.
    void forget_remaining(transfer_state& t) noexcept;
    /// Asks the channels that may have some of `t` to skip what the engine has not reached. `t` has
    /// failed already.
    void drop(const transfer_state& t) noexcept;

    /// Another channel is still free for everybody.
    void lease(served_channel& c) noexcept;
    /// The channel is given back as soon as none of its lease's transfers is left.
    void end_lease(served_channel& c) noexcept;
    /// `t` has ended, and was started through a lease.
    void end_bound(const transfer_state& t) noexcept;

    /// Transfers that wait for room in the engine, in whole or in part.
    std::uint64_t waiting() const noexcept { return waiting_; }
    /// Any of them, or null.
    transfer_state* first_waiting() noexcept;

private:
    bool has_room(const served_channel& c) const noexcept { return c.hardware.has_room(c.ahead); }
    served_channel* channel_with_room() noexcept
    {
        served_channel* const first = channels_.data();
        served_channel* const end = first + channels_.size();
        served_channel* const start = turn_;
        do {
            if (++turn_ >= end) turn_ = first;
            if (turn_->open && has_room(*turn_)) return turn_;
        } while (turn_ != start);
        return nullptr;
    }
    /// Gives the next segment of `t` to `c`.
    void hand_over(transfer_state& t, served_channel& c) noexcept
    {
        const std::uint32_t size = next_segment(t);
        c.hardware.push(t.near_address, t.far_address, size, &t);
        t.near_address += size;
        t.far_address += size;
        t.remaining -= size;
        ++t.in_engine;
        t.channels |= c.bit;
        c.unflushed = true;
    }
    /// A transfer is cut into pieces as alike as whole rounds allow. With a short one at the end, transfers
    /// that take turns would end all at once, and leave the link idle until the program has seen it.
    std::uint32_t next_segment(const transfer_state& t) const noexcept
    {
        if (t.remaining <= segment_bytes_) return static_cast<std::uint32_t>(t.remaining);
        const std::uint64_t pieces = (t.remaining + segment_bytes_ - 1) / segment_bytes_;
        const std::uint64_t bytes = (t.remaining + pieces - 1) / pieces;
        constexpr std::uint64_t round = round_wheel::round_bytes;
        return static_cast<std::uint32_t>((bytes + round - 1) / round * round);
    }

    void share_out() noexcept;
    void give_back(served_channel& c) noexcept;
    void enqueue(transfer_state& t) noexcept;
    served_channel& channel_of(const transfer_state& t) noexcept;
    void serve(backlog& from, served_channel& c) noexcept;

    std::vector<served_channel> channels_;
    served_channel* turn_ = nullptr; ///< the channel served last
    std::uint64_t in_engine_bytes_ = 0;
    std::uint32_t segment_bytes_ = 0;

    std::uint64_t waiting_ = 0; ///< transfers in all backlogs
    backlog shared_;            ///< for channels that are not leased
};

} // namespace cf::detail
