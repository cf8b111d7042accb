// SPDX-License-Identifier: MIT
//
// What counterflow says about itself: log lines on stderr, by part and level, and the last
// events before something went wrong, which are kept whatever the level is.
#pragma once

#include <counterflow/detail/export.hpp>

#include <cstdio>
#include <string>
#include <string_view>

namespace cf {

/// Sets what is logged from now on: a level for every part ("info"), or levels by part
/// ("edma=debug,device=info"; parts not named keep theirs), in any order and mixed. Parts:
/// runtime, device, edma, model, cli. Levels: trace, debug, info, warn, error, off; `warn` until
/// something else is said here or in the environment variable COUNTERFLOW_LOG, which takes the
/// same grammar. Throws cf::error (bad_argument) and then changes nothing. Any thread.
CF_API void set_log_level(std::string_view levels);

/// The last events of this process, oldest first, a line each: devices opened and closed, aborts
/// and recoveries, the link going down and up. At most 256. Any thread.
CF_API std::string last_events();

/// Writes last_events() to `out` under a heading, or nothing when there are none. Any thread.
CF_API void dump_last_events(std::FILE* out);

} // namespace cf
