// SPDX-License-Identifier: MIT
//
// The kernel module's front end (kernel/ioctl.c, submit.c, request.c, ...), compiled for user space against a
// stand-in for Linux, under a program that does anything at all and hardware that does anything it may. Here
// is the program; what it must hold true is partly here and partly in kernel/rig.c.
#include "input.hpp"

#include "kernel/answers.hpp"
#include "kernel/rig.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>

namespace {

using namespace cf::fuzz::kernel;

cf::fuzz::input* decisions;

std::uint32_t below(std::size_t end)
{
    const auto limit = static_cast<std::uint32_t>(end);
    return limit <= 256 ? decisions->take<std::uint8_t>() % limit : decisions->below(limit);
}
bool one_in(std::uint32_t n) { return below(n) == n - 1; }

template <class T>
T make(auto fill)
{
    T value;
    std::memset(&value, 0, sizeof value);
    fill(value);
    return value;
}

class program {
public:
    /// What most programs do first, so that a fuzzer need not find it out every time.
    void prepare()
    {
        for (session_ = 0; session_ < rig_sessions; ++session_) {
            ask(CF_IOC_SETUP, make<cf_setup>([](cf_setup& s) { s.slots = s.completions = 8; }));
            ask(CF_IOC_EVENTFD, make<cf_eventfd>([](cf_eventfd& e) { e.count = 2, e.delay_us = 1000; }));
            ask(CF_IOC_BUFFER_ADD, make<cf_buffer_add>([](cf_buffer_add& b) {
                    b.kind = CF_BUFFER_KERNEL;
                    b.access = CF_ACCESS_WRITE | CF_ACCESS_READ;
                    b.length = 8192;
                }));
            for (unsigned i = 0; i < 8; ++i) slots()[i] = plain(1 + i % 2);
        }
    }

