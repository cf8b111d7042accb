// SPDX-License-Identifier: MIT
//
// How transfers end when something is wrong: aborts, cancels, deadlines, lost interrupts, a lost link, a
// killed process, a device that goes. Each case sets the model's faults itself and leaves it well.
#include "model.hpp"

#include <csignal>
#include <map>

#include <sys/wait.h>

namespace vm {
namespace {

constexpr std::size_t block = 4096;

/// A session with a ring, memory and write channel 0 (the engine's rd0) for itself.
struct bench {
    session s;
    memory m{64 * block};
    std::uint32_t buffer = 0;
    std::uint32_t lease = 0;

    explicit bench(std::uint16_t direction = CF_WRITE)
    {
        s.setup(0, 128);
        buffer = s.add(m);
        cf_lease take{};
        take.direction = direction;
        take.channel = 0;
        take.flags = CF_LEASE_EXCLUSIVE;
        EXPECT_EQUAL(s.call(CF_IOC_LEASE, &take), 0);
        lease = take.lease;
    }
    cf_transfer write(std::uint64_t tag, std::uint64_t timeout_ns = 30'000 * ms) const
    {
        cf_transfer t = make(CF_WRITE, buffer, tag * block, tag * block, block, tag);
        t.timeout_ns = timeout_ns;
        t.lease = lease;
        return t;
    }
    std::map<std::uint64_t, cf_completion> gather(std::size_t count) const
    {
        std::map<std::uint64_t, cf_completion> result;
        for (const cf_completion& c : s.gather(count)) EXPECT(result.emplace(c.tag, c).second);
        return result;
    }
    /// The far place of a tag holds what its block was filled with.
    void arrived(std::uint64_t tag) const
    {
        cf_transfer t = make(CF_READ, buffer, 32 * block, tag * block, block);
        EXPECT_EQUAL(s.transfer(t), 0);
        EXPECT(holds(m.data() + 32 * block, block, static_cast<unsigned>(tag)));
    }
    void fill_blocks(std::uint64_t count) const
    {
        for (std::uint64_t tag = 0; tag < count; ++tag)
            fill(m.data() + tag * block, block, static_cast<unsigned>(tag));
    }
};

bool can_stop(const session& s) { return (s.info().features & CF_FEATURE_STOP) != 0; }

/// Makes transfers stall: for good where the back end can stop the engine, else for a while.
void stall(const session& s, int for_ms)
{
    model(can_stop(s) ? "hang" : "late-completion,time=" + std::to_string(for_ms) + "ms");
}

/// One of several fails, whichever it is and for whatever cause; its neighbours do not notice.
void abort()
{
    const std::pair<const char*, std::uint32_t> causes[] = {
        {"unsupported_request", CF_STATUS_UNSUPPORTED_REQUEST},
        {"completer_abort", CF_STATUS_COMPLETER_ABORT},
        {"completion_timeout", CF_STATUS_COMPLETION_TIMEOUT},
        {"poisoned", CF_STATUS_DATA_POISONED},
        {"local_bus_error", CF_STATUS_LOCAL_BUS_ERROR},
        {"list_fetch_error", CF_STATUS_LIST_FETCH_ERROR},
        {"unnamed", CF_STATUS_ABORTED},
    };
    constexpr std::uint64_t count = 8;
    bench b;
    const bool decoded = (b.s.info().features & CF_FEATURE_CAUSE) != 0;
    unsigned lap = 0;
    for (const auto& [name, status] : causes) {
        // Others need the engine restarted, which dmaengine's providers never do.
        if (!can_stop(b.s) && status > CF_STATUS_COMPLETION_TIMEOUT) continue;
        for (const std::uint64_t victim : {0, 3, 7}) {
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
    if (!can_stop(b.s)) return;
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
    if (!can_stop(b.s)) return;
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

/// Killed with transfers in a hung engine: what was pinned comes back once the engine is proven to be past
/// it.
void kill()
{
    for (int lap = 0; lap < 200; ++lap) {
        if (lap % 2 == 0) stall(session(), 50);
        int ready[2];
        EXPECT_EQUAL(::pipe(ready), 0);
        const pid_t child = ::fork();
        EXPECT(child >= 0);
        if (child == 0) {
            session s;
            s.setup(0, 64);
            const memory m(16 * block);
            const std::uint32_t buffer = s.add(m);
            std::vector<cf_transfer> batch;
            for (std::uint64_t tag = 0; tag < 16; ++tag)
                batch.push_back(
                    make(tag % 2 != 0 ? CF_WRITE : CF_READ, buffer, tag * block, tag * block, block, tag));
            EXPECT_EQUAL(s.submit(batch), 0);
            (void)!::write(ready[1], "x", 1);
            (void)s.transfer(batch[0]); // waits
            ::pause();
        }
        char c = 0;
        EXPECT_EQUAL(::read(ready[0], &c, 1), 1);
        EXPECT_EQUAL(::kill(child, SIGKILL), 0);
        int status = 0;
        EXPECT_EQUAL(::waitpid(child, &status, 0), child);
        EXPECT(WIFSIGNALED(status));
        ::close(ready[0]);
        ::close(ready[1]);
        clear_faults();
        expect_counter("pinned_pages", 0);
    }
    session s;
    const memory m(block);
    EXPECT_EQUAL(s.transfer(make(CF_WRITE, s.add(m), 0, 0, block)), 0);
}

/// A child has the file, not the memory: its addresses are its own.
void fork_session()
{
    session s;
    const memory m(block);
    const std::uint32_t buffer = s.add(m);
    const pid_t child = ::fork();
    if (child == 0) {
        const auto at = static_cast<off_t>(CF_POSITION(0, 0));
        EXPECT(::pread(s.fd(), m.data(), block, at) == -1 && errno == ESTALE);
        EXPECT_EQUAL(s.transfer(make(CF_WRITE, buffer, 0, 0, block)), 0); // by handle it may
        std::_Exit(0);
    }
    int status = 0;
    EXPECT_EQUAL(::waitpid(child, &status, 0), child);
    EXPECT_EQUAL(status, 0);
    EXPECT_EQUAL(s.transfer(make(CF_WRITE, buffer, 0, 0, block)), 0);
}

/// The driver is taken from its device with sessions open and transfers in flight.
void unbind()
{
    const std::string driver = function_path + "/driver/";
    char target[256]{};
    EXPECT(::readlink((function_path + "/driver").c_str(), target, sizeof target - 1) > 0);
    const std::string name = std::string(target).substr(std::string(target).rfind('/') + 1);
    for (int lap = 0; lap < 4; ++lap) {
        bench b;
        cf_buffer_add kernel{};
        kernel.kind = CF_BUFFER_KERNEL;
        kernel.access = CF_ACCESS_READ;
        kernel.length = 1 << 20;
        EXPECT_EQUAL(b.s.try_add(kernel), 0);
        const bool busy = lap % 2 == 0;
        if (busy) {
            stall(b.s, 100);
            std::vector<cf_transfer> batch;
            for (std::uint64_t tag = 0; tag < 8; ++tag) batch.push_back(b.write(tag));
            EXPECT_EQUAL(b.s.submit(batch), 0);
        }
        const bool stopped = can_stop(b.s);
        tell(driver + "unbind", function_name);
        if (busy) // what can be waited for is, and has then been moved
            for (const auto& [tag, c] : b.gather(8))
                EXPECT(c.status == CF_STATUS_DEVICE_GONE || (!stopped && c.status == CF_STATUS_OK));
        pollfd wait{b.s.fd(), POLLIN, 0};
        EXPECT_EQUAL(::poll(&wait, 1, 1000), 1);
        EXPECT((wait.revents & POLLHUP) != 0);
        EXPECT_EQUAL(b.s.transfer(b.write(0)), -ENODEV);
        cf_buffer_add again{};
        again.kind = CF_BUFFER_USER;
        again.access = CF_ACCESS_READ;
        again.address = b.m.address();
        again.length = block;
        EXPECT_EQUAL(b.s.try_add(again), -ENODEV);
        EXPECT_EQUAL(b.s.remove(b.buffer), 0);
        clear_faults();
        b.s.close();
        tell("/sys/bus/pci/drivers/" + name + "/bind", function_name);
        session s;
        EXPECT_EQUAL(s.transfer(make(CF_WRITE, s.add(b.m), 0, 0, block)), 0);
    }
}

/// The model dies under running transfers: all ones is never success.
void vanish()
{
    bench b;
    model("exit,doorbell=1");
    EXPECT_EQUAL(b.s.submit({b.write(0), b.write(1)}), 0);
    for (const auto& [tag, c] : b.gather(2))
        EXPECT(c.status == CF_STATUS_LINK_DOWN || c.status == CF_STATUS_DEVICE_GONE);
    EXPECT(b.s.transfer(b.write(2)) != 0);
}

} // namespace

const std::vector<test_case> ending_cases{
    {"abort", abort},       {"abort-errno", abort_errno}, {"cancel", cancel},
    {"deadline", deadline}, {"interrupts", interrupts},   {"link", link},
    {"kill", kill},         {"fork", fork_session},       {"unbind", unbind},
    {"vanish", vanish},
};

} // namespace vm
