// SPDX-License-Identifier: MIT
//
// Buffers: registration, its limits, and when memory is let go.
#include "catch.hpp"
#include "rig.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <grp.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace cf::literals;
using cf::errc;
using rig::device_on_model;

namespace {

errc code_of(const std::function<void()>& action)
{
    try {
        action();
    } catch (const cf::error& e) {
        return static_cast<errc>(e.code().value());
    }
    return errc{};
}

/// What the kernel says this process has pinned.
std::size_t pinned_kib()
{
    std::ifstream status("/proc/self/status");
    std::string key;
    std::size_t kib = 0;
    while (status >> key && key != "VmLck:") status.ignore(1000, '\n');
    REQUIRE(status >> kib);
    return kib;
}

} // namespace

TEST_CASE("an allocated buffer is zeroed, sized as asked and writable", "[buffer]")
{
    device_on_model r;
    for (const std::size_t size : {std::size_t{1}, 4095_KiB, 2_MiB, 5_MiB + 3}) {
        cf::buffer b = r.dev.allocate(size);
        REQUIRE(b.size() == size);
        CHECK(std::ranges::all_of(b.bytes(), [](std::byte x) { return x == std::byte{}; }));
        b.bytes().back() = std::byte{1};
    }
}

TEST_CASE("a buffer of nothing and one of everything are refused", "[buffer]")
{
    device_on_model r;
    CHECK(code_of([&] { (void)r.dev.allocate(0); }) == errc::zero_length);
    CHECK(code_of([&] { (void)r.dev.add({}); }) == errc::zero_length);
    CHECK(code_of([&] { (void)r.dev.allocate(SIZE_MAX); }) == errc::no_memory);
    CHECK(code_of([&] { (void)r.dev.allocate(SIZE_MAX / 4); }) == errc::no_memory);
}

TEST_CASE("a moved-from buffer is empty", "[buffer]")
{
    device_on_model r;
    cf::buffer a = r.dev.allocate(4_KiB);
    std::byte* const at = a.data();
    cf::buffer b = std::move(a);
    CHECK(b.data() == at);
    CHECK(a.size() == 0);
    CHECK(a.data() == nullptr);
    a = std::move(b);
    CHECK(a.data() == at);
}

TEST_CASE("memory of the caller moves from any place in a page", "[buffer]")
{
    device_on_model r;
    std::vector<std::byte> memory(3 * 4096);
    rig::fill(memory, 1);
    const std::vector<std::byte> before = memory;
    const std::span<std::byte> middle(memory.data() + 77, 5000);
    cf::buffer b = r.dev.add(middle);
    CHECK(b.data() == middle.data());

    const auto there_and_back = [](device_on_model& on, cf::buffer& data) -> cf::task<> {
        co_await on.dev.write(data, on.dev.window("ram").at(5));
        std::ranges::fill(data.bytes(), std::byte{});
        co_await on.dev.read(data, on.dev.window("ram").at(5));
    };
    r.loop.run(there_and_back(r, b));
    CHECK(memory == before);
}

