// SPDX-License-Identifier: MIT
//
// Counting elements and signals until a fault strikes.
#include "model/faults.hpp"

#include <algorithm>

namespace cf::model {
namespace {

bool touches(const abort_fault& fault, std::uint64_t start, std::uint64_t size) noexcept
{
    if (fault.size == 0) return true;
    // Both differences wrap to something large when the other range starts first.
    return start - fault.address < fault.size || fault.address - start < size;
}

template <class Lags>
nanoseconds longest(const Lags& lags, unsigned engine, channel_kind kind, unsigned channel) noexcept
{
    nanoseconds result = 0;
    for (const auto& each : lags)
        if (each.at.matches(engine, kind, channel)) result = std::max(result, each.time);
    return result;
}

} // namespace

void faults::clear() noexcept
{
    aborts_.clear();
    interrupts_.clear();
    messages_.clear();
    hangs_.clear();
    late_starts_.clear();
    late_stops_.clear();
    late_completions_.clear();
}

std::optional<faults::planned_abort> faults::plan(unsigned engine, channel_kind kind, unsigned channel,
                                                  std::uint64_t source, std::uint64_t destination,
                                                  std::uint64_t size) noexcept
{
    std::optional<planned_abort> result;
    for (auto& [fault, seen] : aborts_) {
        if (!fault.at.matches(engine, kind, channel)) continue;
        if (!touches(fault, source, size) && !touches(fault, destination, size)) continue;
        ++seen;
        if (seen < fault.element) continue;
        if (fault.times != 0 && seen - fault.element >= fault.times) continue;
        if (!result) result = planned_abort{fault.cause, std::min(fault.after_bytes, size)};
    }
    if (result) ++struck_.aborts;
    return result;
}

faults::delivery faults::deliver(std::vector<counted_signal>& rules, unsigned engine) noexcept
{
    delivery result;
    for (auto& [fault, seen, struck] : rules) {
        if (fault.engine && *fault.engine != engine) continue;
        ++seen;
        if (fault.times != 0 && struck >= fault.times) continue;
        if (seen % std::max<std::uint64_t>(fault.nth, 1) != 0) continue;
        ++struck;
        switch (fault.what) {
        case signal_fault::effect::lose:
            result.copies = 0;
            ++struck_.lost;
            break;
        case signal_fault::effect::repeat:
            result.copies *= fault.copies;
            result.apart = fault.delay;
            ++struck_.repeated;
            break;
        case signal_fault::effect::delay:
            result.delay += fault.delay;
            ++struck_.delayed;
            break;
        }
    }
    return result;
}

std::optional<hang_fault> faults::hangs(unsigned engine, channel_kind kind, unsigned channel) const noexcept
{
    const auto found = std::find_if(hangs_.begin(), hangs_.end(), [&](const hang_fault& fault) {
        return fault.at.matches(engine, kind, channel);
    });
    if (found == hangs_.end()) return std::nullopt;
    return *found;
}

nanoseconds faults::start_lag(unsigned engine, channel_kind kind, unsigned channel) const noexcept
{
    return longest(late_starts_, engine, kind, channel);
}

nanoseconds faults::stop_lag(unsigned engine, channel_kind kind, unsigned channel) const noexcept
{
    return longest(late_stops_, engine, kind, channel);
}

nanoseconds faults::completion_lag(unsigned engine, channel_kind kind, unsigned channel) const noexcept
{
    return longest(late_completions_, engine, kind, channel);
}

} // namespace cf::model
