// SPDX-License-Identifier: MIT
//
// The search, and the processes it runs in.
#include "torture/explorer.hpp"

#include <counterflow/error.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cf::torture {
namespace {

constexpr unsigned patience_s = 60; // of real time, for one path

[[noreturn]] void give_up(exploration& found, const ending& end)
{
    found.end = end;
    found.over = true;
    std::_Exit(0);
}

void count(exploration& found)
{
    ++found.paths;
    for (const act a : found.last_path()) ++found.acts[static_cast<std::size_t>(a)];
    for (const std::uint8_t outcome : found.end.outcomes) ++found.outcomes[outcome];
}

/// Depth first over all paths of `depth`, by the number of the choice at each place.
class search {
public:
    search(const world_plan& plan, unsigned depth, exploration& found)
        : plan_(plan), depth_(depth), found_(found)
    {
    }

    /// False at the first trouble.
    bool run()
    {
        do {
            ::alarm(patience_s);
            found_.length = 0;
            world w(
                plan_, [this](std::span<const act> possible) { return choose(possible); },
                [this](const ending& hung) { give_up(found_, hung); });
            found_.end = w.run();
            count(found_);
            if (!found_.end.good()) return false;
        } while (next());
        return true;
    }

private:
    struct choice {
        std::size_t taken, of;
    };

    std::optional<act> choose(std::span<const act> possible)
    {
        const unsigned at = found_.length;
        if (at == depth_) return std::nullopt;
        if (at == choices_.size()) {
            choices_.push_back({0, possible.size()});
            ++found_.states;
        }
        const act a = possible[choices_[at].taken];
        found_.path[found_.length++] = a;
        return a;
    }

    /// To the next path; false behind the last.
    bool next()
    {
        while (!choices_.empty() && choices_.back().taken + 1 == choices_.back().of) choices_.pop_back();
        if (choices_.empty()) return false;
        ++choices_.back().taken;
        return true;
    }

    const world_plan& plan_;
    unsigned depth_;
    exploration& found_;
    std::vector<choice> choices_; ///< on the way to where the search is
};

/// What `work` finds in a child, which may end before it has said that it is over.
class child {
public:
    explicit child(const std::function<void(exploration&)>& work)
    {
        void* const shared =
            ::mmap(nullptr, sizeof(exploration), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (shared == MAP_FAILED) throw error(failure{{errno, std::system_category()}, "mmap"});
        found_ = new (shared) exploration;
        std::fflush(nullptr);
        pid_ = ::fork();
        if (pid_ < 0) throw error(failure{{errno, std::system_category()}, "fork"});
        if (pid_ != 0) return;
        std::signal(SIGINT, SIG_DFL);
        work(*found_);
        found_->over = true;
        std::_Exit(0);
    }
    child(const child&) = delete;
    child& operator=(const child&) = delete;
    ~child()
    {
        if (pid_ > 0) ::kill(pid_, SIGKILL);
        take();
        ::munmap(found_, sizeof(exploration));
    }

    exploration take() noexcept
    {
        if (pid_ <= 0) return *found_;
        int status = 0;
        while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        pid_ = -1;
        if (found_->over) return *found_;
        const char* const what = !WIFSIGNALED(status)          ? "the path ended its process"
                                 : WTERMSIG(status) == SIGALRM ? "no end within a minute"
                                                               : ::strsignal(WTERMSIG(status));
        std::snprintf(found_->end.trouble.data(), found_->end.trouble.size(), "%s", what);
        return *found_;
    }

private:
    exploration* found_;
    pid_t pid_ = -1;
};

void search_all(const world_plan& plan, unsigned depth, exploration& found)
{
    for (unsigned d = 1; d <= depth; ++d) {
        found = exploration{};
        if (!search(plan, d, found).run()) return;
    }
}

} // namespace

std::vector<exploration> explore(std::span<const world_plan* const> plans, unsigned depth, unsigned processes)
{
    std::vector<exploration> all;
    std::vector<std::unique_ptr<child>> running;
    for (std::size_t next = 0; all.size() < plans.size();) {
        for (; next < plans.size() && running.size() < next + 1 && next - all.size() < processes; ++next) {
            const world_plan& plan = *plans[next];
            running.push_back(std::make_unique<child>(
                [&plan, depth](exploration& found) { search_all(plan, depth, found); }));
        }
        all.push_back(running[all.size()]->take());
    }
    return all;
}

exploration follow(const world_plan& plan, std::span<const act> path)
{
    child one([&](exploration& found) {
        world w(
            plan,
            [&](std::span<const act> acts) -> std::optional<act> {
                if (found.length == path.size()) return std::nullopt;
                const act a = path[found.length];
                if (a != act::corruption && !std::ranges::count(acts, a)) return std::nullopt;
                found.path[found.length++] = a;
                return a;
            },
            [&](const ending& hung) { give_up(found, hung); });
        found.end = w.run();
        count(found);
    });
    const exploration found = one.take();
    if (found.good() && found.length != path.size())
        throw error(errc::bad_argument, "act " + std::to_string(found.length + 1) + " of the path, " +
                                            std::string(name_of(path[found.length])) +
                                            ", is not possible there in " + std::string(plan.name));
    return found;
}

} // namespace cf::torture
