// SPDX-License-Identifier: MIT
//
// tracer: tells an observer about the life of every list element. The driver's own path knows
// nothing of it: what was handed to which channel is noted here beside it, and only while
// somebody observes.
#pragma once

#include "device/scheduler.hpp"
#include <counterflow/statistics.hpp>

#include <array>
#include <cstdint>
#include <deque>
#include <map>

namespace cf::detail {

class tracer {
public:
    bool active() const noexcept { return observer_ != nullptr; }

    void observe(transfer_observer* observer) noexcept
    {
        observer_ = observer;
        notes_.clear();
    }

    /// Before a flush: notes what the channels of `s` were given since the last call.
    void note_handed_over(transfer_kind kind, scheduler& s, std::uint64_t now_ns)
    {
        for (const served_channel& c : s.channels()) {
            notes& n = notes_[c.number];
            const std::uint64_t pushed = c.hardware.outstanding();
            for (std::uint64_t i = n.times.size(); i < pushed; ++i) n.times.push_back(now_ns);
            n.kind = kind;
            n.bytes = c.hardware.outstanding_bytes();
        }
    }

    /// While a segment is being reported: finds the channel whose bytes became fewer, and tells.
    void segment_ended(transfer_kind kind, scheduler& s, errc result, std::uint64_t now_ns)
    {
        for (const served_channel& c : s.channels()) {
            notes& n = notes_[c.number];
            if (n.bytes <= c.hardware.outstanding_bytes()) continue;
            const std::uint64_t bytes = n.bytes - c.hardware.outstanding_bytes();
            const std::error_code error = result == errc{} ? std::error_code{} : make_error_code(result);
            observer_->on_segment({kind, c.number, bytes, n.times.front(), now_ns, error});
            n.times.pop_front();
            n.bytes -= bytes;
            return;
        }
    }

private:
    /// What a channel holds that has not been reported.
    struct notes {
        transfer_kind kind = transfer_kind::write;
        std::deque<std::uint64_t> times; ///< when each segment was handed over
        std::uint64_t bytes = 0;         ///< of all of them
    };

    transfer_observer* observer_ = nullptr;
    std::map<unsigned, notes> notes_; ///< by channel number
};

} // namespace cf::detail
