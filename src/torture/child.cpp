// SPDX-License-Identifier: MIT
//
// Processes, and the pipes through which they report.
#include "torture/child.hpp"

#include "torture/campaign.hpp"
#include <counterflow/error.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <optional>

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cf::torture {
namespace {

constexpr unsigned patience_s = 60; // of real time, for one campaign

/// One child, which runs every `stride`-th seed. What it has not reported when it ends is what ended it.
class child {
public:
    child(std::uint64_t first, std::uint64_t last, std::uint64_t stride,
          const std::function<plan(std::uint64_t)>& make)
        : make_(make), next_(first), last_(last), stride_(stride)
    {
        start();
    }
    child(const child&) = delete;
    child& operator=(const child&) = delete;
    ~child()
    {
        if (pid_ > 0) ::kill(pid_, SIGKILL);
        end();
    }

    int fd() const noexcept { return read_end_; }
    bool over() const noexcept { return next_ > last_; }

    /// Waits for what the child says next.
    tally take()
    {
        tally t;
        std::size_t got = 0;
        while (got < sizeof t) {
            const ssize_t n = ::read(read_end_, reinterpret_cast<char*>(&t) + got, sizeof t - got);
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) break;
            got += static_cast<std::size_t>(n);
        }
        const bool crashed = got < sizeof t;
        if (crashed) {
            const int status = end();
            t = tally{};
            t.seed = next_;
            t.crashed = 1;
            t.blame(0, WIFSIGNALED(status) && WTERMSIG(status) != SIGALRM ? ::strsignal(WTERMSIG(status))
                       : WIFSIGNALED(status)                              ? "no end within a minute"
                                                                          : "ended by itself");
        }
        next_ = t.seed + stride_;
        const bool ended = crashed || t.hung != 0;
        if (ended && !crashed) end();
        if (ended && !over()) start();
        return t;
    }

private:
    void start()
    {
        int ends[2];
        if (::pipe(ends) != 0) throw error(failure{{errno, std::system_category()}, "pipe"});
        pid_ = ::fork();
        if (pid_ < 0) throw error(failure{{errno, std::system_category()}, "fork"});
        if (pid_ == 0) {
            ::close(ends[0]);
            work(ends[1]);
        }
        ::close(ends[1]);
        read_end_ = ends[0];
    }

    [[noreturn]] void work(int out) const
    {
        // Stopping is the parent's business, which ends its children.
        std::signal(SIGINT, SIG_IGN);
        const auto report = [out](const tally& t) {
            if (::write(out, &t, sizeof t) != static_cast<ssize_t>(sizeof t)) std::_Exit(1);
        };
        for (std::uint64_t seed = next_; seed <= last_; seed += stride_) {
            ::alarm(patience_s);
            const plan p = make_(seed);
            campaign one(p, [&](const tally& hung) {
                report(hung);
                std::_Exit(0);
            });
            report(one.run());
            if (seed > last_ - stride_) break; // or the sum would wrap
        }
        std::_Exit(0);
    }

    /// Its exit status.
    int end() noexcept
    {
        int status = 0;
        if (pid_ > 0) ::waitpid(pid_, &status, 0);
        if (read_end_ >= 0) ::close(read_end_);
        pid_ = -1;
        read_end_ = -1;
        return status;
    }

    const std::function<plan(std::uint64_t)>& make_;
    std::uint64_t next_, last_, stride_;
    pid_t pid_ = -1;
    int read_end_ = -1;
};

} // namespace

tally run_in_child(const plan& p)
{
    const std::function<plan(std::uint64_t)> make = [&](std::uint64_t) { return p; };
    return child(p.seed, p.seed, 1, make).take();
}

void run_in_children(seed_range seeds, const std::function<plan(std::uint64_t)>& make, unsigned processes,
                     int stop_fd, const std::function<void(const tally&)>& ended)
{
    std::vector<std::unique_ptr<child>> children;
    for (unsigned i = 0; i < processes && seeds.first + i <= seeds.last; ++i)
        children.push_back(std::make_unique<child>(seeds.first + i, seeds.last, processes, make));
    while (!children.empty()) {
        std::vector<pollfd> ready{{stop_fd, POLLIN, 0}};
        for (const auto& c : children) ready.push_back({c->fd(), POLLIN, 0});
        if (::poll(ready.data(), ready.size(), -1) < 0) continue;
        if (ready[0].revents != 0) return;
        for (std::size_t i = children.size(); i-- > 0;) {
            if (ready[i + 1].revents == 0) continue;
            ended(children[i]->take());
            if (children[i]->over()) children.erase(children.begin() + static_cast<std::ptrdiff_t>(i));
        }
    }
}

} // namespace cf::torture
