// SPDX-License-Identifier: MIT
//
// A full-duplex pipeline inside a Boost.Asio server: what a client sends goes to the far end by DMA, and what
// comes from there is changed in place and goes to the client, both at once. Bytes go from the socket into
// memory that the engine reads, and from memory that it wrote into the socket. One thread serves all clients
// and the device. Brings clients of its own, which check what they get.
//
//     12_asio_server [DEVICE]
#include <counterflow/asio.hpp>
#include <counterflow/ring.hpp>
#include <counterflow/units.hpp>

#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <optional>
#include <utility>
#include <vector>

namespace asio = boost::asio;
using namespace asio::experimental::awaitable_operators;
using asio::use_awaitable;
using asio::ip::tcp;

namespace {

// Far memory of one client. Block headers, for a client's last block may be a short one.
constexpr cf::ring_geometry geometry{.block_bytes = 65536, .slots = 16, .block_headers = true};

void invert(cf::block& b)
{
    for (std::byte& value : b.bytes()) value = ~value;
}

// [asio-server]
/// What the client sends, to the far end.
asio::awaitable<void> upload(tcp::socket& client, cf::asio::write_stream& out)
{
    for (bool more = true; more;) {
        cf::block b = co_await out.async_acquire_block(use_awaitable);
        const auto [end, got] = co_await asio::async_read(
            client, asio::buffer(b.bytes().data(), b.bytes().size()), asio::as_tuple(use_awaitable));
        if (got > 0) out.send(std::move(b), got);
        if (end && end != asio::error::eof) throw boost::system::system_error(end);
        more = !end;
    }
    co_await out.async_close(cf::stream_end::drain, use_awaitable);
}

/// What comes from there, to the client, which may be slow: it holds its own upload up and nobody else.
asio::awaitable<void> download(cf::asio::read_stream& in, tcp::socket& client)
{
    for (;;) {
        std::optional<cf::block> b = co_await in.async_read_block(use_awaitable);
        if (!b) break;
        invert(*b);
        co_await asio::async_write(client, asio::buffer(b->bytes().data(), b->bytes().size()), use_awaitable);
    }
    client.shutdown(tcp::socket::shutdown_send);
}

asio::awaitable<void> serve(tcp::socket client, cf::asio::device& dev, cf::window_place far)
{
    const cf::far_ring ring = co_await cf::asio::async_await(
        client.get_executor(), cf::make_ring(dev.native(), far, geometry), use_awaitable);
    cf::asio::write_stream out(dev, ring);
    cf::asio::read_stream in(dev, ring);
    co_await (upload(client, out) && download(in, client)); // an error of one ends both
}
// [/asio-server]

void report(const std::exception_ptr& failed)
try {
    if (failed) std::rethrow_exception(failed);
} catch (const std::exception& e) {
    std::fprintf(stderr, "a client: %s\n", e.what());
}

/// Each client has a ring of far memory.
asio::awaitable<void> accept(tcp::acceptor& acceptor, cf::asio::device& dev, unsigned clients)
{
    const cf::window ram = dev.window("ram");
    for (unsigned i = 0; i < clients; ++i) {
        tcp::socket client = co_await acceptor.async_accept(use_awaitable);
        asio::co_spawn(acceptor.get_executor(), serve(std::move(client), dev, ram.at(i * geometry.bytes())),
                       report);
    }
}

// --- clients ---------------------------------------------------------------------------------

asio::awaitable<void> send_all(tcp::socket& socket, const std::vector<unsigned char>& bytes)
{
    co_await asio::async_write(socket, asio::buffer(bytes), use_awaitable);
    socket.shutdown(tcp::socket::shutdown_send);
}

asio::awaitable<void> ask(tcp::endpoint server, std::size_t bytes, unsigned& served)
{
    tcp::socket socket(co_await asio::this_coro::executor);
    co_await socket.async_connect(server, use_awaitable);
    std::vector<unsigned char> sent(bytes), got(bytes);
    for (std::size_t i = 0; i < bytes; ++i) sent[i] = static_cast<unsigned char>(i % 251 + bytes);
    co_await (send_all(socket, sent) && asio::async_read(socket, asio::buffer(got), use_awaitable));
    char one_more = 0;
    const auto [end, more] =
        co_await asio::async_read(socket, asio::buffer(&one_more, 1), asio::as_tuple(use_awaitable));
    const auto inverted = [](unsigned char b) { return static_cast<unsigned char>(~b); };
    served += end == asio::error::eof && std::ranges::equal(sent, got, {}, inverted);
}

} // namespace

int main(int argc, char** argv)
try {
    asio::io_context io(1);
    cf::asio::device dev(io, argc > 1 ? argv[1] : "model:gen3x1");
    tcp::acceptor acceptor(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    asio::co_spawn(io, accept(acceptor, dev, 3), report);
    unsigned served = 0;
    for (const std::size_t bytes : {10'000'000u, 3'000'001u, 0u})
        asio::co_spawn(io, ask(acceptor.local_endpoint(), bytes, served), report);
    io.run();
    std::printf("%u of 3 clients got back what they sent, each bit the other way round\n", served);
    return served == 3 ? 0 : 1;
} catch (const std::exception& e) {
    std::fprintf(stderr, "%s: %s\n", argv[0], e.what());
    return 1;
}
