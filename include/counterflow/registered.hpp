// SPDX-License-Identifier: MIT
//
// Memory and files that are registered with a runtime's ring once, so that operations on them need not look
// up pages and descriptors each time.
#pragma once

#include <counterflow/detail/export.hpp>
#include <counterflow/file_descriptor.hpp>
#include <counterflow/io.hpp>
#include <counterflow/runtime.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace cf {

/// Pins memory and registers it with a runtime, for read_fixed(), write_fixed() and send_zc_fixed(); one
/// a runtime at a time. The memory must outlive this object and operations on it.
///
/// Thread rule: made and destroyed on the runtime's thread. Before Linux 5.13 only before the runtime first
/// runs, and the pins last until the runtime's end. In virtual time nothing is pinned.
class CF_API registered_buffers {
public:
    /// `memory[i]` is buffer i; up to 16384 of up to 1 GiB. Throws cf::error: errc::busy when the runtime has
    /// some already, or has run and the kernel is older than 5.13; errc::memlock_exceeded;
    /// errc::bad_argument.
    registered_buffers(runtime& with, std::span<const std::span<std::byte>> memory);
    registered_buffers(const registered_buffers&) = delete;
    registered_buffers& operator=(const registered_buffers&) = delete;
    ~registered_buffers();

private:
    runtime& runtime_;
};

/// Registers open files with a runtime; one a runtime at a time. They stay open for the runtime when their
/// descriptors are closed. Not in virtual time.
///
/// Thread rule: as registered_buffers.
class CF_API registered_files {
public:
    /// Throws cf::error as registered_buffers, and when one is no descriptor.
    registered_files(runtime& with, std::span<const int> descriptors);
    registered_files(const registered_files&) = delete;
    registered_files& operator=(const registered_files&) = delete;
    ~registered_files();

    /// The file of descriptors[index], for all awaits that take a file_ref.
    registered_file operator[](std::size_t index) const noexcept
    {
        return {static_cast<std::uint32_t>(index)};
    }

private:
    runtime& runtime_;
};

/// read_at() into memory that lies in registered buffer number `buffer`.
[[nodiscard]] inline auto read_fixed(file_ref file, std::span<std::byte> into, std::uint64_t offset,
                                     unsigned buffer) noexcept
{
    return detail::read_fixed_awaiter(file, into, offset, buffer);
}

/// write_at() out of memory that lies in registered buffer number `buffer`.
[[nodiscard]] inline auto write_fixed(file_ref file, std::span<const std::byte> from, std::uint64_t offset,
                                      unsigned buffer) noexcept
{
    return detail::write_fixed_awaiter(file, from, offset, buffer);
}

} // namespace cf
