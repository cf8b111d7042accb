// SPDX-License-Identifier: MIT
//
// The common half of both directions: memory, leases, waits, transfers and the end.
#include "stream/core.hpp"

#include "device/region.hpp"
#include "stream/read_core.hpp"
#include "stream/write_core.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace cf::detail {
namespace {

constexpr std::size_t page = 4096;
constexpr unsigned in_flight_max = 1024;

constexpr std::size_t round_up(std::size_t n, std::size_t unit) noexcept
{
    return (n + unit - 1) / unit * unit;
}

/// How berths lie in the stream's memory: room for a block header in front of each payload, and payloads
/// aligned for O_DIRECT where they are large.
struct layout {
    explicit layout(std::uint32_t block_bytes) noexcept
        : alignment(block_bytes >= page ? page : block_header_bytes),
          stride(alignment + round_up(block_bytes, alignment))
    {
    }
    std::size_t payload(std::size_t index) const noexcept { return page + index * stride + alignment; }
    std::size_t total(std::size_t berths) const noexcept { return page + berths * stride; }

    std::size_t alignment, stride;
};

stream_options checked(stream_options o)
{
    const auto refuse = [](std::string what) {
        throw error(errc::bad_argument, "stream with " + std::move(what));
    };
    if (o.in_flight < 1 || o.in_flight > in_flight_max)
        refuse(std::to_string(o.in_flight) + " blocks in flight; 1 to " + std::to_string(in_flight_max));
    if (o.blocks == 0) o.blocks = 2 * o.in_flight;
    if (o.blocks < o.in_flight)
        refuse(std::to_string(o.blocks) + " blocks for " + std::to_string(o.in_flight) + " in flight");
    if (o.priority > priority::low) refuse("an unknown priority");
    if (o.poll < std::chrono::microseconds(1)) refuse("a poll of less than 1 us");
    return o;
}

void check(const device_info& info, const stream_core::target& t)
{
    const ring_geometry& g = t.geometry;
    if (std::string what = t.ring               ? impossible(g)
                           : g.block_bytes == 0 ? "blocks of 0 bytes"
                           : g.slots == 0       ? "no place for a block"
                                                : "";
        !what.empty())
        throw error(errc::bad_argument, (t.ring ? "stream over a ring with " : "stream over ") + what);
    const std::uint64_t all = t.place.offset | g.data_offset | g.block_bytes | g.slot_bytes;
    if (all % info.alignment != 0)
        throw error(errc::misaligned, "stream of blocks of " + std::to_string(g.block_bytes) +
                                          " bytes, alignment " + std::to_string(info.alignment));
    if (t.place.window >= info.windows.size()) throw error(errc::no_such_window, "stream");
    const std::uint64_t room = info.windows[t.place.window].size;
    const std::uint64_t needed = g.data_offset + std::uint64_t{g.slots} * g.slot_bytes;
    if (t.place.offset > room || needed > room - t.place.offset)
        throw error(errc::out_of_range, "stream over " + std::to_string(needed) + " bytes at " +
                                            info.windows[t.place.window].name + "@" +
                                            std::to_string(t.place.offset));
}

} // namespace

stream_core::target stream_core::of(const fixed_place& fixed) noexcept
{
    return {fixed.place, {fixed.block_bytes, fixed.slots, false, fixed.block_bytes, 0}, false};
}

stream_core::stream_core(device& dev, transfer_kind kind, const target& t, const stream_options& options)
    : loop_(dev.loop()),
      options_(checked(options)),
      target_(t),
      kind_(kind),
      alignment_(dev.info().alignment),
      count_(options_.blocks)
{
    check(dev.info(), t);
    const layout places(t.geometry.block_bytes);
    memory_ = dev.allocate(places.total(count_));
    berths_ = std::make_unique<berth[]>(count_);
    for (std::size_t i = count_; i-- > 0;) {
        berth& b = berths_[i];
        b.owner = this;
        b.memory = memory_.region();
        b.offset = places.payload(i);
        b.data = memory_.data() + b.offset;
        b.next = std::exchange(empty_, &b);
    }
    stop_.belong_to(loop_);
    reaper_.core = this;
    reaper_.run = [](deferred& d) noexcept {
        stream_core* const core = static_cast<reaper&>(d).core;
        core->unlink(); // the loop keeps it
        delete core;
    };
}

stream_core::~stream_core() { reaper_.unlink(); }

// --- leases ----------------------------------------------------------------------------------

void stream_core::lease(berth& b, block_awaiter& to) noexcept
{
    b.state = berth::use::leased;
    ++leased_;
    to.got_ = &b;
    to.wake(block_awaiter::outcome::got);
}

void stream_core::empty(berth& b) noexcept
{
    b.state = berth::use::empty;
    b.carried = block();
    b.stale = b.restarts = false;
    b.part = 0;
    b.gap = {};
    b.next = std::exchange(empty_, &b);
}

void stream_core::give_back(berth& b) noexcept
{
    --leased_;
    empty(b);
    settle();
    let_go();
}

void give_back(block_state& returned) noexcept { returned.owner->give_back(static_cast<berth&>(returned)); }

void stream_core::wake_all(block_awaiter::outcome how) noexcept
{
    while (block_awaiter* const a = waiting_.pop_front()) a->wake(how);
}