    void act()
    {
        session_ = below(rig_sessions);
        if (one_in(16)) rig_allocations(static_cast<int>(below(8)));
        switch (below(24)) {
        case 0: return rig_interrupt();
        case 1: return rig_time(below(2) == 0 ? below(1u << 16) * 1000ull : below(64) * 1'000'000'000ull);
        case 2: return one_in(2) ? rig_work() : rig_task_work();
        case 3: return rig_cancel_command();
        case 4: return one_in(4) ? rig_fork() : rig_munmap();
        case 5:
            if (one_in(16)) rig_remove();
            return;
        case 6: return rig_open(session_, one_in(2));
        case 7: return rig_close(session_, one_in(2));
        case 8: return rig_window(one_in(2));
        }
        if (!rig_is_open(session_)) return;
        switch (below(16)) {
        case 0:
            expect_error(rig_mmap(session_, (below(5) << 28) + below(4), !one_in(8)), {{EINVAL, ESTALE}});
            return;
        case 1: return rig_poll(session_);
        case 2:
        case 3: return ring();
        case 4: return slot();
        case 5:
        case 6: return enter();
        case 7:
        case 8: return io();
        case 9: return any_ioctl();
        default: return ioctl(below(11));
        }
    }

private:
    // Where in the process's memory the argument of an ioctl stands; before it are arrays of transfers.
    static constexpr unsigned argument_at = 12 << 10;

    static cf_transfer plain(unsigned direction)
    {
        return make<cf_transfer>([&](cf_transfer& t) {
            t.direction = static_cast<__u16>(direction);
            t.buffer = 1;
            t.length = 4096;
        });
    }

    static cf_transfer transfer()
    {
        if (one_in(4)) return spoiled(plain(1 + below(2)));
        return spoiled(make<cf_transfer>([](cf_transfer& t) {
            t.direction = static_cast<__u16>(1 + below(2));
            t.lease = one_in(4) ? below(4) : 0;
            t.buffer = 1 + below(4);
            t.window = below(4);
            t.buffer_offset = 8 * below(64);
            t.window_offset = 8 * below(512);
            t.length = 8 * (1 + below(256));
            t.timeout_ns = below(16) * 1'000'000'000ull;
            t.tag = below(8);
        }));
    }

    // One in four has something else somewhere: a bit set, or a word.
    template <class T>
    static T spoiled(T value)
    {
        const unsigned how = below(256);
        if (how % 4 != 3) return value;
        char* const at = reinterpret_cast<char*>(&value) + below(sizeof value);
        if (how < 192) {
            *at = static_cast<char>(*at | 1 << how / 4 % 8);
        } else {
            const std::uint64_t word = how < 224 ? ~0ull << below(64) : decisions->take<std::uint64_t>();
            const auto left = static_cast<std::size_t>(reinterpret_cast<char*>(&value + 1) - at);
            std::memcpy(at, &word, std::min(left, sizeof word));
        }
        return value;
    }

    template <class T>
    void call(unsigned command, const T& value)
    {
        argument all{};
        std::memcpy(&all, &value, sizeof value);
        std::size_t size = sizeof value;
        if (one_in(8)) {
            size = below(sizeof all + 1);
            if (one_in(4)) all.bytes[below(sizeof all)] = std::byte{1};
            command = _IOC(_IOC_DIR(command), CF_IOC_MAGIC, _IOC_NR(command), static_cast<unsigned>(size));
        }
        call(command, all, size);
    }

    void call(unsigned command, argument all, std::size_t size)
    {
        std::uint8_t* const there = rig_user() + argument_at;
        std::memcpy(there, &all, sizeof all);
        if (one_in(16)) rig_user_ends(argument_at + below(size + 1));
        std::array<std::uint8_t, rig_user_bytes> before;
        std::memcpy(before.data(), rig_user(), before.size());
        const long result = rig_ioctl(session_, command, reinterpret_cast<unsigned long>(there));
        rig_user_ends(rig_user_bytes);
        const auto end = static_cast<std::ptrdiff_t>(argument_at + size);
        FUZZ_CHECK(std::equal(before.begin(), before.begin() + argument_at, rig_user()));
        FUZZ_CHECK(std::equal(before.begin() + end, before.end(), rig_user() + end));

        expect_answer(command, result);
        if (result < 0) return;
        std::fill(all.bytes.begin() + static_cast<std::ptrdiff_t>(size), all.bytes.end(), std::byte{0});
        expect_sound(_IOC_NR(command), all);
        if (_IOC_NR(command) != _IOC_NR(CF_IOC_SUBMIT)) return;
        cf_submit answer = {};
        std::memcpy(&answer, there, std::min(size, sizeof answer));
        for (unsigned i = 0; i < answer.submitted; ++i) {
            cf_transfer one;
            const auto at = reinterpret_cast<const std::uint8_t*>(all.submit.transfers) - rig_user();
            std::memcpy(&one, before.data() + at + i * std::size_t{all.submit.stride}, sizeof one);
            expect_sound(one);
        }
    }

    template <class T>
    void ask(unsigned command, T value)
    {
        std::memcpy(rig_user(), &value, sizeof value);
        FUZZ_CHECK(rig_ioctl(session_, command, reinterpret_cast<unsigned long>(rig_user())) == 0);
    }

    void ioctl(unsigned number)
    {
        switch (number) {
        case 0: return call(CF_IOC_INFO, make<cf_info>([](cf_info&) {}));
        case 1:
            return call(CF_IOC_WINDOW, spoiled(make<cf_window_info>([](auto& w) { w.window = below(4); })));
        case 2: return call(CF_IOC_BUFFER_ADD, buffer());
        case 3:
            return call(CF_IOC_BUFFER_REMOVE, spoiled(make<cf_handle>([](auto& h) { h.handle = below(5); })));
        case 4:
            return call(CF_IOC_LEASE, spoiled(make<cf_lease>([](auto& l) {
                            l.direction = 1 + below(2);
                            l.channel = below(4) - 1; // CF_ANY_CHANNEL, or one of 0, 1, 2
                            l.flags = below(2);
                        })));
        case 5: return call(CF_IOC_LEASE_END, spoiled(make<cf_handle>([](auto& h) { h.handle = below(4); })));
        case 6:
            return call(CF_IOC_SETUP, spoiled(make<cf_setup>([](auto& s) {
                            s.slots = one_in(4) ? 0 : 1u << below(4);
                            s.completions = one_in(4) ? 0 : 1u << below(5);
                        })));
        case 7:
            return call(CF_IOC_EVENTFD, spoiled(make<cf_eventfd>([](auto& e) {
                            e.fd = static_cast<__s32>(below(6)) - 1;
                            e.count = below(4);
                            e.delay_us = below(4);
                        })));
        case 8: return submit();
        case 9:
            return call(CF_IOC_TRANSFER, make<cf_transfer_wait>([](auto& w) { w.transfer = transfer(); }));
        default:
            return call(CF_IOC_CANCEL, spoiled(make<cf_cancel>([](auto& c) {
                            c.flags = below(2);
                            c.tag = c.flags == 0 ? below(8) : 0;
                        })));
        }
    }

    static cf_buffer_add buffer()
    {
        return spoiled(make<cf_buffer_add>([](cf_buffer_add& b) {
            b.kind = 1 + below(3);
            b.access = 1 + below(3);
            b.length = 8 * (1 + below(1024));
            if (b.kind == CF_BUFFER_USER)
                b.address = reinterpret_cast<std::uintptr_t>(rig_user()) + 8 * below(1024);
            if (b.kind == CF_BUFFER_DMABUF) b.fd = static_cast<__s32>(3 + below(6));
            if (b.kind == CF_BUFFER_DMABUF && one_in(2)) b.length = 0;
        }));
    }

    void submit()
    {
        const unsigned count = below(8), stride = one_in(8) ? below(256) : 64;
        for (unsigned i = 0; i < count; ++i) {
            const cf_transfer one = transfer();
            std::memcpy(rig_user() + std::size_t{i} * stride, &one, sizeof one);
        }
        call(CF_IOC_SUBMIT, spoiled(make<cf_submit>([&](cf_submit& s) {
                 s.transfers = reinterpret_cast<std::uintptr_t>(rig_user());
                 s.count = count;
                 s.stride = stride;
             })));
    }

    void any_ioctl()
    {
        const auto command = decisions->take<std::uint32_t>();
        argument all;
        for (std::byte& byte : all.bytes) byte = std::byte{decisions->take<std::uint8_t>()};
        const std::size_t size = std::min<std::size_t>(_IOC_SIZE(command), sizeof all);
        call(_IOC(_IOC_DIR(command), _IOC_TYPE(command), _IOC_NR(command), static_cast<unsigned>(size)), all,
             size);
    }

    void ring()
    {
        cf_ring* const shared = rig_ring(session_);
        if (shared == nullptr) return;
        switch (below(8)) {
        case 0: shared->head = decisions->take<std::uint32_t>(); break;
        case 1: shared->quiet = below(4); break;
        case 2: shared->head += below(8) - 4; break;
        case 3:
            rig_spoiled_ring(session_);
            reinterpret_cast<__u32*>(shared)[below(32)] = decisions->take<std::uint32_t>();
            break;
        default: shared->head = shared->tail;
        }
    }

    std::span<cf_transfer> slots()
    {
        unsigned count;
        cf_transfer* const first = rig_slots(session_, &count);
        return {first, count};
    }

    void slot()
    {
        const auto all = slots();
        if (!all.empty()) all[below(all.size())] = transfer();
    }

    void enter()
    {
        rig_enter(true);
        for (unsigned left = 1 + below(4); left != 0 && rig_is_open(session_); --left) command();
        rig_enter(false);
    }

    void command()
    {
        const bool wide = below(2) != 0, cqe32 = below(2) != 0;
        if (!wide) {
            const auto slot = spoiled(make<cf_uring_slot>([](auto& s) { s.slot = below(8); }));
            const unsigned how = below(16);
            const unsigned operation = how == 15   ? decisions->take<std::uint32_t>()
                                       : how == 14 ? CF_URING_INLINE
                                                   : CF_URING_SLOT;
            const long result = rig_command(session_, operation, &slot, false, cqe32);
            if (result == -EIOCBQUEUED_)
                FUZZ_CHECK(operation == CF_URING_SLOT && zero(slot.flags, slot.reserved));
            return told(result);
        }
        const auto payload = spoiled(make<cf_uring_inline>([](auto& i) { i.transfer = transfer(); }));
        const long result = rig_command(session_, CF_URING_INLINE, &payload, true, cqe32);
        if (result == -EIOCBQUEUED_) {
            expect_sound(payload.transfer);
            FUZZ_CHECK(zero(payload.reserved[0], payload.reserved[1]));
        }
        told(result);
    }

    static constexpr long EIOCBQUEUED_ = 529; // the kernel's own: it will be told later

    static void told(long result)
    {
        if (result != -EIOCBQUEUED_) expect_error(result, {in_transfers, {ENOTCONN, ENOTTY}});
    }

    void io()
    {
        const rig_io what = {
            .write = below(2) != 0,
            .waits = below(2) != 0,
            .nowait = below(2) != 0,
            .iterator = below(3),
            .segments = 1 + below(2),
            .address = one_in(16) ? decisions->take<std::uint64_t>()
                                  : reinterpret_cast<std::uintptr_t>(rig_user()) + 8 * below(1024),
            .length = one_in(16) ? decisions->take<std::uint64_t>() : 8 * below(64),
            .position = one_in(4) ? decisions->take<std::uint64_t>() : CF_POSITION(below(4), 8 * below(512))};
        const long result = rig_read_write(session_, &what);
        if (result == -EIOCBQUEUED_) return;
        FUZZ_CHECK(result <= 0 || static_cast<std::size_t>(result) == what.length);
        expect_error(result, {in_transfers, in_outcomes, {EAGAIN, EINTR}});
    }

    unsigned session_ = 0;
};

} // namespace

extern "C" std::uint32_t fuzz_below(std::uint32_t end) { return below(end); }
extern "C" bool fuzz_decides() { return !decisions->empty(); }
extern "C" void rig_told(long result) { expect_error(result, {in_outcomes}); }

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    constexpr std::size_t actions_max = 300;
    cf::fuzz::input choices({reinterpret_cast<const std::byte*>(data), size});
    decisions = &choices;
    const unsigned how = below(16);
    rig_begin();
    program any;
    if ((how & 8) != 0) any.prepare();
    for (std::size_t i = 0; i < actions_max && !choices.empty(); ++i) any.act();
    rig_end((how & 1) != 0, (how & 2) != 0, (how & 4) != 0);
    return 0;
}
