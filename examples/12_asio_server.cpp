// SPDX-License-Identifier: MIT
//
// A TCP echo server that keeps nothing on this side: every block a client sends goes to the far end by DMA,
// and what the client gets is read back from there. Coroutines of Boost.Asio; one thread serves all clients
// and the device. Brings two clients of its own.
//
//     12_asio_server [DEVICE]
#include <counterflow/asio.hpp>
#include <counterflow/units.hpp>

#include <boost/asio.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <vector>

namespace asio = boost::asio;
using asio::use_awaitable;
using asio::ip::tcp;
using namespace cf::literals;

namespace {

constexpr std::size_t block_bytes = 64_KiB;

// [asio-server]
/// Serves one client, in a place of the window that is its own.
asio::awaitable<void> serve(tcp::socket client, cf::asio::device& dev, cf::window_place far)
{
    cf::buffer block = dev.allocate(2 * block_bytes);
    const cf::buffer_slice in = block.slice(0, block_bytes);
    const cf::buffer_slice out = block.slice(block_bytes, block_bytes);
    for (;;) {
        // From the socket straight into memory that the engine reads, and the other way round.
        const auto [end, got] = co_await asio::async_read(client, asio::buffer(block.data(), block_bytes),
                                                          asio::as_tuple(use_awaitable));
        if (got < block_bytes) co_return;
        co_await dev.async_write(in, far, use_awaitable);
        co_await dev.async_read(out, far, use_awaitable);
        co_await asio::async_write(client, asio::buffer(block.data() + block_bytes, block_bytes),
                                   use_awaitable);
    }
}
// [/asio-server]

asio::awaitable<void> accept(tcp::acceptor& acceptor, cf::asio::device& dev, unsigned clients)
{
    const cf::window ram = dev.window("ram");
    for (unsigned i = 0; i < clients; ++i) {
        tcp::socket client = co_await acceptor.async_accept(use_awaitable);
        asio::co_spawn(acceptor.get_executor(), serve(std::move(client), dev, ram.at(i * block_bytes)),
                       asio::detached);
    }
}

asio::awaitable<void> ask(tcp::endpoint server, unsigned fill, unsigned& echoed)
{
    tcp::socket socket(co_await asio::this_coro::executor);
    co_await socket.async_connect(server, use_awaitable);
    std::vector<unsigned char> sent(block_bytes);
    std::vector<unsigned char> got(block_bytes);
    for (unsigned round = 0; round < 10; ++round) {
        std::ranges::fill(sent, static_cast<unsigned char>(fill + round));
        co_await asio::async_write(socket, asio::buffer(sent), use_awaitable);
        co_await asio::async_read(socket, asio::buffer(got), use_awaitable);
        if (sent == got) ++echoed;
    }
}

} // namespace

int main(int argc, char** argv)
try {
    asio::io_context io(1);
    cf::asio::device dev(io, argc > 1 ? argv[1] : "model:gen3x1");
    tcp::acceptor acceptor(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    asio::co_spawn(io, accept(acceptor, dev, 2), asio::detached);
    unsigned echoed = 0;
    for (const unsigned fill : {10u, 100u})
        asio::co_spawn(io, ask(acceptor.local_endpoint(), fill, echoed), asio::detached);
    io.run();
    std::printf("%u of 20 blocks came back from the far end\n", echoed);
    return echoed == 20 ? 0 : 1;
} catch (const std::exception& e) {
    std::fprintf(stderr, "%s: %s\n", argv[0], e.what());
    return 1;
}
