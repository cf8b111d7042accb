// SPDX-License-Identifier: MIT
//
// The server as a child process; what it logs says when it is ready and where.
#include "server.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace nats_test {

server::server(const std::string& configuration)
{
    std::string name = (std::filesystem::temp_directory_path() / "counterflow-nats-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder: " + name);
    folder_ = name;
    std::ofstream(folder_ / "nats.conf") << "listen: \"127.0.0.1:-1\"\n"
                                         << "store_dir: \"" << (folder_ / "store").string() << "\"\n"
                                         << configuration << '\n';
    start();
}

server::~server()
{
    kill();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

void server::kill()
{
    if (process_ < 0) return;
    ::kill(process_, SIGKILL);
    while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
    }
    process_ = -1;
    ::close(log_);
}

void server::start()
{
    std::array<int, 2> log{};
    if (::pipe2(log.data(), O_CLOEXEC) < 0) throw std::runtime_error("no pipe");
    const std::string configuration = (folder_ / "nats.conf").string(), store = (folder_ / "store").string();
    const std::string port = std::to_string(port_);
    process_ = ::fork();
    if (process_ < 0) throw std::runtime_error("no process");
    if (process_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::dup2(log[1], STDERR_FILENO);
        ::execl(NATS_SERVER, NATS_SERVER, "-c", configuration.c_str(), "-p", port.c_str(), nullptr);
        ::_exit(127);
    }
    ::close(log[1]);
    log_ = log[0];
    std::FILE* const lines = ::fdopen(::dup(log_), "r");
    std::string all;
    bool ready = false;
    for (std::array<char, 512> line{}; !ready && std::fgets(line.data(), line.size(), lines) != nullptr;) {
        all += line.data();
        const std::string text = line.data();
        constexpr const char* listening = "Listening for client connections on 127.0.0.1:";
        if (const auto at = text.find(listening); at != std::string::npos)
            port_ = std::stoi(text.substr(at + std::string(listening).size()));
        ready = text.find("Server is ready") != std::string::npos;
    }
    if (!ready) throw std::runtime_error("nats-server does not start:\n" + all);
    url_ = "nats://127.0.0.1:" + std::to_string(port_);
    std::fclose(lines);
}

} // namespace nats_test
