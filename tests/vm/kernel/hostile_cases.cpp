// SPDX-License-Identifier: MIT
//
// What a process must not be able to do: ranges that wrap, reserved fields, handles that are not its own,
// garbage.
#include "session.hpp"

#include <random>

namespace vm {
namespace {

void ranges()
{
    session s;
    const memory m(1 << 20);
    const std::uint32_t buffer = s.add(m);
    cf_window_info w{};
    EXPECT_EQUAL(s.call(CF_IOC_WINDOW, &w), 0);
    constexpr std::uint64_t all = ~0ull;
    EXPECT_EQUAL(s.transfer(make(CF_WRITE, buffer, 0, 0, 0)), -EINVAL);
    EXPECT_EQUAL(s.transfer(make(CF_WRITE, buffer, 0, 0, (1ull << 30) + 1)), -EMSGSIZE);
    EXPECT_EQUAL(s.transfer(make(CF_WRITE, buffer, 0, 0, all)), -EMSGSIZE);
    EXPECT_EQUAL(s.transfer(make(CF_WRITE, buffer, m.size(), 0, 1)), -ERANGE);
    EXPECT_EQUAL(s.transfer(make(CF_WRITE, buffer, m.size() - 1, 0, 2)), -ERANGE);
    EXPECT_EQUAL(s.transfer(make(CF_WRITE, buffer, all, 0, 1)), -ERANGE);
    EXPECT_EQUAL(s.transfer(make(CF_WRITE, buffer, all - 4095, 0, 4096)), -ERANGE);
    EXPECT_EQUAL(s.transfer(make(CF_WRITE, buffer, 0, w.size, 1)), -ERANGE);
    EXPECT_EQUAL(s.transfer(make(CF_WRITE, buffer, 0, w.size - 1, 2)), -ERANGE);
    EXPECT_EQUAL(s.transfer(make(CF_WRITE, buffer, 0, all, 1)), -ERANGE);
    EXPECT_EQUAL(s.transfer(make(CF_WRITE, buffer, 0, all - 4095, 4096)), -ERANGE);
    EXPECT_EQUAL(s.transfer(make(CF_WRITE, buffer, m.size() - 1, w.size - 1, 1)), 0);
    cf_transfer t = make(CF_WRITE, buffer, 0, 0, 1);
    t.window = 77;
    EXPECT_EQUAL(s.transfer(t), -ENOENT);
    t = make(0, buffer, 0, 0, 1);
    EXPECT_EQUAL(s.transfer(t), -EINVAL);
    t = make(CF_WRITE, buffer, 0, 0, 1);
    t.reserved = 1;
    EXPECT_EQUAL(s.transfer(t), -EINVAL);
    t.reserved = 0;
    t.flags = 1;
    EXPECT_EQUAL(s.transfer(t), -EINVAL);
    t.flags = 0;
    t.lease = 12345;
    EXPECT_EQUAL(s.transfer(t), -ESTALE);

    session other;
    EXPECT_EQUAL(other.transfer(make(CF_WRITE, buffer, 0, 0, 1)), -ESTALE);
    const std::uint32_t source = s.add(m, CF_ACCESS_WRITE);
    EXPECT_EQUAL(s.transfer(make(CF_READ, source, 0, 0, 1)), -EACCES);
    EXPECT_EQUAL(s.transfer(make(CF_WRITE, source, 0, 0, 1)), 0);
}

void buffers()
{
    session s;
    const memory m(1 << 20);
    const auto add = [&](std::uint32_t kind, std::uint64_t address, std::uint64_t length, std::int32_t fd = 0,
                         std::uint32_t access = CF_ACCESS_READ) {
        cf_buffer_add a{};
        a.kind = kind;
        a.access = access;
        a.address = address;
        a.length = length;
        a.fd = fd;
        return s.try_add(a);
    };
    EXPECT_EQUAL(add(0, m.address(), 4096), -EINVAL);
    EXPECT_EQUAL(add(4, m.address(), 4096), -EINVAL);
    EXPECT_EQUAL(add(CF_BUFFER_USER, m.address(), 0), -EINVAL);
    EXPECT_EQUAL(add(CF_BUFFER_USER, m.address(), 4096, 0, 0), -EINVAL);
    EXPECT_EQUAL(add(CF_BUFFER_USER, m.address(), 4096, 0, 4), -EINVAL);
    EXPECT_EQUAL(add(CF_BUFFER_USER, ~0ull - 4095, 4096), -EINVAL);
    EXPECT_EQUAL(add(CF_BUFFER_USER, ~0ull, ~0ull), -EINVAL);
    EXPECT(add(CF_BUFFER_USER, m.address(), 1ull << 50) < 0);
    EXPECT_EQUAL(add(CF_BUFFER_USER, 0x1000, 4096), -EFAULT);
    EXPECT_EQUAL(add(CF_BUFFER_USER, m.address() + m.size() - 4096, 1 << 20) < 0, 1);
    EXPECT(add(CF_BUFFER_USER, 0xffff888000000000ull, 4096) < 0);
    EXPECT_EQUAL(add(CF_BUFFER_KERNEL, 1, 4096), -EINVAL);
    EXPECT_EQUAL(add(CF_BUFFER_KERNEL, 0, 0), -EINVAL);
    EXPECT_EQUAL(add(CF_BUFFER_KERNEL, 0, ~0ull), -EINVAL);
    EXPECT_EQUAL(add(CF_BUFFER_DMABUF, 0, 0, 9999), -EBADF);
    EXPECT_EQUAL(add(CF_BUFFER_DMABUF, 0, 0, s.fd()), -EINVAL);
    void* const constant = ::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT_EQUAL(add(CF_BUFFER_USER, reinterpret_cast<std::uintptr_t>(constant), 4096), -EFAULT);
    EXPECT_EQUAL(counter("pinned_pages"), 0);
}

/// Structures of another size: shorter ones read as zero behind their end, longer ones must be zero there.
void sizes()
{
    session s;
    struct longer {
        cf_cancel cancel;
        std::uint64_t future;
    };
    const unsigned long wide = _IOWR(CF_IOC_MAGIC, 0x0a, longer);
    longer l{};
    EXPECT_EQUAL(s.call(wide, &l), 0);
    l.future = 1;
    EXPECT_EQUAL(s.call(wide, &l), -E2BIG);
    struct shorter {
        std::uint64_t tag;
    } t{};
    EXPECT_EQUAL(s.call(_IOWR(CF_IOC_MAGIC, 0x0a, shorter), &t), 0);
    EXPECT_EQUAL(s.call(_IOW(CF_IOC_MAGIC, 0x0a, cf_cancel), &l), -ENOTTY);
    EXPECT_EQUAL(s.call(_IOWR(CF_IOC_MAGIC, 0x3f, cf_cancel), &l), -ENOTTY);
    EXPECT_EQUAL(s.call(_IOWR('x', 0x0a, cf_cancel), &l), -ENOTTY);
    EXPECT_EQUAL(s.call(CF_IOC_CANCEL, reinterpret_cast<cf_cancel*>(8)), -EFAULT);
    EXPECT_EQUAL(s.call(CF_IOC_TRANSFER, reinterpret_cast<cf_transfer_wait*>(~0ull << 12)), -EFAULT);
    cf_setup setup{};
    EXPECT_EQUAL(s.call(CF_IOC_SETUP, &setup), -EINVAL);
    setup.slots = 3;
    EXPECT_EQUAL(s.call(CF_IOC_SETUP, &setup), -EINVAL);
    setup.slots = 1u << 31;
    EXPECT_EQUAL(s.call(CF_IOC_SETUP, &setup), -EINVAL);
    EXPECT_EQUAL(s.submit({make(CF_WRITE, 1, 0, 0, 1)}), -ENOTCONN);
    s.setup(4, 4);
    setup = {};
    setup.slots = 4;
    EXPECT_EQUAL(s.call(CF_IOC_SETUP, &setup), -EBUSY);
    EXPECT(::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, s.fd(), static_cast<off_t>(1ull << 40)) ==
           MAP_FAILED);
    EXPECT(::mmap(nullptr, 1 << 20, PROT_READ, MAP_SHARED, s.fd(), static_cast<off_t>(1ull << 40)) ==
           MAP_FAILED);
    EXPECT(::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, s.fd(), 0) == MAP_FAILED);
    EXPECT(::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, s.fd(), static_cast<off_t>(3ull << 40 | 5 << 12)) ==
           MAP_FAILED);
}

