// SPDX-License-Identifier: MIT
//
// From a spec to an attachment.
#pragma once

#include "device/attachment.hpp"
#include <counterflow/spec.hpp>

#include <memory>

namespace cf::detail {

/// Attaches what `spec` names. Throws cf::error.
std::unique_ptr<attachment> attach(const device_spec& spec);

} // namespace cf::detail
