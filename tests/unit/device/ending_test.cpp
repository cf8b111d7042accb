// SPDX-License-Identifier: MIT
//
// Transfers that the program ends: by a deadline, a stop request, an exception or by closing the
// device. At every stage each await resumes exactly once.
#include "catch.hpp"
#include "many.hpp"
#include "model/stepped.hpp"

#include <chrono>
#include <memory>
#include <stdexcept>

using namespace cf::literals;
using namespace std::chrono_literals;
using cf::errc;
using namespace rig;

TEST_CASE("a deadline ends a transfer that waits, and one that runs", "[transfer]")
{
    // 64 MiB at gen1 x1 would take a third of a second.
    device_on_model r("model:gen1x1,wr=1,rd=1");
    cf::buffer memory = r.dev.allocate(64_MiB);
    const auto program = [](cf::device& dev, cf::buffer& b, ledger& book) -> cf::task<> {
        cf::window ram = dev.window("ram");
        cf::scope all;
        all.spawn(note(dev.write(b, ram.at(0), {.deadline = 3ms}), book, 0));
        all.spawn(
            note(dev.write(b.slice(0, block), ram.at(0), {.priority = cf::priority::low, .deadline = 1ms}),
                 book, 1));
        all.spawn(note(dev.write(b.slice(0, block), ram.at(0), {.deadline = 10s}), book, 2));
        co_await all.join();
    };
    ledger book(3);
    r.loop.run(program(r.dev, memory, book));
    CHECK(book.each_once());
    CHECK(book.code[0] == errc::timed_out);
    CHECK(book.code[2] == std::error_code{});
    const cf::device_statistics count = r.dev.statistics();
    CHECK(count.write.timed_out + count.write.completed == 3);
    CHECK(count.write.queued == 0);
}

TEST_CASE("a negative deadline and an unknown priority are refused", "[transfer]")
{
    device_on_model r;
    cf::buffer memory = r.dev.allocate(block);
    ledger book(2);
    r.loop.run(note(r.dev.write(memory, r.dev.window("ram").at(0), {.deadline = -1ns}), book, 0));
    r.loop.run(note(
        r.dev.write(memory, r.dev.window("ram").at(0), {.priority = static_cast<cf::priority>(3)}), book, 1));
    CHECK(book.code[0] == errc::bad_argument);
    CHECK(book.code[1] == errc::bad_argument);
}

TEST_CASE("a cancel at any stage resumes each await once and leaves the device working", "[transfer]")
{
    // `steps` turns of the loop pass between the start and the cancel, so that it strikes before
    // the first flush, while elements are on the link, while some wait, and when all is over.
    for (const char* spec :
         {"model:null,wr=2,rd=2", "model:gen2x1,wr=2,rd=2", "model:gen2x1,wr=1,rd=1,wake=poll"})
        for (int steps : {0, 1, 2, 3, 5, 8, 20, 100, 1000}) {
            INFO(spec << ", cancel after " << steps << " turns");
            device_on_model r(spec);
            constexpr std::size_t count = 64;
            cf::buffer memory = r.dev.allocate(count * block);
            rig::fill(memory.bytes(), 15);
            ledger book(count);
            const auto program = [](cf::device& dev, cf::buffer& b, ledger& l, int turns) -> cf::task<> {
                cf::window ram = dev.window("ram");
                cf::scope all;
                for (std::size_t i = 0; i < count; ++i)
                    all.spawn(note(dev.write(b.slice(i * block, block), ram.at(i * block)), l, i));
                for (int i = 0; i < turns; ++i) co_await cf::nop();
                all.request_stop();
                co_await all.join();
            };
            r.loop.run(program(r.dev, memory, book, steps));
            CHECK(book.each_once());
            CHECK(book.count({}) + book.count(errc::canceled) == count);
            if (steps == 0) CHECK(book.count(errc::canceled) == count);
            for (std::size_t i = 0; i < count; ++i)
                if (!book.code[i]) CHECK(moved(r, memory, i));

            ledger again(count);
            r.loop.run(many(r.dev, memory, cf::transfer_kind::read, count, again));
            CHECK(again.count({}) == count);
        }
}

