// SPDX-License-Identifier: MIT
//
// usage: nop-bench CONTENDER COUNT TASKS [nested] [scoped] [limited]
// Runs one contender once and prints what it did as one line of JSON.
#include "allocation_count.hpp"
#include "contender.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string_view>

int main(int argc, char** argv)
{
    if (argc < 4) {
        std::fprintf(stderr, "usage: nop-bench awaited|by_hand|by_hand_bare|plain|on_liburing COUNT TASKS "
                             "[nested] [scoped] [limited]\n");
        return 2;
    }
    const std::string_view name = argv[1];
    bench::job job{std::atol(argv[2]), std::atol(argv[3])};
    for (const std::string_view way : std::span(argv + 4, argv + argc)) {
        job.nested |= way == "nested";
        job.scoped |= way == "scoped";
        job.limited |= way == "limited";
    }
    const auto contender = name == "awaited"        ? bench::awaited
                           : name == "by_hand"      ? bench::by_hand
                           : name == "by_hand_bare" ? bench::by_hand_bare
                           : name == "plain"        ? bench::plain
                                                    : bench::on_liburing;
    const auto allocations = test::allocations();
    const auto start = std::chrono::steady_clock::now();
    const long done = contender(job);
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
    std::printf("{\"contender\": \"%s\", \"compiler\": \"%s\", \"completed\": %ld, \"ns_per_op\": %.1f, "
                "\"allocations\": %llu}\n",
                argv[1], __VERSION__, done, took.count() / static_cast<double>(job.count),
                static_cast<unsigned long long>(test::allocations() - allocations));
    return done == job.count ? 0 : 1;
}
