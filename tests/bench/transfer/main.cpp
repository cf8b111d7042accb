// SPDX-License-Identifier: MIT
//
// usage: transfer-bench CONTENDER COUNT OUTSTANDING [SPEC]
//
// Runs one contender and prints what it did as JSON. Fails when it did not complete exactly
// COUNT transfers. 20-transfer.sh sets the contenders beside each other.
#include "contender.hpp"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <new>
#include <string>

namespace {

std::uint64_t news = 0;

} // namespace

// Counts allocations; single-threaded contenders are the ones that are asked about them.
void* operator new(std::size_t size)
{
    __atomic_fetch_add(&news, 1, __ATOMIC_RELAXED);
    if (void* const p = std::malloc(size)) return p;
    throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }

std::uint64_t bench::allocations() noexcept { return __atomic_load_n(&news, __ATOMIC_RELAXED); }

int main(int argc, char** argv)
try {
    const std::map<std::string, bench::measurement (*)(const bench::job&)> contenders{
        {"by_hand", bench::by_hand},           {"awaited", bench::awaited},
        {"in_threads", bench::in_threads},     {"on_asio", bench::on_asio},
        {"through_asio", bench::through_asio}, {"asio_callbacks", bench::asio_callbacks},
    };
    const auto contender = argc > 3 ? contenders.find(argv[1]) : contenders.end();
    if (contender == contenders.end()) {
        std::fprintf(stderr, "usage: %s CONTENDER COUNT OUTSTANDING [SPEC]\n", argv[0]);
        return 2;
    }
    const std::string spec = argc > 4 ? argv[4] : "model:null,wr=2,rd=2,wake=poll";
    bench::job job{cf::parse_spec(spec).model, std::stoull(argv[2]),
                   static_cast<unsigned>(std::stoul(argv[3]))};

    const bench::measurement m = contender->second(job);
    std::printf("{\"contender\": \"%s\", \"device\": \"%s\", \"transfers\": %llu, \"outstanding\": %u, "
                "\"completed\": %llu, \"allocations\": %llu, \"ns_per_transfer\": %.1f}\n",
                argv[1], spec.c_str(), static_cast<unsigned long long>(job.count), job.outstanding,
                static_cast<unsigned long long>(m.completed), static_cast<unsigned long long>(m.allocations),
                m.seconds * 1e9 / static_cast<double>(job.count));
    if (m.completed != job.count) {
        std::fprintf(stderr, "%s: %llu of %llu transfers completed\n", argv[1],
                     static_cast<unsigned long long>(m.completed),
                     static_cast<unsigned long long>(job.count));
        return 1;
    }
    return 0;
} catch (const std::exception& e) {
    std::fprintf(stderr, "%s: %s\n", argv[0], e.what());
    return 1;
}
