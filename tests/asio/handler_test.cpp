// SPDX-License-Identifier: MIT
//
// asio.hpp: what is asked of handlers and done for them. Where they run, what keeps contexts at work, whose
// memory is used and when it is free, and what becomes of them when one throws or the io_context goes.
#include "allocation_count.hpp"
#include "rig.hpp"

#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

using test::error_code;
using test::rig;
namespace net = boost::asio;

namespace {

/// Can be moved and called once, and nothing else.
struct move_only {
    explicit move_only(bool& into) : called(&into) {}
    move_only(move_only&&) = default;
    move_only(const move_only&) = delete;
    void operator()(error_code failed, std::size_t) && { *called = !failed; }
    bool* called;
};

struct ledger {
    int allocations = 0;
    int live = 0;
};

template <class T>
struct counted {
    using value_type = T;
    explicit counted(ledger& l) : in(&l) {}
    template <class U>
    counted(const counted<U>& other) : in(other.in)
    {
    }
    T* allocate(std::size_t n)
    {
        ++in->allocations;
        ++in->live;
        return std::allocator<T>().allocate(n);
    }
    void deallocate(T* p, std::size_t n)
    {
        --in->live;
        std::allocator<T>().deallocate(p, n);
    }
    bool operator==(const counted& other) const { return in == other.in; }
    ledger* in;
};

/// Runs what it is given by another executor, and counts it.
struct counting_executor {
    net::io_context::executor_type inner;
    int* executed;

    net::execution_context& query(net::execution::context_t) const noexcept { return inner.context(); }
    static constexpr net::execution::blocking_t query(net::execution::blocking_t) noexcept
    {
        return net::execution::blocking.never;
    }
    template <class F>
    void execute(F f) const
    {
        ++*executed;
        inner.execute(std::move(f));
    }
    bool operator==(const counting_executor&) const noexcept = default;
};

} // namespace

TEST_CASE("asio handlers: may be move-only")
{
    rig r;
    bool called = false;
    r.dev.async_write(r.memory, r.far.at(0), move_only(called));
    bool awaited = false;
    struct {
        bool* called;
        std::unique_ptr<int> alone = std::make_unique<int>(1);
        void operator()(error_code failed) { *called = !failed && alone; }
    } once{&awaited};
    cf::asio::async_await(r.io, cf::nop(), std::move(once));
    r.io.run();
    CHECK(called);
    CHECK(awaited);
}

TEST_CASE("asio handlers: run on their executor, whose context has work until then")
{
    rig r;
    net::thread_pool pool(1);
    std::thread::id ran;
    r.dev.async_write(r.memory, r.far.at(0), net::bind_executor(pool, [&](error_code, std::size_t) {
                          ran = std::this_thread::get_id();
                      }));
    std::jthread other([&] { pool.join(); }); // returns only when the handler has been called
    r.io.run();
    other.join();
    CHECK(ran != std::thread::id());
    CHECK(ran != std::this_thread::get_id());
}

TEST_CASE("asio handlers: run on an executor of the program's making")
{
    rig r;
    int executed = 0;
    bool called = false;
    r.dev.async_write(r.memory, r.far.at(0),
                      net::bind_executor(counting_executor{r.io.get_executor(), &executed},
                                         [&](error_code, std::size_t) { called = true; }));
    r.io.run();
    CHECK(called);
    CHECK(executed > 0);
}

TEST_CASE("asio handlers: of a device on a strand run in it")
{
    net::io_context io(1);
    auto strand = net::make_strand(io);
    cf::asio::basic_device<net::strand<net::io_context::executor_type>> dev(strand, "model:null");
    cf::buffer memory = dev.allocate(4096);
    bool inside = false;
    dev.async_write(memory, dev.window("ram").at(0),
                    [&](error_code, std::size_t) { inside = strand.running_in_this_thread(); });
    io.run();
    CHECK(inside);
}

