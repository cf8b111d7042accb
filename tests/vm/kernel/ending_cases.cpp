// SPDX-License-Identifier: MIT
//
// How transfers end when something is wrong: aborts, cancels, deadlines, lost interrupts, a lost link. Each
// case sets the model's faults itself and leaves it well.
#include "bench.hpp"

#include <sys/mman.h>

namespace vm {
namespace {

constexpr std::pair<const char*, std::uint32_t> causes[] = {
    {"unsupported_request", CF_STATUS_UNSUPPORTED_REQUEST},
    {"completer_abort", CF_STATUS_COMPLETER_ABORT},
    {"completion_timeout", CF_STATUS_COMPLETION_TIMEOUT},
    {"poisoned", CF_STATUS_DATA_POISONED},
    {"local_bus_error", CF_STATUS_LOCAL_BUS_ERROR},
    {"list_fetch_error", CF_STATUS_LIST_FETCH_ERROR},
    {"unnamed", CF_STATUS_ABORTED},
};

/// Others than these stop the whole engine until it is restarted, which dmaengine's providers never do.
bool needs_restart(std::uint32_t status) { return status > CF_STATUS_COMPLETION_TIMEOUT; }

/// One of several fails, whichever it is and for whatever cause; its neighbours do not notice.
void abort()
{
    constexpr std::uint64_t count = 8;
    bench b;
    const bool decoded = (b.s.info().features & CF_FEATURE_CAUSE) != 0;
    unsigned lap = 0;
    for (const auto& [name, status] : causes) {
        if (!can_stop(b.s) && needs_restart(status)) continue;
        for (std::uint64_t victim = 0; victim < count; ++victim) {
            for (std::uint64_t tag = 0; tag < count; ++tag)
                fill(b.m.data() + tag * block, block, static_cast<unsigned>(tag + ++lap * 100));
            model("abort,element=" + std::to_string(victim + 1) + ",cause=" + name + ",channel=rd0");
            std::vector<cf_transfer> batch;
            for (std::uint64_t tag = 0; tag < count; ++tag) batch.push_back(b.write(tag));
            EXPECT_EQUAL(b.s.submit(batch), 0);
            const auto ends = b.gather(count);
            std::size_t failed = 0;
            for (const auto& [tag, c] : ends) {
                if (c.status == CF_STATUS_OK) continue;
                ++failed;
                EXPECT_EQUAL(tag, victim);
                EXPECT_EQUAL(c.status, decoded ? status : static_cast<std::uint32_t>(CF_STATUS_ABORTED));
                EXPECT_EQUAL(c.bytes, 0);
                EXPECT_EQUAL(c.channel, 0);
            }
            EXPECT_EQUAL(failed, 1);
            for (std::uint64_t tag = 0; tag < count; ++tag) {
                if (tag == victim) continue;
                EXPECT_EQUAL(b.s.transfer(make(CF_READ, b.buffer, 32 * block, tag * block, block)), 0);
                EXPECT(std::memcmp(b.m.data() + 32 * block, b.m.data() + tag * block, block) == 0);
            }
            clear_faults();
        }
    }
}

/// Fails as read() does, with the cause as errno, and the next one is well.
void abort_errno()
{
    session s;
    const memory m(block);
    const std::uint32_t buffer = s.add(m);
    const bool decoded = (s.info().features & CF_FEATURE_CAUSE) != 0;
    model("abort,cause=completer_abort,channel=rd");
    cf_completion done{};
    EXPECT_EQUAL(s.transfer(make(CF_WRITE, buffer, 0, 0, block, 5), &done), decoded ? -EREMOTEIO : -EIO);
    EXPECT_EQUAL(done.tag, 5);
    if (decoded) EXPECT_EQUAL(done.errors, CF_ERROR_COMPLETER_ABORT);
    EXPECT_EQUAL(s.transfer(make(CF_WRITE, buffer, 0, 0, block)), 0);
    model(decoded ? "abort,cause=local_bus_error,channel=wr" : "abort,channel=wr");
    EXPECT_EQUAL(s.transfer(make(CF_READ, buffer, 0, 0, block, 5), &done), decoded ? -ECOMM : -EIO);
    EXPECT_EQUAL(s.transfer(make(CF_READ, buffer, 0, 0, block)), 0);
    clear_faults();
}

/// Behind a hung engine: cancels are proven, end exactly what they name, and leave the others.
void cancel()
{
    bench b;
    if (!can_stop(b.s)) skip("this back end cannot stop its engine");
    b.fill_blocks(8);
    model("hang,channel=rd0");
    std::vector<cf_transfer> batch;
    for (std::uint64_t tag = 0; tag < 8; ++tag) batch.push_back(b.write(tag));
    EXPECT_EQUAL(b.s.submit(batch), 0);
    std::uint32_t matched = 0;
    EXPECT_EQUAL(b.s.cancel(3, 0, &matched), 0); // in the list, not begun
    EXPECT_EQUAL(matched, 1);
    EXPECT_EQUAL(b.gather(1).at(3).status, CF_STATUS_CANCELED);
    EXPECT_EQUAL(b.s.cancel(3, 0, &matched), 0);
    EXPECT_EQUAL(matched, 0);
    clear_faults();                              // it still hangs; the next stop frees it
    EXPECT_EQUAL(b.s.cancel(0, 0, &matched), 0); // the one the engine is at
    EXPECT_EQUAL(matched, 1);
    const auto ends = b.gather(7);
    for (const auto& [tag, c] : ends) EXPECT_EQUAL(c.status, tag == 0 ? CF_STATUS_CANCELED : CF_STATUS_OK);
    for (const std::uint64_t tag : {1, 2, 4, 5, 6, 7}) b.arrived(tag);
    EXPECT_EQUAL(b.s.cancel(0, CF_CANCEL_ALL, &matched), 0);
    EXPECT_EQUAL(matched, 0);
    EXPECT_EQUAL(b.s.cancel(5, CF_CANCEL_ALL), -EINVAL);
    EXPECT_EQUAL(b.s.cancel(5, 2), -EINVAL);
}

/// A direction that hangs keeps nothing of the other one, whichever was handed over first.
void one_direction_hangs()
{
    session s;
    s.setup(0, 128);
    const memory m(32 * block);
    const std::uint32_t buffer = s.add(m);
    if (!can_stop(s)) skip("this back end cannot stop its engine");
    for (const std::uint16_t hung : {CF_WRITE, CF_READ})
        for (const std::size_t place : {0, 8, 16}) {
            model(hung == CF_WRITE ? "hang,channel=rd" : "hang,channel=wr");
            const std::uint16_t other = hung == CF_WRITE ? CF_READ : CF_WRITE;
            std::vector<cf_transfer> batch;
            for (std::uint64_t i = 0; i <= 16; ++i)
                batch.push_back(make(i == place ? other : hung, buffer, i * block, i * block, block, i));
            EXPECT_EQUAL(s.submit(batch), 0);
            const std::vector<cf_completion> well = s.gather(1);
            EXPECT_EQUAL(well.size(), 1);
            EXPECT_EQUAL(well[0].tag, place);
            EXPECT_EQUAL(well[0].status, CF_STATUS_OK);
            clear_faults();
            EXPECT_EQUAL(s.cancel(0, CF_CANCEL_ALL), 0);
            for (const cf_completion& c : s.gather(16))
                EXPECT(c.status == CF_STATUS_CANCELED || c.status == CF_STATUS_OK);
        }
}

void deadline()
{
    bench b;
    b.fill_blocks(4);
    stall(b.s, 1000);
    cf_transfer late = b.write(0, 200 * ms);
    cf_completion done{};
    EXPECT_EQUAL(b.s.transfer(late, &done), -ETIME);
    EXPECT_EQUAL(done.status, CF_STATUS_TIMED_OUT);
    if (can_stop(b.s)) {
        // The second outlives the first one's end, hangs as well, and is freed by the end of the third.
        EXPECT_EQUAL(b.s.submit({b.write(1, 300 * ms), b.write(2)}), 0);
        EXPECT_EQUAL(b.gather(1).at(1).status, CF_STATUS_TIMED_OUT);
        clear_faults();
        EXPECT_EQUAL(b.s.submit({b.write(3, 300 * ms)}), 0);
        EXPECT_EQUAL(b.gather(2).at(2).status, CF_STATUS_OK);
        b.arrived(2);
    }
    clear_faults();
    late.timeout_ns = ~0ull;
    EXPECT_EQUAL(b.s.transfer(late), -EDOM);
    EXPECT_EQUAL(b.s.transfer(b.write(3)), 0); // behind what was late, where that runs to its end
    b.arrived(3);
    b.s.close();
    expect_counter("pinned_pages", 0);
}

/// Interrupts that never come, come twice or late, doorbells that are lost or late: nothing is lost, nothing
/// is doubled.
void interrupts()
{
    bench b;
    b.fill_blocks(16);
    std::vector<cf_transfer> batch;
    for (std::uint64_t tag = 0; tag < 16; ++tag) batch.push_back(b.write(tag));
    for (const char* fault : {"lost-interrupt,times=1000", "doubled-interrupt,times=1000,copies=4,time=1ms",
                              "late-interrupt,times=1000,time=20ms", "late-start,time=2ms",
                              "late-stop,time=2ms", "late-completion,time=3ms"}) {
        // A lost interrupt or doorbell is for good there: no provider looks by itself.
        if (!can_stop(b.s) && (std::strstr(fault, "lost") || std::strstr(fault, "late-stop"))) continue;
        model(fault);
        const long long lost = counter("lost_interrupts");
        for (int lap = 0; lap < 5; ++lap) {
            EXPECT_EQUAL(b.s.submit(batch), 0);
            for (const auto& [tag, c] : b.gather(16)) EXPECT_EQUAL(c.status, CF_STATUS_OK);
        }
        if (can_stop(b.s) && std::strncmp(fault, "lost", 4) == 0) EXPECT(counter("lost_interrupts") >= lost);
        clear_faults();
        for (std::uint64_t tag = 0; tag < 16; tag += 5) b.arrived(tag);
    }
    EXPECT_EQUAL(b.s.drain().size(), 0);
}

void link()
{
    bench b;
    if (!can_stop(b.s)) skip("this back end cannot stop its engine");
    b.fill_blocks(4);
    model("hang,channel=rd0");
    EXPECT_EQUAL(b.s.submit({b.write(0), b.write(1)}), 0);
    model("link-down");
    const auto ends = b.gather(2);
    for (const auto& [tag, c] : ends) EXPECT_EQUAL(c.status, CF_STATUS_LINK_DOWN);
    EXPECT_EQUAL(b.s.transfer(b.write(2)), -ENOLINK);
    clear_faults();
    model("link-up");
    int result = -ENOLINK;
    for (int tries = 0; tries < 200 && result == -ENOLINK; ++tries) {
        ::usleep(10'000);
        result = b.s.transfer(b.write(3));
    }
    EXPECT_EQUAL(result, 0);
    b.arrived(3);
}

/// Of one transfer of several elements, each in its turn: it fails as a whole, and the next is well.
void abort_elements()
{
    session s;
    constexpr std::size_t pages = 8;
    // Neighbours for the program that are none in memory: as many elements, unless an IOMMU makes them one.
    const memory spread(2 * pages * block), m(pages * block), back(pages * block);
    for (std::size_t i = 0; i < pages; ++i)
        EXPECT(::mremap(spread.data() + 2 * (pages - 1 - i) * block, block, block,
                        MREMAP_MAYMOVE | MREMAP_FIXED, m.data() + i * block) != MAP_FAILED);
    cf_buffer_add add{};
    add.kind = CF_BUFFER_USER;
    add.access = CF_ACCESS_READ | CF_ACCESS_WRITE;
    add.address = m.address();
    add.length = m.size();
    EXPECT_EQUAL(s.try_add(add), 0);
    const std::uint32_t far_back = s.add(back);
    for (const auto& [name, status] : causes) {
        if (!can_stop(s) && needs_restart(status)) continue;
        for (unsigned element = 1; element <= add.pieces; ++element) {
            fill(m.data(), m.size(), element);
            model("abort,channel=rd,element=" + std::to_string(element) + ",cause=" + name);
            cf_completion done{};
            EXPECT(s.transfer(make(CF_WRITE, add.buffer, 0, 0, m.size()), &done) != 0);
            EXPECT_EQUAL(done.status, can_stop(s) ? status : std::uint32_t{CF_STATUS_ABORTED});
            EXPECT_EQUAL(done.bytes, 0);
            EXPECT_EQUAL(s.transfer(make(CF_WRITE, add.buffer, 0, 0, m.size())), 0);
            EXPECT_EQUAL(s.transfer(make(CF_READ, far_back, 0, 0, m.size())), 0);
            EXPECT(holds(back.data(), back.size(), element));
        }
        clear_faults();
    }
    // The other way: a WR channel tells of its own bus and of its list only.
    for (unsigned element = 1; element <= add.pieces; ++element) {
        model("abort,channel=wr,element=" + std::to_string(element) +
              (can_stop(s) ? ",cause=local_bus_error" : ""));
        EXPECT_EQUAL(s.transfer(make(CF_READ, add.buffer, 0, 0, m.size())), can_stop(s) ? -ECOMM : -EIO);
        std::memset(m.data(), 0, m.size());
        EXPECT_EQUAL(s.transfer(make(CF_READ, add.buffer, 0, 0, m.size())), 0);
        EXPECT(std::memcmp(m.data(), back.data(), m.size()) == 0);
    }
    clear_faults();
}

/// The one interrupt of a transfer never comes. The ring back end looks by itself; a provider does not, so
/// that the deadline ends it, the memory waits, and the next interrupt of that direction shows that it had
/// arrived.
void lost_interrupt()
{
    bench b;
    b.fill_blocks(2);
    model("lost-interrupt,times=0");
    if (can_stop(b.s)) {
        model("late-completion,time=30ms"); // or the look after the doorbell would find it
        const long long before = counter("lost_interrupts");
        EXPECT_EQUAL(b.s.transfer(b.write(0)), 0);
        EXPECT(counter("lost_interrupts") > before);
        clear_faults();
        b.arrived(0);
        return;
    }
    EXPECT_EQUAL(b.s.transfer(b.write(0, 300 * ms)), -ETIME);
    clear_faults();
    EXPECT_EQUAL(b.s.transfer(make(CF_WRITE, b.buffer, block, block, block)), 0); // on the other channel
    b.arrived(0);
    EXPECT_EQUAL(b.s.transfer(b.write(1)), 0);
    b.arrived(1);
    b.s.close();
    expect_counter("pinned_pages", 0);
}

} // namespace

const std::vector<test_case> ending_cases{
    {"abort", abort},
    {"abort-errno", abort_errno},
    {"abort-elements", abort_elements},
    {"cancel", cancel},
    {"one-direction-hangs", one_direction_hangs},
    {"deadline", deadline},
    {"interrupts", interrupts},
    {"link", link},
    {"lost-interrupt", lost_interrupt},
};

} // namespace vm
