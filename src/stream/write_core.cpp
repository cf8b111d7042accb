// SPDX-License-Identifier: MIT
//
// The path of a block from the program to far memory. What both ends know of each other is in sink.cpp.
#include "stream/write_core.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace cf::detail {

write_core::write_core(device& dev, const target& t, const stream_options& options, std::uint64_t first,
                       std::uint64_t consumed)
    : stream_core(dev, transfer_kind::write, t, options),
      next_(first),
      consumed_(consumed),
      arrived_(first),
      told_{first, first, CF_RING_RUNNING}
{
    if (overwrites() && t.geometry.slots < 4 * options_.in_flight)
        throw error(errc::bad_argument, "stream that overwrites a ring of " +
                                            std::to_string(t.geometry.slots) + " slots with " +
                                            std::to_string(options_.in_flight) + " in flight");
    for (berth& b : berths()) {
        b.body = write_block(b);
        b.body.obey(stop_);
    }
    watch_ = watch_sink();
    watch_.obey(stop_);
    tell_ = tell_sink(); // obeys nobody: what has arrived is told also when the stream is aborted
    settle();
}

void write_core::settle_writes() noexcept
{
    retire();
    start_writes();
    while (phase_ == phase::running && empty_ != nullptr && !waiting_.empty()) {
        berth& b = *std::exchange(empty_, empty_->next);
        b.bytes = block_bytes();
        lease(b, *waiting_.pop_front());
    }
    if (phase_ != phase::running)
        wake_all(phase_ == phase::failed ? block_awaiter::outcome::failed : block_awaiter::outcome::canceled);
    if (wants_look()) wake(watch_);
    if (wants_tell()) wake(tell_);
    changed_.set();
}

void write_core::require_open() const
{
    if (failure_.code) throw error(failure_);
    if (phase_ != phase::running) throw error(errc::canceled, "send into a stream that was closed");
}

void write_core::send(berth& b) noexcept
{
    --leased_;
    b.sequence = next_++;
    b.state = berth::use::queued;
    order_.push(b);
    if (first_queued_ == nullptr) first_queued_ = &b;
    settle();
}

std::uint64_t write_core::limit() const noexcept
{
    if (overwrites()) return told_.claimed;
    return waits() ? consumed_ + target_.geometry.slots : ~std::uint64_t{0};
}

void write_core::start_writes() noexcept
{
    while (first_queued_ != nullptr && !dead() && in_flight_ < options_.in_flight &&
           first_queued_->sequence < limit()) {
        berth& b = *std::exchange(first_queued_, first_queued_->next);
        b.state = berth::use::moving;
        ++in_flight_;
        wake(b.body);
    }
}

lane write_core::write_block(berth& b)
{
    for (;;) {
        if (target_.geometry.block_headers) {
            std::byte* const payload = b.carried ? b.carried.bytes().data() : b.data;
            store_block_header(payload - block_header_bytes, {b.sequence, loop_.now(), b.bytes});
        }
        for (unsigned attempt = 0;; ++attempt) {
            const auto moved = co_await as_result(move(b));
            if (moved) {
                b.state = berth::use::moved;
                break;
            }
            if (phase_ != phase::aborted) ++counters_.failed;
            if (!again(moved.error(), attempt)) {
                b.why = moved.error();
                b.state = berth::use::lost;
                break;
            }
            (void)co_await as_result(sleep_for(options_.poll));
        }
        --in_flight_;
        rest(b.body);
        co_await std::suspend_always();
    }
}

/// What has come off the link, in order of numbers.
void write_core::retire() noexcept
{
    while (berth* const b = order_.front()) {
        if (b->state == berth::use::moving || (b->state == berth::use::queued && !dead())) break;
        order_.pop();
        if (b->state == berth::use::moved && b->sequence == arrived_) {
            ++arrived_;
            count(counters_.moved, *b);
        } else if (b->state == berth::use::lost && !dead()) {
            failure why = std::exchange(b->why, {});
            why.detail = "block " + std::to_string(b->sequence) + " of the stream: " + why.detail;
            fail(std::move(why));
        }
        if (b == first_queued_) first_queued_ = b->next;
        b->why = {};
        empty(*b);
    }
}

task<> write_core::flush()
{
    const std::uint64_t sent = next_;
    while (!told_up_to(sent)) {
        if (failure_.code) throw error(failure_);
        if (dead()) throw error(errc::canceled, "flush of a stream that was closed");
        changed_.reset();
        co_await changed_;
    }
}

task<stream_remains> write_core::close(stream_end how)
{
    const stream_remains before = remains();
    if (how == stream_end::abort) abort();
    if (phase_ == phase::running) phase_ = phase::draining;
    settle();
    while (!dead() && (!order_.empty() || wants_tell())) {
        changed_.reset();
        const auto waited = co_await as_result(changed_);
        if (!waited) abort();
    }
    co_await quiet();
    co_return before;
}

} // namespace cf::detail
