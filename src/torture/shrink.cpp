// SPDX-License-Identifier: MIT
//
// Delta debugging, as Zeller and Hildebrandt described it, over a plan's events.
#include "torture/shrink.hpp"

#include <algorithm>
#include <cstddef>

namespace cf::torture {
namespace {

plan without(const plan& p, std::size_t first, std::size_t count)
{
    plan less = p;
    const auto at = less.events.begin() + static_cast<std::ptrdiff_t>(first);
    less.events.erase(at, at + static_cast<std::ptrdiff_t>(count));
    return less;
}

} // namespace

plan shrink(plan p, const tally& found, const std::function<tally(const plan&)>& run)
{
    const auto fails = [&](const plan& candidate) { return !run(candidate).good(); };
    plan shorter = p;
    shorter.transfers = std::min(p.transfers, found.first_at + 1);
    if (found.first_at != 0 && fails(shorter)) p = shorter;
    for (std::size_t piece = (p.events.size() + 1) / 2; piece != 0;
         piece = piece == 1 ? 0 : (piece + 1) / 2) {
        for (std::size_t at = 0; at < p.events.size();) {
            plan less = without(p, at, std::min(piece, p.events.size() - at));
            if (fails(less))
                p = std::move(less);
            else
                at += piece;
        }
    }
    return p;
}

} // namespace cf::torture
