// SPDX-License-Identifier: MIT
//
// Ways in and out beside each other. Only ratios within one boot mean anything in an emulated guest; so each
// case measures its ways in turn, several times, and keeps the best of each. Results go to /tmp/rates, a line
// each: $label.name value.
#include "model.hpp"

#include <liburing.h>

#include <algorithm>
#include <ctime>
#include <map>

namespace vm {
namespace {

constexpr unsigned depth = 32, rounds = 40, repeats = 3;
constexpr std::size_t block = 4096;

double seconds()
{
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// The best of what was measured under each name.
class rates {
public:
    rates() = default;
    rates(const rates&) = delete;
    rates& operator=(const rates&) = delete;
    ~rates()
    {
        const char* const label = std::getenv("label");
        std::FILE* const out = std::fopen("/tmp/rates", "a");
        EXPECT(out != nullptr && label != nullptr);
        for (const auto& [name, value] : best_) std::fprintf(out, "%s.%s %.1f\n", label, name.c_str(), value);
        std::fclose(out);
    }
    void add(const std::string& name, double value) { best_[name] = std::max(best_[name], value); }

    /// `count` transfers by `body`, with what they cost in register accesses.
    template <class Body>
    void measure(const std::string& name, unsigned count, Body body)
    {
        const long long before = accesses();
        const double start = seconds();
        body();
        add(name, count / (seconds() - start));
        add(name + "_accesses", static_cast<double>(accesses() - before) / count);
    }

private:
    /// Of registers, by whoever drives the engine, as the model counted them.
    static long long accesses()
    {
        const std::string answer = model("statistics");
        long long sum = 0;
        for (const char* const key : {"loads=", "stores="}) {
            const std::size_t at = answer.find(key);
            EXPECT(at != std::string::npos);
            sum += std::strtoll(answer.c_str() + at + std::strlen(key), nullptr, 10);
        }
        return sum;
    }
    std::map<std::string, double> best_;
};

cf_transfer nth(std::uint32_t buffer, std::uint64_t i, std::uint16_t direction)
{
    return make(direction, buffer, i * block, i * block, block, i);
}
/// Alternating directions.
cf_transfer nth(std::uint32_t buffer, std::uint64_t i)
{
    return nth(buffer, i, i % 2 != 0 ? CF_WRITE : CF_READ);
}

void blocking(rates& r)
{
    const session s;
    const memory m(depth * block);
    const std::uint32_t buffer = s.add(m);
    r.measure("ioctl", depth * rounds, [&] {
        for (unsigned i = 0; i < depth * rounds; ++i) EXPECT_EQUAL(s.transfer(nth(buffer, i % depth)), 0);
    });
}

void commands(rates& r)
{
    session s;
    if ((s.info().features & CF_FEATURE_URING_CMD) == 0) return;
    s.setup(depth, 0);
    const memory m(depth * block);
    const std::uint32_t buffer = s.add(m);
    io_uring ring{};
    EXPECT_EQUAL(io_uring_queue_init(depth, &ring, 0), 0);
    const auto issue = [&](std::uint32_t slot) {
        s.slots()[slot] = nth(buffer, slot);
        io_uring_sqe* const sqe = io_uring_get_sqe(&ring);
        EXPECT(sqe != nullptr);
        std::memset(sqe, 0, sizeof *sqe);
        sqe->opcode = 46; // IORING_OP_URING_CMD
        sqe->fd = s.fd();
        sqe->off = CF_URING_SLOT;
        sqe->user_data = slot;
        const cf_uring_slot payload{slot, 0, 0};
        std::memcpy(reinterpret_cast<std::byte*>(sqe) + 48, &payload, sizeof payload);
    };
    r.measure("uring_cmd", depth * rounds, [&] {
        unsigned issued = depth, done = 0;
        for (std::uint32_t slot = 0; slot < depth; ++slot) issue(slot);
        while (done < depth * rounds) {
            EXPECT(io_uring_submit_and_wait(&ring, 1) >= 0);
            io_uring_cqe* cqe = nullptr;
            while (io_uring_peek_cqe(&ring, &cqe) == 0) {
                EXPECT_EQUAL(cqe->res, block);
                ++done;
                const auto slot = static_cast<std::uint32_t>(cqe->user_data);
                io_uring_cqe_seen(&ring, cqe);
                if (issued == depth * rounds) continue;
                issue(slot);
                ++issued;
            }
        }
    });
    io_uring_queue_exit(&ring);
}

/// Transfers of these directions, `depth` of each in flight, by the completion ring; an eventfd wakes for 16
/// of them or after 20 ms.
void by_ring(rates& r, const std::string& name, const std::vector<std::uint16_t>& directions, unsigned laps)
{
    session s;
    s.setup(0, 4 * depth);
    const auto all = static_cast<unsigned>(directions.size()) * depth;
    const memory m(all * block);
    const std::uint32_t buffer = s.add(m);
    cf_eventfd event{::eventfd(0, 0), 16, 20'000, 0};
    EXPECT_EQUAL(s.call(CF_IOC_EVENTFD, &event), 0);
    const auto again = [&](std::uint64_t i) { return nth(buffer, i, directions[i / depth]); };
    const unsigned each = depth * laps, count = all * laps;
    std::vector<unsigned> issued(directions.size(), depth), ended(directions.size());
    unsigned wakes = 0, done = 0;
    const double start = seconds();
    r.measure(name, count, [&] {
        std::vector<cf_transfer> batch;
        for (std::uint64_t i = 0; i < all; ++i) batch.push_back(again(i));
        EXPECT_EQUAL(s.submit(batch), 0);
        while (done < count) {
            std::uint64_t n = 0;
            EXPECT_EQUAL(::read(event.fd, &n, sizeof n), sizeof n);
            ++wakes;
            batch.clear();
            for (const cf_completion& c : s.drain()) {
                EXPECT_EQUAL(c.status, CF_STATUS_OK);
                ++done;
                const std::size_t way = c.tag / depth;
                if (++ended[way] == each)
                    r.add(name + (directions[way] == CF_WRITE ? "_write" : "_read"),
                          each / (seconds() - start));
                if (issued[way] == each) continue;
                batch.push_back(again(c.tag));
                ++issued[way];
            }
            if (!batch.empty()) EXPECT_EQUAL(s.submit(batch), 0);
        }
    });
    r.add(name + "_per_wake", static_cast<double>(count) / wakes);
    ::close(event.fd);
}

/// The ways in, one after the other.
void ways()
{
    rates r;
    for (unsigned i = 0; i < repeats; ++i) {
        blocking(r);
        commands(r);
        by_ring(r, "ring", {CF_WRITE}, rounds);
    }
}

/// One direction, the other, both, where waiting for the end of an element is what costs and not the guest's
/// one CPU: only then there is room for two. The same number of transfers of each runs; the slower direction
/// ends the run.
void directions()
{
    rates r;
    constexpr unsigned laps = 8;
    model("late-completion,time=10ms");
    for (unsigned i = 0; i < repeats; ++i) {
        by_ring(r, "write", {CF_WRITE}, laps);
        by_ring(r, "read", {CF_READ}, laps);
        by_ring(r, "both", {CF_WRITE, CF_READ}, laps);
    }
    clear_faults();
}

/// The way people start: the CPU copies through the BAR. Both ways, 64 KiB at a time; bytes a second, in MB.
void copies()
{
    rates r;
    constexpr std::size_t size = 64 << 10, far = 8 << 20;
    constexpr unsigned count = 200;
    const int bar = ::open((function_path + "/resource2").c_str(), O_RDWR | O_SYNC);
    EXPECT(bar >= 0);
    void* const at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, bar, far);
    EXPECT(at != MAP_FAILED);
    const session s;
    const memory m(size);
    const std::uint32_t buffer = s.add(m);
    const double moved = 2.0 * size * count / 1e6;
    for (unsigned i = 0; i < repeats; ++i) {
        double start = seconds();
        for (unsigned k = 0; k < count; ++k) {
            std::memcpy(at, m.data(), size);
            std::memcpy(m.data(), at, size);
        }
        r.add("cpu_mb", moved / (seconds() - start));
        start = seconds();
        for (unsigned k = 0; k < count; ++k) {
            EXPECT_EQUAL(s.transfer(make(CF_WRITE, buffer, 0, 0, size)), 0);
            EXPECT_EQUAL(s.transfer(make(CF_READ, buffer, 0, 0, size)), 0);
        }
        r.add("engine_mb", moved / (seconds() - start));
    }
    ::munmap(at, size);
    ::close(bar);
}

} // namespace

const std::vector<test_case> speed_cases{
    {"speed-ways", ways},
    {"speed-directions", directions},
    {"speed-copies", copies},
};

} // namespace vm
