// SPDX-License-Identifier: MIT
//
// write_core: a write stream at work. It keeps the order of what is sent, knows what is free at the far end,
// and announces what has arrived.
#pragma once

#include "stream/core.hpp"

namespace cf::detail {

class write_core final : public stream_core {
public:
    write_core(device& dev, const target& t, const stream_options& options, std::uint64_t first,
               std::uint64_t consumed);

    void settle_writes() noexcept;
    /// What acquire() has leased, with `bytes` of it in use.
    void send(berth& b) noexcept;
    /// Throws when nothing can be sent any more.
    void require_open() const;
    task<> flush();
    task<stream_remains> close(stream_end how);

private:
    lane write_block(berth& b);
    lane watch_sink();
    lane tell_sink();

    void start_writes() noexcept;
    void retire() noexcept;
    void drop(berth& b) noexcept;

    bool wants_look() const noexcept;
    bool wants_tell() const noexcept;
    bool looked() noexcept; // true: ask again at once
    bool strange(std::uint64_t& counter, const std::optional<std::uint64_t>& consumed) noexcept;

    bool overwrites() const noexcept { return target_.ring && options_.mode == stream_mode::acquisition; }
    bool waits() const noexcept { return target_.ring && options_.mode == stream_mode::back_pressure; }
    /// The first number that may not be written yet.
    std::uint64_t limit() const noexcept;
    /// What the far end is to be told.
    producer_position position() const noexcept;
    bool told_up_to(std::uint64_t number) const noexcept
    {
        return (target_.ring ? told_.produced : arrived_) >= number;
    }

    lane watch_, tell_;
    std::uint64_t next_;        ///< to be sent
    std::uint64_t consumed_;    ///< by the far end, as it said last
    std::uint64_t arrived_;     ///< blocks before this one are in far memory
    producer_position told_;    ///< to the far end
    unsigned strange_ = 0;      ///< looks in a row that made no sense
    bool lines_failed_ = false; ///< the far end cannot be told any more
    berth* first_queued_ = nullptr;
    event changed_; ///< set whenever something has
};

} // namespace cf::detail
