// SPDX-License-Identifier: MIT
//
// What the module says in numbers, in the library's words; and which of its ways a session takes. Pure: for
// the rest of this folder, and for tests without a kernel.
#pragma once

#include <counterflow/error.hpp>
#include <counterflow/spec.hpp>
#include <counterflow/uapi.h>

#include <optional>
#include <string_view>

namespace cf::shim {

/// The library's error for an errno of the module's, whether it refused something or a transfer ended so; the
/// tables are in docs/kernel-abi.md. errc{} for 0.
errc to_errc(int number) noexcept;

/// The same for cf_completion.status.
errc status_to_errc(std::uint32_t status) noexcept;

/// The way that transfers take: `wanted`, or uring_cmd where the kernel has it and ring elsewhere. Never rw
/// by itself, which cannot cancel one transfer among many. Throws cf::error: not_supported, with `device` in
/// it.
kernel_way choose_way(const cf_info& info, std::optional<kernel_way> wanted, std::string_view device);

/// The link as the module knows it; a null link when it does not, or when it is none that can be reckoned
/// with.
link_parameters link_of(const cf_info& info) noexcept;

} // namespace cf::shim
