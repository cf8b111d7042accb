// SPDX-License-Identifier: MIT
//
// task: laziness, values, exceptions, ownership, depth, and where its frames come from.
#include "allocation_count.hpp"
#include "catch.hpp"
#include "coroutines.hpp"

#include <counterflow/io.hpp>
#include <counterflow/task.hpp>

#include <array>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace {

cf::task<int> number(int value) { co_return value; }
cf::task<int> number_later(int value)
{
    co_await cf::nop();
    co_return value;
}
cf::task<> failing(const char* why)
{
    co_await cf::nop();
    throw std::runtime_error(why);
}

} // namespace

static_assert(!std::is_copy_constructible_v<cf::task<int>>);
static_assert(std::is_nothrow_move_constructible_v<cf::task<int>>);

TEST_CASE("a task does nothing until it is awaited", "[task]")
{
    int steps = 0;
    auto body = [&]() -> cf::task<> {
        ++steps;
        co_return;
    };
    cf::task<> never = body();
    CHECK(steps == 0);
    CHECK(never);
    test::run([&]() -> cf::task<> {
        cf::task<> later = body();
        CHECK(steps == 0);
        co_await std::move(later);
        CHECK(steps == 1);
        CHECK_FALSE(later);
    });
}

TEST_CASE("a task yields its value, whatever the type", "[task]")
{
    test::run([]() -> cf::task<> {
        const int a = co_await number(1);
        const int b = co_await number_later(2);
        CHECK(a + b == 3);

        auto text = []() -> cf::task<std::string> { co_return std::string(100, 'x'); };
        const std::string s = co_await text();
        CHECK(s == std::string(100, 'x'));

        auto owner = []() -> cf::task<std::unique_ptr<int>> { co_return std::make_unique<int>(7); };
        const std::unique_ptr<int> p = co_await owner();
        CHECK(*p == 7);

        int target = 1;
        auto reference = [](int& i) -> cf::task<int&> { co_return i; };
        int& r = co_await reference(target);
        r = 5;
        CHECK(target == 5);
    });
}

TEST_CASE("a value is destroyed exactly once", "[task]")
{
    static int alive;
    alive = 0;
    struct counted {
        counted() { ++alive; }
        counted(counted&&) noexcept { ++alive; }
        ~counted() { --alive; }
    };
    test::run([]() -> cf::task<> {
        auto make = []() -> cf::task<counted> { co_return counted(); };
        {
            counted c = co_await make();
            CHECK(alive == 1);
        }
        co_await make();
        CHECK(alive == 0);
    });
    CHECK(alive == 0);
}

TEST_CASE("an exception is thrown where the task is awaited", "[task]")
{
    test::run([]() -> cf::task<> {
        std::string what;
        try {
            co_await failing("deep");
        } catch (const std::runtime_error& e) {
            what = e.what();
        }
        CHECK(what == "deep");

        auto through = []() -> cf::task<> { co_await failing("deeper"); };
        try {
            co_await through();
        } catch (const std::runtime_error& e) {
            what = e.what();
        }
        CHECK(what == "deeper");
    });
    CHECK_THROWS_AS(cf::sync_wait(failing("all the way")), std::runtime_error);
}

TEST_CASE("parameters and locals are gone before the awaiting task goes on", "[task]")
{
    auto watched = std::make_shared<int>(0);
    test::run([&]() -> cf::task<> {
        auto holds = [](std::shared_ptr<int> parameter) -> cf::task<> {
            std::shared_ptr<int> local = parameter;
            co_await cf::nop();
        };
        co_await holds(watched);
        CHECK(watched.use_count() == 1);
    });
    CHECK(watched.use_count() == 1);
}

TEST_CASE("a task that is dropped or moved releases its parameters once", "[task]")
{
    auto watched = std::make_shared<int>(0);
    auto holds = [](std::shared_ptr<int>) -> cf::task<> { co_return; };
    {
        cf::task<> a = holds(watched);
        cf::task<> b = std::move(a);
        CHECK(watched.use_count() == 2);
        cf::task<> c;
        c = std::move(b);
        CHECK(watched.use_count() == 2);
    }
    CHECK(watched.use_count() == 1);
}

TEST_CASE("a hundred thousand nested awaits need no stack", "[task]")
{
    struct deep {
        static cf::task<int> down(int levels)
        {
            if (levels == 0) co_return 0;
            const int below = co_await down(levels - 1);
            co_return below + 1;
        }
        static cf::task<int> down_later(int levels)
        {
            if (levels == 0) {
                co_await cf::nop();
                co_return 0;
            }
            const int below = co_await down_later(levels - 1);
            co_return below + 1;
        }
    };
    constexpr int levels = 100'000;
    CHECK(cf::sync_wait(deep::down(levels)) == levels);
    CHECK(cf::sync_wait(deep::down_later(levels)) == levels);
}

