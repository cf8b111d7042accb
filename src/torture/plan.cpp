// SPDX-License-Identifier: MIT
//
// From a seed to a plan. Each seed takes part of the faults only, and its own device: many different
// campaigns find more than one that has everything in it.
#include "torture/plan.hpp"

#include "torture/chance.hpp"
#include <counterflow/error.hpp>

#include <algorithm>

namespace cf::torture {
namespace {

constexpr std::array<std::string_view, fault_count> names{
    "abort",           "lost_interrupt", "repeated_interrupt",
    "late_interrupt",  "late_start",     "late_stop",
    "late_completion", "late_position",  "hang",
    "link_down",       "unplug",         "close",
    "cancel",          "deadline",       "bad_request",
    "lease",           "corruption"};

bool strikes_one_transfer(fault f) noexcept
{
    return f == fault::cancel || f == fault::deadline || f == fault::bad_request || f == fault::lease;
}

/// After these the device is opened anew, which costs more than a hundred transfers.
bool ends_device(fault f) noexcept { return f == fault::unplug || f == fault::close; }

std::string any_device(chance& dice)
{
    constexpr std::array<std::string_view, 6> links{"null",   "gen1x1", "gen2x4",
                                                    "gen3x8", "gen4x8", "gen5x16"};
    constexpr std::array<std::string_view, 3> engines{"remote", "local", "both"};
    constexpr std::array<std::string_view, 3> wakes{"irq", "imwr", "poll"};
    const std::string_view link = links[dice.below(links.size())];
    std::string spec = "sim:" + std::string(link);
    spec += ",wr=" + std::to_string(dice.between(1, 4));
    spec += ",rd=" + std::to_string(dice.between(1, 4)); // one die a statement: operands have no order
    const std::string_view engine = engines[dice.below(engines.size())];
    spec += ",engine=" + std::string(engine);
    // A local engine and one that takes descriptors one by one need its interrupt.
    if (engine == "remote") spec += ",wake=" + std::string(wakes[dice.below(wakes.size())]);
    if (dice.once_in(4)) spec += ",submit=descriptor";
    if (dice.once_in(2)) spec += ",near=ep";
    if (link != "null" && dice.once_in(4)) spec += ",pd=" + std::to_string(dice.between(16, 256));
    return spec + ",hang=1ms";
}

/// Some of `faults`, at least one if there is one.
std::vector<fault> some_of(fault_set faults, chance& dice)
{
    std::vector<fault> all, some;
    for (unsigned f = 0; f < fault_count; ++f)
        if ((faults & only(static_cast<fault>(f))) != 0) all.push_back(static_cast<fault>(f));
    for (const fault f : all)
        if (dice.once_in(2)) some.push_back(f);
    if (some.empty() && !all.empty()) some.push_back(all[dice.below(all.size())]);
    return some;
}

event any_event(fault what, std::uint64_t transfers, chance& dice)
{
    event e{what, dice.below(transfers), 0, dice.next(), dice.next(), dice.next(), 0};
    if (!strikes_one_transfer(what)) e.lasts = dice.spread(40);
    return e;
}

} // namespace

std::string_view name_of(fault f) noexcept { return names[static_cast<std::size_t>(f)]; }

fault_set parse_faults(std::string_view text)
{
    fault_set set = 0;
    for (std::size_t start = 0; start <= text.size();) {
        const std::size_t end = std::min(text.find(',', start), text.size());
        const std::string_view name = text.substr(start, end - start);
        start = end + 1;
        if (name == "all") {
            set |= all_faults;
            continue;
        }
        const auto found = std::ranges::find(names, name);
        if (found == names.end()) {
            std::string known = "all";
            for (const std::string_view n : names) known += ", " + std::string(n);
            throw error(errc::bad_argument,
                        "there is no fault '" + std::string(name) + "'; there are " + known);
        }
        set |= fault_set{1} << (found - names.begin());
    }
    return set;
}

plan make_plan(std::uint64_t seed, std::uint64_t transfers, fault_set faults)
{
    chance dice(seed);
    plan p;
    p.seed = seed;
    p.transfers = transfers;
    p.device = any_device(dice) + ",seed=" + std::to_string(seed);
    // Now and then transfers of more than one list element.
    const bool large = dice.once_in(32);
    p.tasks = static_cast<unsigned>(large ? dice.between(1, 3) : dice.spread(24));
    p.share = large ? 512u << 10 : 4096u << dice.below(3);
    p.device += ",ram=" + std::to_string(p.share * p.tasks);
    // Mostly short: lists then wrap often, are full, and are laid again quickly.
    p.list_elements = 16u << std::min(dice.below(9), dice.below(9));
    for (const fault f : some_of(faults, dice)) {
        const std::uint64_t rarity = ends_device(f) ? 400 : dice.between(20, 200);
        for (std::uint64_t n = transfers / rarity + 1; n != 0; --n)
            p.events.push_back(any_event(f, transfers, dice));
    }
    std::ranges::stable_sort(p.events, {}, &event::at);
    for (unsigned i = 0; i < p.events.size(); ++i) p.events[i].number = i;
    return p;
}

std::string describe(const event& e)
{
    std::string text = std::to_string(e.number) + ": " + std::string(name_of(e.what));
    text += " at " + std::to_string(e.at);
    if (e.lasts != 0) text += " for " + std::to_string(e.lasts) + " transfers";
    text += ", a=" + std::to_string(e.a) + " b=" + std::to_string(e.b) + " c=" + std::to_string(e.c);
    return text;
}

} // namespace cf::torture
