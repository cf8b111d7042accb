// SPDX-License-Identifier: MIT
//
// Simulating a point, and finding what limits it by taking limits away.
#include "cli/survey.hpp"

#include "runtime/virtual/clock.hpp"

#include <counterflow/device.hpp>
#include <counterflow/error.hpp>
#include <counterflow/runtime.hpp>
#include <counterflow/scope.hpp>

#include <algorithm>
#include <tuple>
#include <utility>

namespace cf::cli {
namespace {

/// Counts what completes. The first completion of a direction starts its time, and the last ends it, so that
/// whole periods are counted also where transfers complete in bunches.
class tally {
public:
    explicit tally(std::uint64_t transfers) : wanted_(transfers) {}

    void count(transfer_kind kind, std::uint64_t start, std::uint64_t end) noexcept
    {
        side& s = sides_[static_cast<std::size_t>(kind)];
        if (warm_ < 2 && ++s.all == wanted_ / 4) ++warm_;
        if (warm_ < 2) return;
        if (s.first == 0) s.first = end;
        s.last = end;
        if (s.first != end) ++s.counted;
        latency_ += static_cast<double>(end - start);
        ++latencies_;
    }
    bool done() const noexcept { return sides_[0].counted >= wanted_ && sides_[1].counted >= wanted_; }

    double rate(transfer_kind kind, std::uint64_t size) const noexcept
    {
        const side& s = sides_[static_cast<std::size_t>(kind)];
        return static_cast<double>(s.counted * size) / (static_cast<double>(s.last - s.first) * 1e-9);
    }
    double latency_ns() const noexcept { return latency_ / static_cast<double>(latencies_); }

private:
    struct side {
        std::uint64_t all = 0, counted = 0, first = 0, last = 0;
    };
    std::array<side, 2> sides_;
    std::uint64_t wanted_;
    unsigned warm_ = 0; ///< directions that have run for a while
    double latency_ = 0;
    std::uint64_t latencies_ = 0;
};

task<> stream(device& dev, transfer_kind kind, buffer& near, window_place far, tally& seen)
{
    while (!seen.done()) {
        const std::uint64_t start = dev.loop().now();
        if (kind == transfer_kind::write)
            co_await dev.write(near, far);
        else
            co_await dev.read(near, far);
        seen.count(kind, start, dev.loop().now());
    }
}

task<> both_ways(device& dev, buffer& out, buffer& in, unsigned outstanding, tally& seen)
{
    const window far = dev.window("ram");
    scope all;
    for (unsigned i = 0; i < outstanding; ++i) {
        all.spawn(stream(dev, transfer_kind::write, out, far.at(0), seen));
        all.spawn(stream(dev, transfer_kind::read, in, far.at(out.size()), seen));
    }
    co_await all.join();
}

struct relief {
    limit what;
    bool (*take_away)(model_spec&); ///< false: there was nothing to take away
};

/// Whether that changes it.
template <class T>
bool set(T& field, T value)
{
    return std::exchange(field, value) != value;
}

constexpr std::array reliefs{
    relief{limit::software,
           [](model_spec& m) {
               const bool transfers = set<std::uint64_t>(m.cpu_ns, 0),
                          turns = set<std::uint64_t>(m.turn_ns, 1);
               return transfers || turns;
           }},
    relief{limit::wake_up, [](model_spec& m) { return set<std::uint64_t>(m.irq_ns, 0); }},
    relief{limit::tags, [](model_spec& m) { return set(m.link.tags, 768u); }},
    relief{limit::credits,
           [](model_spec& m) {
               const bool headers = set(m.link.posted_headers, 0u), data = set(m.link.posted_data, 0u);
               return headers || data;
           }},
    relief{limit::gap, [](model_spec& m) { return set(m.submit, submit_mode::ring); }},
    relief{limit::fetch,
           [](model_spec& m) {
               const bool time = set<std::uint64_t>(m.fetch_ns, 0), place = set(m.lists, list_place::own);
               return time || place;
           }},
};

} // namespace

std::string_view to_string(limit l) noexcept
{
    constexpr std::array names{"link",    "software", "wake-up",    "tags",
                               "credits", "gap",      "list fetch", "in flight"};
    return names[static_cast<std::size_t>(l)];
}

plan_point simulate(const device_spec& spec, std::uint64_t size, unsigned outstanding)
{
    runtime loop(options_for(spec));
    device dev(loop, spec);
    // All transfers of a direction share their memory: what is moved does not matter here.
    buffer out = dev.allocate(size), in = dev.allocate(size);
    tally seen(std::max<std::uint64_t>(64, 12 * outstanding));
    loop.run(both_ways(dev, out, in, outstanding, seen));
    plan_point point{.size = size,
                     .outstanding = outstanding,
                     .channels = std::max(spec.model.wr, spec.model.rd),
                     .latency_ns = seen.latency_ns(),
                     .cpu_share = static_cast<double>(loop.simulation()->busy()) /
                                  static_cast<double>(loop.simulation()->now())};
    const ceilings most = dev.ceilings();
    for (const transfer_kind kind : {transfer_kind::write, transfer_kind::read}) {
        const direction d = direction_of(kind, dev.info().near);
        const auto i = static_cast<std::size_t>(d);
        point.rate[i] = seen.rate(kind, size);
        point.utilisation[i] = point.rate[i] / most.of(d);
    }
    return point;
}

plan_point examine(const device_spec& spec, std::uint64_t size, unsigned outstanding, unsigned channels)
{
    device_spec here = spec;
    here.model.wr = std::min(spec.model.wr, channels);
    here.model.rd = std::min(spec.model.rd, channels);
    plan_point point = simulate(here, size, outstanding);
    point.channels = channels;
    if (point.least() >= full_link) return point;
    point.held_by = limit::in_flight;
    const auto sum = [](const plan_point& p) { return p.utilisation[0] + p.utilisation[1]; };
    double best = sum(point) * 1.01; // what helps by less is not what holds it back
    for (const relief& r : reliefs) {
        device_spec relieved = here;
        if (!r.take_away(relieved.model)) continue; // the same again
        const double with = sum(simulate(relieved, size, outstanding));
        if (with <= best) continue;
        best = with;
        point.held_by = r.what;
    }
    return point;
}

const plan_point& choice_of(const std::vector<plan_point>& points)
{
    const auto better = [](const plan_point& a, const plan_point& b) {
        const bool a_full = a.least() >= full_link, b_full = b.least() >= full_link;
        if (a_full != b_full) return a_full;
        if (!a_full) return a.least() > b.least();
        return std::tuple(a.size * a.outstanding, a.size, a.channels) <
               std::tuple(b.size * b.outstanding, b.size, b.channels);
    };
    return *std::ranges::min_element(points, better);
}

} // namespace cf::cli
