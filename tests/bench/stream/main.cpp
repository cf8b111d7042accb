// SPDX-License-Identifier: MIT
//
// usage: stream-bench duplex SPEC SOURCE SINK | acquire SPEC SINK SECONDS PAUSE_US | channel SPEC MESSAGES
#include "stream_bench.hpp"

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

int main(int argc, char** argv)
try {
    const std::vector<std::string> words(argv + 1, argv + argc);
    const auto is = [&](const char* job, std::size_t more) {
        return words.size() == more + 1 && words[0] == job;
    };
    if (is("duplex", 3)) {
        bench::duplex(words[1], words[2], words[3]);
    } else if (is("acquire", 4)) {
        bench::acquire(words[1], words[2], std::stod(words[3]),
                       std::chrono::microseconds(std::stol(words[4])));
    } else if (is("channel", 2)) {
        bench::channel(words[1], std::stoul(words[2]));
    } else {
        std::fprintf(stderr,
                     "usage: %s duplex SPEC SOURCE SINK | acquire SPEC SINK SECONDS PAUSE_US | "
                     "channel SPEC MESSAGES\n",
                     argv[0]);
        return 2;
    }
    return 0;
} catch (const std::exception& e) {
    std::fprintf(stderr, "%s: %s\n", argv[0], e.what());
    return 1;
}
