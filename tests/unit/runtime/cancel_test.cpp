// SPDX-License-Identifier: MIT
//
// Cancelling operations at every stage of their life: each ends exactly once, with its own
// completion, and its buffer is the kernel's until then.
#include "coroutines.hpp"
#include "system.hpp"

#include <counterflow/as_result.hpp>
#include <counterflow/io.hpp>
#include <counterflow/scope.hpp>
#include <counterflow/stop.hpp>
#include <counterflow/time.hpp>
#include <counterflow/when_any.hpp>

#include <chrono>
#include <deque>
#include <semaphore>
#include <thread>

using namespace std::chrono_literals;

namespace {

struct tally {
    int value = 0;
    int canceled = 0;
    int other = 0;
    int ended() const { return value + canceled + other; }
};

// Reads one byte into the tally; the buffer lies in the frame.
cf::task<> read_one(int fd, tally& into)
{
    std::array<std::byte, 1> block;
    const auto got = co_await cf::as_result(cf::read_at(fd, block, cf::current_position));
    if (got) {
        ++into.value;
    } else if (got.error().code == cf::errc::canceled) {
        ++into.canceled;
    } else {
        ++into.other;
    }
}

// Turns the loop so often that what was filled in is in the kernel.
cf::task<> turn(int times = 3)
{
    for (int i = 0; i < times; ++i) co_await cf::nop();
}

} // namespace

TEST_CASE("cancel while the operation stands in the submission queue", "[cancel]")
{
    const auto pipe = test::make_pipe();
    for (const auto& options : test::feature_levels()) {
        tally ends;
        test::run(
            [&]() -> cf::task<> {
                cf::scope all;
                all.spawn(read_one(pipe.out, ends));
                all.spawn([](cf::scope& s) -> cf::task<> { // in the same tick
                    s.request_stop();
                    co_return;
                }(all));
                co_await all.join();
            },
            options);
        CHECK(ends.canceled == 1);
        CHECK(ends.ended() == 1);
    }
}

TEST_CASE("cancel while the operation is in flight, and twice", "[cancel]")
{
    const auto pipe = test::make_pipe();
    for (const auto& options : test::feature_levels()) {
        tally ends;
        test::run(
            [&]() -> cf::task<> {
                cf::scope all;
                all.spawn(read_one(pipe.out, ends));
                co_await turn();
                CHECK(ends.ended() == 0);
                all.request_stop();
                all.request_stop();
                co_await all.join();
            },
            options);
        CHECK(ends.canceled == 1);
        CHECK(ends.ended() == 1);
    }
}

TEST_CASE("cancel in the tick in which the operation completes", "[cancel]")
{
    const auto pipe = test::make_pipe();
    for (const auto& options : test::feature_levels()) {
        for (const bool data_first : {false, true}) {
            tally ends;
            test::run(
                [&]() -> cf::task<> {
                    cf::scope all;
                    all.spawn(read_one(pipe.out, ends));
                    co_await turn();
                    if (data_first) pipe.write('x');
                    all.request_stop();
                    if (!data_first) pipe.write('x');
                    co_await all.join();
                    if (ends.value == 0) { // the byte is still there: take it for the next round
                        std::array<std::byte, 1> block;
                        co_await cf::read_at(pipe.out, block, cf::current_position);
                    }
                },
                options);
            CHECK(ends.ended() == 1);
            CHECK(ends.other == 0);
        }
    }
}

TEST_CASE("cancel after the operation has completed", "[cancel]")
{
    const auto pipe = test::make_pipe();
    tally ends;
    test::run([&]() -> cf::task<> {
        cf::scope all;
        pipe.write('x');
        all.spawn(read_one(pipe.out, ends));
        co_await all.join();
        all.request_stop();
        co_await turn();
        CHECK(ends.value == 1);
        // The frame that was canceled for nothing is used again at once, by somebody who is not stopped.
        pipe.write('y');
        co_await read_one(pipe.out, ends);
        CHECK(ends.value == 2);
    });
    CHECK(ends.ended() == 2);
}

