// SPDX-License-Identifier: MIT
//
// Both ends against a real nats-server: replay, the acknowledged position, a server that is killed.
#include "catch.hpp"
#include "server.hpp"

#include <counterflow/as_result.hpp>
#include <counterflow/nats.hpp>
#include <counterflow/scope.hpp>
#include <counterflow/time.hpp>
#include <counterflow/when_all.hpp>

#include <algorithm>
#include <cstring>
#include <set>
#include <vector>

using namespace std::chrono_literals;
using cf::nats::consumer;
using cf::nats::publisher;
using nats_test::server;

namespace {

constexpr std::size_t block_bytes = 4096;

std::vector<std::byte> block(std::uint64_t number)
{
    std::vector<std::byte> bytes(block_bytes);
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<std::byte>((number * 31 + i * 7) & 0xff);
    return bytes;
}

bool holds(const cf::nats::message& m, std::uint64_t number)
{
    const std::vector<std::byte> expected = block(number);
    return m.bytes().size() == expected.size() &&
           std::memcmp(m.bytes().data(), expected.data(), expected.size()) == 0;
}

cf::nats::place at(const server& s)
{
    cf::nats::place where;
    where.url = s.url();
    return where;
}

cf::task<> publish(publisher& to, std::uint64_t first, std::uint64_t last)
{
    for (std::uint64_t number = first; number < last; ++number) {
        const std::vector<std::byte> bytes = block(number);
        co_await to.publish(bytes, number, 1000 * number);
    }
}

/// The sequence numbers of the next `count`, all acknowledged.
cf::task<std::vector<std::uint64_t>> consume(consumer& from, std::size_t count)
{
    std::vector<std::uint64_t> numbers;
    while (numbers.size() < count) {
        cf::nats::message m = co_await from.next();
        numbers.push_back(m.sequence());
        m.ack();
    }
    co_return numbers;
}

std::vector<std::uint64_t> range(std::uint64_t first, std::uint64_t last)
{
    std::vector<std::uint64_t> numbers;
    for (; first < last; ++first) numbers.push_back(first);
    return numbers;
}

template <class F>
std::error_code code_of(F&& function)
{
    try {
        function();
    } catch (const cf::error& e) {
        INFO(e.what());
        return e.code();
    }
    return {};
}

} // namespace

TEST_CASE("every consumer gets every block, in order and whole")
{
    const server s;
    cf::runtime loop;
    publisher out(loop, at(s));
    consumer one(loop, at(s), "one"), two(loop, at(s), "two", {.unacknowledged = 3});
    loop.run(publish(out, 10, 60));
    CHECK(out.statistics().published == 50);
    CHECK(out.statistics().duplicates == 0);
    for (consumer* c : {&one, &two}) {
        const auto all = [](consumer& from) -> cf::task<> {
            for (std::uint64_t number = 10; number < 60; ++number) {
                cf::nats::message m = co_await from.next();
                CHECK(m.sequence() == number);
                CHECK(m.time_ns() == 1000 * number);
                CHECK(m.position() == number - 9);
                CHECK(holds(m, number));
                m.ack();
            }
        };
        loop.run(all(*c));
    }
}

TEST_CASE("a consumer goes on behind what it has acknowledged")
{
    const server s;
    cf::runtime loop;
    publisher out(loop, at(s));
    loop.run(publish(out, 0, 40));
    {
        consumer first(loop, at(s), "reader");
        CHECK(loop.run(consume(first, 15)) == range(0, 15));
        const auto leave_one = [](consumer& from) -> cf::task<std::uint64_t> {
            const cf::nats::message m = co_await from.next();
            co_return m.sequence();
        };
        CHECK(loop.run(leave_one(first)) == 15); // not acknowledged
    }
    consumer again(loop, at(s), "reader");
    const std::vector<std::uint64_t> rest = loop.run(consume(again, 25));
    CHECK(std::set(rest.begin(), rest.end()).size() == 25);
    CHECK(*std::min_element(rest.begin(), rest.end()) == 15);
}

TEST_CASE("blocks are awaited many at once")
{
    const server s;
    cf::runtime loop;
    publisher out(loop, at(s));
    const auto many = [&]() -> cf::task<> {
        co_await cf::with_scope([&](cf::scope& all) -> cf::task<> {
            for (std::uint64_t number = 0; number < 100; ++number)
                all.spawn(publish(out, number, number + 1));
            co_return;
        });
    };
    loop.run(many());
    consumer in(loop, at(s), "reader");
    const std::vector<std::uint64_t> numbers = loop.run(consume(in, 100));
    CHECK(std::set(numbers.begin(), numbers.end()).size() == 100);
}

