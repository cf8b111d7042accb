// SPDX-License-Identifier: MIT
//
// What a Boost.Asio program does without counterflow's runtime: its loop waits for the engine's
// eventfd, calls the driver and completes the coroutines' operations.
#include "driver_rig.hpp"

#include <boost/asio.hpp>

#include <optional>

#include <sys/eventfd.h>
#include <unistd.h>

namespace bench {
namespace {

namespace asio = boost::asio;

class asio_driver {
public:
    asio_driver(asio::io_context& loop, const cf::model_spec& spec)
        : loop_(loop), rig_(spec), events_(loop, ::dup(rig_.interrupt_fd()))
    {
        wait_for_interrupt();
    }

    void stop() { events_.close(); }

    auto async_write(std::uint64_t number)
    {
        return asio::async_initiate<const asio::use_awaitable_t<>, void()>(
            [this, number](auto handler) { start(number, std::move(handler)); }, asio::use_awaitable);
    }

private:
    /// An operation under way: the handler, behind one pointer the driver can keep.
    struct operation {
        virtual ~operation() = default;
        virtual void complete() = 0;
    };
    template <class Handler>
    struct operation_of final : operation {
        operation_of(asio::io_context& loop, Handler h) : loop_(loop), handler(std::move(h)) {}
        void complete() override { asio::post(loop_, std::move(handler)); }
        asio::io_context& loop_;
        Handler handler;
    };

    template <class Handler>
    void start(std::uint64_t number, Handler handler)
    {
        auto* const op = new operation_of<Handler>(loop_, std::move(handler));
        cf::edma::channel& channel = rig_.channel(turn_);
        if (++turn_ == rig_.channels()) turn_ = 0;
        channel.push(rig_.segment(number, op));
        if (flushing_) return;
        flushing_ = true;
        asio::post(loop_, [this] {
            flushing_ = false;
            const std::uint64_t now = now_ns();
            for (unsigned i = 0; i < rig_.channels(); ++i) rig_.channel(i).flush(now);
        });
    }

    void wait_for_interrupt()
    {
        events_.async_wait(asio::posix::stream_descriptor::wait_read,
                           [this](boost::system::error_code failed) {
                               if (failed) return;
                               eventfd_t times = 0;
                               ::eventfd_read(events_.native_handle(), &times);
                               auto sink = [](void* owner, cf::edma::outcome) {
                                   const std::unique_ptr<operation> op(static_cast<operation*>(owner));
                                   op->complete();
                               };
                               rig_.engine().service(now_ns(), sink);
                               wait_for_interrupt();
                           });
    }

    asio::io_context& loop_;
    driver_rig rig_;
    asio::posix::stream_descriptor events_;
    unsigned turn_ = 0;
    bool flushing_ = false;
};

asio::awaitable<void> stream(asio_driver& driver, std::uint64_t count, std::uint64_t number, measurement& m,
                             std::uint64_t all)
{
    for (std::uint64_t i = 0; i < count; ++i) {
        co_await driver.async_write(number);
        if (++m.completed == all) driver.stop();
    }
}

} // namespace

measurement on_asio(const job& j)
{
    measurement m;
    asio::io_context loop(1);
    asio_driver driver(loop, j.device);
    const stopwatch timing(m);
    const std::uint64_t each = j.count / j.outstanding;
    const std::uint64_t more = j.count % j.outstanding;
    for (unsigned i = 0; i < j.outstanding; ++i)
        asio::co_spawn(loop, stream(driver, each + (i < more ? 1 : 0), i, m, j.count), asio::detached);
    loop.run();
    return m;
}

} // namespace bench
