// SPDX-License-Identifier: MIT
//
// read_core: a read stream at work. It knows how far the source is, reads ahead of the program, and hands out
// in order.
#pragma once

#include "stream/core.hpp"

#include <string>

namespace cf::detail {

class read_core final : public stream_core {
public:
    read_core(device& dev, const target& t, const stream_options& options, std::uint64_t first,
              std::chrono::nanoseconds period);

    void settle_reads() noexcept;
    task<stream_remains> close(stream_end how);

private:
    lane read_block(berth& b);
    lane watch_source();
    lane tell_source();
    lane keep_time();

    // The path of a block.
    void start_reads() noexcept;
    void arrived(berth& b) noexcept;
    bool fits_its_header(berth& b) noexcept;
    void not_arrived(berth& b, const failure& why) noexcept;
    void left_link(berth& b, berth::use state) noexcept;
    void lose(berth& b, errc cause, std::string detail = {}) noexcept;
    void hand_out() noexcept;
    void note_gap(berth& b) noexcept;
    void drop(berth& b) noexcept;
    void finish_if_over() noexcept;

    // The source's position.
    bool wants_look() const noexcept;
    bool wants_tell() const noexcept;
    bool looked() noexcept; // true: ask again at once
    bool strange(std::uint64_t& counter, const std::optional<producer_position>& p) noexcept;
    void accept(const producer_position& p) noexcept;
    void judge() noexcept;
    void skip_to(std::uint64_t number) noexcept;
    void resync(const producer_position& p) noexcept;
    void tick() noexcept;
    void fail_behind(failure why) noexcept;

    bool overwritten() const noexcept { return target_.ring && options_.mode == stream_mode::acquisition; }
    bool tells() const noexcept { return target_.ring && options_.mode == stream_mode::back_pressure; }
    /// Blocks before this one have been read.
    std::uint64_t front() const noexcept
    {
        return first_moving_ != nullptr ? first_moving_->sequence : next_;
    }
    bool over() const noexcept
    {
        return phase_ != phase::running || (ended_ && known_ && next_ >= produced_);
    }

    lane watch_, tell_, clock_;
    const std::chrono::nanoseconds period_;
    std::uint64_t next_;       ///< to be read
    std::uint64_t expected_;   ///< to be handed out
    std::uint64_t produced_;   ///< by the source, as it said last
    std::uint64_t reported_;   ///< to the source
    std::uint64_t oldest_ = 0; ///< numbers below are overwritten, or may be at this moment
    std::uint64_t looks_ = 0;  ///< position reads begun
    std::uint64_t stale_ = 0;  ///< blocks dropped with the counting they were of, since one was handed out
    unsigned unjudged_ = 0;    ///< berths that wait for a look to say whether they are whole
    unsigned strange_ = 0;     ///< looks in a row that made no sense
    bool known_;               ///< produced_ is fresh enough to read by
    bool begun_ = false;       ///< something was read
    bool ended_ = false;       ///< the source, behind produced_
    bool restarted_ = false;   ///< the next block to be read begins a new counting
    berth* first_moving_ = nullptr;
    std::error_code skipped_; ///< why numbers were skipped in front of the next block to be read
    std::error_code gap_;     ///< the first cause since a block was handed out
    failure late_;            ///< ends the stream, behind the blocks that are known to be whole
};

} // namespace cf::detail
