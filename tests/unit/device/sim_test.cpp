// SPDX-License-Identifier: MIT
//
// Devices in virtual time: what they need of a runtime, that the same seed gives the same run, and that
// nothing on them is faster than the link.
#include "catch.hpp"
#include "many.hpp"
#include "model/simulated.hpp"
#include "runtime/virtual/clock.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>

using namespace cf::literals;
using namespace std::chrono_literals;
using cf::errc;
using namespace rig;

namespace {

/// A simulated device whose model the test can reach.
struct simulation {
    explicit simulation(const std::string& text) : simulation(cf::parse_spec(text)) {}
    explicit simulation(const cf::device_spec& spec)
        : loop(cf::options_for(spec)),
          attached(new cf::model::simulated(spec.model, *loop.simulation())),
          dev(loop, spec, std::unique_ptr<cf::model::simulated>(attached))
    {
    }

    cf::detail::virtual_clock& clock() { return *loop.simulation(); }

    cf::runtime loop;
    cf::model::simulated* attached; ///< owned by dev
    cf::device dev;
};

/// Both directions, transfers of mixed sizes by several tasks, with what goes wrong on the way.
cf::task<> mixed_load(cf::device& dev, cf::buffer& out, cf::buffer& in, ledger& book)
{
    cf::window ram = dev.window("ram");
    cf::scope all;
    for (std::size_t i = 0; i < book.resumed.size(); ++i) {
        const std::size_t size = 1000 + 3777 * (i % 7), offset = i * 32_KiB;
        if (i % 2 == 0)
            all.spawn(note(dev.write(out.slice(offset, size), ram.at(offset)), book, i));
        else
            all.spawn(note(dev.read(in.slice(offset, size), ram.at(16_MiB + offset)), book, i));
        if (i % 5 == 0) co_await cf::sleep_for(3us);
    }
    co_await all.join();
}

struct outcome_of_run {
    std::uint64_t hash = 0, events = 0, time = 0;
    std::vector<std::error_code> codes;
    bool operator==(const outcome_of_run&) const = default;
};

outcome_of_run run_mixed(const std::string& text)
{
    simulation s(text);
    s.attached->injected().add({.at = {}, .element = 11, .after_bytes = 500});
    cf::buffer out = s.dev.allocate(4_MiB), in = s.dev.allocate(4_MiB);
    ledger book(100);
    s.loop.run(mixed_load(s.dev, out, in, book));
    CHECK(book.each_once());
    CHECK(book.count({}) == 99);
    return {s.clock().hash(), s.clock().events(), s.loop.now(), book.code};
}

} // namespace

TEST_CASE("sim: and a runtime in real time refuse each other, and say what to do")
{
    const auto refusal = [](const char* text, cf::time_mode time) {
        cf::runtime_options options;
        options.time = time;
        cf::runtime loop(options);
        try {
            cf::device dev(loop, text);
        } catch (const cf::error& e) {
            CHECK(e.code() == errc::not_supported);
            return e.detail();
        }
        return std::string();
    };
    CHECK(refusal("sim:gen3x1", cf::time_mode::real).find("options_for") != std::string::npos);
    CHECK(refusal("model:gen3x1", cf::time_mode::simulated).find("options_for") != std::string::npos);
    CHECK(cf::options_for(cf::parse_spec("sim:gen3x1")).time == cf::time_mode::simulated);
    CHECK(cf::options_for(cf::parse_spec("model:gen3x1")).time == cf::time_mode::real);
}

TEST_CASE("sim: moves data both ways at once")
{
    for (const char* text :
         {"sim:gen3x4", "sim:gen3x4,engine=local", "sim:gen3x4,engine=both", "sim:gen3x4,wake=poll",
          "sim:gen3x4,wake=imwr", "sim:gen3x4,submit=descriptor", "sim:null", "sim:null,wake=poll"}) {
        INFO(text);
        simulation s(text);
        cf::buffer out = s.dev.allocate(1_MiB), in = s.dev.allocate(1_MiB);
        rig::fill(out.bytes(), 5);
        std::ranges::copy(out.bytes(), s.attached->far_memory().begin() + 8_MiB);
        const auto program = [](cf::device& dev, cf::buffer& from, cf::buffer& into) -> cf::task<> {
            cf::window ram = dev.window("ram");
            co_await cf::when_all(dev.write(from, ram.at(0)), dev.read(into, ram.at(8_MiB)));
        };
        s.loop.run(program(s.dev, out, in));
        CHECK(std::ranges::equal(out.bytes(), in.bytes()));
        CHECK(std::ranges::equal(out.bytes(), s.attached->far_memory().subspan(0, 1_MiB)));
    }
}

TEST_CASE("sim: the same seed gives the same run, and another seed another one")
{
    for (const char* text : {"sim:gen3x4,wr=3,rd=2", "sim:gen5x16,wake=poll", "sim:gen2x1,engine=both"}) {
        INFO(text);
        const std::string spec(text);
        const outcome_of_run first = run_mixed(spec + ",seed=7");
        CHECK(first == run_mixed(spec + ",seed=7"));
        CHECK(first.hash != run_mixed(spec + ",seed=8").hash);
        CHECK(first.events > 1000);
    }
}

