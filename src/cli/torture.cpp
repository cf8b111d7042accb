// SPDX-License-Identifier: MIT
//
// `counterflow torture`: fault campaigns in virtual time, on all processors. A seed that finds trouble is
// made small and told with the command that repeats it.
#include "cli/explore.hpp"
#include "cli/format.hpp"
#include "cli/json.hpp"
#include "cli/options.hpp"
#include "cli/print.hpp"
#include "cli/session.hpp"
#include "torture/child.hpp"
#include "torture/shrink.hpp"

#include <counterflow/error.hpp>
#include <counterflow/log.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <poll.h>
#include <unistd.h>

namespace cf::cli {
namespace {

using torture::tally;

struct torture_options {
    std::string seeds = "1..10000";
    std::uint64_t transfers = 1000;
    std::string faults = "all";
    std::vector<unsigned> only;                                      ///< numbers of events
    std::uint64_t until = std::numeric_limits<std::uint64_t>::max(); ///< transfers of a plan that are run
    unsigned processes = 0;                                          ///< 0: one a processor
    explore_options explore;
};

constexpr std::uint64_t endless = std::numeric_limits<std::uint64_t>::max();

/// A seed that found trouble, as small as it could be made.
struct finding {
    tally found;
    torture::plan smallest;
};
constexpr std::size_t findings_max = 3; ///< that are made small; of more the seeds are named

struct result {
    tally sum;
    std::uint64_t seeds = 0;
    std::vector<std::uint64_t> failing;
    std::vector<finding> findings;
    double seconds = 0;
};

std::uint64_t parse_seed(std::string_view text, const std::string& whole)
{
    std::uint64_t value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc() || end != text.data() + text.size())
        throw error(errc::bad_argument,
                    "--seeds is '" + whole +
                        "'; it must be a number, FIRST..LAST, or FIRST.. for all that follow");
    return value;
}

torture::seed_range parse_seeds(const std::string& text)
{
    const std::size_t dots = text.find("..");
    if (dots == std::string::npos) return {parse_seed(text, text), parse_seed(text, text)};
    const std::string_view all(text);
    const std::string_view last = all.substr(dots + 2);
    const torture::seed_range range{parse_seed(all.substr(0, dots), text),
                                    last.empty() ? endless : parse_seed(last, text)};
    if (range.last < range.first)
        throw error(errc::bad_argument, "--seeds is '" + text + "'; the first must not be above the last");
    return range;
}

torture::plan plan_of(std::uint64_t seed, const torture_options& options, torture::fault_set faults)
{
    torture::plan p = torture::make_plan(seed, options.transfers, faults);
    p.transfers = std::min(p.transfers, options.until);
    if (!options.only.empty())
        std::erase_if(p.events,
                      [&](const torture::event& e) { return !std::ranges::count(options.only, e.number); });
    return p;
}

std::string replay_of(const torture::plan& p, const torture_options& options)
{
    std::string text = "counterflow torture --seeds " + std::to_string(p.seed) + " --transfers " +
                       std::to_string(options.transfers) + " --faults " + options.faults;
    if (p.transfers < options.transfers) text += " --until " + std::to_string(p.transfers);
    for (std::size_t i = 0; i < p.events.size(); ++i)
        text += (i == 0 ? " --only " : ",") + std::to_string(p.events[i].number);
    return text;
}

/// A line now and then, over itself on a terminal.
class progress {
public:
    progress(bool quiet, std::uint64_t seeds) : quiet_(quiet), seeds_(seeds), terminal_(::isatty(2) != 0) {}
    ~progress()
    {
        if (shown_ && terminal_) std::fputs("\r\x1b[K", stderr);
    }

