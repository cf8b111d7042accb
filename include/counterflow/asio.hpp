// SPDX-License-Identifier: MIT
//
// counterflow in Boost.Asio programs (Boost 1.81 or later), on top of the public API; not part of
// counterflow.hpp, because nothing else needs Boost. See docs/asio.md.
#pragma once

#include <counterflow/asio/await.hpp>
#include <counterflow/asio/device.hpp>
#include <counterflow/asio/stream.hpp>
