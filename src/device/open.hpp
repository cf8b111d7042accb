// SPDX-License-Identifier: MIT
//
// From a spec to an attachment.
#pragma once

#include "device/attachment.hpp"
#include <counterflow/detail/loop.hpp>
#include <counterflow/spec.hpp>

#include <memory>

namespace cf::detail {

/// Attaches what `spec` names, for a device on `l`. Throws cf::error; not_supported when the one lives in
/// virtual time and the other does not.
std::unique_ptr<attachment> attach(loop& l, const device_spec& spec);

} // namespace cf::detail
