// SPDX-License-Identifier: MIT
//
// What a process must not be able to do: ranges that wrap, reserved fields, handles that are not its own.
// What is random is in random_cases.cpp.
#include "session.hpp"

#include <type_traits>

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
    expect_counter("pinned_pages", 0); // of the case before, too
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

/// Every reserved field and every unknown flag, in a structure that is well without it.
void reserved()
{
    session s;
    s.setup(0, 16);
    const memory m(4096);
    cf_window_info window{};
    cf_buffer_add add{};
    add.kind = CF_BUFFER_USER;
    add.access = CF_ACCESS_READ | CF_ACCESS_WRITE;
    add.address = m.address();
    add.length = m.size();
    cf_lease lease{};
    lease.direction = CF_WRITE;
    lease.channel = CF_ANY_CHANNEL;
    cf_eventfd event{-1, 0, 0, 0};
    cf_cancel cancel{};
    cf_transfer_wait wait{};
    wait.transfer = make(CF_WRITE, s.add(m), 0, 0, 16);
    const cf_transfer one = wait.transfer;
    cf_submit submit{};
    submit.transfers = reinterpret_cast<std::uintptr_t>(&one);
    submit.count = 1;
    submit.stride = sizeof one;
    cf_setup setup{};
    setup.slots = 4;

    const auto both = [&](unsigned long request, auto& whole, auto& field, std::uint64_t value) {
        auto was = whole;
        EXPECT_EQUAL(s.call(request, &whole), 0);
        if (request == CF_IOC_BUFFER_ADD) EXPECT_EQUAL(s.remove(add.buffer), 0);
        whole = was;
        field = static_cast<std::remove_reference_t<decltype(field)>>(value);
        EXPECT_EQUAL(s.call(request, &whole), -EINVAL);
        whole = was;
    };
    for (std::uint64_t bit = 1; bit != 0; bit <<= 21) {
        both(CF_IOC_WINDOW, window, window.reserved[0], bit);
        both(CF_IOC_WINDOW, window, window.reserved[1], bit);
        both(CF_IOC_BUFFER_ADD, add, add.reserved[0], bit);
        both(CF_IOC_BUFFER_ADD, add, add.reserved[1], bit);
        both(CF_IOC_LEASE, lease, lease.reserved[0], bit);
        both(CF_IOC_LEASE, lease, lease.reserved[1], bit);
        both(CF_IOC_TRANSFER, wait, wait.transfer.reserved, bit);
        both(CF_IOC_SUBMIT, submit, submit.reserved, bit);
    }
    for (std::uint32_t bit = 1; bit != 0; bit <<= 1) {
        both(CF_IOC_BUFFER_ADD, add, add.flags, bit);
        if (bit != CF_LEASE_EXCLUSIVE) both(CF_IOC_LEASE, lease, lease.flags, bit);
        both(CF_IOC_EVENTFD, event, event.flags, bit);
        if (bit != CF_CANCEL_ALL) both(CF_IOC_CANCEL, cancel, cancel.flags, bit);
        if (bit <= 0xffff) both(CF_IOC_TRANSFER, wait, wait.transfer.flags, bit);
        both(CF_IOC_SUBMIT, submit, submit.flags, bit);
        cf_handle handle{1, bit};
        EXPECT_EQUAL(s.call(CF_IOC_BUFFER_REMOVE, &handle), -EINVAL);
        EXPECT_EQUAL(s.call(CF_IOC_LEASE_END, &handle), -EINVAL);
        setup.flags = bit;
        EXPECT_EQUAL(s.call(CF_IOC_SETUP, &setup), -EINVAL);
        setup.flags = 0;
        setup.reserved = bit;
        EXPECT_EQUAL(s.call(CF_IOC_SETUP, &setup), -EINVAL);
        setup.reserved = 0;
        (void)s.drain(); // or the next batch finds no place
    }
}

} // namespace

const std::vector<test_case> hostile_cases{
    {"ranges", ranges},
    {"buffers", buffers},
    {"sizes", sizes},
    {"reserved", reserved},
};

} // namespace vm
