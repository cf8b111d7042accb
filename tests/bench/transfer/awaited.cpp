// SPDX-License-Identifier: MIT
//
// counterflow itself: tasks that await.
#include "contender.hpp"
#include "driver_rig.hpp"

#include <counterflow/counterflow.hpp>

namespace bench {
namespace {

cf::task<> stream(cf::device& dev, cf::buffer_slice from, cf::window_place to, std::uint64_t count,
                  std::uint64_t& completed)
{
    for (std::uint64_t i = 0; i < count; ++i) {
        co_await dev.write(from, to);
        ++completed;
    }
}

cf::task<> run(cf::device& dev, const job& j, measurement& m)
{
    cf::buffer memory = dev.allocate(blocks * block_bytes);
    cf::window far = dev.window("ram");
    const std::uint64_t each = j.count / j.outstanding;
    const std::uint64_t more = j.count % j.outstanding;
    std::uint64_t warm = 0;
    for (int round = 0; round < 2; ++round) {
        // The first round makes the coroutine frames that the second recycles.
        const stopwatch timing(m);
        cf::scope all;
        for (unsigned i = 0; i < j.outstanding; ++i) {
            const std::size_t offset = i % blocks * block_bytes;
            all.spawn(stream(dev, memory.slice(offset, block_bytes), far.at(offset),
                             round == 0 ? 1 : each + (i < more ? 1 : 0), round == 0 ? warm : m.completed));
        }
        co_await all.join();
    }
}

} // namespace

measurement awaited(const job& j)
{
    measurement m;
    cf::device_spec spec;
    spec.text = "the benchmark's device";
    spec.model = j.device;
    cf::runtime loop;
    cf::device dev(loop, spec);
    loop.run(run(dev, j, m));
    return m;
}

} // namespace bench
