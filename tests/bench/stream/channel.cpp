// SPDX-License-Identifier: MIT
//
// Round trips of small messages: over the link, and over a Unix socket.
#include "stream_bench.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <thread>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

namespace bench {
namespace {

using times = std::vector<std::chrono::nanoseconds>;

constexpr std::size_t message_bytes = 64;
constexpr std::size_t replies = 65536; // where the second ring lies
constexpr cf::ring_geometry geometry{.block_bytes = 256, .slots = 16, .block_headers = true};

void answer(std::span<std::byte> memory)
{
    cf::ring_consumer from(memory);
    cf::ring_producer to(memory.subspan(replies));
    while (!from.ended()) {
        if (from.available() == 0 || !to.has_room()) {
            std::this_thread::yield();
            continue;
        }
        const std::span<std::byte> request = from.front();
        std::ranges::copy(request, to.claim().begin());
        to.publish(request.size());
        from.pop();
    }
    to.finish();
}

cf::task<> over_link(cf::device& dev, std::span<std::byte> memory, times& took)
{
    const cf::window far = dev.window("ram");
    const cf::stream_options quick{.poll = std::chrono::microseconds(2)};
    cf::write_stream out(dev, co_await cf::make_ring(dev, far.at(0), geometry), quick);
    cf::read_stream in(dev, co_await cf::make_ring(dev, far.at(replies), geometry), quick);
    const std::jthread far_end(answer, memory);
    for (auto& one : took) {
        const auto begin = cf::clock::now();
        out.send(co_await out.acquire(), message_bytes);
        const std::optional<cf::block> reply = co_await in.next();
        if (!reply || reply->size() != message_bytes) throw std::runtime_error("no reply");
        one = cf::clock::now() - begin;
    }
    co_await out.close();
}

void over_socket(times& took)
{
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        throw std::system_error(errno, std::generic_category(), "socketpair");
    const auto whole = [](ssize_t moved) { return moved == static_cast<ssize_t>(message_bytes); };
    std::jthread far_end([&] {
        std::array<std::byte, message_bytes> message{};
        while (whole(::read(ends[1], message.data(), message_bytes)) &&
               whole(::write(ends[1], message.data(), message_bytes))) {
        }
    });
    std::array<std::byte, message_bytes> message{};
    bool good = true;
    for (auto& one : took) {
        const auto begin = std::chrono::steady_clock::now();
        good = whole(::write(ends[0], message.data(), message_bytes)) &&
               whole(::read(ends[0], message.data(), message_bytes)) && good;
        one = std::chrono::steady_clock::now() - begin;
    }
    ::close(ends[0]);
    far_end.join();
    ::close(ends[1]);
    if (!good) throw std::runtime_error("the socket carried less than a message");
}

double microseconds(times& all, double share)
{
    std::ranges::sort(all);
    const auto at = static_cast<std::size_t>(share * static_cast<double>(all.size() - 1));
    return static_cast<double>(all[at].count()) / 1e3;
}

} // namespace

void channel(const std::string& spec, std::size_t messages)
{
    const far_memory memory(1 << 20);
    times link(messages), socket(messages);
    {
        cf::runtime loop;
        cf::device dev(loop, memory.behind(spec));
        loop.run(over_link(dev, memory.bytes(), link));
    }
    over_socket(socket);
    std::printf("{\"bench\": \"stream channel\", \"messages\": %zu, \"p50_us\": %.1f, \"p99_us\": %.1f, "
                "\"unix_socket_p50_us\": %.1f, \"unix_socket_p99_us\": %.1f}\n",
                messages, microseconds(link, 0.5), microseconds(link, 0.99), microseconds(socket, 0.5),
                microseconds(socket, 0.99));
}

} // namespace bench
