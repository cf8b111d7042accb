// SPDX-License-Identifier: MIT
//
// The job in coroutines. Several tasks run in a scope, so all of them can be stopped.
#include "contender.hpp"

#include <counterflow/io.hpp>
#include <counterflow/runtime.hpp>
#include <counterflow/scope.hpp>
#include <counterflow/time.hpp>

#include <chrono>
#include <utility>

namespace {

cf::task<> flat(long count, long& done)
{
    for (long i = 0; i < count; ++i) co_await cf::nop();
    done += count;
}

cf::task<> one() { co_await cf::nop(); }

cf::task<> nested(long count, long& done)
{
    for (long i = 0; i < count; ++i) co_await one();
    done += count;
}

cf::task<> part(const bench::job& j, long& done)
{
    return j.nested ? nested(j.count / j.tasks, done) : flat(j.count / j.tasks, done);
}

cf::task<> in_scope(const bench::job& j, long& done)
{
    cf::scope all;
    for (long i = 0; i < j.tasks; ++i) all.spawn(part(j, done));
    co_await all.join();
}

} // namespace

long bench::awaited(const job& j)
{
    cf::runtime runtime;
    long done = 0;
    auto whole = j.scoped || j.tasks > 1 ? in_scope(j, done) : part(j, done);
    if (j.limited) {
        runtime.run(cf::timeout(std::chrono::hours(1), std::move(whole)));
    } else {
        runtime.run(std::move(whole));
    }
    return done;
}
