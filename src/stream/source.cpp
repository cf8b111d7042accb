// SPDX-License-Identifier: MIT
//
// Where a read stream's source is: the producer's line read again and again, the consumer's line written, and
// what a position that makes no sense does.
#include "stream/read_core.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace cf::detail {

bool read_core::wants_look() const noexcept
{
    if (!target_.ring || dead() || late_.code) return false;
    if (unjudged_ > 0) return true;
    if (phase_ != phase::running || empty_ == nullptr) return false;
    // Early enough that the answer is here when what is known has been begun.
    return !known_ || (!ended_ && produced_ - next_ < options_.in_flight);
}

lane read_core::watch_source()
{
    for (;;) {
        unsigned attempt = 0;
        while (wants_look()) {
            ++looks_;
            ++counters_.position_reads;
            const auto got = co_await as_result(read_line(producer_line));
            bool at_once = false;
            if (got) {
                attempt = 0;
                at_once = looked();
            } else if (!dead()) {
                ++counters_.position_failures;
                if (!line_again(got.error(), attempt++)) fail_behind(got.error());
            }
            settle();
            if (!at_once && wants_look()) (void)co_await as_result(sleep_for(options_.poll));
        }
        rest(watch_);
        co_await std::suspend_always();
    }
}

bool read_core::looked() noexcept
{
    if (dead()) return false;
    const auto p = load_producer(peer_line());
    if (!p) return strange(counters_.torn_positions, p);
    if (p->produced < produced_) return strange(counters_.stale_positions, p);
    const std::uint64_t slots = target_.geometry.slots;
    const bool beyond = tells() && p->produced > front() + slots; // over blocks that were not read
    if (p->claimed < p->produced || p->claimed - p->produced > slots || beyond)
        return strange(counters_.impossible_positions, p);
    strange_ = 0;
    const bool news = p->produced > produced_;
    accept(*p);
    return news;
}

bool read_core::strange(std::uint64_t& counter, const std::optional<producer_position>& p) noexcept
{
    ++counter;
    if (++strange_ < strange_max) return true;
    strange_ = 0;
    if (stops_at_errors()) {
        std::string what = "source at block " + std::to_string(produced_) + ", and then ";
        what += p ? "at " + std::to_string(p->produced) + ", claiming up to " + std::to_string(p->claimed)
                  : "a position that is not whole";
        fail_behind({make_error_code(errc::out_of_step), std::move(what)});
    } else if (p) {
        resync(*p);
    }
    return false;
}

void read_core::accept(const producer_position& p) noexcept
{
    const std::uint64_t slots = target_.geometry.slots;
    produced_ = p.produced;
    ended_ = p.state == CF_RING_ENDED;
    known_ = true;
    if (!overwritten()) return;
    oldest_ = p.claimed > slots ? p.claimed - slots : 0;
    judge();
    if (next_ >= oldest_) return;
    // Right behind the source's heels the next one would be lost as well.
    const std::uint64_t half = produced_ > slots / 2 ? produced_ - slots / 2 : 0;
    skip_to(std::min(produced_, std::max(oldest_, half)));
}

/// Of the blocks that were here before the look at the source began.
void read_core::judge() noexcept
{
    for (berth* b = order_.front(); b != nullptr && unjudged_ > 0; b = b->next) {
        if (b->state != berth::use::moved || b->look >= looks_) continue;
        --unjudged_;
        if (b->sequence >= oldest_) {
            b->state = berth::use::ready;
            continue;
        }
        ++counters_.overruns;
        ++counters_.torn;
        lose(*b, errc::overrun);
    }
}

void read_core::skip_to(std::uint64_t number) noexcept
{
    if (begun_) {
        counters_.overruns += number - next_;
        skipped_ = make_error_code(errc::overrun);
    } else {
        expected_ = number; // what was before our time is not missing
    }
    next_ = number;
}

/// Takes a position that does not follow as the new one. What is on its way is of the old counting.
void read_core::resync(const producer_position& p) noexcept
{
    ++counters_.resyncs;
    for (berth* b = order_.front(); b != nullptr; b = b->next) {
        if (b->state == berth::use::moved) {
            --unjudged_;
            b->state = berth::use::lost;
        }
        b->stale = b->stale || b->state == berth::use::moving || b->state == berth::use::lost;
    }
    first_moving_ = nullptr;
    next_ = produced_ = p.produced;
    ended_ = p.state == CF_RING_ENDED;
    oldest_ = 0;
    known_ = restarted_ = true;
}

/// The blocks that are known to be whole are still handed out.
void read_core::fail_behind(failure why) noexcept
{
    if (phase_ == phase::running) phase_ = phase::draining;
    if (!late_.code) late_ = std::move(why);
    for (berth* b = order_.front(); b != nullptr; b = b->next) {
        if (b->state != berth::use::moved) continue;
        --unjudged_;
        b->state = berth::use::lost;
    }
}

bool read_core::wants_tell() const noexcept
{
    return tells() && !dead() && !late_.code && front() != reported_;
}

lane read_core::tell_source()
{
    for (;;) {
        unsigned attempt = 0;
        while (wants_tell()) {
            const std::uint64_t position = front();
            store_consumer(own_line(), position);
            ++counters_.position_writes;
            const auto told = co_await as_result(write_line(consumer_line));
            if (told) {
                reported_ = position;
                attempt = 0;
                continue;
            }
            if (dead()) break;
            ++counters_.position_failures;
            if (!line_again(told.error(), attempt++)) fail_behind(told.error());
            settle();
            (void)co_await as_result(sleep_for(options_.poll));
        }
        rest(tell_);
        co_await std::suspend_always();
    }
}

/// Of places that a device refreshes: what the position is to a ring.
void read_core::tick() noexcept
{
    if (options_.mode == stream_mode::back_pressure) {
        produced_ = next_ + 1;
        return;
    }
    ++produced_;
    const std::uint64_t slots = target_.geometry.slots;
    if (produced_ - next_ > slots) skip_to(produced_ - slots);
}

lane read_core::keep_time()
{
    clock::time_point due = clock::now();
    while (phase_ == phase::running) {
        tick();
        settle();
        due += period_;
        (void)co_await as_result(sleep_until(due));
    }
    rest(clock_);
    co_await std::suspend_always();
}

} // namespace cf::detail
