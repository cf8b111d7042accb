// SPDX-License-Identifier: MIT
//
// Both directions between two files, and what the files alone allow.
#include "allocation_count.hpp"
#include "copied_bytes.hpp"
#include "stream_bench.hpp"

#include <cstdio>
#include <utility>

#include <fcntl.h>

namespace bench {
namespace {

constexpr std::uint32_t block_bytes = 256 * 1024;
constexpr std::uint32_t slots = 64;            // a direction, in far memory
constexpr std::uint64_t blocks_of_file = 4096; // 1 GiB, gone round

/// What has been done up to some moment.
struct counts {
    cf::clock::time_point when;
    std::uint64_t sent = 0, received = 0; ///< bytes
    std::uint64_t allocations = 0, copied = 0;
};

/// Data of its own in each direction, for as long as that takes. Yields what was done when it was under way,
/// and a while later.
cf::task<std::pair<counts, counts>> over_link(cf::device& dev, int source, int sink)
{
    const cf::window far = dev.window("ram");
    const auto place = [&](std::uint64_t offset) {
        return cf::fixed_place{.place = far.at(offset), .block_bytes = block_bytes, .slots = slots};
    };
    cf::duplex both(cf::read_stream(dev, place(0), {.in_flight = 16}),
                    cf::write_stream(dev, place(std::uint64_t{slots} * block_bytes), {.in_flight = 16}));
    std::uint64_t sent = 0, received = 0;
    bool over = false;
    const auto fill = [&](std::span<std::byte> room) -> cf::task<std::size_t> {
        if (over) co_return std::size_t{0};
        const std::uint64_t number = sent++;
        co_return co_await cf::read_at(source, room, number % blocks_of_file * block_bytes);
    };
    const auto take = [&](cf::block b) -> cf::task<> {
        const std::uint64_t number = received++;
        co_await cf::write_at(sink, b.bytes(), number % blocks_of_file * block_bytes);
    };
    const auto now = [&] {
        return counts{cf::clock::now(), both.out().statistics().moved.bytes,
                      both.in().statistics().moved.bytes, test::allocations(), copied_bytes()};
    };
    std::pair<counts, counts> at;
    co_await cf::when_all(both.run(fill, take), [&]() -> cf::task<> {
        co_await cf::sleep_for(std::chrono::milliseconds(500));
        at.first = now();
        co_await cf::sleep_for(std::chrono::seconds(5));
        at.second = now();
        over = true;
        co_await both.in().close(cf::stream_end::abort);
    }());
    co_return at;
}

/// How often the engine, which is the model's here, copies a byte of a plain transfer.
cf::task<double> copies_of_engine(cf::device& dev)
{
    const cf::buffer memory = dev.allocate(block_bytes);
    const cf::window far = dev.window("ram");
    const std::uint64_t before = copied_bytes();
    co_await dev.write(memory, far.at(0));
    co_await dev.read(memory, far.at(0));
    co_return static_cast<double>(copied_bytes() - before) / (2.0 * block_bytes);
}

/// The same reads and writes, one of each at a time.
cf::task<double> without_link(cf::device& dev, int source, int sink)
{
    const cf::buffer memory = dev.allocate(2 * block_bytes);
    const cf::clock::time_point begin = cf::clock::now();
    co_await cf::when_all(
        [](int file, std::span<std::byte> room) -> cf::task<> {
            for (std::uint64_t i = 0; i < blocks_of_file; ++i)
                co_await cf::read_at(file, room, i * block_bytes);
        }(source, memory.bytes().first(block_bytes)),
        [](int file, std::span<const std::byte> room) -> cf::task<> {
            for (std::uint64_t i = 0; i < blocks_of_file; ++i)
                co_await cf::write_at(file, room, i * block_bytes);
        }(sink, memory.bytes().last(block_bytes)));
    co_return static_cast<double>(blocks_of_file * block_bytes) / seconds_between(begin, cf::clock::now());
}

} // namespace

void duplex(const std::string& spec, const std::string& source_path, const std::string& sink_path)
{
    const int source = open_or_throw(source_path, O_RDONLY);
    const int sink = open_or_throw(sink_path, O_WRONLY | O_CREAT);
    cf::runtime loop({.spin = std::chrono::nanoseconds(0)});
    cf::device dev(loop, spec);
    const cf::ceilings limits = dev.ceilings();
    loop.run(without_link(dev, source, sink)); // the sink has its pages then
    const double files = loop.run(without_link(dev, source, sink));
    const double engine = loop.run(copies_of_engine(dev));
    const auto [from, to] = loop.run(over_link(dev, source, sink));
    const double seconds = seconds_between(from.when, to.when);
    const auto sent = static_cast<double>(to.sent - from.sent);
    const auto received = static_cast<double>(to.received - from.received);
    std::printf(
        "{\"bench\": \"stream duplex\", \"rp_to_ep_gbytes_per_s\": %.4f, "
        "\"ep_to_rp_gbytes_per_s\": %.4f, \"of_rp_to_ep\": %.4f, \"of_ep_to_rp\": %.4f, "
        "\"files_alone_gbytes_per_s\": %.4f, \"blocks\": %.0f, \"allocations\": %llu, "
        "\"copies_beside_the_engine\": %.3f}\n",
        sent / seconds / 1e9, received / seconds / 1e9, sent / seconds / limits.of(cf::direction::rp_to_ep),
        received / seconds / limits.of(cf::direction::ep_to_rp), files / 1e9, (sent + received) / block_bytes,
        static_cast<unsigned long long>(to.allocations - from.allocations),
        static_cast<double>(to.copied - from.copied) / (sent + received) - engine);
}

} // namespace bench
