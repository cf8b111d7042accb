// SPDX-License-Identifier: MIT
//
// Transfers under faults and in numbers, from the awaiting side: each await resumes exactly once
// with one outcome, and nobody else's transfer suffers. Ends that the program itself brings about
// are in ending_test.cpp.
#include "catch.hpp"
#include "many.hpp"

#include <algorithm>
#include <chrono>

using namespace cf::literals;
using namespace std::chrono_literals;
using cf::errc;
using namespace rig;

TEST_CASE("an abort at any element fails that transfer with its cause and no other", "[transfer]")
{
    using cf::model::abort_cause;
    struct {
        abort_cause injected;
        errc expected;
        cf::transfer_kind kind; ///< a remote engine reads for our writes and writes for our reads
    } const causes[] = {
        {abort_cause::unsupported_request, errc::unsupported_request, cf::transfer_kind::write},
        {abort_cause::completer_abort, errc::completer_abort, cf::transfer_kind::write},
        {abort_cause::completion_timeout, errc::completion_timeout, cf::transfer_kind::write},
        {abort_cause::poisoned, errc::data_poisoned, cf::transfer_kind::write},
        {abort_cause::local_bus_error, errc::local_bus_error, cf::transfer_kind::write},
        {abort_cause::list_fetch_error, errc::list_fetch_error, cf::transfer_kind::write},
        {abort_cause::local_bus_error, errc::local_bus_error, cf::transfer_kind::read},
        {abort_cause::list_fetch_error, errc::list_fetch_error, cf::transfer_kind::read},
    };
    constexpr std::size_t count = 12;
    for (const auto& cause : causes)
        for (std::size_t element = 1; element <= count; ++element) {
            INFO(make_error_code(cause.expected).message() << ", element " << element);
            device_on_model r("model:null,wr=2,rd=2,ram=64KiB,strict");
            cf::buffer memory = r.dev.allocate(count * block);
            rig::fill(memory.bytes(), 11);
            rig::fill(r.model->far_memory(), 12);
            r.inject([&](cf::model::faults& f) {
                f.add({.at = {}, .cause = cause.injected, .element = element});
            });

            ledger book(count);
            r.loop.run(many(r.dev, memory, cause.kind, count, book));
            CHECK(book.each_once());
            CHECK(book.count(cause.expected) == 1);
            CHECK(book.count({}) == count - 1);
            for (std::size_t i = 0; i < count; ++i)
                if (!book.code[i]) CHECK(moved(r, memory, i));
            CHECK(r.violations() == 0);

            // The channel works again.
            ledger again(count);
            r.loop.run(many(r.dev, memory, cause.kind, count, again));
            CHECK(again.count({}) == count);
        }
}

TEST_CASE("the failure of an abort says what, where and why", "[transfer]")
{
    device_on_model r("model:null,wr=1,rd=1");
    cf::buffer memory = r.dev.allocate(block);
    r.inject([](cf::model::faults& f) {
        f.add({.at = {}, .cause = cf::model::abort_cause::unsupported_request});
    });
    const auto program = [](cf::device& dev, cf::buffer& b) -> cf::task<std::string> {
        std::string text;
        try {
            co_await dev.write(b, dev.window("ram").at(512));
        } catch (const cf::error& e) {
            text = e.what();
        }
        co_return text;
    };
    const std::string text = r.loop.run(program(r.dev, memory));
    for (const char* part : {"write of 4096 bytes", "ram@512", "UR"}) CHECK(text.find(part) != text.npos);
}

TEST_CASE("one failing segment ends a split transfer once", "[transfer]")
{
    device_on_model r("model:gen5x8,wr=2,rd=2");
    cf::buffer memory = r.dev.allocate(24_MiB);
    for (const std::uint64_t element : {1u, 2u, 3u, 7u}) {
        r.inject([&](cf::model::faults& f) {
            f.add({.at = {}, .cause = cf::model::abort_cause::completer_abort, .element = element});
        });
        ledger book(1);
        r.loop.run(note(r.dev.write(memory, r.dev.window("ram").at(0)), book, 0));
        CHECK(book.resumed[0] == 1);
        CHECK(book.code[0] == errc::completer_abort);
    }
    CHECK(r.dev.statistics().write.failed == 4);
}