    void show(const result& r)
    {
        const auto now = std::chrono::steady_clock::now();
        if (quiet_ || now - last_ < (terminal_ ? std::chrono::milliseconds(200) : std::chrono::seconds(10)))
            return;
        const double seconds = std::chrono::duration<double>(now - start_).count();
        std::string text =
            grouped(r.seeds) + (seeds_ == 0 ? "" : " of " + grouped(seeds_)) + " seeds, " +
            grouped(static_cast<std::uint64_t>(static_cast<double>(r.sum.transfers) / seconds)) +
            " transfers/s, " + grouped(r.failing.size()) + " failing";
        std::fprintf(stderr, terminal_ ? "\r%s\x1b[K" : "%s\n", text.c_str());
        last_ = now;
        shown_ = true;
    }

private:
    bool quiet_;
    std::uint64_t seeds_;
    bool terminal_;
    bool shown_ = false;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now(), last_ = start_;
};

unsigned processes_of(const torture_options& options)
{
    return options.processes != 0 ? options.processes : std::max(1u, std::thread::hardware_concurrency());
}

result run_all(const torture_options& options, const common_options& common)
{
    const torture::seed_range seeds = parse_seeds(options.seeds);
    const torture::fault_set faults = torture::parse_faults(options.faults);
    const auto make = [&](std::uint64_t seed) { return plan_of(seed, options, faults); };
    const signal_watch signals;
    progress line(common.quiet, seeds.last == endless ? 0 : seeds.last - seeds.first + 1);
    result r;
    std::vector<tally> troubles;
    const auto start = std::chrono::steady_clock::now();
    torture::run_in_children(seeds, make, processes_of(options), signals.fd(), [&](const tally& t) {
        ++r.seeds;
        r.sum.add(t);
        if (!t.good()) {
            r.failing.push_back(t.seed);
            if (troubles.size() < findings_max) troubles.push_back(t);
        }
        line.show(r);
    });
    r.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::ranges::sort(r.failing);
    for (const tally& t : troubles) {
        torture::plan smallest = torture::shrink(make(t.seed), t, torture::run_in_child);
        const tally found = torture::run_in_child(smallest); // may be another trouble than the first
        r.findings.push_back({found, std::move(smallest)});
    }
    pollfd stopped{signals.fd(), POLLIN, 0};
    if (::poll(&stopped, 1, 0) > 0) signals.take(); // the way to end an endless run
    return r;
}

json to_json(const result& r, const torture_options& options)
{
    json outcomes = json::object(), faults = json::object(), findings = json::array();
    for (std::size_t i = 0; i < torture::outcome_count; ++i)
        if (r.sum.outcomes[i]) outcomes[torture::outcome_name(i)] = r.sum.outcomes[i];
    for (std::size_t i = 0; i < torture::fault_count; ++i)
        if (r.sum.faults[i])
            faults[std::string(torture::name_of(static_cast<torture::fault>(i)))] = r.sum.faults[i];
    for (const finding& f : r.findings) {
        json events = json::array();
        for (const torture::event& e : f.smallest.events) events.push_back(torture::describe(e));
        findings.push_back({{"seed", f.found.seed},
                            {"trouble", f.found.first.data()},
                            {"transfer", f.found.first_at},
                            {"device", f.smallest.device},
                            {"list_elements", f.smallest.list_elements},
                            {"replay", replay_of(f.smallest, options)},
                            {"events", events}});
    }
    return {{"seeds", r.seeds},
            {"transfers", r.sum.transfers},
            {"outcomes", outcomes},
            {"faults", faults},
            {"lost", r.sum.lost},
            {"double_resumes", r.sum.double_resumes},
            {"corrupt", r.sum.corrupt},
            {"unexpected", r.sum.unexpected},
            {"hung", r.sum.hung},
            {"crashed", r.sum.crashed},
            {"failing_seeds", r.failing},
            {"findings", findings},
            {"trace_hash", hexadecimal(r.sum.hash)},
            {"virtual_seconds", static_cast<double>(r.sum.virtual_ns) * 1e-9},
            {"seconds", r.seconds}};
}

std::string to_text(const result& r, const torture_options& options)
{
    std::string text = grouped(r.seeds) + " seeds, " + grouped(r.sum.transfers) + " transfers in " +
                       human_time(r.seconds * 1e9) + " (" +
                       human_time(static_cast<double>(r.sum.virtual_ns)) + " of virtual time)\n\noutcomes";
    for (std::size_t i = 0; i < torture::outcome_count; ++i)
        if (r.sum.outcomes[i]) text += "  " + torture::outcome_name(i) + " " + grouped(r.sum.outcomes[i]);
    text += "\nfaults  ";
    for (std::size_t i = 0; i < torture::fault_count; ++i)
        if (r.sum.faults[i])
            text += "  " + std::string(torture::name_of(static_cast<torture::fault>(i))) + " " +
                    grouped(r.sum.faults[i]);
    text += "\ntrace     " + hexadecimal(r.sum.hash) + "\n";
    if (r.failing.empty())
        return text + "verdict   nothing lost, nothing resumed twice, nothing corrupt, nothing hung\n";
    text += "verdict   " + grouped(r.sum.lost) + " lost, " + grouped(r.sum.double_resumes) +
            " resumed twice, " + grouped(r.sum.corrupt) + " corrupt, " + grouped(r.sum.unexpected) +
            " unexpected, " + grouped(r.sum.hung) + " hung, " + grouped(r.sum.crashed) +
            " crashed\nfailing  ";
    for (const std::uint64_t seed : r.failing) text += " " + std::to_string(seed);
    for (const finding& f : r.findings) {
        text += "\n\nseed " + std::to_string(f.found.seed) + ", transfer " +
                std::to_string(f.found.first_at) + ": " + f.found.first.data() + "\n  " +
                replay_of(f.smallest, options) + "\n  on " + f.smallest.device + ", lists of " +
                std::to_string(f.smallest.list_elements) + " elements";
        for (const torture::event& e : f.smallest.events) text += "\n  " + torture::describe(e);
    }
    return text + "\n";
}

int torture_command(const torture_options& options, const common_options& common)
{
    if (common.log_level.empty()) set_log_level("off"); // what is injected on purpose is no news
    if (options.explore.wanted()) return explore_command(options.explore, processes_of(options), common);
    const result r = run_all(options, common);
    print(common.json ? text_of(to_json(r, options)) : to_text(r, options));
    return r.failing.empty() ? done : failed;
}

} // namespace

void add_torture(CLI::App& app, common_options& common, chosen_command& chosen)
{
    CLI::App* const command = app.add_subcommand(
        "torture", "Seeded fault campaigns in virtual time: is anything lost, under any fault?");
    auto options = std::make_shared<torture_options>();
    command->add_option("--seeds", options->seeds, "A seed, FIRST..LAST, or FIRST.. until it is stopped")
        ->capture_default_str();
    command->add_option("--transfers", options->transfers, "Transfers a seed")
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000}))
        ->capture_default_str();
    command->add_option("--faults", options->faults, "all, or names with commas between")
        ->capture_default_str();
    command
        ->add_option("--processes", options->processes, "Campaigns at a time; one a processor unless given")
        ->check(CLI::Range(1, 1024));
    command->add_option("--only", options->only, "Keep only these events, by their numbers")->delimiter(',');
    command->add_option("--until", options->until, "Run so many transfers of each plan");
    add_explore_options(*command, options->explore);
    add_output_options(*command, common);
    command->add_flag("-q,--quiet", common.quiet, "Show no progress");
    command->callback([options, &common, &chosen] {
        chosen = [options, &common] { return torture_command(*options, common); };
    });
}

} // namespace cf::cli
