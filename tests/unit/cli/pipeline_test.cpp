// SPDX-License-Identifier: MIT
//
// Blocks, sequences to wait for, and the hash that puts blocks in order.
#include "catch.hpp"

#include "cli/pipeline.hpp"

#include <counterflow/runtime.hpp>
#include <counterflow/scope.hpp>

#include <array>
#include <string>
#include <vector>

using cf::cli::block_plan;
using cf::cli::completion_front;
using cf::cli::ordered_hash;
using cf::cli::sequence;

namespace {

cf::task<> wait_and_note(sequence& s, std::uint64_t target, std::vector<std::uint64_t>& order)
{
    co_await s.reaches(target);
    order.push_back(target);
}

cf::task<> advance(sequence& s, std::uint64_t value)
{
    s.advance_to(value);
    co_await cf::yield();
}

cf::task<> hash_block(ordered_hash& h, std::uint64_t index, std::string_view text)
{
    co_await h.add(index, std::as_bytes(std::span(text)));
}

/// Waiters for 1 to 4, and the order in which they go on when the sequence takes two steps.
cf::task<> take_steps(std::vector<std::uint64_t>& order, std::vector<std::size_t>& reached)
{
    sequence s;
    cf::scope all;
    for (const std::uint64_t target : {3u, 1u, 4u, 2u}) all.spawn(wait_and_note(s, target, order));
    co_await cf::yield();
    reached.push_back(order.size());
    co_await advance(s, 2);
    reached.push_back(order.size());
    co_await advance(s, 4);
    co_await all.join();
    reached.push_back(order.size());
}

cf::task<> stop_waiter(bool& canceled)
{
    sequence s;
    cf::scope all;
    std::vector<std::uint64_t> order;
    all.spawn([](sequence& seq, bool& seen) -> cf::task<> {
        try {
            co_await seq.reaches(1);
        } catch (const cf::error& e) {
            seen = e.code() == cf::errc::canceled;
            throw;
        }
    }(s, canceled));
    co_await cf::yield();
    all.request_stop();
    co_await all.join();
    s.advance_to(1); // nobody is left to be woken
    co_await wait_and_note(s, 1, order);
}

cf::task<> hash_in_order(ordered_hash& h, std::vector<std::pair<std::uint64_t, std::string_view>> blocks)
{
    cf::scope all;
    for (const auto& [index, text] : blocks) all.spawn(hash_block(h, index, text));
    co_await all.join();
}

} // namespace

TEST_CASE("a plan covers every byte once", "[pipeline]")
{
    for (const std::uint64_t bytes : {0u, 1u, 99u, 100u, 101u, 1000u, 1001u}) {
        const block_plan plan{bytes, 100};
        std::uint64_t next = 0;
        for (std::uint64_t i = 0; i < plan.count(); ++i) {
            CHECK(plan.offset(i) == next);
            CHECK(plan.size(i) > 0);
            CHECK(plan.size(i) <= 100);
            next += plan.size(i);
        }
        CHECK(next == bytes);
    }
    const block_plan huge{~std::uint64_t{0}, 4096};
    CHECK(huge.offset(huge.count() - 1) + huge.size(huge.count() - 1) == ~std::uint64_t{0});
}

TEST_CASE("a block is no larger than its file", "[pipeline]")
{
    using cf::cli::block_for;
    CHECK(block_for(1'000'000, 4096, 1) == 4096);
    CHECK(block_for(10, 4096, 1) == 10);
    CHECK(block_for(10, 4096, 4) == 12);
    CHECK(block_for(12, 4096, 4) == 12);
    CHECK(block_for(0, 4096, 4) == 4);
    CHECK(block_for(~std::uint64_t{0}, 4096, 64) == 4096);
    CHECK(block_for(4095, 4096, 4096) == 4096);
}

TEST_CASE("a sequence wakes those whose number has come", "[pipeline]")
{
    std::vector<std::uint64_t> order;
    std::vector<std::size_t> reached;
    cf::sync_wait(take_steps(order, reached));
    CHECK(reached == std::vector<std::size_t>{0, 2, 4});
    CHECK(order == std::vector<std::uint64_t>{1, 2, 3, 4});
}

TEST_CASE("a stop request ends a wait", "[pipeline]")
{
    bool canceled = false;
    cf::sync_wait(stop_waiter(canceled));
    CHECK(canceled);
}

TEST_CASE("the front moves when the gap closes", "[pipeline]")
{
    completion_front done(4);
    done.mark(1);
    done.mark(2);
    CHECK(done.front().value() == 0);
    done.mark(0);
    CHECK(done.front().value() == 3);
    done.mark(6); // four places: 3 to 6 may be open
    CHECK(done.front().value() == 3);
    done.mark(3);
    CHECK(done.front().value() == 4);
    done.mark(5);
    done.mark(4);
    CHECK(done.front().value() == 7);
}

TEST_CASE("a front of one place", "[pipeline]")
{
    completion_front done(1);
    for (std::uint64_t i = 0; i < 5; ++i) {
        CHECK(done.front().value() == i);
        done.mark(i);
    }
    CHECK(done.front().value() == 5);
}

TEST_CASE("blocks are hashed in their order", "[pipeline]")
{
    ordered_hash straight, mixed, empty;
    cf::sync_wait(hash_in_order(straight, {{0, "counter"}, {1, "flow"}, {2, "!"}}));
    cf::sync_wait(hash_in_order(mixed, {{2, "!"}, {0, "counter"}, {1, "flow"}}));
    CHECK(straight.text() == mixed.text());
    CHECK(straight.text() != empty.text());
    // The published value for no input.
    CHECK(empty.text() == "99aa06d3014798d86001c324468d497f");

    ordered_hash other;
    cf::sync_wait(hash_in_order(other, {{1, "counter"}, {0, "flow"}, {2, "!"}}));
    CHECK(other.text() != straight.text());
}