TEST_CASE("lost, doubled and late interrupts change nothing but the time", "[transfer]")
{
    using effect = cf::model::signal_fault::effect;
    for (const effect what : {effect::lose, effect::repeat, effect::delay}) {
        INFO(static_cast<int>(what));
        device_on_model r("model:gen3x8,wr=2,rd=2");
        r.inject([&](cf::model::faults& f) {
            f.interrupts({.engine = {}, .what = what, .times = 0, .copies = 3, .delay = 300'000});
        });
        constexpr std::size_t count = 40;
        cf::buffer memory = r.dev.allocate(count * block);
        rig::fill(memory.bytes(), 13);
        ledger book(count);
        r.loop.run(many(r.dev, memory, cf::transfer_kind::write, count, book));
        CHECK(book.each_once());
        CHECK(book.count({}) == count);
        for (std::size_t i = 0; i < count; ++i) CHECK(moved(r, memory, i));
    }
}

TEST_CASE("link down ends what is under way, and transfers work again when it is up", "[transfer]")
{
    device_on_model r("model:gen1x1,wr=2,rd=2");
    cf::buffer memory = r.dev.allocate(16 * block);
    const auto link = [&](bool up) {
        r.model->with_machine(
            [&](cf::model::machine& m, cf::model::nanoseconds now) { m.set_link(up, now); });
    };
    const auto program = [](cf::device& dev, cf::buffer& b, ledger& book,
                            const auto& set_link) -> cf::task<> {
        cf::window ram = dev.window("ram");
        cf::scope all;
        for (std::size_t i = 0; i < 16; ++i)
            all.spawn(note(dev.write(b.slice(i * block, block), ram.at(0)), book, i));
        while (dev.statistics().write.started < 16) co_await cf::nop();
        set_link(false);
        co_await all.join();
    };
    // Channels that move nothing have all of it in flight when the link goes.
    r.inject([](cf::model::faults& f) { f.hang({}); });
    ledger book(16);
    r.loop.run(program(r.dev, memory, book, link));
    CHECK(book.each_once());
    CHECK(book.count(errc::link_down) == 16);

    ledger refused(1);
    r.loop.run(note(r.dev.write(memory, r.dev.window("ram").at(0)), refused, 0));
    CHECK(refused.code[0] == errc::link_down);

    r.inject([](cf::model::faults& f) { f.clear(); });
    link(true);
    // The driver notices at its next look; until then transfers are refused, at once.
    const auto until_up = [](cf::device& dev, cf::buffer& b) -> cf::task<> {
        for (;;) {
            auto done = co_await cf::as_result(dev.write(b, dev.window("ram").at(0)));
            if (done) co_return;
            co_await cf::sleep_for(100us);
        }
    };
    r.loop.run(until_up(r.dev, memory));
}

TEST_CASE("a hung engine is stopped and its transfer timed out; the others go on", "[transfer]")
{
    device_on_model r("model:gen3x8,wr=2,rd=2,hang=5ms");
    r.inject([](cf::model::faults& f) {
        f.hang({.at = {.engine = {}, .kind = cf::channel_kind::rd, .channel = 0}});
    });
    constexpr std::size_t count = 16;
    cf::buffer memory = r.dev.allocate(count * block);
    rig::fill(memory.bytes(), 14);
    ledger book(count);
    const auto cure = [](device_on_model& on, cf::buffer& b, ledger& l) -> cf::task<> {
        cf::scope all;
        all.spawn(many(on.dev, b, cf::transfer_kind::write, count, l));
        while (l.count(errc::timed_out) == 0) co_await cf::sleep_for(1ms);
        on.inject([](cf::model::faults& f) { f.clear(); });
        co_await all.join();
    };
    r.loop.run(cure(r, memory, book));
    CHECK(book.each_once());
    CHECK(book.count(errc::timed_out) >= 1);
    CHECK(book.count(errc::timed_out) + book.count({}) == count);
    for (std::size_t i = 0; i < count; ++i)
        if (!book.code[i]) CHECK(moved(r, memory, i));
}

TEST_CASE("a link that goes down under many transfers is one event", "[transfer]")
{
    constexpr std::size_t count = 600; // the ring of last events holds 256
    device_on_model r("model:gen1x1,wr=2,rd=2,hang=60s");
    cf::buffer memory = r.dev.allocate(count * block);
    r.inject([](cf::model::faults& f) { f.hang({}); });
    ledger book(count);
    const auto program = [&]() -> cf::task<> {
        cf::scope all;
        all.spawn(many(r.dev, memory, cf::transfer_kind::write, count, book));
        while (r.dev.statistics().write.started < count) co_await cf::nop();
        r.model->with_machine([](cf::model::machine& m, auto now) { m.set_link(false, now); });
        co_await all.join();
    };
    r.loop.run(program());
    CHECK(book.count(errc::link_down) == count);
    const std::string events = cf::last_events();
    const std::size_t opened = events.rfind("device opened subject=\"model:gen1x1,wr=2,rd=2,hang=60s\"");
    REQUIRE(opened != events.npos);
    CHECK(events.find("edma link down", opened) != events.npos);
    CHECK(events.find("transfer failed") == events.npos);
}

TEST_CASE("more transfers than the lists hold all complete", "[transfer]")
{
    device_on_model r("model:null,wr=1,rd=1,ram=64MiB");
    constexpr std::size_t count = 16'000;
    cf::buffer memory = r.dev.allocate(count * block);
    rig::fill(memory.bytes(), 16);
    ledger book(count);
    r.loop.run(many(r.dev, memory, cf::transfer_kind::write, count, book));
    CHECK(book.each_once());
    CHECK(book.count({}) == count);
    CHECK(std::ranges::equal(memory.bytes(), r.model->far_memory().first(count * block)));
}

TEST_CASE("a long transfer does not hold up short ones", "[transfer]")
{
    device_on_model r("model:gen1x1,wr=1,rd=1");
    cf::buffer memory = r.dev.allocate(64_MiB);
    const auto program = [](cf::device& dev, cf::buffer& b) -> cf::task<bool> {
        cf::window ram = dev.window("ram");
        ledger book(1);
        cf::scope all;
        all.spawn(note(dev.write(b, ram.at(0)), book, 0));
        while (dev.statistics().write.started == 0) co_await cf::nop();
        for (int i = 0; i < 10; ++i) co_await dev.write(b.slice(0, block), ram.at(0));
        const bool long_one_still_runs = book.resumed[0] == 0;
        co_await all.join();
        co_return long_one_still_runs;
    };
    CHECK(r.loop.run(program(r.dev, memory)));
}
