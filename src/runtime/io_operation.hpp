// SPDX-License-Identifier: MIT
//
// io_operation: an operation of the runtime's own, which is told about its completion by a call.
#pragma once

#include <counterflow/detail/intrusive_list.hpp>

#include <linux/io_uring.h>

#include <cstdint>

namespace cf::detail {

/// Its user data is its address with bit 0 set, where coroutines' have their frame; bit 0 alone marks
/// completions nobody waits for.
struct io_operation : list_node {
    /// What the loop has to do while the operation stands in its list of requests.
    enum class request : std::uint8_t { submit, cancel };

    void (*prepare)(io_operation&, io_uring_sqe&) noexcept = nullptr; ///< fills in a cleared entry
    void (*complete)(io_operation&, std::int32_t result, std::uint32_t flags) noexcept = nullptr;
    request wanted = request::submit;

    static constexpr std::uint64_t tag = 1;
    std::uint64_t user_data() const noexcept { return reinterpret_cast<std::uintptr_t>(this) | tag; }
};

} // namespace cf::detail