TEST_CASE("a request out of the task itself cancels no later operation of anybody", "[cancel]")
{
    const auto pipe = test::make_pipe();
    test::run([&]() -> cf::task<> {
        for (int round = 0; round < 100; ++round) {
            tally ends;
            cf::scope all;
            all.spawn([](cf::scope& s) -> cf::task<> {
                co_await cf::nop(); // enlisted from here on
                s.request_stop();
            }(all));
            co_await all.join();
            pipe.write('x');
            co_await read_one(pipe.out, ends); // likely in the frame of before
            CHECK(ends.value == 1);
        }
    });
}

TEST_CASE("cancels get through however full the queue is", "[cancel]")
{
    constexpr int readers = 100;
    std::deque<test::pipe_ends> pipes;
    for (int i = 0; i < readers; ++i) pipes.push_back(test::make_pipe());
    for (auto options : test::feature_levels()) {
        for (const unsigned entries : {1u, 4u}) {
            for (const unsigned busy : {0u, 150u}) {
                options.entries = entries;
                cf::runtime runtime(options);
                tally ends;
                runtime.run([](cf::runtime& r, auto& all_pipes, tally& t, unsigned refusals) -> cf::task<> {
                    cf::scope all;
                    for (auto& pipe : all_pipes) all.spawn(read_one(pipe.out, t));
                    co_await turn();
                    test::pretend_busy(r, refusals);
                    all.request_stop();
                    co_await all.join();
                }(runtime, pipes, ends, busy));
                CHECK(ends.canceled == readers);
                CHECK(ends.ended() == readers);
            }
        }
    }
}

TEST_CASE("operations that found no room are canceled without being submitted", "[cancel]")
{
    constexpr int readers = 50;
    std::deque<test::pipe_ends> pipes;
    for (int i = 0; i < readers; ++i) pipes.push_back(test::make_pipe());
    cf::runtime_options options;
    options.entries = 2;
    cf::runtime runtime(options);
    tally ends;
    std::uint64_t submitted = 0;
    runtime.run([](cf::runtime& r, auto& all_pipes, tally& t, std::uint64_t& count) -> cf::task<> {
        cf::scope all;
        co_await turn();
        const auto before = r.statistics().submitted;
        test::pretend_busy(r, 1000); // through the tick in which all are started and stopped
        for (auto& pipe : all_pipes) all.spawn(read_one(pipe.out, t));
        all.spawn([](cf::scope& s) -> cf::task<> {
            s.request_stop();
            co_return;
        }(all));
        co_await all.join();
        test::pretend_busy(r, 0);
        count = r.statistics().submitted - before;
    }(runtime, pipes, ends, submitted));
    CHECK(ends.canceled == readers);
    CHECK(ends.ended() == readers);
    CHECK(submitted < readers);
}

TEST_CASE("a request from another thread cancels what is in flight", "[cancel]")
{
    const auto pipe = test::make_pipe();
    for (const auto& options : test::feature_levels()) {
        std::stop_source stop;
        std::binary_semaphore started(0);
        std::jthread other([&] {
            started.acquire();
            stop.request_stop();
        });
        tally ends;
        cf::runtime runtime(options);
        runtime.run(
            [](int fd, std::binary_semaphore& s, tally& t) -> cf::task<> {
                co_await turn();
                s.release();
                co_await read_one(fd, t);
            }(pipe.out, started, ends),
            stop.get_token());
        CHECK(ends.canceled == 1);
        CHECK(ends.ended() == 1);
    }
}

TEST_CASE("when_any leaves no operation behind", "[cancel]")
{
    const auto a = test::make_pipe();
    const auto b = test::make_pipe();
    test::run([&]() -> cf::task<> {
        std::array<std::byte, 1> block;
        std::array<std::byte, 1> other;
        for (int round = 0; round < 100; ++round) {
            b.write('x');
            const auto first = co_await cf::when_any(cf::read_at(a.out, block, cf::current_position),
                                                     cf::read_at(b.out, other, cf::current_position));
            CHECK(first.index == 1);
        }
        a.write('y'); // still there for us: no read of before has eaten it
        const std::size_t got = co_await cf::read_at(a.out, block, cf::current_position);
        CHECK(got == 1);
        CHECK(block[0] == std::byte{'y'});
    });
}

