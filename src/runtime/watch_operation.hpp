// SPDX-License-Identifier: MIT
//
// What is behind an fd_watch. It outlives the watch until the reactor has let go of it.
#pragma once

#include "runtime/io_operation.hpp"

#include <counterflow/detail/loop.hpp>

namespace cf::detail {

struct fd_watch::watch_operation : io_operation {
    struct in_list : list_node {
        watch_operation* self = nullptr;
    };

    loop* owner = nullptr;
    int fd = -1;
    bool multishot = false;
    bool closed = false;
    bool in_flight = false;
    callback notify = nullptr;
    void* context = nullptr;
    in_list all; ///< in the reactor's list of watches
};

using watch_operation = fd_watch::watch_operation;

} // namespace cf::detail
