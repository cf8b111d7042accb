// SPDX-License-Identifier: MIT
//
// usage: stream-bench duplex SPEC SOURCE SINK | stream-bench acquire SPEC SINK SECONDS PAUSE_US
//
// Prints as JSON what a pair of streams reaches between two files through a ring in far memory, or what an
// acquisition of 64 KiB blocks at 80 % of the ceiling loses with a sink that pauses for each block.
#include "allocation_count.hpp"

#include <counterflow/counterflow.hpp>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace {

using namespace cf::literals;

constexpr std::uint32_t block_bytes = 256 * 1024;
constexpr std::uint64_t blocks = 4096; // 1 GiB
constexpr std::uint64_t warm = 64;

int open_or_throw(const char* path, int flags)
{
    const int fd = ::open(path, flags | O_CLOEXEC, 0600);
    if (fd < 0) throw std::system_error(errno, std::generic_category(), path);
    return fd;
}

double seconds_between(cf::clock::time_point a, cf::clock::time_point b)
{
    return std::chrono::duration<double>(b - a).count();
}

cf::task<> duplex(cf::device& dev, int source, int sink)
{
    const cf::far_ring ring =
        co_await cf::make_ring(dev, dev.window("ram").at(0), {.block_bytes = block_bytes, .slots = 128});
    cf::duplex both(cf::read_stream(dev, ring, {.in_flight = 16}),
                    cf::write_stream(dev, ring, {.in_flight = 16}));
    std::uint64_t sent = 0, received = 0, before = 0, after = 0;
    cf::clock::time_point begin;
    const auto fill = [&](std::span<std::byte> room) -> cf::task<std::size_t> {
        if (sent == blocks + warm) co_return std::size_t{0};
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
        after = test::allocations();
    };
    co_await both.run(fill, take);
    const double rate = static_cast<double>(blocks * block_bytes) / seconds_between(begin, cf::clock::now());
    const cf::ceilings limits = dev.ceilings();
    std::printf("{\"bench\": \"stream duplex\", \"gbytes_per_s\": %.4f, \"of_rp_to_ep\": %.4f, "
                "\"of_ep_to_rp\": %.4f, "
                "\"blocks\": %llu, \"allocations\": %llu}\n",
                rate / 1e9, rate / limits.of(cf::direction::rp_to_ep),
                rate / limits.of(cf::direction::ep_to_rp), static_cast<unsigned long long>(blocks),
                static_cast<unsigned long long>(after - before));
}

cf::task<> acquire(cf::device& dev, int sink, double seconds, std::chrono::microseconds pause)
{
    constexpr std::uint32_t bytes = 65536;
    const double rate = 0.8 * dev.ceilings(false, true).of(cf::direction::ep_to_rp);
    const std::chrono::nanoseconds period(static_cast<std::int64_t>(bytes / rate * 1e9));
    cf::read_stream in(dev, cf::fixed_place{dev.window("ram").at(0), bytes, period},
                       {.in_flight = 8, .blocks = 256, .mode = cf::stream_mode::acquisition});
    const cf::clock::time_point begin = cf::clock::now();
    std::uint64_t taken = 0, located = 0;
    while (seconds_between(begin, cf::clock::now()) < seconds) {
        const std::optional<cf::block> b = co_await in.next();
        located += b->gap().blocks;
        co_await cf::write_at(sink, b->bytes(), taken % 1024 * bytes);
        ++taken;
        if (pause.count() > 0) co_await cf::sleep_for(pause);
    }
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const cf::stream_statistics c = in.statistics();
    std::printf("{\"bench\": \"stream acquisition\", \"pause_us\": %lld, \"blocks\": %llu, \"lost\": %llu, "
                "\"located\": %llu, \"rss_max_kib\": %ld}\n",
                static_cast<long long>(pause.count()), static_cast<unsigned long long>(c.moved.blocks),
                static_cast<unsigned long long>(c.lost), static_cast<unsigned long long>(located),
                usage.ru_maxrss);
}

} // namespace

int main(int argc, char** argv)
try {
    const std::string job = argc > 4 ? argv[1] : "";
    if (job != "duplex" && !(job == "acquire" && argc > 5)) {
        std::fprintf(stderr, "usage: %s duplex SPEC SOURCE SINK | acquire SPEC SINK SECONDS PAUSE_US\n",
                     argv[0]);
        return 2;
    }
    cf::runtime loop({.spin = std::chrono::nanoseconds(0)});
    cf::device dev(loop, argv[2]);
    if (job == "duplex") {
        loop.run(duplex(dev, open_or_throw(argv[3], O_RDONLY), open_or_throw(argv[4], O_WRONLY | O_CREAT)));
    } else {
        loop.run(acquire(dev, open_or_throw(argv[3], O_WRONLY | O_CREAT), std::stod(argv[4]),
                         std::chrono::microseconds(std::stol(argv[5]))));
    }
    return 0;
} catch (const std::exception& e) {
    std::fprintf(stderr, "%s: %s\n", argv[0], e.what());
    return 1;
}