// --- the end ---------------------------------------------------------------------------------

void stream_core::rest(lane& l) noexcept
{
    l.rest();
    --working_;
    settle();
    if (working_ == 0)
        while (quiet_node* const node = quiet_.pop_front()) loop_.make_ready(node->waiter);
    let_go();
}

void stream_core::let_go() noexcept
{
    // At the end of the tick: a lane says that it rests before it does.
    if (orphaned_ && working_ == 0 && leased_ == 0) loop_.defer(reaper_);
}

void stream_core::orphan() noexcept
{
    orphaned_ = true;
    abort();
    let_go();
}

void stream_core::abort() noexcept
{
    if (phase_ == phase::aborted) return;
    phase_ = phase::aborted;
    stop_.request();
    settle();
}

void stream_core::fail(failure why) noexcept
{
    if (phase_ == phase::failed || phase_ == phase::aborted) return;
    phase_ = phase::failed;
    failure_ = std::move(why);
}

void stream_core::settle() noexcept
{
    // Not a virtual function: this runs for every block.
    if (kind_ == transfer_kind::read)
        static_cast<read_core*>(this)->settle_reads();
    else
        static_cast<write_core*>(this)->settle_writes();
}

stream_remains stream_core::remains() const noexcept
{
    stream_remains all;
    for (std::size_t i = 0; i < count_; ++i) {
        const berth& b = berths_[i];
        switch (b.state) {
        case berth::use::leased: count(all.leased, b); break;
        case berth::use::moving: count(all.in_flight, b); break;
        case berth::use::queued:
        case berth::use::moved:
        case berth::use::ready: count(all.waiting, b); break;
        case berth::use::empty:
        case berth::use::lost: break;
        }
    }
    return all;
}

// --- transfers -------------------------------------------------------------------------------

cf::transfer stream_core::make(transfer_kind kind, region* memory, std::size_t offset, std::size_t size,
                               std::uint64_t at, cf::priority priority) const noexcept
{
    window_place place = target_.place;
    place.offset += at;
    // The device may have been moved; and when it is gone, memory knows.
    return cf::transfer({memory->core, memory, offset, size, place, {priority, {}}, kind, any_channel});
}

cf::transfer stream_core::read_line(std::size_t of_header) const noexcept
{
    return make(transfer_kind::read, memory_.region(), 0, line_bytes, of_header, priority::high);
}

cf::transfer stream_core::write_line(std::size_t of_header) const noexcept
{
    return make(transfer_kind::write, memory_.region(), line_bytes, line_bytes, of_header, priority::high);
}

cf::transfer stream_core::move(const berth& b) const noexcept
{
    const ring_geometry& g = target_.geometry;
    const block_state& what = b.carried ? *b.carried.state_ : static_cast<const block_state&>(b);
    const std::size_t lead = g.block_headers ? block_header_bytes : 0;
    const std::size_t payload =
        kind_ == transfer_kind::read ? g.block_bytes : round_up(what.bytes, alignment_);
    return make(kind_, what.memory, what.offset - lead, lead + payload,
                g.data_offset + b.sequence % g.slots * g.slot_bytes, options_.priority);
}

bool stream_core::hopeless(const std::error_code& code) noexcept
{
    return code.category() != category() || code.value() <= static_cast<int>(errc::canceled) ||
           code == errc::device_gone;
}

bool stream_core::again(const failure& why, unsigned attempt) const noexcept
{
    if (dead() || hopeless(why.code)) return false;
    const bool waits =
        kind_ == transfer_kind::write || (why.code == errc::link_down && phase_ == phase::running);
    return (waits && !stops_at_errors()) || attempt < options_.retries;
}

bool stream_core::line_again(const failure& why, unsigned attempt) const noexcept
{
    if (dead() || hopeless(why.code)) return false;
    return (phase_ == phase::running && !stops_at_errors()) || attempt < options_.retries;
}

// --- waits -----------------------------------------------------------------------------------

bool stream_core::take(block_awaiter& a) noexcept
{
    if (!waiting_.empty()) return false; // others were here before
    waiting_.push_back(a);
    settle();
    if (a.how_ != block_awaiter::outcome::waiting) return true;
    a.unlink();
    return false;
}

bool block_awaiter::await_ready() noexcept { return stream_->take(*this); }

bool block_awaiter::suspend(std::coroutine_handle<> waiter, stop_state* stop) noexcept
{
    if (stop != nullptr && stop->requested()) {
        how_ = outcome::canceled;
        return false;
    }
    waiter_.handle = waiter;
    stream_->enqueue(*this);
    if (stop == nullptr) return true;
    hook_.self = this;
    stop->link(hook_, [](stop_hook& h) noexcept {
        block_awaiter& self = *static_cast<hook&>(h).self;
        self.unlink();
        self.wake(outcome::canceled);
    });
    return true;
}

/// Out of the list by now. While await_ready() asks there is nobody to resume.
void block_awaiter::wake(outcome how) noexcept
{
    how_ = how;
    hook_.unlink();
    if (waiter_.handle) stream_->home().make_ready(waiter_);
}

failure block_awaiter::why(const char* what) const
{
    if (how_ == outcome::failed) return stream_->why_failed();
    return {make_error_code(errc::canceled), what};
}

} // namespace cf::detail
