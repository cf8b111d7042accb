// SPDX-License-Identifier: MIT
//
// A memory engine (tests/vm/modules/memcpy_dma) as the module's dmaengine provider, its window 0 a BAR:
// aborts, deadlines, cancels, and the provider taken away under running copies.
#include "model.hpp"

namespace vm {
namespace {

constexpr std::size_t block = 4096, count = 32;
const std::string parameters = "/sys/module/memcpy_dma/parameters/";

void hold(bool held) { tell(parameters + "hold", held ? "1" : "0"); }

struct bench {
    session s;
    memory m{2 * count * block};
    std::uint32_t buffer = 0;

    bench()
    {
        s.setup(0, 128);
        buffer = s.add(m);
    }
    std::vector<cf_transfer> writes(std::uint64_t timeout_ns = 0) const
    {
        std::vector<cf_transfer> batch;
        for (std::uint64_t tag = 0; tag < count; ++tag) {
            batch.push_back(make(CF_WRITE, buffer, tag * block, tag * block, block, tag));
            batch.back().timeout_ns = timeout_ns;
        }
        return batch;
    }
    bool arrived(std::uint64_t tag) const
    {
        std::uint8_t* const back = m.data() + count * block;
        EXPECT_EQUAL(s.transfer(make(CF_READ, buffer, count * block, tag * block, block)), 0);
        return std::memcmp(back, m.data() + tag * block, block) == 0;
    }
};

void info()
{
    const session s;
    const cf_info i = s.info();
    EXPECT_EQUAL(i.backend, CF_BACKEND_DMAENGINE);
    EXPECT_EQUAL(i.side, CF_SIDE_LOCAL);
    EXPECT_EQUAL(i.wr_channels, 2);
    EXPECT_EQUAL(i.rd_channels, 2);
    EXPECT_EQUAL(i.windows, 1);
}

/// Any of several; the others arrive.
void abort()
{
    const bench b;
    unsigned seed = 0;
    for (unsigned nth = 1; nth <= count; nth += nth < 4 ? 1 : 5) {
        fill(b.m.data(), count * block, ++seed);
        tell(parameters + "abort_nth", std::to_string(nth));
        EXPECT_EQUAL(b.s.submit(b.writes()), 0);
        std::size_t failed = 0;
        std::vector<bool> well(count);
        for (const cf_completion& c : b.s.gather(count)) {
            well[c.tag] = c.status == CF_STATUS_OK;
            if (well[c.tag]) continue;
            ++failed;
            EXPECT_EQUAL(c.status, CF_STATUS_ABORTED);
            EXPECT_EQUAL(c.bytes, 0);
        }
        EXPECT_EQUAL(failed, 1);
        for (std::uint64_t tag = 0; tag < count; ++tag)
            if (well[tag]) EXPECT(b.arrived(tag));
    }
}

/// The submitter is told in time, the memory waits for the engine.
void deadline()
{
    bench b;
    hold(true);
    EXPECT_EQUAL(b.s.submit(b.writes(200 * ms)), 0);
    for (const cf_completion& c : b.s.gather(count)) EXPECT_EQUAL(c.status, CF_STATUS_TIMED_OUT);
    b.s.close();
    EXPECT(counter("pinned_pages") > 0);
    hold(false);
    expect_counter("pinned_pages", 0);
    const bench next;
    EXPECT_EQUAL(next.s.transfer(next.writes()[0]), 0);
}

void cancel()
{
    const bench b;
    fill(b.m.data(), count * block, 77);
    hold(true);
    EXPECT_EQUAL(b.s.submit(b.writes()), 0);
    std::uint32_t matched = 0;
    EXPECT_EQUAL(b.s.cancel(0, CF_CANCEL_ALL, &matched), 0);
    EXPECT_EQUAL(matched, count);
    // Those that the provider has not seen end at once.
    std::size_t canceled = 0;
    for (const cf_completion& c : b.s.gather(8)) canceled += c.status == CF_STATUS_CANCELED;
    EXPECT(canceled >= 8);
    hold(false);
    for (const cf_completion& c : b.s.gather(count - canceled))
        if (c.status == CF_STATUS_OK)
            EXPECT(b.arrived(c.tag));
        else
            EXPECT_EQUAL(c.status, CF_STATUS_CANCELED);
}

/// Its copies are terminated, and known to be: nothing stays pinned, nothing is quarantined.
void unbind()
{
    for (int lap = 0; lap < 3; ++lap) {
        bench b;
        const bool late = lap == 2; // some in limbo already
        hold(true);
        EXPECT_EQUAL(b.s.submit(b.writes(late ? 100 * ms : 0)), 0);
        if (late)
            for (const cf_completion& c : b.s.gather(count)) EXPECT_EQUAL(c.status, CF_STATUS_TIMED_OUT);
        tell("/sys/bus/platform/drivers/memcpy-dma/unbind", "memcpy-dma");
        if (!late)
            for (const cf_completion& c : b.s.gather(count)) EXPECT_EQUAL(c.status, CF_STATUS_DEVICE_GONE);
        EXPECT_EQUAL(b.s.transfer(b.writes()[0]), -ENODEV);
        b.s.close();
        hold(false);
        tell("/sys/bus/platform/drivers/memcpy-dma/bind", "memcpy-dma");
        const bench next; // the window is declared still
        fill(next.m.data(), count * block, 90u + static_cast<unsigned>(lap));
        EXPECT_EQUAL(next.s.transfer(next.writes()[3]), 0);
        EXPECT(next.arrived(3));
        EXPECT_EQUAL(counter("quarantined_pages"), 0);
    }
}

/// copy_align=2: all of a transfer is made of words.
void alignment()
{
    const bench b;
    EXPECT_EQUAL(b.s.info().alignment, 4);
    EXPECT_EQUAL(b.s.transfer(make(CF_WRITE, b.buffer, 4, 8, 12)), 0);
    EXPECT_EQUAL(b.s.transfer(make(CF_WRITE, b.buffer, 2, 8, 12)), -EADDRNOTAVAIL);
    EXPECT_EQUAL(b.s.transfer(make(CF_WRITE, b.buffer, 4, 7, 12)), -EADDRNOTAVAIL);
    EXPECT_EQUAL(b.s.transfer(make(CF_WRITE, b.buffer, 4, 8, 13)), -EADDRNOTAVAIL);
    cf_buffer_add odd{};
    odd.kind = CF_BUFFER_USER;
    odd.access = CF_ACCESS_READ;
    odd.address = b.m.address() + 2;
    odd.length = block;
    EXPECT_EQUAL(b.s.try_add(odd), -EADDRNOTAVAIL);
}

} // namespace

const std::vector<test_case> memory_cases{
    {"memory-info", info},     {"memory-abort", abort},   {"memory-deadline", deadline},
    {"memory-cancel", cancel}, {"memory-unbind", unbind}, {"memory-alignment", alignment},
};

} // namespace vm
