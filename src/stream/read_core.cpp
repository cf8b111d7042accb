// SPDX-License-Identifier: MIT
//
// The path of a block from far memory to the program. Where the source is, is in source.cpp.
#include "stream/read_core.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace cf::detail {

read_core::read_core(device& dev, const target& t, const stream_options& options, std::uint64_t first,
                     std::chrono::nanoseconds period)
    : stream_core(dev, transfer_kind::read, t, options),
      period_(period),
      next_(first),
      expected_(first),
      produced_(t.ring || period.count() > 0 ? first : ~std::uint64_t{0}),
      reported_(first),
      known_(!t.ring)
{
    for (berth& b : berths()) b.body = read_block(b);
    watch_ = watch_source();
    tell_ = tell_source();
    clock_ = keep_time();
    for (berth& b : berths()) b.body.obey(stop_);
    for (lane* const l : {&watch_, &tell_, &clock_}) l->obey(stop_);
    if (period.count() > 0) wake(clock_);
    settle();
}

void read_core::settle_reads() noexcept
{
    hand_out();
    start_reads();
    finish_if_over();
    if (wants_look()) wake(watch_);
    if (wants_tell()) wake(tell_);
}

void read_core::start_reads() noexcept
{
    if (phase_ != phase::running) return;
    // While nothing could be read the source went on without us: ask it first.
    if (overwritten() && in_flight_ == 0 && empty_ == nullptr) known_ = false;
    while (known_ && next_ < produced_ && empty_ != nullptr && in_flight_ < options_.in_flight) {
        berth& b = *std::exchange(empty_, empty_->next);
        b.sequence = next_++;
        b.bytes = block_bytes();
        b.state = berth::use::moving;
        b.gap.cause = std::exchange(skipped_, {});
        b.restarts = std::exchange(restarted_, false);
        order_.push(b);
        if (first_moving_ == nullptr) first_moving_ = &b;
        ++in_flight_;
        begun_ = true;
        wake(b.body);
    }
}

lane read_core::read_block(berth& b)
{
    for (;;) {
        for (unsigned attempt = 0;; ++attempt) {
            const auto moved = co_await as_result(move(b));
            if (moved) {
                arrived(b);
                break;
            }
            if (phase_ != phase::aborted) ++counters_.failed;
            if (!again(moved.error(), attempt)) {
                not_arrived(b, moved.error());
                break;
            }
            (void)co_await as_result(sleep_for(options_.poll));
        }
        rest(b.body);
        co_await std::suspend_always();
    }
}

/// Off the link, whatever became of it.
void read_core::left_link(berth& b, berth::use state) noexcept
{
    --in_flight_;
    b.state = state;
    while (first_moving_ != nullptr && first_moving_->state != berth::use::moving)
        first_moving_ = first_moving_->next;
}

void read_core::arrived(berth& b) noexcept
{
    b.arrived_ns = loop_.now();
    b.source_ns = 0;
    b.look = looks_;
    if (b.stale) return left_link(b, berth::use::lost);
    if (target_.geometry.block_headers && !fits_its_header(b)) return;
    if (!overwritten()) return left_link(b, berth::use::ready);
    if (late_.code) return left_link(b, berth::use::lost); // nobody can say any more whether it is whole
    ++unjudged_;
    left_link(b, berth::use::moved);
}

/// Takes from the block's header what it says; false when it is not this block's.
bool read_core::fits_its_header(berth& b) noexcept
{
    const block_header h = load_block_header(b.data - block_header_bytes);
    if (h.sequence == b.sequence && h.bytes <= b.bytes) {
        b.bytes = h.bytes;
        b.source_ns = h.time_ns;
        return true;
    }
    if (overwritten()) {
        ++counters_.overruns;
        ++counters_.torn;
        lose(b, errc::overrun);
    } else {
        lose(b, errc::out_of_step,
             "its header is of block " + std::to_string(h.sequence) + " with " + std::to_string(h.bytes) +
                 " bytes");
    }
    left_link(b, berth::use::lost);
    return false;
}

void read_core::lose(berth& b, errc cause, std::string detail) noexcept
{
    b.state = berth::use::lost;
    b.why = {make_error_code(cause), std::move(detail)};
    if (cause == errc::overrun) return; // is no error
    if (stops_at_errors() && phase_ == phase::running) phase_ = phase::draining;
}

void read_core::not_arrived(berth& b, const failure& why) noexcept
{
    b.why = why;
    left_link(b, berth::use::lost);
    if ((stops_at_errors() || hopeless(why.code)) && phase_ == phase::running) phase_ = phase::draining;
}

void read_core::hand_out() noexcept
{
    while (berth* const b = order_.front()) {
        if (b->state == berth::use::moving) break;
        if (b->state == berth::use::lost || dead()) {
            drop(order_.pop());
            continue;
        }
        if (b->state == berth::use::moved || waiting_.empty()) break;
        order_.pop();
        note_gap(*b);
        count(counters_.moved, *b);
        block_awaiter& to = *waiting_.pop_front();
        lease(*b, to);
    }
}

/// What is missing in front of a block that is about to be handed out.
void read_core::note_gap(berth& b) noexcept
{
    const std::error_code cause = gap_ ? gap_ : b.gap.cause;
    b.gap = {};
    if (b.restarts) {
        b.gap = {expected_, b.sequence > expected_ ? b.sequence - expected_ : stale_,
                 make_error_code(errc::out_of_step)};
    } else if (b.sequence != expected_) {
        b.gap = {expected_, b.sequence - expected_, cause};
    }
    if (b.gap) {
        ++counters_.gaps;
        counters_.lost += b.gap.blocks;
    }
    gap_ = {};
    stale_ = 0;
    expected_ = b.sequence + 1;
}

/// A block that nobody will have, at its turn.
void read_core::drop(berth& b) noexcept
{
    failure why = std::exchange(b.why, {});
    if (b.state == berth::use::moved) --unjudged_;
    if (!dead()) {
        if (!gap_) gap_ = b.gap.cause ? b.gap.cause : why.code;
        if (b.stale) {
            gap_ = make_error_code(errc::out_of_step);
            ++stale_;
        } else if (why.code && why.code != errc::overrun && (stops_at_errors() || hopeless(why.code))) {
            why.detail = "block " + std::to_string(b.sequence) + " of the stream: " + why.detail;
            fail(std::move(why));
        } else if (b.restarts) {
            expected_ = b.sequence;
        }
    }
    empty(b);
}

void read_core::finish_if_over() noexcept
{
    if (!over() || !order_.empty()) return;
    if (late_.code) fail(std::exchange(late_, {}));
    if (!dead() && begun_ && next_ > expected_) {
        // Missing at the end, with no block behind to say so.
        ++counters_.gaps;
        counters_.lost += next_ - expected_;
        expected_ = next_;
    }
    wake_all(phase_ == phase::failed ? block_awaiter::outcome::failed : block_awaiter::outcome::ended);
}

task<stream_remains> read_core::close(stream_end how)
{
    const stream_remains before = remains();
    if (how == stream_end::abort) {
        abort();
    } else if (phase_ == phase::running) {
        phase_ = phase::draining;
        settle();
    }
    co_await quiet();
    co_return before;
}

} // namespace cf::detail
