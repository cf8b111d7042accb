// SPDX-License-Identifier: MIT
//
// The control language of a served endpoint: faults, the link, the end, statistics. A command is a
// word and keys, "abort,element=3,cause=poisoned", written like a device spec; docs/serve.md has the
// grammar.
#pragma once

#include "vfio_user/endpoint.hpp"

#include <string>
#include <string_view>

namespace cf::vfio_user {

/// Does what a command says and returns its answer: "ok", or what was asked for. Throws cf::error
/// (bad_argument) that names the command, the key and the value at fault, and what would be accepted.
std::string execute(endpoint& device, std::string_view text);

} // namespace cf::vfio_user
