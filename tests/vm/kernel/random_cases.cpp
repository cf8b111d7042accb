// SPDX-License-Identifier: MIT
//
// Random calls and commands with random and with nearly valid structures: nothing to expect but that the
// kernel lives, that every command ends once, and that in the end nothing is pinned. And the opposite of
// random: every single allocation of every call fails in its turn.
#include "session.hpp"

#include <functional>
#include <random>

#include <liburing.h>

namespace vm {
namespace {

using generator = std::mt19937_64;

/// From the variable `seed`, or a new one.
generator seeded(const char* what)
{
    const char* const given = std::getenv("seed");
    const std::uint64_t seed = given ? std::strtoull(given, nullptr, 0) : std::random_device{}();
    note("%s: seed=%llu\n", what, static_cast<unsigned long long>(seed));
    std::printf("seed=%llu\n", static_cast<unsigned long long>(seed));
    return generator(seed);
}

/// Words of which many could be what is expected there.
void scramble(generator& random, void* to, std::size_t size, const memory& m, std::uint32_t buffer)
{
    for (std::size_t at = 0; at + 8 <= size; at += 8) {
        std::uint64_t word = random();
        switch (random() % 10) {
        case 0: word = m.address() + word % m.size(); break;
        case 1: word = buffer; break;
        case 2: word = word % 5000; break;
        case 3: word = word % 4; break;
        case 4: word = (word % 4) << 32 | buffer; break;
        case 5:
        case 6:
        case 7: word = 0; break;
        default: break;
        }
        std::memcpy(static_cast<std::uint8_t*>(to) + at, &word, sizeof word);
    }
}

/// A transfer that is well but for one word, or not at all.
void scramble_transfer(generator& random, cf_transfer& t, const memory& m, std::uint32_t buffer)
{
    if (random() % 4 == 0) {
        scramble(random, &t, sizeof t, m, buffer);
    } else {
        t = make(random() % 2 != 0 ? CF_WRITE : CF_READ, buffer, random() % m.size(), random() % (1 << 20),
                 random() % 8192, random() % 16);
        if (random() % 2 == 0) {
            const std::uint64_t word = random();
            std::memcpy(reinterpret_cast<std::uint8_t*>(&t) + random() % 8 * 8, &word, sizeof word);
        }
    }
    t.timeout_ns = random() % 50 * ms; // nobody waits for the most a deadline may be
}

void works()
{
    expect_counter("pinned_pages", 0);
    session s;
    const memory m(4096);
    EXPECT_EQUAL(s.transfer(make(CF_WRITE, s.add(m), 0, 0, 4096)), 0);
}

void calls()
{
    generator random = seeded("garbage");
    const memory m(1 << 16);
    alignas(8) static std::uint8_t block[4096];
    for (int lap = 0; lap < 120; ++lap) {
        session s;
        if (random() % 2 != 0) s.setup(1u << random() % 8, 1u << random() % 8);
        const std::uint32_t buffer = s.add(m);
        for (int i = 0; i < 500; ++i) {
            scramble(random, block, 512, m, buffer);
            const auto number = static_cast<unsigned>(random() % 12);
            const std::size_t known[] = {144, 64, 64, 8, 32, 8, 48, 16, 32, 96, 16, 8};
            const auto size = static_cast<unsigned>(random() % 4 != 0 ? known[number] : random() % 300);
            unsigned direction = number == 0 ? 2 : 3;
            if (number == 3 || number == 5 || number == 7) direction = 1;
            if (random() % 8 == 0) direction = static_cast<unsigned>(random() % 4);
            if (number == 9) scramble_transfer(random, *reinterpret_cast<cf_transfer*>(block), m, buffer);
            // Truncated by the end of what is mapped, now and then.
            void* const at = random() % 16 == 0 ? m.data() + m.size() - random() % 128 : block;
            (void)::ioctl(s.fd(), _IOC(direction, CF_IOC_MAGIC, number, size), at);
        }
    }
    works();
}

/// One SQE: a command, or a read or write, of anything.
void scramble_entry(generator& random, io_uring_sqe* sqe, const session& s, const memory& m,
                    std::uint32_t buffer, bool wide)
{
    const std::size_t size = wide ? 128 : 64;
    std::memset(sqe, 0, size);
    sqe->fd = s.fd();
    if (random() % 4 == 0) {
        sqe->opcode = static_cast<std::uint8_t>(random() % 2 != 0 ? IORING_OP_READ : IORING_OP_WRITE);
        sqe->addr = random() % 4 != 0 ? m.address() + random() % m.size() : random();
        sqe->len = static_cast<std::uint32_t>(random() % 8192);
        sqe->off = random() % 4 != 0 ? random() % (1 << 20) : random() >> 1;
        return;
    }
    sqe->opcode = 46; // IORING_OP_URING_CMD
    const std::uint64_t commands[] = {CF_URING_SLOT, CF_URING_SLOT, CF_URING_INLINE, CF_IOC_TRANSFER,
                                      random()};
    sqe->off = commands[random() % 5] & 0xffffffff;
    auto* const payload = reinterpret_cast<std::uint8_t*>(sqe) + 48;
    cf_uring_inline words{};
    scramble_transfer(random, words.transfer, m, buffer);
    if (sqe->off == CF_URING_SLOT) {
        cf_uring_slot slot{static_cast<std::uint32_t>(random() % 40), 0, 0};
        if (random() % 8 == 0) slot.flags = static_cast<std::uint32_t>(random());
        std::memcpy(payload, &slot, sizeof slot);
    } else {
        if (random() % 8 == 0) words.reserved[random() % 2] = random();
        std::memcpy(payload, &words, size - 48);
    }
}

void commands()
{
    generator random = seeded("garbage-uring");
    const memory m(1 << 16);
    constexpr unsigned depth = 32;
    unsigned long long well = 0;
    if ((session().info().features & CF_FEATURE_URING_CMD) == 0)
        skip("this kernel has no IORING_OP_URING_CMD");
    for (int lap = 0; lap < 50; ++lap) {
        session s;
        s.setup(depth, 0);
        const std::uint32_t buffer = s.add(m);
        const bool wide = random() % 2 != 0;
        io_uring ring{};
        // Which entries a kernel finds wrong before it starts them differs; one does not keep the next from
        // being read.
        const unsigned flags =
            IORING_SETUP_SUBMIT_ALL | (wide ? IORING_SETUP_SQE128 | IORING_SETUP_CQE32 : 0);
        EXPECT_EQUAL(io_uring_queue_init(depth, &ring, flags), 0);
        for (int round = 0; round < 30; ++round) {
            for (unsigned i = 0; i < depth; ++i) {
                scramble_transfer(random, s.slots()[i], m, buffer);
                io_uring_sqe* const sqe = io_uring_get_sqe(&ring);
                EXPECT(sqe != nullptr);
                scramble_entry(random, sqe, s, m, buffer, wide);
                sqe->user_data = i;
            }
            EXPECT_EQUAL(io_uring_submit(&ring), depth);
            std::vector<bool> seen(depth);
            for (unsigned i = 0; i < depth; ++i) {
                io_uring_cqe* cqe = nullptr;
                EXPECT_EQUAL(io_uring_wait_cqe(&ring, &cqe), 0);
                EXPECT(cqe->user_data < depth && !seen[cqe->user_data]);
                seen[cqe->user_data] = true;
                well += cqe->res > 0;
                io_uring_cqe_seen(&ring, cqe);
            }
        }
        io_uring_queue_exit(&ring);
    }
    note("garbage-uring: %llu of 48000 were transfers\n", well);
    works();
}

/// ---- allocations that fail ----

struct operation {
    const char* name;
    std::function<int(session&, const memory&)> run; ///< 0 or a negative errno
    bool by_command = false;
};

int through_uring(const session& s, const cf_transfer& t)
{
    io_uring ring{};
    if (const int error = io_uring_queue_init(2, &ring, 0); error < 0) return error;
    s.slots()[0] = t;
    io_uring_sqe* const sqe = io_uring_get_sqe(&ring);
    std::memset(sqe, 0, sizeof *sqe);
    sqe->opcode = 46;
    sqe->fd = s.fd();
    sqe->off = CF_URING_SLOT;
    int result = io_uring_submit(&ring);
    io_uring_cqe* cqe = nullptr;
    if (result == 1 && (result = io_uring_wait_cqe(&ring, &cqe)) == 0) result = cqe->res < 0 ? cqe->res : 0;
    io_uring_queue_exit(&ring);
    return result;
}

int add(const session& s, const memory& m, std::uint32_t kind, std::uint32_t& buffer)
{
    cf_buffer_add a{};
    a.kind = kind;
    a.access = CF_ACCESS_READ | CF_ACCESS_WRITE;
    a.address = kind == CF_BUFFER_USER ? m.address() : 0;
    a.length = m.size();
    const int result = s.try_add(a);
    buffer = a.buffer;
    return result;
}

int transfer(const session& s, const memory& m, const std::function<int(std::uint32_t)>& with)
{
    std::uint32_t buffer = 0;
    const int result = add(s, m, CF_BUFFER_USER, buffer);
    return result < 0 ? result : with(buffer);
}

const operation operations[] = {
    {"open",
     [](session&, const memory&) {
         const int fd = ::open("/dev/counterflow0", O_RDWR);
         if (fd < 0) return -errno;
         ::close(fd);
         return 0;
     }},
    {"user buffer",
     [](session& s, const memory& m) {
         std::uint32_t b = 0;
         return add(s, m, CF_BUFFER_USER, b);
     }},
    {"kernel buffer",
     [](session& s, const memory& m) {
         std::uint32_t b = 0;
         return add(s, m, CF_BUFFER_KERNEL, b);
     }},
    {"setup",
     [](session& s, const memory&) {
         cf_setup setup{};
         setup.slots = setup.completions = 64;
         return s.call(CF_IOC_SETUP, &setup);
     }},
    {"lease",
     [](session& s, const memory&) {
         cf_lease lease{};
         lease.direction = CF_WRITE;
         lease.channel = CF_ANY_CHANNEL;
         lease.flags = CF_LEASE_EXCLUSIVE;
         return s.call(CF_IOC_LEASE, &lease);
     }},
    {"transfer",
     [](session& s, const memory& m) {
         return transfer(s, m,
                         [&](std::uint32_t b) { return s.transfer(make(CF_WRITE, b, 0, 0, m.size())); });
     }},
    {"submit",
     [](session& s, const memory& m) {
         cf_setup setup{};
         setup.completions = 8;
         if (const int error = s.call(CF_IOC_SETUP, &setup); error < 0) return error;
         return transfer(s, m, [&](std::uint32_t b) {
             return s.submit({make(CF_WRITE, b, 0, 0, 64), make(CF_READ, b, 0, 0, 64)});
         });
     }},
    {"pread",
     [](session& s, const memory& m) {
         return transfer(
             s, m, [&](std::uint32_t) { return ::pread(s.fd(), m.data(), m.size(), 0) < 0 ? -errno : 0; });
     }},
    {"uring_cmd",
     [](session& s, const memory& m) {
         return transfer(s, m,
                         [&](std::uint32_t b) { return through_uring(s, make(CF_WRITE, b, 0, 0, 64)); });
     },
     true},
};

void set(const std::string& path, const char* text)
{
    const int file = ::open(path.c_str(), O_WRONLY);
    if (file < 0) return; // this kernel fails no such thing
    EXPECT(::write(file, text, std::strlen(text)) > 0);
    ::close(file);
}

/// Lets the nth possible failure of `run` happen. False: there are fewer.
bool fails_at(int control, unsigned nth, const std::function<int()>& run, int& result)
{
    char text[32];
    const int length = std::snprintf(text, sizeof text, "%u", nth);
    EXPECT_EQUAL(::pwrite(control, text, static_cast<std::size_t>(length), 0), length);
    result = run();
    // Reading and writing it copies, too, and so may be what fails.
    char left[32]{};
    const bool injected = ::pread(control, left, sizeof left - 1, 0) > 0 && std::atoi(left) == 0;
    if (::pwrite(control, "0", 1, 0) != 1) EXPECT_EQUAL(::pwrite(control, "0", 1, 0), 1);
    return injected;
}

void fail_nth()
{
    const int control = ::open("/proc/thread-self/fail-nth", O_RDWR);
    if (control < 0) skip("this kernel has no /proc/self/fail-nth: it takes CONFIG_FAULT_INJECTION");
    const std::string debug = "/sys/kernel/debug/";
    for (const char* kind : {"failslab", "fail_page_alloc", "fail_usercopy"})
        set(debug + kind + "/verbose", "0");
    set(debug + "failslab/ignore-gfp-wait", "N");
    set(debug + "fail_page_alloc/ignore-gfp-wait", "N");
    set(debug + "fail_page_alloc/min-order", "0");
    const bool commands = (session().info().features & CF_FEATURE_URING_CMD) != 0;
    for (const operation& o : operations) {
        if (o.by_command && !commands) continue;
        unsigned nth = 1, failed = 0;
        for (bool injected = true; injected; ++nth) {
            EXPECT(nth < 5000);
            session s;
            if (o.by_command) s.setup(8, 0);
            const memory m(16 * 4096);
            int result = 0;
            injected = fails_at(
                control, nth, [&] { return o.run(s, m); }, result);
            failed += result < 0;
            const bool clear = result == -ENOMEM || result == -EAGAIN || result == -EFAULT;
            if (result != 0 && !(injected && clear)) {
                std::printf("%s, failure %u: %d\n", o.name, nth, result);
                std::exit(1);
            }
        }
        note("fail-nth: %s: %u places, %u of them end the call\n", o.name, nth - 2, failed);
        EXPECT(nth > 2); // it has allocations, so some must have failed
        works();
    }
}

} // namespace

const std::vector<test_case> random_cases{
    {"garbage", calls},
    {"garbage-uring", commands},
    {"fail-nth", fail_nth},
};

} // namespace vm
