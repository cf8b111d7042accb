// SPDX-License-Identifier: MIT
//
// What a world must come to: each await resumes once with an outcome that something explains, memory is what
// it must be, and is nobody's but the program's from then on.
//
// Whoever is resumed uses both ends of its memory again at once. So whatever an engine still moves shows,
// even if it moved the same bytes once more.
#include "torture/world.hpp"

#include "device/pinned_pages.hpp"
#include "runtime/virtual/clock.hpp"

#include <algorithm>
#include <cstdio>

namespace cf::torture {
namespace {

// The bytes of memory: no two of these are alike, wherever they stand.
constexpr std::byte in_guard{0xa5}, used_again{0xee};
constexpr std::byte stale_bit{0x40};

constexpr std::byte fresh(unsigned which, std::size_t at) noexcept
{
    return static_cast<std::byte>((at * 7 + at / 256 + std::size_t{29} * which) & 0x3f);
}

} // namespace

/// What is to be moved at each source, something else where it goes.
void world::lay_memory()
{
    for (unsigned which = 0; which < 2; ++which) {
        for (const bool near : {true, false}) {
            const std::span<std::byte> all = near ? near_of(which) : far_of(which);
            std::ranges::fill(all, in_guard);
            const std::byte other = is_source(which, near) ? std::byte{0} : stale_bit;
            for (std::size_t at = 0; at < moved; ++at) all[guard + at] = fresh(which, at) | other;
        }
    }
}

bool world::has_begun(unsigned which) const noexcept
{
    return (is_source(which, true) ? far_of(which) : near_of(which))[guard] != (fresh(which, 0) | stale_bit);
}

void world::resumed(unsigned which, std::error_code code)
{
    move& m = moves_[which];
    if (++m.resumed > 1) blame(which, "resumed twice");
    m.code = code;
    end_.outcomes[which] = static_cast<std::uint8_t>(code.value());
    if (!legal(m)) blame(which, code ? code.message() : "done, though it was stopped before it began");
    const content arrived = code ? content::either : content::fresh;
    judge(which, true, is_source(which, true) ? content::fresh : arrived, "near memory when it resumed");
    std::ranges::fill(near_of(which).subspan(guard, moved), used_again);
    if (!hardware_) return;
    judge(which, false, is_source(which, false) ? content::fresh : arrived, "far memory when it resumed");
    std::ranges::fill(far_of(which).subspan(guard, moved), used_again);
}

/// Whether something that has happened is a reason for this outcome.
bool world::legal(const move& m) const noexcept
{
    if (m.code == errc::device_gone) return has_done(act::remove) || has_done(act::close);
    if (!m.accepted) return m.code == errc::canceled;
    if (!m.code) return true;
    if (m.code == errc::canceled) return m.asked.stop_requested() || has_done(act::stop);
    if (m.code == errc::timed_out) return clock_.now() >= m.due;
    // An element each. A WR channel has no bit for an unsupported request: its writes are posted.
    const bool other_has_it = moves_[0].code == moves_[1].code;
    if (m.code == errc::local_bus_error) return has_done(act::fatal_abort) && !other_has_it;
    const bool is_wr = (m.kind == transfer_kind::write) == (spec_.model.engine == engine_choice::local);
    const errc refused = is_wr ? errc::aborted : errc::unsupported_request;
    return m.code == refused && has_done(act::abort) && !other_has_it;
}

/// Of memory that nobody is moving, or that is being moved when the device goes.
void world::judge_rest()
{
    for (unsigned which = 0; which < 2; ++which) {
        const move& m = moves_[which];
        for (const bool near : {true, false}) {
            if (!near && !hardware_) continue;
            const content at_rest = is_source(which, near) ? content::fresh : content::stale;
            const content moving = is_source(which, near) ? content::fresh : content::either;
            judge(which, near,
                  m.resumed != 0 ? content::used_again
                  : m.awaited    ? moving
                                 : at_rest,
                  near ? "near memory afterwards" : "far memory afterwards");
        }
    }
}

void world::judge(unsigned which, bool near, content expected, std::string_view what)
{
    const std::span<const std::byte> all = near ? near_of(which) : far_of(which);
    const auto is_guard = [](std::byte b) { return b == in_guard; };
    bool right =
        std::ranges::all_of(all.first(guard), is_guard) && std::ranges::all_of(all.last(guard), is_guard);
    for (std::size_t at = 0; at < moved; ++at) {
        const std::byte is = all[guard + at], was = fresh(which, at);
        switch (expected) {
        case content::fresh: right &= is == was; break;
        case content::stale: right &= is == (was | stale_bit); break;
        case content::either: right &= (is & ~stale_bit) == was; break;
        case content::used_again: right &= is == used_again; break;
        }
    }
    if (!right) blame(which, what);
}

/// What the device says of its life.
void world::judge_books()
{
    std::uint64_t accepted = 0, begun = 0, ended = 0;
    for (const move& m : moves_) accepted += m.accepted ? 1 : 0;
    const device_statistics all = dev_->statistics();
    for (const transfer_statistics& s : {all.write, all.read}) {
        begun += s.started;
        ended += s.completed + s.failed + s.canceled + s.timed_out;
    }
    if (begun != accepted || ended != accepted) blame(0, "the device has counted otherwise");
    if (all.lost_interrupts != 0) blame(0, "found by the watchdog only");
    if (hardware_->violations().count() != 0) blame(0, to_string(hardware_->violations().entries()[0].kind));
}

void world::judge_pins()
{
    if (!detail::pinned_pages::of_process().empty()) blame(0, "memory is pinned still");
}

void world::blame(unsigned which, std::string_view what) noexcept
{
    if (!end_.good()) return;
    std::snprintf(end_.trouble.data(), end_.trouble.size(), "%c: %.*s", which == 0 ? 'a' : 'b',
                  static_cast<int>(what.size()), what.data());
}

} // namespace cf::torture
