// SPDX-License-Identifier: MIT
//
// Both directions between two files, and what the files alone allow.
#include "allocation_count.hpp"
#include "copied_bytes.hpp"
#include "stream_bench.hpp"

#include <cstdio>

#include <fcntl.h>

namespace bench {
namespace {

constexpr std::uint32_t block_bytes = 256 * 1024;
constexpr std::uint64_t blocks = 4096; // 1 GiB
constexpr std::uint64_t warm = 64;

struct measured {
    double rate = 0; ///< bytes a second in each direction
    std::uint64_t allocations = 0;
    double copies = 0; ///< of a byte of payload
};

cf::task<measured> over_link(cf::device& dev, int source, int sink)
{
    const cf::far_ring ring =
        co_await cf::make_ring(dev, dev.window("ram").at(0), {.block_bytes = block_bytes, .slots = 128});
    cf::duplex both(cf::read_stream(dev, ring, {.in_flight = 16}),
                    cf::write_stream(dev, ring, {.in_flight = 16}));
    std::uint64_t sent = 0, received = 0, before = 0, after = 0;
    cf::clock::time_point begin;
    const std::uint64_t copied = copied_bytes();
    const auto fill = [&](std::span<std::byte> room) -> cf::task<std::size_t> {
        if (sent == blocks + warm) {
            after = test::allocations();
            co_return std::size_t{0};
        }
        const std::uint64_t number = sent++;
        co_return co_await cf::read_at(source, room, number % blocks * block_bytes);
    };
    const auto take = [&](cf::block b) -> cf::task<> {
        co_await cf::write_at(sink, b.bytes(), received % blocks * block_bytes);
        ++received;
        if (received == warm) {
            begin = cf::clock::now();
            before = test::allocations();
        }
    };
    co_await both.run(fill, take);
    const double payload = 2.0 * static_cast<double>((blocks + warm) * block_bytes); // both directions
    co_return {static_cast<double>(blocks * block_bytes) / seconds_between(begin, cf::clock::now()),
               after - before, static_cast<double>(copied_bytes() - copied) / payload};
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
            for (std::uint64_t i = 0; i < blocks; ++i) co_await cf::read_at(file, room, i * block_bytes);
        }(source, memory.bytes().first(block_bytes)),
        [](int file, std::span<const std::byte> room) -> cf::task<> {
            for (std::uint64_t i = 0; i < blocks; ++i) co_await cf::write_at(file, room, i * block_bytes);
        }(sink, memory.bytes().last(block_bytes)));
    co_return static_cast<double>(blocks * block_bytes) / seconds_between(begin, cf::clock::now());
}

} // namespace

void duplex(const std::string& spec, const std::string& source_path, const std::string& sink_path)
{
    const int source = open_or_throw(source_path, O_RDONLY);
    const int sink = open_or_throw(sink_path, O_WRONLY | O_CREAT);
    cf::runtime loop({.spin = std::chrono::nanoseconds(0)});
    cf::device dev(loop, spec);
    const cf::ceilings limits = dev.ceilings();
    // First, so that the sink has its pages in both.
    const double files = loop.run(without_link(dev, source, sink));
    const double engine = loop.run(copies_of_engine(dev));
    const measured m = loop.run(over_link(dev, source, sink));
    std::printf("{\"bench\": \"stream duplex\", \"gbytes_per_s\": %.4f, \"of_rp_to_ep\": %.4f, "
                "\"of_ep_to_rp\": %.4f, \"files_alone_gbytes_per_s\": %.4f, \"blocks\": %llu, "
                "\"allocations\": %llu, \"copies_beside_the_engine\": %.4f}\n",
                m.rate / 1e9, m.rate / limits.of(cf::direction::rp_to_ep),
                m.rate / limits.of(cf::direction::ep_to_rp), files / 1e9,
                static_cast<unsigned long long>(blocks), static_cast<unsigned long long>(m.allocations),
                m.copies - engine);
}

} // namespace bench
