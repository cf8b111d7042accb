// SPDX-License-Identifier: MIT
//
// io_operation: an operation of the runtime's own, which is told about its completion by a call.
#pragma once

#include <counterflow/detail/intrusive_list.hpp>
#include <counterflow/detail/pseudo_frame.hpp>
#include <counterflow/detail/this_thread.hpp>

#include <linux/io_uring.h>

#include <cstdint>

namespace cf::detail {

/// The result of an operation that a virtual reactor refuses; the kernel has no such errno.
inline constexpr std::int32_t not_in_virtual_time = -0x10000;

/// Its user data is its pseudo_frame's address, where coroutines' have their frame.
struct io_operation : pseudo_frame, list_node {
    /// What the loop has to do while the operation stands in its list of requests.
    enum class request : std::uint8_t { submit, cancel };

    io_operation() noexcept
        : pseudo_frame{[](void* frame) noexcept {
              auto& self = *static_cast<io_operation*>(static_cast<pseudo_frame*>(frame));
              const io_answer answer = this_thread.answer;
              self.complete(self, answer.value, answer.flags);
          }}
    {
    }

    void (*prepare)(io_operation&, io_uring_sqe&) noexcept = nullptr; ///< fills in a cleared entry
    void (*complete)(io_operation&, std::int32_t result, std::uint32_t flags) noexcept = nullptr;
    request wanted = request::submit;
};

} // namespace cf::detail
