// SPDX-License-Identifier: MIT
//
// Transfers under faults, cancellation and deadlines, from the awaiting side: each await resumes
// exactly once with one outcome, and nobody else's transfer suffers.
#include "catch.hpp"
#include "rig.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

using namespace cf::literals;
using namespace std::chrono_literals;
using cf::errc;
using rig::device_on_model;

namespace {

constexpr std::size_t block = 4_KiB;

/// What became of a number of awaits: how often each resumed, and with what.
struct ledger {
    explicit ledger(std::size_t size) : resumed(size), code(size) {}
    std::vector<int> resumed;
    std::vector<std::error_code> code;

    bool each_once() const
    {
        return std::ranges::all_of(resumed, [](int n) { return n == 1; });
    }
    std::size_t count(std::error_code wanted) const
    {
        return static_cast<std::size_t>(std::ranges::count(code, wanted));
    }
};

cf::task<> note(cf::transfer moved, ledger& book, std::size_t entry)
{
    auto done = co_await cf::as_result(std::move(moved));
    ++book.resumed[entry];
    if (!done) book.code[entry] = done.error().code;
}

/// `count` transfers of one block each at once, each to its own place.
cf::task<> many(cf::device& dev, cf::buffer& memory, cf::transfer_kind kind, std::size_t count, ledger& book)
{
    cf::window ram = dev.window("ram");
    cf::scope all;
    for (std::size_t i = 0; i < count; ++i) {
        const cf::buffer_slice slice = memory.slice(i * block, block);
        const cf::window_place place = ram.at(i * block);
        all.spawn(note(kind == cf::transfer_kind::write ? dev.write(slice, place) : dev.read(slice, place),
                       book, i));
    }
    co_await all.join();
}

bool moved(device_on_model& r, cf::buffer& memory, std::size_t i)
{
    return std::ranges::equal(memory.bytes().subspan(i * block, block),
                              r.model->far_memory().subspan(i * block, block));
}

} // namespace

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

TEST_CASE("a device that is closed ends its transfers", "[transfer]")
{
    cf::runtime loop;
    ledger book(8);
    const auto program = [](cf::runtime& on, ledger& l) -> cf::task<> {
        auto dev = std::make_unique<cf::device>(on, "model:gen1x1,wr=1,rd=1");
        cf::buffer memory = dev->allocate(64_MiB);
        cf::scope all;
        for (std::size_t i = 0; i < 8; ++i)
            all.spawn(note(dev->read(memory, dev->window("ram").at(0)), l, i));
        while (dev->statistics().read.started < 8) co_await cf::nop();
        dev.reset();
        co_await all.join();
    };
    loop.run(program(loop, book));
    CHECK(book.each_once());
    CHECK(book.count(errc::device_gone) == 8);
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
