// SPDX-License-Identifier: MIT
//
// with-nats-server PROGRAM: runs PROGRAM with the URL of a server made for it; its exit code is the result.
#include "server.hpp"

#include <cstdio>
#include <cstdlib>
#include <exception>

#include <sys/wait.h>

int main(int count, char** words)
try {
    if (count != 2) return 2;
    const nats_test::server s;
    const int status = std::system((std::string(words[1]) + ' ' + s.url()).c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
} catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
}
