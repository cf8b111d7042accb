// SPDX-License-Identifier: MIT
//
// A session with all that a test of endings needs: a ring, memory, and a channel for itself.
#pragma once

#include "model.hpp"

#include <map>

namespace vm {

inline constexpr std::size_t block = 4096;

/// A session with a ring, memory and write channel 0 (the engine's rd0) for itself.
struct bench {
    session s;
    memory m{64 * block};
    std::uint32_t buffer = 0;
    std::uint32_t lease = 0;

    explicit bench(std::uint16_t direction = CF_WRITE)
    {
        s.setup(0, 128);
        buffer = s.add(m);
        cf_lease take{};
        take.direction = direction;
        take.channel = 0;
        take.flags = CF_LEASE_EXCLUSIVE;
        EXPECT_EQUAL(s.call(CF_IOC_LEASE, &take), 0);
        lease = take.lease;
    }
    cf_transfer write(std::uint64_t tag, std::uint64_t timeout_ns = 30'000 * ms) const
    {
        cf_transfer t = make(CF_WRITE, buffer, tag * block, tag * block, block, tag);
        t.timeout_ns = timeout_ns;
        t.lease = lease;
        return t;
    }
    std::map<std::uint64_t, cf_completion> gather(std::size_t count) const
    {
        std::map<std::uint64_t, cf_completion> result;
        for (const cf_completion& c : s.gather(count)) EXPECT(result.emplace(c.tag, c).second);
        return result;
    }
    /// The far place of a tag holds what its block was filled with.
    void arrived(std::uint64_t tag) const
    {
        cf_transfer t = make(CF_READ, buffer, 32 * block, tag * block, block);
        EXPECT_EQUAL(s.transfer(t), 0);
        EXPECT(holds(m.data() + 32 * block, block, static_cast<unsigned>(tag)));
    }
    void fill_blocks(std::uint64_t count) const
    {
        for (std::uint64_t tag = 0; tag < count; ++tag)
            fill(m.data() + tag * block, block, static_cast<unsigned>(tag));
    }
};

inline bool can_stop(const session& s) { return (s.info().features & CF_FEATURE_STOP) != 0; }

/// Makes transfers stall: for good where the back end can stop the engine, else for a while.
inline void stall(const session& s, int for_ms)
{
    model(can_stop(s) ? "hang" : "late-completion,time=" + std::to_string(for_ms) + "ms");
}

} // namespace vm
