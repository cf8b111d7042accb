// SPDX-License-Identifier: MIT
//
// Ways in and out beside each other, within one boot: only their ratios mean anything in an emulated guest.
#include "session.hpp"

#include <liburing.h>

#include <ctime>

namespace vm {
namespace {

constexpr unsigned depth = 32, rounds = 40;
constexpr std::size_t block = 4096;

double seconds()
{
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

void report(const char* name, unsigned count, double took, long long loads, long long stores)
{
    std::FILE* const out = std::fopen("/tmp/speed", "a");
    EXPECT(out != nullptr);
    std::fprintf(out, "%s: %.0f transfers/s, %.1f loads and %.1f stores a transfer\n", name, count / took,
                 static_cast<double>(counter("register_loads") - loads) / count,
                 static_cast<double>(counter("register_stores") - stores) / count);
    std::fclose(out);
}

template <class Body>
void measure(const char* name, unsigned count, Body body)
{
    const long long loads = counter("register_loads"), stores = counter("register_stores");
    const double start = seconds();
    body();
    report(name, count, seconds() - start, loads, stores);
}

void blocking()
{
    session s;
    const memory m(block);
    const std::uint32_t buffer = s.add(m);
    measure("blocking ioctl", depth * rounds, [&] {
        for (unsigned i = 0; i < depth * rounds; ++i)
            EXPECT_EQUAL(s.transfer(make(i % 2 != 0 ? CF_WRITE : CF_READ, buffer, 0, 0, block)), 0);
    });
}

void commands()
{
    session s;
    if ((s.info().features & CF_FEATURE_URING_CMD) == 0) return;
    s.setup(depth, 0);
    const memory m(depth * block);
    const std::uint32_t buffer = s.add(m);
    io_uring ring{};
    EXPECT_EQUAL(io_uring_queue_init(depth, &ring, 0), 0);
    measure("uring_cmd, depth 32", depth * rounds, [&] {
        unsigned issued = 0, done = 0;
        const auto issue = [&](std::uint32_t slot) {
            s.slots()[slot] =
                make(slot % 2 != 0 ? CF_WRITE : CF_READ, buffer, slot * block, slot * block, block);
            io_uring_sqe* const sqe = io_uring_get_sqe(&ring);
            EXPECT(sqe != nullptr);
            std::memset(sqe, 0, sizeof *sqe);
            sqe->opcode = 46; // IORING_OP_URING_CMD
            sqe->fd = s.fd();
            sqe->off = CF_URING_SLOT;
            sqe->user_data = slot;
            const cf_uring_slot payload{slot, 0, 0};
            std::memcpy(reinterpret_cast<std::byte*>(sqe) + 48, &payload, sizeof payload);
            ++issued;
        };
        for (std::uint32_t slot = 0; slot < depth; ++slot) issue(slot);
        while (done < depth * rounds) {
            EXPECT(io_uring_submit_and_wait(&ring, 1) >= 0);
            io_uring_cqe* cqe = nullptr;
            while (io_uring_peek_cqe(&ring, &cqe) == 0) {
                EXPECT_EQUAL(cqe->res, block);
                ++done;
                const auto slot = static_cast<std::uint32_t>(cqe->user_data);
                io_uring_cqe_seen(&ring, cqe);
                if (issued < depth * rounds) issue(slot);
            }
        }
    });
    io_uring_queue_exit(&ring);
}

void eventfd_ring()
{
    session s;
    s.setup(0, 2 * depth);
    const memory m(depth * block);
    const std::uint32_t buffer = s.add(m);
    cf_eventfd event{::eventfd(0, 0), 0, 0, 0};
    EXPECT_EQUAL(s.call(CF_IOC_EVENTFD, &event), 0);
    unsigned wakes = 0;
    measure("eventfd and ring, depth 32", depth * rounds, [&] {
        unsigned issued = 0, done = 0;
        std::vector<cf_transfer> batch;
        for (unsigned i = 0; i < depth; ++i)
            batch.push_back(make(i % 2 != 0 ? CF_WRITE : CF_READ, buffer, i * block, i * block, block, i));
        EXPECT_EQUAL(s.submit(batch), 0);
        issued = depth;
        while (done < depth * rounds) {
            std::uint64_t n = 0;
            EXPECT_EQUAL(::read(event.fd, &n, sizeof n), sizeof n);
            ++wakes;
            batch.clear();
            for (const cf_completion& c : s.drain()) {
                EXPECT_EQUAL(c.status, CF_STATUS_OK);
                ++done;
                if (issued == depth * rounds) continue;
                const auto i = static_cast<unsigned>(c.tag);
                batch.push_back(
                    make(i % 2 != 0 ? CF_WRITE : CF_READ, buffer, i * block, i * block, block, i));
                ++issued;
            }
            if (!batch.empty()) EXPECT_EQUAL(s.submit(batch), 0);
        }
    });
    std::FILE* const out = std::fopen("/tmp/speed", "a");
    EXPECT(out != nullptr);
    std::fprintf(out, "eventfd and ring: %.1f completions a wake-up\n", double{depth} * rounds / wakes);
    std::fclose(out);
}

} // namespace

const std::vector<test_case> speed_cases{
    {"speed-blocking", blocking},
    {"speed-uring", commands},
    {"speed-ring", eventfd_ring},
};

} // namespace vm