TEST_CASE("a loop over tasks that end at once needs no stack", "[task]")
{
    test::run([]() -> cf::task<> {
        long sum = 0;
        for (int i = 0; i < 1'000'000; ++i) {
            const int one = co_await number(1);
            sum += one;
        }
        CHECK(sum == 1'000'000);
    });
}

TEST_CASE("a warm await allocates nothing, nested tasks included", "[task]")
{
    test::run([]() -> cf::task<> {
        auto middle = []() -> cf::task<int> {
            const int inner = co_await number_later(1);
            co_return inner + 1;
        };
        int warm = co_await middle();
        const std::uint64_t before = test::allocations();
        for (int i = 0; i < 1000; ++i) {
            const int more = co_await middle();
            warm += more;
        }
        CHECK(test::allocations() == before);
        CHECK(warm == 2002);
    });
}

TEST_CASE("frames too large for the pool work as well", "[task]")
{
    test::run([]() -> cf::task<> {
        auto large = [](int seed) -> cf::task<int> {
            std::array<int, 4096> values{};
            values[4095] = seed;
            co_await cf::nop();
            co_return values[4095];
        };
        const int got = co_await large(3);
        CHECK(got == 3);
    });
}

namespace {

struct arena {
    std::size_t live = 0;
    std::size_t taken = 0;
};

template <class T>
struct arena_allocator {
    using value_type = T;
    explicit arena_allocator(arena& a) noexcept : from(&a) {}
    template <class U>
    arena_allocator(const arena_allocator<U>& other) noexcept : from(other.from)
    {
    }
    T* allocate(std::size_t n)
    {
        from->live += n * sizeof(T);
        ++from->taken;
        return static_cast<T*>(::operator new(n * sizeof(T)));
    }
    void deallocate(T* p, std::size_t n) noexcept
    {
        from->live -= n * sizeof(T);
        ::operator delete(p);
    }
    template <class U>
    bool operator==(const arena_allocator<U>& other) const noexcept
    {
        return from == other.from;
    }
    arena* from;
};

// Not inlined, because clang would find that it needs no frame from anyone.
[[gnu::noinline]] cf::task<int> in_arena(std::allocator_arg_t, arena_allocator<char>, int value)
{
    co_await cf::nop();
    co_return value;
}

struct has_member_coroutine {
    int factor;
    [[gnu::noinline]] cf::task<int> times(std::allocator_arg_t, arena_allocator<char>, int value)
    {
        co_return factor* value;
    }
};

} // namespace

TEST_CASE("a task takes its frame from the allocator it is given", "[task]")
{
    arena memory;
    {
        cf::task<int> dropped = in_arena(std::allocator_arg, arena_allocator<char>(memory), 1);
        CHECK(memory.live > 0);
    }
    CHECK(memory.live == 0);
    CHECK(memory.taken == 1);
    test::run([&]() -> cf::task<> {
        const int value = co_await in_arena(std::allocator_arg, arena_allocator<char>(memory), 42);
        CHECK(value == 42);
        CHECK(memory.live == 0);
        has_member_coroutine object{6};
        const int product = co_await object.times(std::allocator_arg, arena_allocator<char>(memory), 7);
        CHECK(product == 42);
    });
    CHECK(memory.live == 0);
    CHECK(memory.taken == 3);
}

TEST_CASE("tasks get on with awaitables and coroutines of other libraries", "[task]")
{
    test::run([]() -> cf::task<> {
        const int free_operator = co_await test::foreign_value{9};
        CHECK(free_operator == 9);

        // A foreign coroutine awaits a task.
        int got = 0;
        auto outside = [](int& into) -> test::foreign_task { into = co_await number_later(4); };
        outside(got);
        while (got == 0) co_await cf::yield();
        CHECK(got == 4);
    });
}

TEST_CASE("a foreign event that resumes in place does not disturb the one who sets it", "[task]")
{
    test::run([]() -> cf::task<> {
        test::foreign_event event;
        std::string order;
        auto waits = [&]() -> cf::task<> {
            co_await event;
            order += 'w';
        };
        auto outer = [&](auto& inner) -> cf::task<> {
            co_await inner();
            order += 'o';
        };
        auto outside = [&](auto& start) -> test::foreign_task { co_await start(waits); };
        outside(outer);
        co_await cf::yield();
        event.set(); // `waits` ends inside of this call, and its waiter is to go on later
        order += 's';
        const int value = co_await number(1); // another transfer on top
        CHECK(value == 1);
        co_await cf::yield();
        CHECK(order == "wso");
    });
}
