// SPDX-License-Identifier: MIT
//
// The server on real sockets: clients one after another, the control socket beside them, and each way to end.
#include "client.hpp"

#include "vfio_user/server.hpp"
#include <counterflow/error.hpp>

#include <filesystem>
#include <fstream>
#include <poll.h>
#include <string>
#include <sys/eventfd.h>
#include <sys/un.h>
#include <thread>

using namespace cf;
using namespace cf::vfio_user;
using namespace cf::vfio_user::test;
namespace fs = std::filesystem;

namespace {

struct folder {
    folder()
    {
        std::string name = (fs::temp_directory_path() / "cf-serve-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path = name;
    }
    folder(const folder&) = delete;
    folder& operator=(const folder&) = delete;
    ~folder() { fs::remove_all(path); }
    std::string in(const char* name) const { return path / name; }
    fs::path path;
};

/// A blocking connection.
int connect_to(const std::string& path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    return fd;
}

void wait_readable(int fd)
{
    pollfd ready{fd, POLLIN, 0};
    REQUIRE(::poll(&ready, 1, 10'000) == 1);
}

std::string ask_line(int fd, const std::string& line)
{
    REQUIRE(::send(fd, line.data(), line.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(line.size()));
    std::string got;
    for (char c = 0; c != '\n'; got += c) REQUIRE(::recv(fd, &c, 1, 0) == 1);
    got.pop_back();
    return got;
}

model_spec null_link()
{
    model_spec spec;
    spec.link.generation = 0;
    return spec;
}

struct running_server {
    explicit running_server(bool once = false)
        : device(null_link(), {}),
          served({.socket = files.in("device"), .control = files.in("control"), .once = once}, device),
          thread([this] { how = served.run(stop); })
    {
    }
    running_server(const running_server&) = delete;
    running_server& operator=(const running_server&) = delete;
    ~running_server()
    {
        end();
        ::close(stop);
    }
    server::ending end()
    {
        ::eventfd_write(stop, 1);
        return join();
    }
    server::ending join()
    {
        if (thread.joinable()) thread.join();
        return how;
    }

    folder files;
    int stop = ::eventfd(0, EFD_CLOEXEC);
    endpoint device;
    server served;
    server::ending how{};
    std::thread thread;
};

/// Greets the server as a new client and leaves.
void visit(const std::string& path)
{
    const int fd = connect_to(path);
    client c(fd, [fd] { wait_readable(fd); });
    CHECK(c.ask(command::version, bytes_of(version_payload{0, 1})).error() == 0);
}

} // namespace

TEST_CASE("clients come one after another", "[server]")
{
    running_server s;
    for (int i = 0; i < 3; ++i) visit(s.files.in("device"));
    CHECK(s.end() == server::ending::stopped);
}

TEST_CASE("a server for one client ends with it", "[server]")
{
    running_server s(true);
    visit(s.files.in("device"));
    CHECK(s.join() == server::ending::client_gone);
}

TEST_CASE("the control socket answers with and without a client", "[server]")
{
    running_server s;
    const int control = connect_to(s.files.in("control"));
    CHECK(ask_line(control, "statistics\n").starts_with("loads=0 stores=0"));
    CHECK(ask_line(control, "abort,element=2\r\n") == "ok");
    CHECK(ask_line(control, "nonsense\n").starts_with("error: 'nonsense' is no command"));
    const int second = connect_to(s.files.in("control"));
    CHECK(ask_line(second, "clear\n") == "ok");
    visit(s.files.in("device"));
    CHECK(ask_line(control, "link-down\nlink-up\n") == "ok");
    CHECK(ask_line(second, "exit\n") == "ok");
    CHECK(s.join() == server::ending::vanished);
    ::close(control);
    ::close(second);
}

TEST_CASE("a line without an end is not read for ever", "[server]")
{
    running_server s;
    const int control = connect_to(s.files.in("control"));
    const std::string much(control_port::line_bytes_max + 1, 'x');
    REQUIRE(::send(control, much.data(), much.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(much.size()));
    wait_readable(control);
    char c;
    CHECK(::recv(control, &c, 1, 0) <= 0);
    ::close(control);
    visit(s.files.in("device"));
}

TEST_CASE("sockets go with their server, and abandoned ones are taken over", "[server]")
{
    const folder files;
    const std::string path = files.in("device");
    {
        const listener first(path);
        CHECK(fs::exists(path));
        CHECK_THROWS_AS(listener(path), cf::error); // somebody listens there
        CHECK(fs::exists(path));
    }
    CHECK_FALSE(fs::exists(path));
    {
        const file_descriptor abandoned(::socket(AF_UNIX, SOCK_STREAM, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        REQUIRE(::bind(abandoned.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    }
    CHECK(fs::exists(path));
    const listener again(path);
    CHECK(fs::exists(path));
    std::ofstream(files.in("file")) << "kept";
    CHECK_THROWS_AS(listener(files.in("file")), cf::error);
    CHECK(fs::file_size(files.in("file")) == 4);
    CHECK_THROWS_AS(listener(std::string(200, 'x')), cf::error);
    CHECK_THROWS_AS(listener(""), cf::error);
}

TEST_CASE("specs that no endpoint has are refused", "[server]")
{
    const auto refused = [](auto change) {
        model_spec spec = null_link();
        change(spec);
        CHECK_THROWS_AS(endpoint(spec, {}), cf::error);
    };
    refused([](model_spec& s) { s.near = port_end::endpoint; });
    refused([](model_spec& s) { s.engine = engine_choice::local; });
    refused([](model_spec& s) { s.engine = engine_choice::both; });
    refused([](model_spec& s) { s.wake = wake_mode::poll; });
    refused([](model_spec& s) { s.ram_bytes = 4096; });
    refused([](model_spec& s) { s.backing = "/tmp/x"; });
    CHECK_THROWS_AS(endpoint(null_link(), {.msix = 33}), cf::error);
}