TEST_CASE("RLIMIT_MEMLOCK is reported with what was needed and what is allowed", "[buffer]")
{
    // The limit does not bind root, so a child without privileges tries.
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const rlimit limit{64_KiB, 64_KiB};
        bool good = ::setrlimit(RLIMIT_MEMLOCK, &limit) == 0;
        if (::geteuid() == 0)
            good = good && ::setgroups(0, nullptr) == 0 && ::setresuid(65534, 65534, 65534) == 0;
        try {
            device_on_model r;
            (void)r.dev.allocate(1_MiB);
            good = false;
        } catch (const cf::error& e) {
            const std::string text = e.what();
            good = good && e.code() == errc::memlock_exceeded && text.find("1048576") != text.npos &&
                   text.find("65536") != text.npos && text.find("ulimit") != text.npos;
        }
        ::_exit(good ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}

TEST_CASE("pages stay pinned while any buffer covers them", "[buffer]")
{
    device_on_model r;
    device_on_model other;
    const std::size_t before = pinned_kib();
    constexpr std::size_t size = 64_KiB;
    {
        cf::buffer whole = r.dev.allocate(size);
        CHECK(pinned_kib() == before + 64);
        { // the same memory again, and parts of it, on this device and on another one
            cf::buffer again = other.dev.add(whole.bytes());
            cf::buffer head = r.dev.add(whole.bytes().first(5000));
            cf::buffer middle = r.dev.add(whole.bytes().subspan(10'000, 20'000));
            CHECK(pinned_kib() == before + 64);
            again = cf::buffer();
            CHECK(pinned_kib() == before + 64);
        }
        CHECK(pinned_kib() == before + 64);
    }
    CHECK(pinned_kib() == before);

    // Neighbours in one page, and a row whose ends overlap. Memory that no buffer was in before.
    const std::unique_ptr<std::byte[], void (*)(std::byte*)> pages(
        static_cast<std::byte*>(std::aligned_alloc(4096, 5 * 4096)), [](std::byte* p) { std::free(p); });
    cf::buffer left = r.dev.add({pages.get(), 2000});
    cf::buffer right = r.dev.add({pages.get() + 2000, 2000});
    CHECK(pinned_kib() == before + 4);
    left = cf::buffer();
    CHECK(pinned_kib() == before + 4);
    cf::buffer low = r.dev.add({pages.get() + 4096, 2 * 4096 + 1});
    cf::buffer high = r.dev.add({pages.get() + 3 * 4096 + 1, 2 * 4096 - 1});
    CHECK(pinned_kib() == before + 20);
    low = cf::buffer();
    CHECK(pinned_kib() == before + 12);
    right = cf::buffer();
    CHECK(pinned_kib() == before + 8);
    high = cf::buffer();
    CHECK(pinned_kib() == before);
}

TEST_CASE("memory that cannot be pinned leaves nothing pinned", "[buffer]")
{
    device_on_model r;
    const std::size_t before = pinned_kib();
    void* const at = ::mmap(nullptr, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(at != MAP_FAILED);
    auto* const memory = static_cast<std::byte*>(at);
    cf::buffer first = r.dev.add({memory, 4096});
    REQUIRE(::munmap(memory + 2 * 4096, 4096) == 0);
    CHECK_THROWS_AS(r.dev.add({memory, 3 * 4096}), cf::error);
    CHECK(pinned_kib() == before + 4);
    first = cf::buffer();
    CHECK(pinned_kib() == before);
    ::munmap(memory, 2 * 4096);
}

TEST_CASE("a buffer destroyed with a transfer in flight keeps its memory until the transfer has ended",
          "[buffer]")
{
    // 4 MiB at gen1 x1 take some 20 ms, so the transfer is surely running when its buffer goes.
    device_on_model r("model:gen1x1,wr=1,rd=1");
    const auto program = [](device_on_model& on) -> cf::task<std::size_t> {
        cf::scope all;
        std::size_t moved = 0;
        {
            cf::buffer data = on.dev.allocate(4_MiB);
            rig::fill(data.bytes(), 7);
            const auto send = [](cf::device& dev, cf::buffer_slice from, std::size_t& bytes) -> cf::task<> {
                bytes = co_await dev.write(from, dev.window("ram").at(0));
            };
            all.spawn(send(on.dev, data, moved));
            while (on.dev.statistics().write.started == 0) co_await cf::nop();
        }
        co_await all.join();
        co_return moved;
    };
    CHECK(r.loop.run(program(r)) == 4_MiB);
    std::vector<std::byte> expected(4_MiB);
    rig::fill(expected, 7);
    CHECK(std::ranges::equal(expected, r.model->far_memory().first(4_MiB)));
}

TEST_CASE("a buffer may outlive its device", "[buffer]")
{
    cf::buffer kept;
    {
        device_on_model r;
        kept = r.dev.allocate(64_KiB);
    }
    kept.bytes()[0] = std::byte{1};
    CHECK(kept.size() == 64_KiB);
}
