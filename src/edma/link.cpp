// SPDX-License-Identifier: MIT
//
// A link that goes down under the driver, and comes back: everything is refused meanwhile, and then
// both directions start over.
#include "edma/engine.hpp"
#include "log/log.hpp"

namespace cf::edma {

namespace level = spdlog::level;

/// True when the link is down. A remote engine's registers read all ones then; a value of all ones
/// alone proves nothing, so the control register is asked, which has reserved bits that read 0. A
/// local engine's registers answer, and its transfers fail: so this is asked on either.
///
/// Segments are reported at once, for their owners to act on. The engine may still hold their
/// addresses and go on with them until state() is `up` or `stopped` again.
bool engine::link_lost(nanoseconds now, const outcome_sink& sink)
{
    if (down_) return true;
    if (banks_[0].load(reg::control) != all_ones && port_.registers->link_is_up()) return false;
    ++statistics_.link_losses;
    log::event(log::part::edma, level::warn, "link down", to_string(side()));
    down_ = true;
    try_link_at_ = now + options_.link_poll_ns;
    for (bank& b : banks_) {
        if (b.phase == bank_phase::gone) continue;
        b.phase = bank_phase::down;
        if (has_line()) b.store(b.at.engine_enable, 0); // it answers, so it can as well be told
        refuse_all(b, outcome::link_down, sink);
    }
    return true;
}

void engine::try_link(nanoseconds now, const outcome_sink& sink)
{
    try_link_at_ = now + options_.link_poll_ns;
    const std::uint32_t control = banks_[0].load(reg::control);
    if (control == all_ones || !port_.registers->link_is_up()) return;
    log::event(log::part::edma, level::warn, "link up", to_string(side()), {{"control", control, true}});
    down_ = false;
    const bool same =
        (control & 0xf) == channels(channel_kind::wr) && (control >> 16 & 0xf) == channels(channel_kind::rd);
    for (bank& b : banks_) {
        if (b.phase == bank_phase::gone) continue;
        if (same) {
            b.phase = bank_phase::up;
            stop_bank(b, now); // proves that nothing of before is still running
        } else {
            b.phase = bank_phase::gone; // somebody else's device is in its place
            refuse_all(b, outcome::gone, sink);
        }
    }
}

void engine::link_restored(nanoseconds now) noexcept
{
    if (!down_) return;
    try_link_at_ = now;
    for (bank& b : banks_) b.settle_at = 0;
}

} // namespace cf::edma
