// SPDX-License-Identifier: MIT
//
// io_uring_enter as an instruction in the caller. On CPUs whose mitigations flush the return
// predictor in the kernel, every `ret` that crosses a system call is mispredicted: through a library
// function the same call takes about a third of a round trip longer.
#pragma once

#include <cerrno>
#include <cstddef>
#include <sys/syscall.h>
#include <unistd.h>

namespace cf::detail {

/// Returns what the kernel returns: the number of submissions taken, or -errno.
[[gnu::always_inline]] inline int io_uring_enter(int fd, unsigned submit, unsigned wait, unsigned flags,
                                                 const void* argument, std::size_t argument_bytes) noexcept
{
#if defined(__x86_64__)
    long result;
    register long r10 asm("r10") = flags;
    register const void* r8 asm("r8") = argument;
    register std::size_t r9 asm("r9") = argument_bytes;
    asm volatile("syscall"
                 : "=a"(result)
                 : "0"(static_cast<long>(__NR_io_uring_enter)), "D"(fd), "S"(submit), "d"(wait), "r"(r10),
                   "r"(r8), "r"(r9)
                 : "rcx", "r11", "memory");
    return static_cast<int>(result);
#elif defined(__aarch64__)
    register long x8 asm("x8") = __NR_io_uring_enter;
    register long x0 asm("x0") = fd;
    register long x1 asm("x1") = submit;
    register long x2 asm("x2") = wait;
    register long x3 asm("x3") = flags;
    register const void* x4 asm("x4") = argument;
    register std::size_t x5 asm("x5") = argument_bytes;
    asm volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory", "cc");
    return static_cast<int>(x0);
#else
    const long result = ::syscall(__NR_io_uring_enter, fd, submit, wait, flags, argument, argument_bytes);
    return result < 0 ? -errno : static_cast<int>(result);
#endif
}

} // namespace cf::detail
