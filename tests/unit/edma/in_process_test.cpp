// SPDX-License-Identifier: MIT
//
// The driver against the model's own thread: what ThreadSanitizer has to say about the list, the
// completion words and the data. Waits on the interrupt's eventfd and on the driver's deadlines,
// as a program does.
#include "ledger.hpp"
#include "model/in_process.hpp"

#include <chrono>
#include <poll.h>
#include <unistd.h>

using namespace cf;
using namespace cf::edma;
using namespace cf::edma::test;

namespace {

nanoseconds clock_now()
{
    return static_cast<nanoseconds>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                        std::chrono::steady_clock::now().time_since_epoch())
                                        .count());
}

void wait_and_serve(engine& driver, int fd, ledger& book)
{
    const nanoseconds now = clock_now();
    const nanoseconds deadline = driver.next_deadline();
    const nanoseconds left = deadline > now ? std::min<nanoseconds>(deadline - now, 1'000'000'000) : 0;
    const timespec timeout{0, static_cast<long>(left % 1'000'000'000)};
    pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
    if (::ppoll(&waiting, 1, &timeout, nullptr) > 0) {
        std::uint64_t count = 0;
        REQUIRE(::read(fd, &count, sizeof count) == sizeof count);
    }
    driver.service(clock_now(), book);
}

void run(const model_spec& spec, const engine_options& o, bool lists)
{
    model::in_process dev(spec);
    port p = dev.engines()[0];
    if (!lists) p.wr_lists = p.rd_lists = {};
    std::vector<std::byte> near(spec.ram_bytes);
    ledger book({near.data(), dev.map(near.data(), near.size()), dev.far_memory().data(),
                 dev.windows()[0].address_for(p.side), near.size()},
                p.side);
    engine driver(p, o);
    for (unsigned round = 0; round < 8; ++round) {
        while (book.pushed() < 60 * (round + 1)) {
            for (const channel_kind kind : {channel_kind::wr, channel_kind::rd}) {
                for (unsigned n = 0; n < driver.channels(kind); ++n) {
                    channel& c = driver.at(kind, n);
                    if (c.space() >= 2) book.push(c, {700, 1});
                    c.flush(clock_now());
                }
            }
            if (o.wake == wake_mode::interrupt)
                wait_and_serve(driver, p.registers->interrupt_fd(), book);
            else
                driver.poll(clock_now(), book);
        }
        for (unsigned turns = 0; book.reported() < book.pushed(); ++turns) {
            REQUIRE(turns < 50'000'000);
            if (o.wake == wake_mode::interrupt)
                wait_and_serve(driver, p.registers->interrupt_fd(), book);
            else
                driver.poll(clock_now(), book);
        }
        for (const transfer& t : book.transfers()) CHECK(t.all(outcome::done));
        book.recycle();
    }
    driver.stop(clock_now());
    for (unsigned turns = 0; !driver.quiet(); ++turns) {
        REQUIRE(turns < 50'000'000);
        driver.service(clock_now(), book);
    }
    CHECK(driver.state() == engine_state::stopped);
    dev.unmap(book.near_address(), near.size());
}

} // namespace

TEST_CASE("the driver and the model's thread agree on what is whose")
{
    model_spec spec;
    spec.wr = spec.rd = 2;
    spec.ram_bytes = 1 << 20;
    for (const unsigned generation : {0u, 3u}) {
        for (const wake_mode wake : {wake_mode::interrupt, wake_mode::message, wake_mode::poll}) {
            for (const bool lists : {true, false}) {
                spec.link.generation = generation;
                spec.link.lanes = 16;
                run(spec, {.wake = wake, .list_elements = 8, .hang_timeout_ns = 60'000'000'000}, lists);
            }
        }
    }
}
