// SPDX-License-Identifier: MIT
//
// A Boost.Asio program on counterflow: cf::asio::device in its io_context, awaited by its coroutines.
#include "contender.hpp"
#include "driver_rig.hpp"

#include <counterflow/asio.hpp>

#include <boost/asio.hpp>

namespace bench {
namespace {

namespace asio = boost::asio;

asio::awaitable<void> stream(cf::asio::device& dev, cf::buffer_slice from, cf::window_place to,
                             std::uint64_t count, std::uint64_t& completed)
{
    for (std::uint64_t i = 0; i < count; ++i) {
        co_await dev.async_write(from, to, asio::use_awaitable);
        ++completed;
    }
}

/// The same in callbacks, each of which starts the next.
struct chain {
    cf::asio::device& dev;
    cf::buffer_slice from;
    cf::window_place to;
    std::uint64_t left;
    std::uint64_t& completed;

    void next()
    {
        if (left == 0) return;
        --left;
        dev.async_write(from, to, [this](boost::system::error_code failed, std::size_t) {
            completed += failed ? 0 : 1;
            next();
        });
    }
};

template <class Start>
measurement measured(const job& j, Start start)
{
    measurement m;
    cf::device_spec spec;
    spec.text = "the benchmark's device";
    spec.model = j.device;
    asio::io_context loop(1);
    cf::asio::device dev(loop.get_executor(), spec);
    cf::buffer memory = dev.allocate(blocks * block_bytes);
    const cf::window far = dev.window("ram");
    const stopwatch timing(m);
    const std::uint64_t each = j.count / j.outstanding;
    const std::uint64_t more = j.count % j.outstanding;
    for (unsigned i = 0; i < j.outstanding; ++i) {
        const std::size_t offset = i % blocks * block_bytes;
        start(loop, dev, memory.slice(offset, block_bytes), far.at(offset), each + (i < more ? 1 : 0),
              m.completed);
    }
    loop.run();
    return m;
}

} // namespace

measurement through_asio(const job& j)
{
    return measured(j, [](asio::io_context& loop, cf::asio::device& dev, cf::buffer_slice from,
                          cf::window_place to, std::uint64_t count, std::uint64_t& completed) {
        asio::co_spawn(loop, stream(dev, from, to, count, completed), asio::detached);
    });
}

measurement asio_callbacks(const job& j)
{
    std::vector<std::unique_ptr<chain>> chains;
    return measured(j, [&chains](asio::io_context&, cf::asio::device& dev, cf::buffer_slice from,
                                 cf::window_place to, std::uint64_t count, std::uint64_t& completed) {
        chains.push_back(std::make_unique<chain>(chain{dev, from, to, count, completed}));
        chains.back()->next();
    });
}

} // namespace bench
