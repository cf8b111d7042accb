// SPDX-License-Identifier: MIT
//
// What hardware does wrong, on a served model whose control socket is descriptor 4: in the guests of
// tests/vm. Cases of [fault] leave the device as it was, [unbind] and [vanish] are for the end.
#include "any_device.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace any;
using cf::errc;

namespace {

void model(const std::string& command)
{
    const std::string line = command + "\n";
    REQUIRE(::write(4, line.data(), line.size()) == static_cast<ssize_t>(line.size()));
    std::string answer;
    for (char c = 0; ::read(4, &c, 1) == 1 && c != '\n';) answer += c;
    INFO(command + ": " + answer);
    REQUIRE(answer.starts_with("ok"));
}

const std::string function_path = "/sys/bus/pci/devices/0000:01:00.0";

void tell_kernel(const std::string& path, const std::string& text)
{
    const int file = ::open(path.c_str(), O_WRONLY);
    REQUIRE(file >= 0);
    REQUIRE(::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    ::close(file);
}

/// Makes transfers stall: for good where the module can stop the engine, else for a while.
void stall(const opened& o) { model(o.dev.info().kernel->stops ? "hang" : "late-completion,time=500ms"); }

bool cancels_one(const opened& o)
{
    return o.dev.info().kernel->stops && o.dev.info().kernel->way != cf::kernel_way::rw;
}

/// Behind the end of a turn of the loop what was started in it is the kernel's.
cf::task<> handed_over()
{
    for (int turn = 0; turn < 3; ++turn) co_await cf::yield();
}

cf::task<> write_all(opened& o, cf::buffer& memory, ledger& book)
{
    cf::scope tasks;
    for (std::size_t i = 0; i < book.resumed.size(); ++i)
        tasks.spawn(note(o.dev.write(memory.slice(i * block, block), o.ram.at(i * block)), book, i));
    co_await tasks.join();
}

} // namespace

TEST_CASE("an abort fails one transfer, with its cause", "[fault]")
{
    const std::pair<const char*, errc> causes[] = {{"unsupported_request", errc::unsupported_request},
                                                   {"completer_abort", errc::completer_abort},
                                                   {"completion_timeout", errc::completion_timeout}};
    opened o;
    cf::buffer memory = o.dev.allocate(16 * block);
    for (const auto& [name, code] : causes) {
        INFO(name);
        ledger book(16);
        model(std::string("abort,element=3,channel=rd,cause=") + name);
        o.loop.run(write_all(o, memory, book));
        CHECK(book.each_once());
        const errc expected = o.dev.info().kernel->causes ? code : errc::aborted;
        CHECK(book.count(expected) == 1);
        CHECK(book.count({}) == 15);
        model("clear");
    }
    // What is said of it names the cause and the place.
    model("abort,element=1,channel=rd,cause=unsupported_request");
    try {
        o.loop.run(o.dev.write(memory, o.ram.at(64)));
        FAIL("it was moved");
    } catch (const cf::error& e) {
        CHECK(std::string(e.what()).find("ram@64") != std::string::npos);
    }
    model("clear");
}

TEST_CASE("a transfer that hangs is canceled when the kernel has proven it over", "[fault]")
{
    opened o;
    cf::buffer memory = o.dev.allocate(16 * block);
    stall(o);
    ledger book(16);
    o.loop.run(cf::with_scope([&](cf::scope& tasks) -> cf::task<> {
        for (std::size_t i = 0; i < 16; ++i)
            tasks.spawn(note(o.dev.write(memory.slice(i * block, block), o.ram.at(0)), book, i));
        co_await handed_over();
        tasks.request_stop();
    }));
    CHECK(book.each_once());
    CHECK(book.count(errc::canceled) == 16);
    model("clear");
    CHECK(outcome_of(o, o.dev.write(memory, o.ram.at(0))) == std::error_code{});
}

TEST_CASE("a deadline ends a transfer that hangs", "[fault]")
{
    opened o;
    if (!cancels_one(o)) return; // the module's own deadline does it, later
    cf::buffer memory = o.dev.allocate(block);
    stall(o);
    CHECK(outcome_of(o, o.dev.write(memory, o.ram.at(0), {.deadline = std::chrono::milliseconds(50)})) ==
          errc::timed_out);
    model("clear");
    CHECK(outcome_of(o, o.dev.write(memory, o.ram.at(0))) == std::error_code{});
}

TEST_CASE("a process that is killed leaves nothing behind", "[fault]")
{
    for (int lap = 0; lap < 10; ++lap) {
        int ready[2];
        REQUIRE(::pipe(ready) == 0);
        const pid_t child = ::fork();
        if (child == 0) {
            opened o;
            cf::buffer memory = o.dev.allocate(64 * block);
            ledger book(64);
            const auto program = [&]() -> cf::task<> {
                co_await o.dev.write(memory.slice(0, block), o.ram.at(0));
                static_cast<void>(::write(ready[1], "", 1));
                for (;;) co_await write_all(o, memory, book);
            };
            o.loop.run(program());
        }
        char byte = 0;
        REQUIRE(::read(ready[0], &byte, 1) == 1);
        ::kill(child, SIGKILL);
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        CHECK(WIFSIGNALED(status));
        ::close(ready[0]);
        ::close(ready[1]);
    }
    opened o;
    cf::buffer out = o.dev.allocate(block), in = o.dev.allocate(block);
    fill(out.bytes(), 9);
    o.loop.run(round_trip(o, out, in, 0));
    CHECK(std::ranges::equal(out.bytes(), in.bytes()));
}

TEST_CASE("a device that is unbound ends everything with device_gone", "[unbind]")
{
    char target[256]{};
    REQUIRE(::readlink((function_path + "/driver").c_str(), target, sizeof target - 1) > 0);
    const std::string driver = std::string(target).substr(std::string(target).rfind('/') + 1);
    {
        opened o;
        cf::buffer memory = o.dev.allocate(900 * block);
        ledger book(900);
        stall(o);
        o.loop.run(cf::with_scope([&](cf::scope& tasks) -> cf::task<> {
            tasks.spawn(write_all(o, memory, book));
            co_await handed_over();
            tell_kernel("/sys/bus/pci/drivers/" + driver + "/unbind", "0000:01:00.0");
        }));
        CHECK(book.each_once());
        const std::size_t gone = book.count(errc::device_gone);
        CHECK(gone > 0);
        CHECK(gone + book.count({}) == 900);
        CHECK(outcome_of(o, o.dev.read(memory.slice(0, block), o.ram.at(0))) == errc::device_gone);
        CHECK_THROWS_AS(o.dev.allocate(block), cf::error);
        model("clear");
    }
    tell_kernel("/sys/bus/pci/drivers/" + driver + "/bind", "0000:01:00.0");
    opened o;
    cf::buffer memory = o.dev.allocate(block);
    CHECK(outcome_of(o, o.dev.write(memory, o.ram.at(0))) == std::error_code{});
}

TEST_CASE("an endpoint that dies is never success", "[vanish]")
{
    opened o;
    cf::buffer memory = o.dev.allocate(8 * block);
    model("exit,doorbell=1");
    ledger book(8);
    o.loop.run(write_all(o, memory, book));
    CHECK(book.each_once());
    CHECK(book.count(errc::link_down) + book.count(errc::device_gone) == 8);
}