TEST_CASE("an exception in one branch of when_all stops the transfer in the other, and joins it",
          "[transfer]")
{
    device_on_model r("model:gen1x1,wr=1,rd=1");
    cf::buffer memory = r.dev.allocate(64_MiB);
    const auto fails = []() -> cf::task<> {
        co_await cf::nop();
        throw std::runtime_error("branch");
    };
    const auto program = [&fails](cf::device& dev, cf::buffer& b) -> cf::task<> {
        co_await cf::when_all(dev.write(b, dev.window("ram").at(0)), fails());
    };
    CHECK_THROWS_AS(r.loop.run(program(r.dev, memory)), std::runtime_error);
    const cf::device_statistics count = r.dev.statistics();
    CHECK(count.write.started == 1);
    CHECK(count.write.canceled == 1);
}

TEST_CASE("an exception that leaves a scope with transfers in flight joins them first", "[transfer]")
{
    device_on_model r("model:gen1x1,wr=1,rd=1");
    cf::buffer memory = r.dev.allocate(64_MiB);
    ledger book(2);
    const auto program = [](cf::device& dev, cf::buffer& b, ledger& l) -> cf::task<> {
        co_await cf::with_scope([&](cf::scope& s) -> cf::task<> {
            s.spawn(note(dev.write(b, dev.window("ram").at(0)), l, 0));
            s.spawn(note(dev.read(b, dev.window("ram").at(0)), l, 1));
            co_await cf::nop();
            throw std::runtime_error("scope");
        });
    };
    CHECK_THROWS_AS(r.loop.run(program(r.dev, memory, book)), std::runtime_error);
    CHECK(book.each_once());
    CHECK(book.count(errc::canceled) == 2);
}

namespace {

/// Closes a device under a transfer of each entry, most of which wait for the engine; `before` comes first.
template <class Before>
void close_under_reads(ledger& book, Before before)
{
    cf::runtime loop;
    loop.run([](cf::runtime& on, ledger& l, Before last) -> cf::task<> {
        auto dev = std::make_unique<cf::device>(on, "model:gen1x1,wr=1,rd=1");
        cf::buffer memory = dev->allocate(64_MiB);
        cf::scope all;
        for (std::size_t i = 0; i < l.resumed.size(); ++i)
            all.spawn(note(dev->read(memory, dev->window("ram").at(0)), l, i));
        while (dev->statistics().read.started < l.resumed.size()) co_await cf::nop();
        last(all);
        dev.reset();
        co_await all.join();
    }(loop, book, before));
    CHECK(book.each_once());
}

} // namespace

TEST_CASE("a device that is closed ends its transfers", "[transfer]")
{
    ledger book(8);
    close_under_reads(book, [](cf::scope&) {});
    CHECK(book.count(errc::device_gone) == 8);
}

TEST_CASE("a transfer that has failed tells why, also when its device is closed before it resumes",
          "[transfer]")
{
    ledger book(8);
    // Ends those that wait for the engine, which resume after this.
    close_under_reads(book, [](cf::scope& all) { all.request_stop(); });
    CHECK(book.count(errc::canceled) == 8);
}

TEST_CASE("what the engine had done when its device is closed is done", "[transfer]")
{
    cf::runtime loop;
    // Beside the program, so that looking at the engine takes no time.
    const cf::device_spec spec = cf::parse_spec("model:gen3x4,wr=1,rd=1,wake=poll,engine=local");
    auto attached = std::make_unique<cf::model::stepped>(spec.model);
    cf::model::stepped& hardware = *attached;
    auto dev = std::make_unique<cf::device>(loop, spec, std::move(attached));
    cf::buffer memory = dev->allocate(8 * block);
    ledger book(8);
    const auto program = [&]() -> cf::task<> {
        cf::scope all;
        for (std::size_t i = 0; i < 8; ++i)
            all.spawn(note(dev->write(memory.slice(i * block, block), dev->window("ram").at(0)), book, i));
        while (!hardware.hardware().next_event()) co_await cf::nop(); // until the doorbell has rung
        hardware.run_until_idle();
        dev.reset();
        co_await all.join();
    };
    loop.run(program());
    CHECK(book.each_once());
    CHECK(book.count({}) == 8);
}