namespace {

/// How long a write of `size` takes on an engine that has been idle.
std::uint64_t write_time(const std::string& text, std::size_t size, double& rate)
{
    simulation s(text);
    cf::buffer memory = s.dev.allocate(size);
    const auto program = [](cf::device& dev, cf::buffer& b, std::uint64_t& ns) -> cf::task<> {
        co_await cf::sleep_for(1ms);
        const auto start = cf::clock::now();
        co_await dev.write(b, dev.window("ram").at(0));
        ns = static_cast<std::uint64_t>((cf::clock::now() - start).count());
    };
    std::uint64_t ns = 0;
    s.loop.run(program(s.dev, memory, ns));
    rate = s.dev.ceilings(true, false).of(cf::direction::rp_to_ep);
    return ns;
}

} // namespace

TEST_CASE("sim: a transfer takes the link's time, counted from its start")
{
    for (const char* text : {"sim:gen1x1", "sim:gen5x16", "sim:gen4x8,engine=local"}) {
        INFO(text);
        double rate = 0;
        const std::uint64_t ns = write_time(text, 1_MiB, rate);
        const auto on_link = static_cast<std::uint64_t>(static_cast<double>(1_MiB) / rate * 1e9);
        CHECK(ns > on_link);
        CHECK(ns < on_link + on_link / 50 + 200'000);
    }
}

TEST_CASE("sim: software is charged what the spec says")
{
    for (const std::string text :
         {"sim:gen3x1,submit=descriptor,", "sim:gen3x1,submit=descriptor,engine=local,"}) {
        INFO(text);
        double rate = 0;
        const std::uint64_t bare = write_time(text + "cpu=0ns,turn=1ns,irq=0ns", 256, rate);
        const std::uint64_t irq = write_time(text + "cpu=0ns,turn=1ns,irq=50us", 256, rate);
        CHECK(irq == bare + 50'000);
        // By chance a half to one and a half of it.
        const std::uint64_t cpu = write_time(text + "cpu=100us,turn=1ns,irq=0ns", 256, rate);
        CHECK(cpu >= bare + 49'000);
        CHECK(cpu <= bare + 151'000);
        const std::uint64_t turn = write_time(text + "cpu=0ns,turn=100us,irq=0ns", 256, rate);
        CHECK(turn >= 50'000);
    }
}

TEST_CASE("sim: closing ends what runs, whatever the engine does")
{
    for (const bool stuck : {false, true}) {
        INFO("engine that cannot be stopped: " << stuck);
        ledger book(20);
        cf::runtime loop(cf::options_for(cf::parse_spec("sim:gen1x1")));
        const auto program = [&](ledger& l) -> cf::task<> {
            const cf::device_spec spec = cf::parse_spec("sim:gen1x1,wr=1,rd=1");
            auto attached = std::make_unique<cf::model::simulated>(spec.model, *loop.simulation());
            if (stuck) attached->injected().hang({.survives_reset = true});
            auto dev = std::make_unique<cf::device>(loop, spec, std::move(attached));
            cf::buffer memory = dev->allocate(1_MiB);
            cf::scope all;
            for (std::size_t i = 0; i < l.resumed.size(); ++i)
                all.spawn(note(dev->write(memory, dev->window("ram").at(0)), l, i));
            co_await cf::sleep_for(20us);
            dev.reset();
            co_await all.join();
        };
        loop.run(program(book));
        CHECK(book.each_once());
        CHECK(book.count(errc::device_gone) == book.resumed.size());
        CHECK(loop.now() < 20'000'000); // the driver gives up after 10 ms
    }
}

TEST_CASE("sim: a lost interrupt is found by the watchdog, in virtual time")
{
    simulation s("sim:gen3x8");
    s.attached->injected().interrupts({.times = 0});
    cf::buffer memory = s.dev.allocate(64_KiB);
    s.loop.run([](cf::device& dev, cf::buffer& b) -> cf::task<> {
        co_await dev.write(b, dev.window("ram").at(0));
    }(s.dev, memory));
    CHECK(s.loop.now() < 10'000'000);
    CHECK(s.dev.statistics().lost_interrupts == 0); // what looks soon after a doorbell has found it
}

TEST_CASE("two simulated devices share the time of their runtime")
{
    const auto run = [] {
        const cf::device_spec spec = cf::parse_spec("sim:gen3x1");
        cf::runtime loop(cf::options_for(spec));
        cf::device one(loop, spec), two(loop, "sim:gen2x1,seed=3");
        cf::buffer a = one.allocate(1_MiB), b = two.allocate(1_MiB);
        loop.run([](cf::device& first, cf::device& second, cf::buffer& x, cf::buffer& y) -> cf::task<> {
            co_await cf::when_all(first.write(x, first.window("ram").at(0)),
                                  second.write(y, second.window("ram").at(0)));
        }(one, two, a, b));
        return std::pair{loop.now(), loop.simulation()->hash()};
    };
    const auto [time, hash] = run();
    CHECK(time > 2'000'000); // the slower link's megabyte
    CHECK(time < 3'000'000); // and the other's meanwhile
    CHECK(run() == std::pair{time, hash});
}
