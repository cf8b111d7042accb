// SPDX-License-Identifier: MIT
//
// What the examples after the first need around their one idea: the device named on the command
// line, or a modelled endpoint, on a runtime; errors printed; an exit code.
#pragma once

#include <counterflow/device.hpp>
#include <counterflow/runtime.hpp>
#include <counterflow/task.hpp>

#include <cstdio>
#include <exception>

namespace example {

inline int run(int argc, char** argv, cf::task<> (*program)(cf::device&))
{
    try {
        cf::runtime loop;
        cf::device dev(loop, argc > 1 ? argv[1] : "model:gen3x1,wr=4,rd=2");
        loop.run(program(dev));
        return 0;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "%s: %s\n", argv[0], e.what());
        return 1;
    }
}

} // namespace example
