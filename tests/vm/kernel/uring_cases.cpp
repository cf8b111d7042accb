// SPDX-License-Identifier: MIT
//
// The module under io_uring: commands from slots and from 128-byte SQEs, asynchronous reads and writes,
// cancelling.
#include "model.hpp"

#include <liburing.h>

#include <sys/uio.h>

namespace vm {
namespace {

constexpr unsigned depth = 32;
constexpr std::size_t block = 4096;
/// IORING_OP_URING_CMD where <linux/io_uring.h> of the build machine may not have it.
constexpr std::uint8_t op_uring_cmd = 46;
constexpr unsigned setup_sqe128 = 1u << 10, setup_cqe32 = 1u << 11;

class ring {
public:
    explicit ring(unsigned flags = 0) { EXPECT_EQUAL(io_uring_queue_init(2 * depth, &ring_, flags), 0); }
    ~ring() { io_uring_queue_exit(&ring_); }
    io_uring_sqe* sqe()
    {
        io_uring_sqe* const result = io_uring_get_sqe(&ring_);
        EXPECT(result != nullptr);
        return result;
    }
    void submit() { EXPECT(io_uring_submit(&ring_) >= 0); }
    /// One CQE's user data; its result must be `expected`.
    std::uint64_t reap(int expected, int or_else)
    {
        io_uring_cqe* cqe = nullptr;
        EXPECT_EQUAL(io_uring_wait_cqe(&ring_, &cqe), 0);
        const int result = cqe->res == or_else ? expected : cqe->res;
        EXPECT_EQUAL(result, expected);
        io_uring_cqe_seen(&ring_, cqe);
        return 0;
    }
    std::uint64_t reap(int expected, std::uint64_t* extra = nullptr)
    {
        io_uring_cqe* cqe = nullptr;
        __kernel_timespec patience{20, 0};
        EXPECT_EQUAL(io_uring_wait_cqe_timeout(&ring_, &cqe, &patience), 0);
        EXPECT_EQUAL(cqe->res, expected);
        const std::uint64_t result = cqe->user_data;
        if (extra) *extra = *reinterpret_cast<const std::uint64_t*>(cqe + 1);
        io_uring_cqe_seen(&ring_, cqe);
        return result;
    }

private:
    io_uring ring_{};
};

void need_commands(const session& s)
{
    if ((s.info().features & CF_FEATURE_URING_CMD) == 0) skip("this kernel has no IORING_OP_URING_CMD");
}

void command(io_uring_sqe* sqe, const session& s, std::uint32_t op, const void* payload, std::size_t size,
             std::uint64_t tag)
{
    std::memset(sqe, 0, sizeof *sqe);
    sqe->opcode = op_uring_cmd;
    sqe->fd = s.fd();
    sqe->off = op; // cmd_op
    sqe->user_data = tag;
    std::memcpy(reinterpret_cast<std::byte*>(sqe) + 48, payload, size);
}

void from_slot(ring& r, const session& s, std::uint32_t slot)
{
    const cf_uring_slot payload{slot, 0, 0};
    command(r.sqe(), s, CF_URING_SLOT, &payload, sizeof payload, slot);
}

/// Depth 32, both directions at once, slots used over and over.
void slots()
{
    session s;
    need_commands(s);
    s.setup(depth, 0);
    const memory m(2 * depth * block);
    const std::uint32_t buffer = s.add(m);
    fill(m.data(), depth * block, 11);
    ring r;
    for (std::uint32_t i = 0; i < depth; ++i) {
        s.slots()[i] = make(CF_WRITE, buffer, i * block, i * block, block);
        from_slot(r, s, i);
    }
    r.submit();
    for (unsigned i = 0; i < depth; ++i) (void)r.reap(block);
    for (int lap = 0; lap < 20; ++lap) {
        std::memset(m.data() + depth * block, 0, depth * block);
        for (std::uint32_t i = 0; i < depth; ++i) {
            s.slots()[i] = i % 2 != 0 ? make(CF_WRITE, buffer, i * block, i * block, block)
                                      : make(CF_READ, buffer, (depth + i) * block, i * block, block);
            from_slot(r, s, i);
        }
        r.submit();
        for (unsigned i = 0; i < depth; ++i) (void)r.reap(block);
        for (std::uint32_t i = 0; i < depth; i += 2)
            for (std::size_t b = 0; b < block; ++b)
                EXPECT(m.data()[(depth + i) * block + b] == pattern(i * block + b, 11));
    }
}

void refused()
{
    session s;
    need_commands(s);
    ring r;
    from_slot(r, s, 0);
    r.submit();
    (void)r.reap(-ENOTCONN);
    s.setup(4, 0);
    const memory m(block);
    const std::uint32_t buffer = s.add(m);
    s.slots()[0] = make(CF_WRITE, buffer, 0, 0, block);
    s.slots()[1] = make(CF_WRITE, buffer, 1, 0, block);
    s.slots()[2] = make(CF_WRITE, buffer + 1, 0, 0, block);
    s.slots()[3] = make(3, buffer, 0, 0, block);
    for (std::uint32_t slot = 0; slot < 5; ++slot) from_slot(r, s, slot);
    const cf_uring_slot flags{0, 1, 0};
    command(r.sqe(), s, CF_URING_SLOT, &flags, sizeof flags, 5);
    const cf_uring_slot reserved{0, 0, 1};
    command(r.sqe(), s, CF_URING_SLOT, &reserved, sizeof reserved, 6);
    command(r.sqe(), s, CF_IOC_INFO, &reserved, sizeof reserved, 7);
    command(r.sqe(), s, CF_URING_INLINE, &reserved, sizeof reserved, 8);
    r.submit();
    const int expected[] = {
        static_cast<int>(block), -ERANGE, -ESTALE, -EINVAL, -ERANGE, -EINVAL, -EINVAL, -ENOTTY, -EINVAL};
    // The refusals come at once, the transfer when it is done.
    std::vector<int> seen(9, 1);
    for (unsigned i = 0; i < 8; ++i) {
        const auto which = i + 1;
        EXPECT_EQUAL(r.reap(expected[which]), which);
    }
    EXPECT_EQUAL(r.reap(block), 0);
}

void wide()
{
    session s;
    need_commands(s);
    const memory m(2 * block);
    const std::uint32_t buffer = s.add(m);
    fill(m.data(), block, 13);
    ring r(setup_sqe128 | setup_cqe32);
    for (const std::uint16_t direction : {std::uint16_t{CF_WRITE}, std::uint16_t{CF_READ}}) {
        cf_uring_inline payload{};
        payload.transfer = make(direction, buffer, direction == CF_READ ? block : 0, 512, block);
        command(r.sqe(), s, CF_URING_INLINE, &payload, sizeof payload, direction);
        r.submit();
        std::uint64_t extra = ~0ull;
        EXPECT_EQUAL(r.reap(block, &extra), direction);
        EXPECT_EQUAL(extra & 0xffffffff, CF_STATUS_OK);
    }
    EXPECT(holds(m.data() + block, block, 13));
    cf_uring_inline payload{};
    payload.transfer = make(CF_WRITE, buffer, 0, 0, block);
    payload.reserved[1] = 1;
    command(r.sqe(), s, CF_URING_INLINE, &payload, sizeof payload, 0);
    r.submit();
    (void)r.reap(-EINVAL);
}

/// pread() and pwrite(), and the same by io_uring, which needs no URING_CMD.
void read_write()
{
    session s;
    const memory m(2 * depth * block);
    const std::uint32_t buffer = s.add(m);
    fill(m.data(), depth * block, 17);
    const auto at = [](std::uint64_t offset) { return static_cast<off_t>(CF_POSITION(0, offset)); };
    EXPECT_EQUAL(::pwrite(s.fd(), m.data(), 70'000, at(100)), 70'000);
    EXPECT_EQUAL(::pread(s.fd(), m.data() + depth * block, 70'000, at(100)), 70'000);
    EXPECT(holds(m.data() + depth * block, 70'000, 17));

    ring r;
    for (unsigned i = 0; i < depth; ++i)
        io_uring_prep_write(r.sqe(), s.fd(), m.data() + i * block, block, CF_POSITION(0, i * block));
    r.submit();
    for (unsigned i = 0; i < depth; ++i) (void)r.reap(block);
    for (int lap = 0; lap < 5; ++lap) {
        std::memset(m.data() + depth * block, 0, depth * block);
        for (unsigned i = 0; i < depth; ++i)
            io_uring_prep_read(r.sqe(), s.fd(), m.data() + (depth + i) * block, block,
                               CF_POSITION(0, i * block));
        r.submit();
        for (unsigned i = 0; i < depth; ++i) (void)r.reap(block);
        EXPECT(holds(m.data() + depth * block, depth * block, 17));
    }

    const memory foreign(block);
    EXPECT(::pread(s.fd(), foreign.data(), block, at(0)) == -1 && errno == ESTALE);
    EXPECT(::pread(s.fd(), m.data() + m.size() - 100, 200, at(0)) == -1 && errno == ESTALE);
    EXPECT(::pread(s.fd(), m.data(), block, static_cast<off_t>(CF_POSITION(9, 0))) == -1 && errno == ENOENT);
    EXPECT_EQUAL(::pread(s.fd(), m.data(), 0, at(0)), 0);
    const iovec two[] = {{m.data(), 100}, {m.data() + 200, 100}};
    EXPECT(::preadv(s.fd(), two, 2, at(0)) == -1 && errno == EOPNOTSUPP);
    EXPECT_EQUAL(s.remove(buffer), 0);
    EXPECT(::pread(s.fd(), m.data(), block, at(0)) == -1 && errno == ESTALE);
}

/// The engine hangs: commands in flight end by io_uring's own cancel, or by ours.
void cancel()
{
    session s;
    need_commands(s);
    s.setup(4, 0);
    const memory m(block);
    const std::uint32_t buffer = s.add(m);
    const bool stops = (s.info().features & CF_FEATURE_STOP) != 0;
    model(stops ? "hang" : "late-completion,time=200ms");
    {
        ring r;
        for (std::uint32_t i = 0; i < 4; ++i) {
            s.slots()[i] = make(CF_WRITE, buffer, 0, 0, block, 77);
            from_slot(r, s, i);
        }
        r.submit();
        std::uint32_t matched = 0;
        EXPECT_EQUAL(s.cancel(77, 0, &matched), 0);
        EXPECT_EQUAL(matched, 4);
        // Both write channels have one that cannot be taken back from a provider: it may be done.
        for (int i = 0; i < 4; ++i) (void)r.reap(-ECANCELED, stops ? 0 : static_cast<int>(block));
        // The ring goes with commands in flight: kernels that can cancel them do, others wait for their
        // deadlines.
        for (std::uint32_t i = 0; i < 4; ++i) {
            s.slots()[i].timeout_ns = 500 * ms;
            from_slot(r, s, i);
        }
        r.submit();
    }
    clear_faults();
    EXPECT_EQUAL(s.transfer(make(CF_WRITE, buffer, 0, 0, block)), 0);
}

} // namespace

const std::vector<test_case> uring_cases{
    {"uring-slots", slots},     {"uring-refused", refused}, {"uring-wide", wide},
    {"read-write", read_write}, {"uring-cancel", cancel},
};

} // namespace vm
