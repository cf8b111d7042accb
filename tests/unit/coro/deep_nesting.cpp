// SPDX-License-Identifier: MIT
//
// A program built without tail calls: nested tasks must not use stack there either. Built with
// CF_NO_TAIL_CALLS and the least optimisation for which the compiler does not say that it makes none.
#include <counterflow/runtime.hpp>
#include <counterflow/task.hpp>

#include <cstdio>

namespace {

cf::task<int> deep(int levels)
{
    if (levels == 0) co_return 0;
    const int below = co_await deep(levels - 1);
    co_return below + 1;
}

} // namespace

int main()
{
    constexpr int levels = 300'000;
    const int reached = cf::sync_wait(deep(levels));
    std::printf("%d of %d levels\n", reached, levels);
    return reached == levels ? 0 : 1;
}
