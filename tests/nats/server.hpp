// SPDX-License-Identifier: MIT
//
// A real nats-server with JetStream for a test: on a port of its own, its files in a folder of its own,
// killed and started again at will.
#pragma once

#include <filesystem>
#include <string>

#include <sys/types.h>

namespace nats_test {

class server {
public:
    /// Ready when this returns. `configuration`: more lines of its configuration file.
    explicit server(const std::string& configuration = "jetstream: enabled");
    server(const server&) = delete;
    server& operator=(const server&) = delete;
    ~server();

    const std::string& url() const noexcept { return url_; }

    void kill();  ///< as a crash does: SIGKILL
    void start(); ///< on the same port and files

private:
    std::filesystem::path folder_;
    std::string url_;
    int port_ = -1; ///< the server chooses
    pid_t process_ = -1;
    int log_ = -1; ///< open as long as it runs: it may write there
};

} // namespace nats_test
