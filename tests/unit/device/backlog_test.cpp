// SPDX-License-Identifier: MIT
//
// The backlog alone: whose turn it is, counted in bytes.
#include "catch.hpp"
#include "device/backlog.hpp"

#include <algorithm>
#include <deque>
#include <random>
#include <vector>

using cf::detail::backlog;
using cf::detail::round_wheel;
using cf::detail::transfer_state;

namespace {

constexpr std::uint32_t longest = round_wheel::segment_bytes_max;

/// A task that always has another segment of its size to move.
struct task {
    task(unsigned priority, std::uint32_t segment_bytes) : bytes(segment_bytes)
    {
        state.priority = static_cast<std::uint8_t>(priority);
        state.remaining = segment_bytes;
    }
    transfer_state state;
    std::uint32_t bytes;
    std::uint64_t moved = 0;
};

struct tasks {
    void add(unsigned count, unsigned priority, std::uint32_t bytes)
    {
        for (unsigned n = 0; n < count; ++n) {
            task& t = all.emplace_back(priority, bytes);
            waiting.push(t.state, bytes);
        }
    }
    /// Moves so many bytes in all.
    void run(std::uint64_t bytes)
    {
        for (std::uint64_t moved = 0; moved < bytes;) {
            const transfer_state* const next = &waiting.take(longest);
            task& t = *std::find_if(all.begin(), all.end(), [&](const task& x) { return &x.state == next; });
            moved += t.bytes;
            t.moved += t.bytes;
            waiting.push(t.state, t.bytes);
        }
    }
    std::uint64_t moved(unsigned priority) const
    {
        std::uint64_t sum = 0;
        for (const task& t : all)
            if (t.state.priority == priority) sum += t.moved;
        return sum;
    }

    std::deque<task> all;
    backlog waiting;
};

} // namespace

TEST_CASE("transfers of one priority get the same bytes whatever their sizes", "[backlog]")
{
    tasks t;
    t.add(8, 1, 4096);
    t.add(3, 1, longest);
    t.add(5, 1, 65536);
    t.add(1, 1, 20480);
    constexpr std::uint64_t each = 40 * std::uint64_t{longest};
    t.run(17 * each);
    for (const task& x : t.all) {
        INFO(x.bytes);
        CHECK(x.moved > each - 2 * longest);
        CHECK(x.moved < each + 2 * longest);
    }
}

TEST_CASE("priorities share bytes 16 : 4 : 1 whatever the sizes of their transfers", "[backlog]")
{
    const std::uint32_t sizes[] = {100, 4096, longest};
    for (const std::uint32_t high : sizes)
        for (const std::uint32_t normal : sizes)
            for (const std::uint32_t low : sizes) {
                INFO(high << " : " << normal << " : " << low);
                tasks t;
                t.add(3, 0, high);
                t.add(2, 1, normal);
                t.add(2, 2, low);
                constexpr std::uint64_t unit = 20 * std::uint64_t{longest};
                t.run(21 * unit);
                // One segment of slack either way.
                CHECK(t.moved(0) + 17 * longest > 16 * unit);
                CHECK(t.moved(0) < 16 * unit + 17 * longest);
                CHECK(t.moved(1) + 5 * longest > 4 * unit);
                CHECK(t.moved(1) < 4 * unit + 5 * longest);
                CHECK(t.moved(2) + 2 * longest > unit);
                CHECK(t.moved(2) < unit + 2 * longest);
            }
}

TEST_CASE("a priority that was idle has not saved up, and one that was busy owes nothing", "[backlog]")
{
    tasks t;
    t.add(1, 0, 4096);
    t.run(1 << 20);
    t.add(1, 2, 4096);
    const std::uint64_t before = t.moved(0);
    t.run(17 * 4096 * 10);
    CHECK(t.moved(0) - before >= 15 * 4096 * 10);
    CHECK(t.moved(2) >= 9 * 4096);
}

TEST_CASE("whatever is taken out of the middle, the others keep their turns", "[backlog]")
{
    std::mt19937 random(1);
    backlog waiting;
    std::deque<transfer_state> states(200);
    std::vector<transfer_state*> in;
    for (transfer_state& s : states) {
        s.priority = static_cast<std::uint8_t>(random() % 3);
        s.remaining = longest;
        waiting.push(s, static_cast<std::uint32_t>(1 + random() % longest));
        in.push_back(&s);
    }
    while (!in.empty()) {
        REQUIRE_FALSE(waiting.empty());
        auto out = in.begin() + static_cast<std::ptrdiff_t>(random() % in.size());
        if (random() % 2 == 0) {
            out = std::find(in.begin(), in.end(), &waiting.front());
            REQUIRE(out != in.end());
            CHECK(&waiting.take(longest) == *out);
        } else {
            waiting.remove(**out);
        }
        in.erase(out);
    }
    CHECK(waiting.empty());
}
