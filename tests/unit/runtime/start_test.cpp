// SPDX-License-Identifier: MIT
//
// start: what code that is no coroutine is called back with.
#include "coroutines.hpp"
#include "system.hpp"

#include <counterflow/counterflow.hpp>

#include <memory>
#include <stdexcept>
#include <stop_token>
#include <utility>

namespace {

cf::runtime_options drained()
{
    cf::runtime_options options;
    options.drained = true;
    return options;
}

} // namespace

TEST_CASE("start: calls back with the value, not from inside of start()")
{
    cf::runtime loop(drained());
    int got = 0;
    cf::start(
        loop, []() -> cf::task<int> { co_return 42; }(), [&](cf::result<int> r) { got = r.value(); });
    CHECK(got == 0);
    loop.drain();
    CHECK(got == 42);
}

TEST_CASE("start: calls back with the failure, and its words")
{
    cf::runtime loop(drained());
    cf::device dev(loop, "model:null");
    cf::buffer block = dev.allocate(4096);
    cf::failure why;
    cf::start(loop, dev.write(block, dev.window("ram").at(1u << 30)),
              [&](cf::result<std::size_t> r) { why = r.error(); });
    loop.drain();
    CHECK(why.code == cf::errc::out_of_range);
    CHECK(why.detail.find("ram@1073741824") != std::string::npos);
}

TEST_CASE("start: keeps what it was given until the call, and drops it then")
{
    cf::runtime loop(drained());
    auto in_task = std::make_shared<int>(1);
    auto in_callback = std::make_shared<int>(2);
    test::gate gate;
    cf::start(
        loop,
        [](std::shared_ptr<int> kept, test::gate& g) -> cf::task<std::unique_ptr<int>> {
            co_await g;
            co_return std::make_unique<int>(*kept);
        }(in_task, gate),
        [kept = in_callback](cf::result<std::unique_ptr<int>> r) { *kept = *r.value() + 10; });
    loop.drain();
    CHECK(in_task.use_count() == 2);
    CHECK(in_callback.use_count() == 2);
    loop.post([&] { gate.open(); });
    loop.drain();
    CHECK(*in_callback == 11);
    CHECK(in_task.use_count() == 1);
    CHECK(in_callback.use_count() == 1);
}

TEST_CASE("start: a stop request reaches what was started")
{
    cf::runtime loop(drained());
    std::stop_source source;
    std::error_code ended;
    cf::start(loop, cf::with_stop(source.get_token(), cf::sleep_for(std::chrono::hours(1))),
              [&](cf::result<> r) { ended = r.error().code; });
    loop.drain();
    CHECK_FALSE(ended);
    source.request_stop();
    loop.drain();
    CHECK(ended == cf::errc::canceled);
}

TEST_CASE("start: works inside of run() as well")
{
    cf::runtime loop;
    loop.run([](cf::runtime& l) -> cf::task<> {
        cf::event done;
        cf::start(l, cf::nop(), [&](cf::result<>) { done.set(); });
        CHECK_FALSE(done.is_set());
        co_await done;
    }(loop));
}
