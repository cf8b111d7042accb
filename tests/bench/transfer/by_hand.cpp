// SPDX-License-Identifier: MIT
//
// The yardstick: the loop a careful C programmer writes on the driver's calls.
#include "driver_rig.hpp"

namespace bench {

measurement by_hand(const job& j)
{
    driver_rig rig(j.device);
    measurement m;
    const stopwatch timing(m);
    std::uint64_t started = 0;
    unsigned turn = 0;
    auto sink = [&m](void*, cf::edma::outcome outcome) noexcept {
        if (outcome == cf::edma::outcome::done) ++m.completed;
    };
    while (m.completed < j.count) {
        while (started < j.count && started - m.completed < j.outstanding) {
            rig.channel(turn).push(rig.segment(started++, nullptr));
            if (++turn == rig.channels()) turn = 0;
        }
        const std::uint64_t now = now_ns();
        for (unsigned i = 0; i < rig.channels(); ++i) rig.channel(i).flush(now);
        rig.engine().poll(now, sink);
    }
    return m;
}

} // namespace bench
