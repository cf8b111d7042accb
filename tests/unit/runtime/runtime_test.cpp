// SPDX-License-Identifier: MIT
//
// runtime: running things, refusing what cannot be, and what it says about itself.
#include "coroutines.hpp"
#include "system.hpp"

#include <counterflow/io.hpp>
#include <counterflow/runtime.hpp>
#include <counterflow/scope.hpp>
#include <counterflow/time.hpp>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <csignal>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <thread>

namespace {

cf::task<int> number(int value)
{
    co_await cf::nop();
    co_return value;
}

// Runs `body` in a child; its exit status, or 256 and the signal.
template <class Body>
int in_child(Body body)
{
    const pid_t child = ::fork();
    if (child == 0) {
        std::signal(SIGABRT, SIG_DFL);
        ::_exit(body());
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) ? 256 + WTERMSIG(status) : WEXITSTATUS(status);
}

// From now on io_uring_setup fails with `error_number` in this process.
bool forbid_io_uring(unsigned error_number)
{
    sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error_number),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog filter{4, program};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

} // namespace

TEST_CASE("run yields the value, throws the exception, and can be called again", "[runtime]")
{
    cf::runtime runtime;
    CHECK(runtime.run(number(1)) == 1);
    CHECK(runtime.run(number(2)) == 2);
    auto fails = []() -> cf::task<int> {
        throw std::runtime_error("no");
        co_return 0;
    };
    CHECK_THROWS_AS(runtime.run(fails()), std::runtime_error);
    CHECK(runtime.run(test::foreign_value{3}) == 3);
    runtime.run(cf::nop());
    auto owner = []() -> cf::task<std::unique_ptr<int>> { co_return std::make_unique<int>(4); };
    CHECK(*runtime.run(owner()) == 4);
    CHECK(cf::sync_wait(number(5)) == 5);
}

TEST_CASE("what is run may be an lvalue, and need not be movable", "[runtime]")
{
    struct fixed {
        explicit fixed(test::gate& g) : open(g) {}
        fixed(const fixed&) = delete;
        fixed& operator=(const fixed&) = delete;
        test::gate::awaiter operator co_await() && noexcept { return test::gate::awaiter(open); }
        test::gate& open;
    };
    cf::runtime runtime;
    std::stop_source stop;
    auto first = number(1);
    auto second = number(2);
    CHECK(runtime.run(first) == 1);
    CHECK(runtime.run(second, stop.get_token()) == 2);
    auto third = number(3);
    CHECK(cf::sync_wait(third) == 3);
    test::gate open;
    runtime.run([](test::gate& g) -> cf::task<> {
        g.open();
        co_return;
    }(open));
    runtime.run(fixed(open), stop.get_token());
}

TEST_CASE("a runtime may be made on one thread and run on another, but then stays there", "[runtime]")
{
    cf::runtime runtime;
    int posted = 0;
    runtime.post([&] { ++posted; });
    std::jthread([&] { CHECK(runtime.run(number(1)) == 1); }).join();
    CHECK(posted == 1);
    CHECK_THROWS_AS(runtime.run(number(2)), cf::error);
}

TEST_CASE("a later thread is not taken for an ended one", "[runtime]")
{
    // Their std::thread::id and even their kernel's number may be the same.
    cf::runtime runtime;
    std::jthread([&] { CHECK(runtime.run(number(1)) == 1); }).join();
    for (int i = 0; i < 10; ++i)
        std::jthread([&] { CHECK_THROWS_AS(runtime.run(number(2)), cf::error); }).join();
}

TEST_CASE("running a runtime inside of itself is refused", "[runtime]")
{
    cf::runtime runtime;
    cf::errc code{};
    runtime.run([](cf::runtime& r, cf::errc& c) -> cf::task<> {
        try {
            r.run(number(1));
        } catch (const cf::error& e) {
            c = static_cast<cf::errc>(e.code().value());
        }
        co_await cf::nop(); // and did no harm
    }(runtime, code));
    CHECK(code == cf::errc::busy);
}

TEST_CASE("another runtime may be run inside of one", "[runtime]")
{
    test::run([]() -> cf::task<> {
        auto& outer = cf::runtime::current();
        int sum = 0;
        for (int i = 0; i < 10; ++i) {
            co_await cf::nop();
            sum += cf::sync_wait(number(1));
            CHECK(&cf::runtime::current() == &outer);
        }
        CHECK(sum == 10);
    });
}

TEST_CASE("what was posted before a runtime is destroyed is called", "[runtime]")
{
    int calls = 0;
    {
        cf::runtime runtime;
        runtime.post([&] { ++calls; });
        runtime.post([&] { ++calls; });
    }
    CHECK(calls == 2);
}

TEST_CASE("so is what that posts", "[runtime]")
{
    int calls = 0;
    {
        cf::runtime runtime;
        runtime.post([&] {
            ++calls;
            runtime.post([&] { ++calls; });
        });
    }
    CHECK(calls == 2);
}

TEST_CASE("a runtime destroyed inside of another one leaves that one's work alone", "[runtime]")
{
    test::run([]() -> cf::task<> {
        auto inner = std::make_unique<cf::runtime>();
        int calls = 0;
        inner->post([&] { ++calls; });
        test::foreign_event event;
        std::string order;
        cf::scope all;
        auto waits = [](test::foreign_event& e) -> cf::task<> { co_await e; };
        all.spawn([](auto make, test::foreign_event& e, std::string& notes) -> cf::task<> {
            co_await make(e);
            notes += 'w';
        }(waits, event, order));
        co_await cf::yield();
        event.set(); // the task has ended; the one that awaits it is to run when this one suspends
        inner.reset();
        order += 'd';
        co_await all.join();
        CHECK(calls == 1);
        CHECK(order == "dw");
    });
}

