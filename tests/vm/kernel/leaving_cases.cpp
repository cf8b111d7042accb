// SPDX-License-Identifier: MIT
//
// Somebody goes: the process, by SIGKILL or with its file passed on; the driver, its module, or the device,
// idle and under running transfers.
#include "bench.hpp"

#include <csignal>

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace vm {
namespace {

long long vmstat(const char* name)
{
    // Each CPU has counts that are not in yet.
    tell("/proc/sys/vm/stat_refresh", "1");
    std::FILE* const file = std::fopen("/proc/vmstat", "r");
    EXPECT(file != nullptr);
    char key[64];
    long long value = 0, result = -1;
    while (std::fscanf(file, "%63s %lld", key, &value) == 2)
        if (std::strcmp(key, name) == 0) result = value;
    std::fclose(file);
    EXPECT(result >= 0);
    return result;
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
    // As many pages were let go of as were ever pinned, by anybody.
    EXPECT_EQUAL(vmstat("nr_foll_pin_acquired"), vmstat("nr_foll_pin_released"));
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

/// Sends a descriptor to whoever has the other end.
void pass(int socket, int fd)
{
    char byte = 'x';
    iovec part{&byte, 1};
    alignas(cmsghdr) char space[CMSG_SPACE(sizeof fd)]{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = space;
    message.msg_controllen = sizeof space;
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
    EXPECT_EQUAL(::sendmsg(socket, &message, 0), 1);
}

int receive(int socket)
{
    char byte = 0;
    iovec part{&byte, 1};
    alignas(cmsghdr) char space[CMSG_SPACE(sizeof(int))]{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = space;
    message.msg_controllen = sizeof space;
    EXPECT_EQUAL(::recvmsg(socket, &message, 0), 1);
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    return fd;
}

cf_transfer_wait waiting(std::uint32_t buffer)
{
    cf_transfer_wait wait{};
    wait.transfer = make(CF_WRITE, buffer, 0, 0, block);
    return wait;
}

/// Passed to a process that has no memory of ours: it may use what is registered, and its end is not the
/// session's. The end of the one that opened it ends its transfers, and leaves the session to who has it.
void passing()
{
    int ends[2];
    EXPECT_EQUAL(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    const pid_t other = ::fork();
    EXPECT(other >= 0);
    if (other == 0) {
        const int fd = receive(ends[1]);
        std::uint32_t buffer = 0;
        EXPECT_EQUAL(::read(ends[1], &buffer, sizeof buffer), sizeof buffer);
        cf_transfer_wait wait = waiting(buffer);
        EXPECT_EQUAL(::ioctl(fd, CF_IOC_TRANSFER, &wait), 0);
        std::_Exit(0);
    }
    bench b;
    pass(ends[0], b.s.fd());
    model("late-completion,time=300ms");
    EXPECT_EQUAL(b.s.submit({b.write(1)}), 0);
    EXPECT_EQUAL(::write(ends[0], &b.buffer, sizeof b.buffer), sizeof b.buffer);
    int status = -1;
    EXPECT_EQUAL(::waitpid(other, &status, 0), other);
    EXPECT_EQUAL(status, 0);
    EXPECT_EQUAL(b.gather(1).at(1).status, CF_STATUS_OK);

    const pid_t opener = ::fork();
    EXPECT(opener >= 0);
    if (opener == 0) {
        bench theirs(CF_READ);
        pass(ends[1], theirs.s.fd());
        EXPECT_EQUAL(::write(ends[1], &theirs.buffer, sizeof theirs.buffer), sizeof theirs.buffer);
        std::vector<cf_transfer> batch(16, make(CF_WRITE, theirs.buffer, 0, 0, block));
        EXPECT_EQUAL(theirs.s.submit(batch), 0);
        ::kill(::getpid(), SIGKILL);
    }
    const int fd = receive(ends[0]);
    std::uint32_t buffer = 0;
    EXPECT_EQUAL(::read(ends[0], &buffer, sizeof buffer), sizeof buffer);
    EXPECT_EQUAL(::waitpid(opener, &status, 0), opener);
    clear_faults();
    cf_transfer_wait wait = waiting(buffer);
    EXPECT_EQUAL(::ioctl(fd, CF_IOC_TRANSFER, &wait), 0);
    ::close(fd);
    b.s.close();
    ::close(ends[0]);
    ::close(ends[1]);
    expect_counter("pinned_pages", 0);
}

long remove_module() { return ::syscall(SYS_delete_module, "counterflow", O_NONBLOCK) == 0 ? 0 : -errno; }

/// An open file holds the module; so does a mapping of a closed one.
void module()
{
    session s;
    EXPECT_EQUAL(remove_module(), -EWOULDBLOCK);
    cf_setup setup{};
    setup.completions = 4;
    EXPECT_EQUAL(s.call(CF_IOC_SETUP, &setup), 0);
    void* const ring = s.map(setup.ring_offset, setup.ring_bytes);
    const memory m(block);
    EXPECT_EQUAL(s.transfer(make(CF_WRITE, s.add(m), 0, 0, block)), 0);
    s.close();
    EXPECT_EQUAL(remove_module(), -EWOULDBLOCK);
    ::munmap(ring, setup.ring_bytes);
}

/// QEMU's monitor, which the guest has as a serial port that the harness opened as descriptor 5.
constexpr int monitor = 5;

std::string monitor_line()
{
    std::string line;
    for (char c = 0; ::read(monitor, &c, 1) == 1 && c != '\n';) line += c;
    return line;
}

void machine(const std::string& command, const std::string& arguments)
{
    const std::string line = "{\"execute\":\"" + command + "\",\"arguments\":" + arguments + ",\"id\":1}\n";
    EXPECT_EQUAL(::write(monitor, line.data(), line.size()), line.size());
    std::string answer; // events, which have no id, come in between
    do answer = monitor_line();
    while (answer.find("\"id\"") == std::string::npos);
    if (answer.find("\"return\"") == std::string::npos) std::printf("%s\n", answer.c_str());
    EXPECT(answer.find("\"return\"") != std::string::npos);
}

/// Asks the guest's kernel to let go of the device; returns at once.
void ask_for_device() { machine("device_del", R"({"id":"edma0"})"); }

/// The machine has it no more, and its connection to the model is closed.
void expect_device_gone()
{
    while (monitor_line().find("DEVICE_DELETED") == std::string::npos) {
    }
    EXPECT(::access(function_path.c_str(), F_OK) != 0);
}

void plug()
{
    const char* const endpoint = std::getenv("endpoint");
    EXPECT(endpoint != nullptr);
    machine("device_add",
            R"({"driver":"vfio-user-pci","id":"edma0","bus":"rp0","socket":{"type":"unix","path":")" +
                std::string(endpoint) + "\"}}");
}

void expect_session_possible()
{
    for (int tries = 0; tries < 2000 && ::access("/dev/counterflow0", F_OK) != 0; ++tries) ::usleep(10'000);
}

/// The device leaves the machine, idle and under running transfers, and comes back as a new one.
void unplug()
{
    for (int lap = 0; lap < 4; ++lap) {
        bench b;
        const bool busy = lap % 2 == 0, stopped = can_stop(b.s);
        if (busy) {
            stall(b.s, 100);
            std::vector<cf_transfer> batch;
            for (std::uint64_t tag = 0; tag < 8; ++tag) batch.push_back(b.write(tag));
            EXPECT_EQUAL(b.s.submit(batch), 0);
        }
        ask_for_device();
        if (busy)
            for (const auto& [tag, c] : b.gather(8))
                EXPECT(c.status == CF_STATUS_DEVICE_GONE || (!stopped && c.status == CF_STATUS_OK));
        pollfd wait{b.s.fd(), POLLIN, 0};
        EXPECT_EQUAL(::poll(&wait, 1, 10'000), 1);
        EXPECT((wait.revents & POLLHUP) != 0);
        expect_device_gone();
        EXPECT_EQUAL(b.s.transfer(b.write(0)), -ENODEV);
        clear_faults();
        b.s.close();
        plug();
        expect_session_possible();
        session s;
        EXPECT_EQUAL(s.transfer(make(CF_WRITE, s.add(b.m), 0, 0, block)), 0);
    }
}

/// The engine hangs for good and its device goes: what it may still write to stays pinned.
void quarantine()
{
    bench b;
    model("hang,for-good");
    EXPECT_EQUAL(b.s.submit({b.write(0), b.write(1)}), 0);
    ask_for_device();
    for (const auto& [tag, c] : b.gather(2)) EXPECT_EQUAL(c.status, CF_STATUS_DEVICE_GONE);
    expect_device_gone();
    b.s.close();
    EXPECT(remove_module() != 0);
}

/// The model dies under running transfers: all ones is never success, not even where nobody notices.
void vanish()
{
    bench b;
    model("exit,doorbell=1");
    EXPECT_EQUAL(b.s.submit({b.write(0, 1000 * ms), b.write(1, 1000 * ms)}), 0);
    for (const auto& [tag, c] : b.gather(2)) {
        if (!can_stop(b.s) && c.status == CF_STATUS_TIMED_OUT) continue;
        EXPECT(c.status == CF_STATUS_LINK_DOWN || c.status == CF_STATUS_DEVICE_GONE);
    }
    EXPECT(b.s.transfer(b.write(2, 500 * ms)) != 0);
    ask_for_device();
    expect_device_gone();
    EXPECT_EQUAL(b.s.transfer(b.write(3)), -ENODEV);
}

} // namespace

const std::vector<test_case> leaving_cases{
    {"kill", kill},     {"fork", fork_session}, {"passing", passing},       {"module", module},
    {"unbind", unbind}, {"unplug", unplug},     {"quarantine", quarantine}, {"vanish", vanish},
};

} // namespace vm