TEST_CASE("a server that is killed and comes back has each block once")
{
    server s;
    cf::runtime loop;
    publisher out(loop, at(s), {.source = "adc", .resend = 200ms});
    consumer in(loop, at(s), "reader", {.redelivery = 300ms});
    loop.run(publish(out, 0, 20));
    std::set<std::uint64_t> seen;
    const auto read_all = [&]() -> cf::task<> {
        while (seen.size() < 60) {
            cf::nats::message m = co_await in.next();
            CHECK(holds(m, m.sequence()));
            seen.insert(m.sequence());
            m.ack();
        }
    };
    const auto crash = [&]() -> cf::task<> {
        s.kill();
        s.start();
        co_return;
    };
    const auto all = [&]() -> cf::task<> {
        co_await cf::when_all(publish(out, 20, 40), crash());
        co_await cf::when_all(publish(out, 40, 60), read_all());
    };
    loop.run(all());
    CHECK(seen.size() == 60);

    // Not one of them twice in the stream.
    consumer another(loop, at(s), "another");
    const std::vector<std::uint64_t> numbers = loop.run(consume(another, 60));
    CHECK(std::set(numbers.begin(), numbers.end()).size() == 60);
}

TEST_CASE("a block of the same source and number is stored once")
{
    const server s;
    cf::runtime loop;
    publisher out(loop, at(s), {.source = "adc"});
    loop.run(publish(out, 0, 5));
    publisher restarted(loop, at(s), {.source = "adc"});
    loop.run(publish(restarted, 3, 8));
    CHECK(restarted.statistics().duplicates == 2);
    consumer in(loop, at(s), "reader");
    CHECK(loop.run(consume(in, 8)) == range(0, 8));
}

TEST_CASE("without a server, and when it stays away")
{
    server s;
    const cf::nats::place where = at(s);
    cf::runtime loop;
    publisher out(loop, where, {.source = "adc", .patience = 300ms, .resend = 100ms});
    s.kill();
    CHECK(code_of([&] { publisher refused(loop, where); }) == std::errc::connection_refused);
    const auto alone = [&]() -> cf::task<> {
        const std::vector<std::byte> bytes = block(1);
        const auto failed = co_await cf::as_result(out.publish(bytes, 1));
        CHECK(!failed.has_value());
        CHECK(failed.error().code == cf::errc::timed_out);
        CHECK(failed.error().detail.find("block 1 of 4096 bytes") != std::string::npos);
        // A stop request does not wait for the server.
        const auto stopped = co_await cf::as_result(cf::timeout(1ms, out.publish(bytes, 2)));
        CHECK(!stopped.has_value());
    };
    loop.run(alone());
}

TEST_CASE("what the server does not take is refused by name")
{
    const server s;
    cf::runtime loop;
    publisher out(loop, at(s));
    const std::vector<std::byte> large(2 << 20);
    CHECK(code_of([&] { loop.run(out.publish(large, 1)); }) == cf::errc::bad_argument);
    cf::nats::place other = at(s);
    other.subject = "elsewhere";
    CHECK(code_of([&] { publisher refused(loop, other); }) == cf::errc::bad_argument);
    for (const char* name : {"", "a b", "a.b", "a*"})
        CHECK(code_of([&] { consumer refused(loop, at(s), name); }) == cf::errc::bad_argument);
    CHECK(code_of([&] { consumer refused(loop, at(s), "x", {.unacknowledged = 0}); }) ==
          cf::errc::bad_argument);
    consumer holder(loop, at(s), "taken");
    CHECK(code_of([&] { consumer refused(loop, at(s), "taken"); }) == cf::errc::busy);
}

TEST_CASE("a server without JetStream")
{
    const server s("");
    cf::runtime loop;
    CHECK(code_of([&] { publisher refused(loop, at(s)); }) == cf::errc::not_supported);
}

TEST_CASE("the wait for a block ends with a stop request")
{
    const server s;
    cf::runtime loop;
    consumer in(loop, at(s), "reader");
    const auto wait = [&]() -> cf::task<> {
        const auto none = co_await cf::as_result(cf::timeout(1ms, in.next()));
        CHECK(!none.has_value());
    };
    loop.run(wait());
}