/// Random calls with random and with nearly valid structures. Nothing to expect but that the kernel lives,
/// and that in the end nothing is pinned.
void garbage()
{
    std::mt19937_64 random(7);
    const memory m(1 << 16);
    alignas(8) static std::uint8_t block[4096];
    for (int lap = 0; lap < 40; ++lap) {
        session s;
        if (random() % 2 != 0) s.setup(1u << random() % 8, 1u << random() % 8);
        const std::uint32_t buffer = s.add(m);
        for (int i = 0; i < 500; ++i) {
            for (std::size_t at = 0; at < 256; at += 8) {
                std::uint64_t word = random();
                switch (random() % 8) {
                case 0: word = m.address(); break;
                case 1: word = buffer; break;
                case 2: word = word % 5000; break;
                case 3: word = word % 4; break;
                case 4:
                case 5: word = 0; break;
                default: break;
                }
                std::memcpy(block + at, &word, sizeof word);
            }
            const auto number = static_cast<unsigned>(random() % 12);
            const std::size_t known[] = {144, 64, 64, 8, 32, 8, 48, 16, 32, 96, 16, 8};
            const auto size = static_cast<unsigned>(random() % 4 != 0 ? known[number] : random() % 300);
            unsigned direction = number == 0 ? 2 : 3;
            if (number == 3 || number == 5 || number == 7) direction = 1;
            if (random() % 8 == 0) direction = static_cast<unsigned>(random() % 4);
            if (number == 9) { // it waits: not for the most a deadline may be
                const std::uint64_t soon = random() % 50 * ms;
                std::memcpy(block + 40, &soon, sizeof soon);
            }
            (void)::ioctl(s.fd(), _IOC(direction, CF_IOC_MAGIC, number, size), block);
        }
    }
    expect_counter("pinned_pages", 0);
    session s;
    EXPECT_EQUAL(s.transfer(make(CF_WRITE, s.add(m), 0, 0, 4096)), 0);
}

} // namespace

const std::vector<test_case> hostile_cases{
    {"ranges", ranges},
    {"buffers", buffers},
    {"sizes", sizes},
    {"garbage", garbage},
};

} // namespace vm