TEST_CASE("options outside their range are refused with the range", "[runtime]")
{
    const auto refused = [](unsigned entries, unsigned completions) {
        cf::runtime_options options;
        options.entries = entries;
        options.completions = completions;
        try {
            const cf::runtime runtime(options);
        } catch (const cf::error& e) {
            CHECK(e.code() == cf::errc::bad_argument);
            return std::string(e.what());
        }
        return std::string("not refused");
    };
    CHECK(refused(0, 0).find("entries is 0, range 1 to 32768") != std::string::npos);
    CHECK(refused(40'000, 0).find("entries is 40000, range 1 to 32768") != std::string::npos);
    CHECK(refused(64, 8).find("completions is 8, range 64 to 65536") != std::string::npos);
}

TEST_CASE("info says what is in use", "[runtime]")
{
    for (auto options : test::feature_levels()) {
        options.entries = 100;
        cf::runtime runtime(options);
        runtime.run(cf::nop());
        const cf::runtime_info info = runtime.info();
        CHECK(info.reactor == "io_uring");
        CHECK(info.entries == 128);
        CHECK(info.completions >= 128);
        const auto used_only_if_allowed = [](bool used, bool allowed) { return !used || allowed; };
        CHECK(used_only_if_allowed(info.features.single_issuer, options.features.single_issuer));
        CHECK(used_only_if_allowed(info.features.defer_taskrun, options.features.defer_taskrun));
        CHECK(used_only_if_allowed(info.features.coop_taskrun, options.features.coop_taskrun));
        CHECK(used_only_if_allowed(info.features.registered_ring, options.features.registered_ring));
        CHECK(used_only_if_allowed(info.features.multishot_poll, options.features.multishot_poll));
        const std::string text = cf::to_string(info);
        CHECK(text.find("io_uring, 128/") == 0);
        CHECK((text.find("multishot_poll") != std::string::npos) == info.features.multishot_poll);
        CHECK(text.find("Linux " + info.kernel) != std::string::npos);
    }
}

TEST_CASE("a system without io_uring is refused with the cause", "[runtime]")
{
    struct expected {
        int error_number;
        cf::errc code;
    };
    for (const auto& [error_number, code] :
         {expected{EPERM, cf::errc::io_uring_refused}, expected{ENOSYS, cf::errc::io_uring_refused},
          expected{EACCES, cf::errc::io_uring_refused}, expected{ENOMEM, cf::errc::memlock_exceeded}}) {
        const std::string cause = std::system_category().message(error_number);
        const int status = in_child([&] {
            if (!forbid_io_uring(static_cast<unsigned>(error_number))) return 1;
            try {
                const cf::runtime runtime;
            } catch (const cf::error& e) {
                if (e.code() != code) return 2;
                return std::string(e.what()).find(cause) != std::string::npos ? 0 : 3;
            }
            return 4;
        });
        CHECK(status == 0);
    }
}

TEST_CASE("awaiting outside of a runtime ends the program with a message", "[runtime]")
{
    const int status = in_child([] {
        auto outside = []() -> test::foreign_task { co_await cf::nop(); };
        outside();
        return 0;
    });
    CHECK(status == 256 + SIGABRT);
    CHECK(in_child([] {
              cf::runtime::current();
              return 0;
          }) == 256 + SIGABRT);
}

TEST_CASE("many runtimes live on one thread, more than there are places for registered rings", "[runtime]")
{
    std::vector<std::unique_ptr<cf::runtime>> many;
    for (int i = 0; i < 20; ++i) {
        many.push_back(std::make_unique<cf::runtime>());
        CHECK(many.back()->run(number(i)) == i);
    }
    for (int i = 0; i < 20; ++i) CHECK(many[static_cast<std::size_t>(i)]->run(number(i)) == i);
}

TEST_CASE("runtimes that ended elsewhere leave no places occupied", "[runtime]")
{
    std::vector<std::unique_ptr<cf::runtime>> made;
    for (int i = 0; i < 20; ++i) made.push_back(std::make_unique<cf::runtime>());
    std::jthread([&] { // runs them; they are destroyed on the other thread
        for (auto& runtime : made) runtime->run(cf::nop());
    })
        .join();
    for (auto& runtime : made)
        CHECK(runtime->info().features.registered_ring == made.front()->info().features.registered_ring);
}

TEST_CASE("a descriptor that was closed under its watch ends the program with a message", "[runtime]")
{
    const int status = in_child([] {
        cf::runtime_options options;
        options.features.multishot_poll = false; // each event asks for the descriptor anew
        cf::runtime runtime(options);
        const int fd = ::eventfd(0, EFD_CLOEXEC);
        const cf::detail::fd_watch watch(
            runtime, fd, [](void*) noexcept {}, nullptr);
        runtime.run([](int event) -> cf::task<> {
            for (int i = 0; i < 3; ++i) co_await cf::nop();
            ::eventfd_write(event, 1);
            ::close(event);
            co_await cf::until_stop();
        }(fd));
        return 0;
    });
    CHECK(status == 256 + SIGABRT);
}