TEST_CASE("a timeout ends an operation, and its buffer is free afterwards", "[cancel]")
{
    const auto pipe = test::make_pipe();
    for (const auto& options : test::feature_levels()) {
        test::run(
            [&]() -> cf::task<> {
                const auto late = co_await cf::as_result(
                    cf::timeout(1ms, cf::read_eventfd(pipe.out))); // the buffer is in the awaiter
                REQUIRE_FALSE(late);
                CHECK(late.error().code == cf::errc::timed_out);
            },
            options);
    }
}

namespace {

// Waits for an eventfd that nobody writes; says when it has ended, and then stops another scope.
cf::task<> wait_and_stop(int fd, tally& into, cf::scope* other)
{
    const auto got = co_await cf::as_result(cf::read_eventfd(fd));
    if (!got && got.error().code == cf::errc::canceled) ++into.canceled;
    if (other != nullptr) other->request_stop();
}

cf::task<> one_nop() { co_await cf::nop(); }

cf::task<> stop(cf::scope& s)
{
    s.request_stop();
    co_return;
}

} // namespace

TEST_CASE("what leaves the backlog can be canceled in the same pass", "[cancel]")
{
    cf::runtime_options options;
    options.entries = 2;
    cf::runtime runtime(options);
    const auto never = test::make_eventfd();
    tally ends;
    runtime.run([](cf::runtime& r, int fd, tally& t) -> cf::task<> {
        co_await turn();
        cf::scope full;
        cf::scope first;
        cf::scope second;
        full.spawn(one_nop());
        full.spawn(one_nop());
        first.spawn(wait_and_stop(fd, t, nullptr));
        second.spawn(wait_and_stop(fd, t, &first)); // ends while the first is moved to the queue
        second.spawn(stop(second));
        test::pretend_busy(r, 2); // both waits find no room
        co_await second.join();
        test::pretend_busy(r, 0);
        co_await first.join();
        co_await full.join();
    }(runtime, never, ends));
    CHECK(ends.canceled == 2);
}

TEST_CASE("a cancel that finds no room while the backlog is submitted is not forgotten", "[cancel]")
{
    cf::runtime_options options;
    options.entries = 2;
    cf::runtime runtime(options);
    const auto never = test::make_eventfd();
    tally ends;
    runtime.run([](cf::runtime& r, int fd, tally& t) -> cf::task<> {
        cf::scope full;
        cf::scope first;
        cf::scope second;
        first.spawn(wait_and_stop(fd, t, nullptr));
        co_await turn(); // in flight
        full.spawn(one_nop());
        full.spawn(one_nop());
        second.spawn(wait_and_stop(fd, t, &first));
        second.spawn(stop(second));
        test::pretend_busy(r, 2); // the second wait, and then the cancel of the first
        co_await second.join();
        test::pretend_busy(r, 0);
        co_await first.join();
        co_await full.join();
    }(runtime, never, ends));
    CHECK(ends.canceled == 2);
}

TEST_CASE("an operation that a worker of the kernel was in is canceled, not interrupted", "[cancel]")
{
    struct blocking_read : cf::detail::io_awaiter_of<blocking_read, void> {
        explicit blocking_read(int from) noexcept : fd(from) {}
        void prepare(io_uring_sqe& entry) const noexcept
        {
            entry.opcode = IORING_OP_READ;
            entry.flags = IOSQE_ASYNC;
            entry.fd = fd;
            entry.addr = reinterpret_cast<std::uintptr_t>(&byte);
            entry.len = 1;
            entry.off = cf::current_position;
        }
        cf::detail::io_description describe() const noexcept
        {
            return {"blocking read", fd, 1, cf::current_position};
        }
        int fd;
        mutable std::byte byte{};
    };
    const auto pipe = test::make_pipe();
    for (const auto& options : test::feature_levels()) {
        test::run(
            [&]() -> cf::task<> {
                for (int round = 0; round < 20; ++round) { // the worker may or may not have begun
                    const auto ended = co_await cf::as_result(
                        cf::timeout(std::chrono::microseconds(round * 50), blocking_read(pipe.out)));
                    REQUIRE_FALSE(ended);
                    CHECK(ended.error().code == cf::errc::timed_out);
                }
            },
            options);
    }
}
