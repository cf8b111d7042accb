// SPDX-License-Identifier: MIT
//
// What works when nothing goes wrong: what the device says of itself, buffers of every kind, data both ways,
// the completion ring with its eventfd, leases.
#include "session.hpp"

#include <linux/dma-buf.h>
#include <linux/udmabuf.h>
#include <sys/resource.h>

namespace vm {
namespace {

void info()
{
    session s;
    const cf_info i = s.info();
    EXPECT_EQUAL(i.abi_version, CF_ABI_VERSION);
    EXPECT_EQUAL(i.side, CF_SIDE_REMOTE);
    EXPECT_EQUAL(i.wr_channels, 2);
    EXPECT_EQUAL(i.rd_channels, 2);
    EXPECT(i.windows >= 1);
    cf_window_info w{};
    EXPECT_EQUAL(s.call(CF_IOC_WINDOW, &w), 0);
    EXPECT_EQUAL(std::strcmp(reinterpret_cast<const char*>(w.name), "ram"), 0);
    EXPECT(w.size >= 8 << 20);
    EXPECT_EQUAL(w.flags, CF_WINDOW_READABLE | CF_WINDOW_WRITABLE);
    w = {};
    w.window = i.windows;
    EXPECT_EQUAL(s.call(CF_IOC_WINDOW, &w), -ENOENT);
}

/// Writes, reads back elsewhere, compares, and looks that nothing beside was touched.
void round_trip(session& s, const memory& m, std::uint32_t buffer, std::size_t near, std::size_t far,
                std::size_t size, unsigned seed)
{
    constexpr std::size_t guard = 64;
    const std::size_t half = m.size() / 2;
    EXPECT(near + size <= half - guard);
    std::uint8_t* const back = m.data() + half + guard;
    fill(m.data() + near, size, seed);
    std::memset(back - guard, 0xee, size + 2 * guard);
    EXPECT_EQUAL(s.transfer(make(CF_WRITE, buffer, near, far, size)), 0);
    cf_completion done{};
    EXPECT_EQUAL(s.transfer(make(CF_READ, buffer, half + guard, far, size, seed), &done), 0);
    EXPECT_EQUAL(done.bytes, size);
    EXPECT_EQUAL(done.status, CF_STATUS_OK);
    EXPECT_EQUAL(done.tag, seed);
    EXPECT(done.time_ns != 0);
    EXPECT(holds(back, size, seed));
    for (std::size_t i = 0; i < guard; ++i)
        EXPECT(back[-1 - static_cast<int>(i)] == 0xee && back[size + i] == 0xee);
}

void copy()
{
    session s;
    const memory m(8 << 20);
    const std::uint32_t buffer = s.add(m);
    unsigned seed = 1;
    for (const std::size_t size : {1, 2, 3, 7, 64, 511, 4095, 4096, 4097, 65536, 1 << 20, (3 << 20) + 5})
        round_trip(s, m, buffer, 0, 0, size, seed++);
    for (std::size_t offset = 0; offset < 64; offset += 7)
        round_trip(s, m, buffer, 4090 + offset, 128 + offset, 5000, seed++);
    EXPECT_EQUAL(s.remove(buffer), 0);
    EXPECT_EQUAL(s.remove(buffer), -ESTALE);
    s.close();
    expect_counter("pinned_pages", 0);
}

void kernel_buffer()
{
    session s;
    cf_buffer_add add{};
    add.kind = CF_BUFFER_KERNEL;
    add.access = CF_ACCESS_READ | CF_ACCESS_WRITE;
    add.length = (1 << 20) + 123;
    EXPECT_EQUAL(s.try_add(add), 0);
    const std::uint64_t mapped = (add.length + 4095) & ~4095ull;
    auto* const data = static_cast<std::uint8_t*>(s.map(add.mmap_offset, mapped));
    for (std::size_t i = 0; i < mapped; ++i) EXPECT(data[i] == 0);
    EXPECT(::mmap(nullptr, mapped + 4096, PROT_READ, MAP_SHARED, s.fd(),
                  static_cast<off_t>(add.mmap_offset)) == MAP_FAILED);
    fill(data, 500'000, 3);
    EXPECT_EQUAL(s.transfer(make(CF_WRITE, add.buffer, 0, 4096, 500'000)), 0);
    EXPECT_EQUAL(s.transfer(make(CF_READ, add.buffer, 500'001, 4096, 500'000)), 0);
    EXPECT(holds(data + 500'001, 500'000, 3));
    EXPECT_EQUAL(s.transfer(make(CF_READ, add.buffer, 500'001, 4096, add.length - 500'000)), -ERANGE);
    EXPECT_EQUAL(s.remove(add.buffer), 0);
    EXPECT(holds(data + 500'001, 500'000, 3)); // the mapping keeps the pages
    s.close();
    EXPECT(holds(data, 500'000, 3));
    EXPECT(counter("pinned_pages") > 0);
    EXPECT_EQUAL(::munmap(data, mapped), 0);
    expect_counter("pinned_pages", 0);
}

void dmabuf()
{
    const int device = ::open("/dev/udmabuf", O_RDWR);
    if (device < 0) skip("this kernel has no /dev/udmabuf to export a dma-buf");
    session s;
    const int file = ::memfd_create("far", MFD_ALLOW_SEALING);
    EXPECT_EQUAL(::ftruncate(file, 1 << 20), 0);
    EXPECT_EQUAL(::fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK), 0);
    udmabuf_create create{static_cast<std::uint32_t>(file), UDMABUF_FLAGS_CLOEXEC, 0, 1 << 20};
    const int exported = ::ioctl(device, UDMABUF_CREATE, &create);
    EXPECT(exported >= 0);
    cf_buffer_add add{};
    add.kind = CF_BUFFER_DMABUF;
    add.access = CF_ACCESS_READ | CF_ACCESS_WRITE;
    add.fd = exported;
    EXPECT_EQUAL(s.try_add(add), 0);
    EXPECT_EQUAL(add.length, 1 << 20);
    ::close(exported);
    void* const at = ::mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    EXPECT(at != MAP_FAILED);
    auto* const data = static_cast<std::uint8_t*>(at);
    fill(data, 300'000, 9);
    EXPECT_EQUAL(s.transfer(make(CF_WRITE, add.buffer, 0, 0, 300'000)), 0);
    EXPECT_EQUAL(s.transfer(make(CF_READ, add.buffer, 400'000, 0, 300'000)), 0);
    EXPECT(holds(data + 400'000, 300'000, 9));
}

void memlock()
{
    constexpr std::size_t limit = 1 << 20;
    const memory m(4 << 20);
    session s;
    const rlimit set{limit, limit};
    EXPECT_EQUAL(::setrlimit(RLIMIT_MEMLOCK, &set), 0);
    EXPECT_EQUAL(::seteuid(1000), 0); // root may lock what it likes
    cf_buffer_add add{};
    add.kind = CF_BUFFER_USER;
    add.access = CF_ACCESS_READ;
    add.address = m.address();
    add.length = m.size();
    EXPECT_EQUAL(s.try_add(add), -ENOMEM);
    add.length = limit / 2;
    EXPECT_EQUAL(s.try_add(add), 0);
    EXPECT_EQUAL(s.remove(add.buffer), 0);
    expect_counter("pinned_pages", 0);
    // What was given back counts no more.
    for (int i = 0; i < 50; ++i) {
        cf_buffer_add again = add;
        again.buffer = again.pieces = 0;
        again.length = limit;
        EXPECT_EQUAL(s.try_add(again), 0);
        EXPECT_EQUAL(s.remove(again.buffer), 0);
        expect_counter("pinned_pages", 0);
    }
}

/// Many in flight in both directions, outcomes in the ring, data checked.
void ring()
{
    constexpr std::size_t count = 64, block = 4096;
    session s;
    s.setup(0, 128);
    const memory m(2 * count * block);
    const std::uint32_t buffer = s.add(m);
    fill(m.data(), count * block, 5);
    for (int lap = 0; lap < 20; ++lap) {
        std::vector<cf_transfer> batch;
        for (std::size_t i = 0; i < count; ++i)
            batch.push_back(make(CF_WRITE, buffer, i * block, i * block, block, i));
        std::uint32_t submitted = 0;
        EXPECT_EQUAL(s.submit(batch, &submitted), 0);
        EXPECT_EQUAL(submitted, count);
        std::vector<bool> seen(count);
        for (const cf_completion& c : s.gather(count)) {
            EXPECT(c.tag < count && !seen[c.tag]);
            seen[c.tag] = true;
            EXPECT_EQUAL(c.status, CF_STATUS_OK);
            EXPECT_EQUAL(c.bytes, block);
        }
        // Back into the other half, with writes beside them.
        std::memset(m.data() + count * block, 0, count * block);
        batch.clear();
        for (std::size_t i = 0; i < count; ++i)
            batch.push_back(make(CF_READ, buffer, (count + i) * block, i * block, block, i));
        for (std::size_t i = 0; i < count / 2; ++i)
            batch.push_back(make(CF_WRITE, buffer, i * block, (2 * count + i) * block, block, 1000));
        EXPECT_EQUAL(s.submit(batch), 0);
        for (const cf_completion& c : s.gather(batch.size())) EXPECT_EQUAL(c.status, CF_STATUS_OK);
        EXPECT(holds(m.data() + count * block, count * block, 5));
    }
}

/// The ring takes as many transfers as it has places, and not one more.
void ring_full()
{
    session s;
    s.setup(0, 8);
    const memory m(4096);
    const std::uint32_t buffer = s.add(m);
    const std::vector<cf_transfer> many(20, make(CF_WRITE, buffer, 0, 0, 64));
    std::uint32_t submitted = 0;
    EXPECT_EQUAL(s.submit(many, &submitted), 0);
    EXPECT_EQUAL(submitted, 8);
    pollfd wait{s.fd(), POLLIN, 0};
    while (__atomic_load_n(&s.ring()->tail, __ATOMIC_ACQUIRE) != 8) EXPECT(::poll(&wait, 1, 10'000) >= 0);
    EXPECT_EQUAL(s.submit(many), -EAGAIN);
    EXPECT_EQUAL(s.drain().size(), 8);
    EXPECT_EQUAL(s.submit({many[0], many[0]}, &submitted), 0);
    EXPECT_EQUAL(s.gather(2).size(), 2);
    // A head that cannot be is the program's own loss.
    s.ring()->head += 1000;
    EXPECT_EQUAL(s.submit(many), -EAGAIN);
    s.ring()->head -= 1000;
    EXPECT_EQUAL(s.submit({many[0]}), 0);
    EXPECT_EQUAL(s.gather(1).size(), 1);
}

void eventfd_ring()
{
    session s;
    cf_eventfd event{-1, 0, 0, 0};
    event.fd = ::eventfd(0, EFD_NONBLOCK);
    EXPECT_EQUAL(s.call(CF_IOC_EVENTFD, &event), -ENOTCONN);
    s.setup(0, 64);
    EXPECT_EQUAL(s.call(CF_IOC_EVENTFD, &event), 0);
    const memory m(4096);
    const std::uint32_t buffer = s.add(m);
    const auto one = make(CF_WRITE, buffer, 0, 0, 256);
    const auto signalled = [&](int patience) {
        pollfd wait{event.fd, POLLIN, 0};
        if (::poll(&wait, 1, patience) != 1) return false;
        std::uint64_t n = 0;
        return ::read(event.fd, &n, sizeof n) == sizeof n;
    };
    EXPECT_EQUAL(s.submit({one}), 0);
    EXPECT(signalled(10'000));
    EXPECT_EQUAL(s.gather(1).size(), 1);

    // Moderated: one signal for sixteen, and a late one for the rest.
    cf_eventfd moderated{event.fd, 16, 200'000, 0};
    EXPECT_EQUAL(s.call(CF_IOC_EVENTFD, &moderated), 0);
    EXPECT_EQUAL(s.submit(std::vector<cf_transfer>(16, one)), 0);
    EXPECT(signalled(10'000));
    EXPECT_EQUAL(s.drain().size(), 16);
    EXPECT_EQUAL(s.submit({one, one}), 0);
    EXPECT_EQUAL(s.gather(2).size(), 2);
    EXPECT(signalled(10'000));

    // Quiet: nothing, and the completion is there all the same.
    cf_eventfd plain{event.fd, 0, 0, 0};
    EXPECT_EQUAL(s.call(CF_IOC_EVENTFD, &plain), 0);
    (void)signalled(0);
    __atomic_store_n(&s.ring()->quiet, CF_RING_QUIET, __ATOMIC_RELEASE);
    EXPECT_EQUAL(s.submit({one}), 0);
    EXPECT_EQUAL(s.gather(1).size(), 1);
    EXPECT(!signalled(0));
    __atomic_store_n(&s.ring()->quiet, 0, __ATOMIC_RELEASE);
    EXPECT_EQUAL(s.submit({one}), 0);
    EXPECT(signalled(10'000));
    cf_eventfd none{-1, 0, 0, 0};
    EXPECT_EQUAL(s.call(CF_IOC_EVENTFD, &none), 0);
    EXPECT_EQUAL(s.submit({one}), 0);
    EXPECT_EQUAL(s.gather(2).size(), 2);
    EXPECT(!signalled(0));
}

void leases()
{
    session mine, other;
    const memory m(4096);
    const std::uint32_t buffer = mine.add(m);
    const std::uint32_t theirs = other.add(m);
    cf_lease alone{};
    alone.direction = CF_WRITE;
    alone.channel = 1;
    alone.flags = CF_LEASE_EXCLUSIVE;
    EXPECT_EQUAL(mine.call(CF_IOC_LEASE, &alone), 0);
    EXPECT(alone.lease != 0);
    EXPECT_EQUAL(alone.channel, 1);
    cf_lease refused{};
    refused.direction = CF_WRITE;
    refused.channel = 1;
    EXPECT_EQUAL(other.call(CF_IOC_LEASE, &refused), -EBUSY);
    refused.channel = CF_ANY_CHANNEL;
    EXPECT_EQUAL(other.call(CF_IOC_LEASE, &refused), 0);
    EXPECT_EQUAL(refused.channel, 0);

    auto t = make(CF_WRITE, buffer, 0, 0, 100);
    t.lease = alone.lease;
    cf_completion done{};
    EXPECT_EQUAL(mine.transfer(t, &done), 0);
    EXPECT_EQUAL(done.channel, 1);
    t.direction = CF_READ;
    EXPECT_EQUAL(mine.transfer(t), -EINVAL);
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQUAL(other.transfer(make(CF_WRITE, theirs, 0, 0, 100), &done), 0);
        EXPECT_EQUAL(done.channel, 0);
    }
    cf_lease second{};
    second.direction = CF_WRITE;
    second.channel = CF_ANY_CHANNEL;
    second.flags = CF_LEASE_EXCLUSIVE;
    EXPECT_EQUAL(mine.call(CF_IOC_LEASE, &second), 0);
    EXPECT_EQUAL(other.transfer(make(CF_WRITE, theirs, 0, 0, 100)), -EBUSY);
    cf_handle handle{alone.lease, 0};
    EXPECT_EQUAL(mine.call(CF_IOC_LEASE_END, &handle), 0);
    EXPECT_EQUAL(mine.call(CF_IOC_LEASE_END, &handle), -ESTALE);
    t.direction = CF_WRITE;
    EXPECT_EQUAL(mine.transfer(t), -ESTALE);
    EXPECT_EQUAL(other.transfer(make(CF_WRITE, theirs, 0, 0, 100)), 0);
    mine.close(); // gives back the rest
    second.lease = 0;
    EXPECT_EQUAL(other.call(CF_IOC_LEASE, &second), 0);
}

} // namespace

const std::vector<test_case> basic_cases{
    {"info", info},       {"copy", copy}, {"kernel-buffer", kernel_buffer}, {"dmabuf", dmabuf},
    {"memlock", memlock}, {"ring", ring}, {"ring-full", ring_full},         {"eventfd", eventfd_ring},
    {"leases", leases},
};

} // namespace vm
