// SPDX-License-Identifier: MIT
//
// An acquisition, and what it loses.
#include "stream_bench.hpp"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

namespace bench {
namespace {

constexpr std::uint32_t block_bytes = 65536;
constexpr std::uint32_t slots = 1000;          // 62 MiB of far memory
constexpr std::uint64_t blocks_of_file = 1024; // the file is written around
constexpr std::size_t last_word = block_bytes - sizeof(std::uint64_t);

/// The far end: a block every `period`, whether anyone reads or not.
void produce(std::span<std::byte> memory, std::chrono::nanoseconds period, const std::atomic<bool>& over)
{
    cf::ring_producer ring(memory);
    auto due = std::chrono::steady_clock::now();
    while (!over) {
        const std::uint64_t number = ring.produced();
        const std::span<std::byte> room = ring.claim();
        std::memset(room.data(), static_cast<int>(number & 255), room.size());
        std::memcpy(room.data(), &number, sizeof number);
        std::memcpy(room.data() + last_word, &number, sizeof number);
        ring.publish(room.size());
        // Where this machine has held the thread up it goes on at its rate: hardware sends no bursts.
        due = std::max(due + period, std::chrono::steady_clock::now() - 8 * period);
        std::this_thread::sleep_until(due);
    }
    ring.finish();
}

bool is_whole(const cf::block& b)
{
    const std::uint64_t number = b.sequence();
    return std::memcmp(b.bytes().data(), &number, sizeof number) == 0 &&
           std::memcmp(b.bytes().data() + last_word, &number, sizeof number) == 0;
}

long resident_kib()
{
    long total = 0, resident = 0;
    std::ifstream("/proc/self/statm") >> total >> resident;
    return resident * (::sysconf(_SC_PAGESIZE) / 1024);
}

struct taken {
    std::uint64_t blocks = 0, located = 0, wrong = 0;
    long grown_kib = 0; ///< resident memory, since the ring had gone round once
};

cf::task<taken> take(cf::read_stream& in, int sink, std::chrono::microseconds pause)
{
    taken t;
    long before = 0;
    for (;;) {
        const std::optional<cf::block> b = co_await in.next();
        if (!b) break;
        t.located += b->gap().blocks;
        t.wrong += !is_whole(*b);
        const std::uint64_t number = t.blocks++;
        co_await cf::write_at(sink, b->bytes(), number % blocks_of_file * block_bytes);
        if (before == 0 && t.blocks > blocks_of_file) before = resident_kib();
        if (pause.count() > 0) co_await cf::sleep_for(pause);
    }
    t.grown_kib = resident_kib() - before;
    co_return t;
}

cf::task<taken> run(cf::device& dev, std::span<std::byte> memory, int sink, double seconds,
                    std::chrono::microseconds pause, cf::stream_statistics& counted)
{
    const cf::far_ring ring =
        co_await cf::make_ring(dev, dev.window("ram").at(0), {.block_bytes = block_bytes, .slots = slots});
    const double rate = 0.8 * dev.ceilings(false, true).of(cf::direction::ep_to_rp);
    const std::chrono::nanoseconds period(static_cast<std::int64_t>(block_bytes / rate * 1e9));
    cf::read_stream in(dev, ring, {.in_flight = 8, .blocks = 1024, .mode = cf::stream_mode::acquisition});
    std::atomic<bool> over{false};
    const std::jthread far_end(produce, memory, period, std::cref(over));
    auto [t, unused] = co_await cf::when_all(
        take(in, sink, pause), [](double length, std::atomic<bool>& end) -> cf::task<bool> {
            co_await cf::sleep_for(std::chrono::nanoseconds(static_cast<std::int64_t>(length * 1e9)));
            end = true;
            co_return true;
        }(seconds, over));
    counted = in.statistics();
    co_return t;
}

} // namespace

void acquire(const std::string& spec, const std::string& sink, double seconds,
             std::chrono::microseconds pause)
{
    const far_memory memory(64 << 20);
    cf::runtime loop({.spin = std::chrono::nanoseconds(0)});
    cf::device dev(loop, memory.behind(spec));
    cf::stream_statistics c;
    const taken t =
        loop.run(run(dev, memory.bytes(), open_or_throw(sink, O_WRONLY | O_CREAT), seconds, pause, c));
    std::printf("{\"bench\": \"stream acquisition\", \"seconds\": %.0f, \"pause_us\": %lld, "
                "\"blocks\": %llu, \"lost\": %llu, \"located\": %llu, \"torn\": %llu, \"wrong\": %llu, "
                "\"memory_grown_kib\": %ld}\n",
                seconds, static_cast<long long>(pause.count()), static_cast<unsigned long long>(t.blocks),
                static_cast<unsigned long long>(c.lost), static_cast<unsigned long long>(t.located),
                static_cast<unsigned long long>(c.torn), static_cast<unsigned long long>(t.wrong),
                t.grown_kib);
    if (t.wrong != 0 || t.located != c.lost) throw std::runtime_error("a loss was not located");
}

} // namespace bench
