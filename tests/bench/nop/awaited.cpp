// SPDX-License-Identifier: MIT
//
// The job in coroutines. The tasks run in a scope, so all of them can be stopped.
#include "contender.hpp"

#include <counterflow/io.hpp>
#include <counterflow/runtime.hpp>
#include <counterflow/scope.hpp>

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

cf::task<> side_by_side(const bench::job& j, long& done)
{
    cf::scope all;
    for (long i = 0; i < j.tasks; ++i) all.spawn(flat(j.count / j.tasks, done));
    co_await all.join();
}

} // namespace

long bench::awaited(const job& j)
{
    cf::runtime runtime;
    long done = 0;
    if (j.nested) {
        runtime.run(nested(j.count, done));
    } else if (j.tasks == 1) {
        runtime.run(flat(j.count, done));
    } else {
        runtime.run(side_by_side(j, done));
    }
    return done;
}