TEST_CASE("asio handlers: one allocation by their allocator, free before the call")
{
    rig r;
    ledger memory;
    int live_at_call = -1;
    r.dev.async_write(r.memory, r.far.at(0),
                      net::bind_allocator(counted<void>(memory),
                                          [&](error_code, std::size_t) { live_at_call = memory.live; }));
    CHECK(memory.allocations == 1);
    CHECK(memory.live == 1);
    r.io.run();
    CHECK(memory.allocations == 1);
    CHECK(live_at_call == 0);

    r.io.restart();
    cf::asio::async_await(r.io, cf::nop(), net::bind_allocator(counted<void>(memory), [&](error_code) {
                              live_at_call = memory.live;
                          }));
    CHECK(memory.live == 1);
    r.io.run();
    CHECK(memory.allocations == 2);
    CHECK(live_at_call == 0);
}

TEST_CASE("asio handlers: once warm nothing is allocated from the heap")
{
    rig r("model:null,wr=1,rd=1");
    struct loop {
        rig& r;
        int left;
        std::uint64_t begin = 0;
        std::uint64_t end = 0;
        void next()
        {
            r.dev.async_write(r.memory.slice(0, 4096), r.far.at(0), [this](error_code, std::size_t) {
                if (left == 1000) begin = test::allocations();
                if (--left > 0) return next();
                end = test::allocations();
            });
        }
    } writes{r, 1100};
    writes.next();
    r.io.run();
    CHECK(writes.left == 0);
    CHECK(writes.end == writes.begin);
}

TEST_CASE("asio handlers: what one throws leaves run(), and the others are called all the same")
{
    rig r;
    int called = 0;
    r.flood(10, [&](error_code, std::size_t) {
        if (++called == 3) throw std::runtime_error("third");
    });
    CHECK_THROWS_AS(r.io.run(), std::runtime_error);
    CHECK(called == 3);
    r.io.run();
    CHECK(called == 10);
}

TEST_CASE("asio handlers: none is called behind the one that stops the io_context")
{
    rig r;
    int called = 0;
    r.flood(10, [&](error_code, std::size_t) {
        if (++called == 3) r.io.stop();
    });
    r.io.run();
    CHECK(called == 3);
    r.io.restart();
    r.io.run();
    CHECK(called == 10);
}

TEST_CASE("asio handlers: may start more, and close the device they are of")
{
    net::io_context io(1);
    auto dev = std::make_unique<cf::asio::device>(io, "model:gen3x1,wr=1,rd=1");
    cf::buffer memory = dev->allocate(test::block_bytes);
    std::vector<error_code> ends;
    const cf::window far = dev->window("ram");
    for (int i = 0; i < 100; ++i)
        dev->async_write(memory, far.at(0), [&](error_code e, std::size_t) {
            ends.push_back(e);
            dev.reset();
        });
    io.run();
    REQUIRE(ends.size() == 100);
    CHECK_FALSE(ends.front());
    CHECK(ends.back() == cf::errc::canceled);
}

TEST_CASE("asio handlers: those that an io_context takes along are freed and not called")
{
    const auto alive = std::make_shared<int>(0);
    bool leaving = false, called = false; // a transfer may be done before
    for (const bool run_before : {false, true}) {
        {
            auto io = std::make_unique<net::io_context>(1);
            auto dev = std::make_shared<cf::asio::device>(*io, "model:gen1x1,wr=1,rd=1");
            auto memory = std::make_shared<cf::buffer>(dev->allocate(test::block_bytes));
            const cf::window far = dev->window("ram");
            for (int i = 0; i < 50; ++i)
                dev->async_write(*memory, far.at(0),
                                 [&, dev, memory, alive](error_code, std::size_t) { called |= leaving; });
            cf::asio::async_await(*io, cf::sleep_for(std::chrono::hours(1)),
                                  [&, alive](error_code) { called |= leaving; });
            dev.reset();
            memory.reset();
            if (run_before) io->poll_one();
            leaving = true;
            io.reset();
            leaving = false;
        }
        CHECK(alive.use_count() == 1);
    }
    CHECK_FALSE(called);
}
