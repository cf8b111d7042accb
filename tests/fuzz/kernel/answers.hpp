// SPDX-License-Identifier: MIT
//
// What calls on the module may answer and what they must not have accepted, by docs/kernel-abi.md: for the
// program of the fuzz target `kernel`.
#pragma once

#include "input.hpp"

#include <counterflow/uapi.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <initializer_list>

namespace cf::fuzz::kernel {

// ---- what docs/kernel-abi.md lets a call answer ----

using errnos = std::initializer_list<int>;

inline constexpr errnos in_any = {EFAULT, E2BIG};
inline constexpr errnos in_transfers = {EINVAL, EMSGSIZE, ERANGE, EADDRNOTAVAIL, ESTALE, ENOENT,
                                        EACCES, EBUSY,    EDOM,   ENOMEM,        ENODEV, EOPNOTSUPP};
inline constexpr errnos in_outcomes = {ENXIO, EREMOTEIO, ETIMEDOUT, EBADMSG, ECOMM,     EBADSLT,
                                       EIO,   ENOLINK,   ENODEV,    ETIME,   ECANCELED, ENOMEM};

inline void expect_error(long result, std::initializer_list<errnos> documented)
{
    if (result >= 0) return;
    for (const errnos& some : documented)
        for (const int error : some)
            if (result == -error) return;
    __builtin_trap();
}

/// By number.
inline constexpr std::array<unsigned, 11> calls = {
    CF_IOC_INFO,  CF_IOC_WINDOW,  CF_IOC_BUFFER_ADD, CF_IOC_BUFFER_REMOVE, CF_IOC_LEASE, CF_IOC_LEASE_END,
    CF_IOC_SETUP, CF_IOC_EVENTFD, CF_IOC_SUBMIT,     CF_IOC_TRANSFER,      CF_IOC_CANCEL};

/// A call is known by type, number and direction; its size may be another one.
inline bool known(unsigned command)
{
    return _IOC_TYPE(command) == CF_IOC_MAGIC && _IOC_NR(command) < calls.size() &&
           _IOC_DIR(command) == _IOC_DIR(calls.at(_IOC_NR(command)));
}

inline void expect_answer(unsigned command, long result)
{
    if (!known(command)) {
        FUZZ_CHECK(result == -ENOTTY);
        return;
    }
    switch (_IOC_NR(command)) {
    case 0x00: return expect_error(result, {{EFAULT}});
    case 0x01: return expect_error(result, {in_any, {EINVAL, ENOENT}});
    case 0x02:
        return expect_error(result, {in_any, {EINVAL, ENOMEM, ERANGE, EADDRNOTAVAIL, EBUSY, EBADF, ENODEV}});
    case 0x03: return expect_error(result, {in_any, {EINVAL, ESTALE}});
    case 0x04: return expect_error(result, {in_any, {EINVAL, ENOMEM, ECHRNG, EBUSY, ENODEV, EOPNOTSUPP}});
    case 0x05: return expect_error(result, {in_any, {EINVAL, ESTALE}});
    case 0x06: return expect_error(result, {in_any, {EINVAL, EBUSY, ENOMEM}});
    case 0x07: return expect_error(result, {in_any, {EINVAL, ENOTCONN, EBADF}});
    case 0x08: return expect_error(result, {in_any, in_transfers, {EAGAIN, ENOTCONN}});
    case 0x09: return expect_error(result, {in_any, in_transfers, in_outcomes, {EINTR}});
    case 0x0a: return expect_error(result, {in_any, {EINVAL}});
    }
}

// ---- what a call must not have accepted ----

inline bool zero(const auto&... fields) { return ((fields == 0) && ...); }

inline void expect_sound(const cf_transfer& t)
{
    FUZZ_CHECK(t.direction == CF_WRITE || t.direction == CF_READ);
    FUZZ_CHECK(zero(t.flags, t.reserved) && t.length >= 1 && t.length <= 1u << 30);
    FUZZ_CHECK(t.timeout_ns <= 60'000'000'000);
}

union argument {
    std::array<std::byte, 256> bytes;
    cf_window_info window;
    cf_buffer_add buffer;
    cf_handle handle;
    cf_lease lease;
    cf_setup setup;
    cf_eventfd event;
    cf_submit submit;
    cf_transfer_wait wait;
    cf_cancel cancel;
};

inline void expect_sound(unsigned number, const argument& a)
{
    const bool reads = number != _IOC_NR(CF_IOC_INFO);
    for (std::size_t i = _IOC_SIZE(calls.at(number)); reads && i < a.bytes.size(); ++i)
        FUZZ_CHECK(a.bytes[i] == std::byte{0});
    switch (number) {
    case 0x01: FUZZ_CHECK(zero(a.window.reserved[0], a.window.reserved[1])); break;
    case 0x02:
        FUZZ_CHECK(zero(a.buffer.flags, a.buffer.reserved[0], a.buffer.reserved[1]));
        FUZZ_CHECK(a.buffer.kind >= 1 && a.buffer.kind <= 3 && a.buffer.access >= 1 && a.buffer.access <= 3);
        break;
    case 0x03:
    case 0x05: FUZZ_CHECK(a.handle.flags == 0); break;
    case 0x04:
        FUZZ_CHECK(zero(a.lease.flags & ~CF_LEASE_EXCLUSIVE, a.lease.reserved[0], a.lease.reserved[1]));
        break;
    case 0x06: FUZZ_CHECK(zero(a.setup.flags, a.setup.reserved)); break;
    case 0x07: FUZZ_CHECK(a.event.flags == 0); break;
    case 0x08: FUZZ_CHECK(zero(a.submit.flags, a.submit.reserved)); break;
    case 0x09: expect_sound(a.wait.transfer); break;
    case 0x0a: FUZZ_CHECK((a.cancel.flags & ~CF_CANCEL_ALL) == 0); break;
    }
}

} // namespace cf::fuzz::kernel
