// SPDX-License-Identifier: MIT
//
// Memory of frames: sizes, recycling, and threads that only make or only free them.
#include "allocation_count.hpp"
#include "coroutines.hpp"

#include "catch.hpp"

#include <counterflow/detail/frame_pool.hpp>
#include <counterflow/io.hpp>

#include <cstddef>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

namespace detail = cf::detail;

namespace {

template <std::size_t Bytes>
cf::task<int> with_block(int value)
{
    std::byte block[Bytes];
    std::memset(block, value, sizeof block);
    co_await cf::nop();
    co_return static_cast<int>(block[value]);
}

template <std::size_t Bytes>
cf::task<std::uint64_t> allocations_of_calls()
{
    int sum = co_await with_block<Bytes>(1);
    const std::uint64_t before = test::allocations();
    for (int i = 0; i < 100; ++i) sum += co_await with_block<Bytes>(1);
    const std::uint64_t behind = test::allocations();
    CHECK(sum == 101);
    co_return behind - before;
}

cf::task<> nothing() { co_return; }

} // namespace

TEST_CASE("every size up to 64 KiB has a class that holds it, and no more than twice as much", "[frame_pool]")
{
    for (std::size_t bytes = 1; bytes <= 64 * 1024; ++bytes) {
        const std::size_t index = detail::frame_class(bytes);
        if (index >= detail::frame_classes || detail::frame_class_bytes(index) < bytes ||
            (bytes > 64 && detail::frame_class_bytes(index) >= 2 * bytes))
            FAIL(bytes);
    }
    CHECK(detail::frame_class(64 * 1024 + 1) >= detail::frame_classes);
}

TEST_CASE("large frames are recycled as well", "[frame_pool]")
{
    test::run([]() -> cf::task<> {
        const std::uint64_t small = co_await allocations_of_calls<64>();
        const std::uint64_t middle = co_await allocations_of_calls<2048>();
        const std::uint64_t large = co_await allocations_of_calls<48 * 1024>();
        const std::uint64_t too_large = co_await allocations_of_calls<80 * 1024>();
        CHECK(small == 0);
        CHECK(middle == 0);
        CHECK(large == 0);
        CHECK(too_large <= 100); // fewer where a sanitizer's operator new comes first
    });
}

TEST_CASE("frames that one thread makes and another frees are used again", "[frame_pool]")
{
    constexpr int rounds = 40;
    constexpr std::size_t each = 4000; // more than a thread keeps of any size
    std::uint64_t made = 0;
    for (int round = 0; round < rounds; ++round) {
        std::vector<cf::task<>> tasks;
        tasks.reserve(each);
        const std::uint64_t before = test::allocations();
        for (std::size_t i = 0; i < each; ++i) tasks.push_back(nothing());
        made += test::allocations() - before;
        std::jthread([gone = std::move(tasks)] {}).join();
    }
    // Those that the thread keeps as its own go with it; the rest come back.
    CHECK(made < rounds * each / 2 + each);
}

TEST_CASE("a thread may free frames and nothing else, also when it ends", "[frame_pool]")
{
    struct holder {
        cf::task<> last;
    };
    std::jthread([first = nothing(), second = nothing()]() mutable {
        thread_local holder until_the_end; // destroyed behind the pool, which is made after it
        until_the_end.last = std::move(second);
        const cf::task<> here = std::move(first);
    }).join();
    SUCCEED(); // the sanitizers look for leaks
}
