// SPDX-License-Identifier: MIT
//
// Where a write stream's far end is: the consumer's line read while its room decides, the producer's line
// written.
#include "stream/write_core.hpp"

#include <string>
#include <utility>

namespace cf::detail {

bool write_core::wants_look() const noexcept
{
    if (!waits() || dead() || first_queued_ == nullptr) return false;
    // Early enough that the answer is here when what is known to be free has been used.
    return first_queued_->sequence + options_.in_flight > limit();
}

lane write_core::watch_sink()
{
    for (;;) {
        unsigned attempt = 0;
        while (wants_look()) {
            ++counters_.position_reads;
            const auto got = co_await as_result(read_line(consumer_line));
            bool at_once = false;
            if (got) {
                attempt = 0;
                at_once = looked();
            } else if (!dead()) {
                ++counters_.position_failures;
                if (!again(got.error(), attempt++)) fail(got.error());
            }
            settle();
            if (!at_once && wants_look()) (void)co_await as_result(sleep_for(options_.poll));
        }
        rest(watch_);
        co_await std::suspend_always();
    }
}

bool write_core::looked() noexcept
{
    if (dead()) return false;
    const auto consumed = load_consumer(peer_line());
    if (!consumed) return strange(counters_.torn_positions, consumed);
    if (*consumed < consumed_) return strange(counters_.stale_positions, consumed);
    if (*consumed > arrived_) return strange(counters_.impossible_positions, consumed);
    strange_ = 0;
    return std::exchange(consumed_, *consumed) != *consumed;
}

bool write_core::strange(std::uint64_t& counter, const std::optional<std::uint64_t>& consumed) noexcept
{
    ++counter;
    if (++strange_ < strange_max) return true;
    strange_ = 0;
    if (stops_at_errors()) {
        std::string what = "far end behind block " + std::to_string(consumed_) + ", and then ";
        what += consumed
                    ? "behind " + std::to_string(*consumed) + " with " + std::to_string(arrived_) + " sent"
                    : "at a position that is not whole";
        fail({make_error_code(errc::out_of_step), std::move(what)});
    } else if (consumed && *consumed < consumed_) {
        ++counters_.resyncs; // it wants them again in its own counting, or has lost count; both see less room
        consumed_ = *consumed;
    }
    return false;
}

producer_position write_core::position() const noexcept
{
    const bool ended = phase_ != phase::running && !failure_.code && order_.empty();
    if (ended) return {arrived_, arrived_, CF_RING_ENDED};
    // Far enough ahead that what is on the link is claimed before it is written; where the far end is waited
    // for, everything that could be.
    const std::uint64_t ahead = overwrites() ? 2 * std::uint64_t{options_.in_flight} : target_.geometry.slots;
    return {arrived_, arrived_ + ahead, CF_RING_RUNNING};
}

bool write_core::wants_tell() const noexcept { return target_.ring && !lines_failed_ && told_ != position(); }

lane write_core::tell_sink()
{
    for (;;) {
        unsigned attempt = 0;
        while (wants_tell()) {
            const producer_position now = position();
            store_producer(own_line(), now);
            ++counters_.position_writes;
            const auto told = co_await as_result(write_line(producer_line));
            if (told) {
                told_ = now;
                attempt = 0;
                settle();
                continue;
            }
            ++counters_.position_failures;
            if (!again(told.error(), attempt++)) {
                lines_failed_ = true;
                fail(told.error());
                break;
            }
            (void)co_await as_result(sleep_for(options_.poll));
        }
        rest(tell_);
        co_await std::suspend_always();
    }
}

} // namespace cf::detail
