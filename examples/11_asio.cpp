// SPDX-License-Identifier: MIT
//
// A device in a Boost.Asio program: transfers are operations like those of sockets and timers, here with
// callbacks; and one is given up when a timer is first.
//
//     11_asio [DEVICE]
#include <counterflow/asio.hpp>
#include <counterflow/units.hpp>

#include <boost/asio.hpp>

#include <chrono>
#include <cstdio>
#include <exception>

namespace asio = boost::asio;
using namespace cf::literals;
using error_code = boost::system::error_code;

namespace {

// [asio-callback]
struct there_and_back {
    asio::io_context& io;
    cf::asio::device& dev;
    cf::buffer block = dev.allocate(64_KiB);
    cf::window_place far = dev.window("ram").at(0);

    void start()
    {
        dev.async_write(block, far, [this](error_code failed, std::size_t bytes) {
            if (failed) return report(failed);
            std::printf("%zu bytes there\n", bytes);
            dev.async_read(block, far, [](error_code again, std::size_t more) {
                if (again) return report(again);
                std::printf("%zu bytes back\n", more);
            });
        });
    }

    static void report(error_code failed) { std::fprintf(stderr, "%s\n", failed.message().c_str()); }
};
// [/asio-callback]

// [asio-cancel]
// Writes `block` again and again until a timer says that it is enough.
struct until_timer {
    asio::io_context& io;
    cf::asio::device& dev;
    cf::buffer& block;
    asio::steady_timer timer{io, std::chrono::milliseconds(10)};
    asio::cancellation_signal enough{};
    unsigned done = 0;

    void start()
    {
        timer.async_wait([this](error_code) { enough.emit(asio::cancellation_type::terminal); });
        write_next();
    }
    void write_next()
    {
        dev.async_write(block, dev.window("ram").at(0),
                        asio::bind_cancellation_slot(enough.slot(), [this](error_code failed, std::size_t) {
                            if (failed == cf::errc::canceled ||
                                timer.expiry() <= std::chrono::steady_clock::now())
                                return static_cast<void>(std::printf("%u blocks before the timer\n", done));
                            ++done;
                            write_next();
                        }));
    }
};
// [/asio-cancel]

} // namespace

int main(int argc, char** argv)
try {
    asio::io_context io(1);
    cf::asio::device dev(io, argc > 1 ? argv[1] : "model:gen3x1");
    there_and_back once{io, dev};
    once.start();
    io.run();

    io.restart();
    until_timer many{io, dev, once.block};
    many.start();
    io.run();
    return 0;
} catch (const std::exception& e) {
    std::fprintf(stderr, "%s: %s\n", argv[0], e.what());
    return 1;
}
