// SPDX-License-Identifier: MIT
//
// `counterflow record`: reads a place in far memory again and again, and puts every block into a file. Tasks
// carry one block each, from the engine to the disk out of the same memory.
#include "cli/distinct.hpp"
#include "cli/format.hpp"
#include "cli/monitor.hpp"
#include "cli/options.hpp"
#include "cli/outputs.hpp"
#include "cli/pipeline.hpp"
#include "cli/session.hpp"

#include <counterflow/as_result.hpp>
#include <counterflow/error.hpp>
#include <counterflow/record.hpp>
#include <counterflow/scope.hpp>
#include <counterflow/time.hpp>
#include <counterflow/when_any.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>

#include <sys/statvfs.h>

namespace cf::cli {
namespace {

struct record_command {
    std::string device, file;
    std::string window = "ram";
    std::string offset = "0", block = "1MiB", span;
    std::string size, rotate_size;
    double seconds = 0, rotate_seconds = 0, period_us = 0;
    unsigned outstanding = 8;
    bool overwrite = false, resume = false;
};

std::uint64_t nanoseconds(double seconds) { return static_cast<std::uint64_t>(seconds * 1e9); }

class acquisition {
public:
    struct limits {
        std::uint64_t blocks = ~std::uint64_t{0};
        std::uint64_t end_ns = ~std::uint64_t{0}; ///< by the runtime's clock
        std::uint64_t period_ns = 0;              ///< 0: as fast as it goes
    };

    acquisition(session& s, window_place from, std::uint64_t slots, std::size_t block, unsigned lanes,
                recorder& into, monitor& m, limits until)
        : session_(s),
          from_(from),
          slots_(slots),
          block_(block),
          lanes_(lanes),
          into_(into),
          monitor_(m),
          limits_(until),
          memory_(s.device.allocate(block * lanes)),
          start_ns_(m.now())
    {
    }

    task<> run() { co_await when_any(all_lanes(), until_told(), progress()); }

private:
    task<> all_lanes()
    {
        co_await with_scope([this](scope& all) -> task<> {
            for (unsigned i = 0; i < lanes_; ++i) all.spawn(lane(i));
            co_return;
        });
    }

    task<> lane(unsigned index)
    {
        const buffer_slice slice = memory_.slice(index * block_, block_);
        const auto bytes = memory_.bytes().subspan(index * block_, block_);
        while (!told_ && next_ < limits_.blocks && monitor_.now() < limits_.end_ns) {
            const std::uint32_t lost = skip_missed();
            const std::uint64_t number = next_++;
            const std::uint64_t place_in_file = taken_++;
            if (limits_.period_ns != 0)
                co_await sleep_until(clock::time_point(
                    clock::duration(static_cast<clock::rep>(start_ns_ + number * limits_.period_ns))));
            const std::uint64_t begun = monitor_.now();
            const window_place place{from_.device, from_.window, from_.offset + number % slots_ * block_};
            co_await session_.device.read(slice, place);
            const std::uint64_t here = monitor_.now();
            monitor_.count(transfer_kind::read, block_, begun, here);
            // Blocks stand in the file in their order; writes go on side by side.
            co_await turn_.reaches(place_in_file);
            turn_.advance_to(place_in_file + 1);
            // Blocks that overtook each other on the link came when the later one was there.
            stamp_ns_ = std::max(stamp_ns_, here);
            co_await into_.write({bytes, number, stamp_ns_, lost});
        }
    }

    /// Blocks whose whole period has passed before anyone could read them.
    std::uint32_t skip_missed()
    {
        if (limits_.period_ns == 0) return 0;
        const std::uint64_t due = (monitor_.now() - start_ns_) / limits_.period_ns;
        const std::uint64_t lost = due > next_ ? due - next_ : 0;
        next_ += lost;
        return static_cast<std::uint32_t>(std::min<std::uint64_t>(lost, ~std::uint32_t{0}));
    }

    /// A signal ends the recording in order: blocks under way are finished.
    task<> until_told()
    {
        if (session_.loop.simulation() == nullptr) {
            (void)co_await as_result(session_.signals.wait());
            told_ = true;
        }
        co_await until_stop();
    }

    task<> progress()
    {
        for (;;) {
            const record_statistics now = into_.statistics();
            struct statvfs disk {};
            const bool known = ::statvfs(into_.path().c_str(), &disk) == 0;
            monitor_.note("queue " + std::to_string(now.outstanding) + "/" + std::to_string(lanes_) +
                          "  lost " + grouped(now.lost) +
                          (known ? "  disk " + human_size(disk.f_bavail * disk.f_frsize) : ""));
            monitor_.sample(-1);
            co_await sleep_for(sample_period);
        }
    }

    session& session_;
    const window_place from_;
    const std::uint64_t slots_;
    const std::size_t block_;
    const unsigned lanes_;
    recorder& into_;
    monitor& monitor_;
    const limits limits_;
    buffer memory_;
    const std::uint64_t start_ns_;
    std::uint64_t next_ = 0; ///< block that no lane has taken
    std::uint64_t taken_ = 0;
    std::uint64_t stamp_ns_ = 0; ///< of the last block in the file
    sequence turn_;
    bool told_ = false;
};

record_options options_of(const record_command& command, std::size_t block)
{
    if (command.overwrite && command.resume)
        throw error(errc::bad_argument, "--overwrite and --resume exclude each other");
    record_options options;
    options.block_bytes = block;
    options.outstanding = command.outstanding;
    options.existing = command.overwrite ? existing_record::overwrite
                       : command.resume  ? existing_record::resume
                                         : existing_record::refuse;
    options.direct = block % 4096 == 0;
    if (!command.rotate_size.empty()) options.rotate_bytes = parse_size(command.rotate_size, "--rotate-size");
    options.rotate_time = std::chrono::nanoseconds(nanoseconds(command.rotate_seconds));
    options.source = command.device + "/" + command.window + "@" + command.offset;
    return options;
}

int record(const record_command& command, const common_options& common)
{
    const device_spec spec = parse_spec(command.device);
    require_distinct({{"FILE", command.file},
                      {"backing=", spec.model.backing},
                      {"--report", common.report},
                      {"--trace", common.trace}});
    const auto block = static_cast<std::size_t>(parse_size(command.block, "--block"));
    const record_options options = options_of(command, block);
    session s(spec, bulk_options());
    const window_place from = s.device.window(command.window).at(parse_size(command.offset, "--offset"));
    const std::uint64_t span = command.span.empty() ? block : parse_size(command.span, "--span");
    if (block == 0 || span < block)
        throw error(errc::bad_argument, "--span is " + command.span + ", less than a block");
    recorder out = s.loop.run(recorder::open(command.file, options));
    outputs results(common);

    run_record run;
    run.command = "record";
    run.transfer_bytes = block;
    run.outstanding = command.outstanding;
    monitor m(run, s.device, common);
    acquisition::limits until;
    if (!command.size.empty()) until.blocks = (parse_size(command.size, "--size") + block - 1) / block;
    if (command.seconds > 0) until.end_ns = m.now() + nanoseconds(command.seconds);
    until.period_ns = nanoseconds(command.period_us * 1e-6);
    acquisition a(s, from, span / block, block, command.outstanding, out, m, until);
    m.start(false, true);
    try {
        if (s.loop.simulation() != nullptr)
            s.run(a.run());
        else
            s.loop.run(a.run());
    } catch (...) {
        m.clear_line();
        static_cast<void>(
            s.loop.run(as_result(out.close()))); // what is there is kept; why it ended is what is told
        throw;
    }
    m.finish(monitor::span::first_to_last);
    s.loop.run(out.close());
    const record_statistics total = out.statistics();
    run.facts.emplace_back("Recorded", command.file);
    return results.deliver(run,
                           {{"file", command.file},
                            {"parts", total.parts},
                            {"blocks", total.blocks},
                            {"bytes", total.bytes},
                            {"lost", total.lost},
                            {"gaps", total.gaps},
                            {"copied_bytes", total.copied_bytes},
                            {"direct", total.direct}},
                           "recorded  " + grouped(total.blocks) + " blocks, " + human_size(total.bytes) +
                               ", lost " + grouped(total.lost) + " in " + grouped(total.gaps) + " gaps, " +
                               std::to_string(total.parts) + (total.parts == 1 ? " file" : " files") + "\n");
}

} // namespace

void add_record(CLI::App& app, common_options& common, chosen_command& chosen)
{
    CLI::App* const command = app.add_subcommand("record", "Record blocks of far memory into a file");
    command->footer(
        "The place in the window is read again and again, block after block of --span, until --size or\n"
        "--seconds are over, or a signal comes. With --period a block whose time passes is lost, counted "
        "and\n"
        "located. The file is readable however the recording ends: see `counterflow records`.\n"
        "  counterflow record model:gen3x1 run.rec --seconds 10\n"
        "  counterflow record /dev/counterflow0 run.rec --window adc --period 1000 --rotate-size 4GiB");
    auto options = std::make_shared<record_command>();
    command->add_option("DEV", options->device, "A device spec")->required();
    command->add_option("FILE", options->file, "What is written; FILE.0001, ... when it rotates")->required();
    command->add_option("--window", options->window, "Far memory to read")->capture_default_str();
    command->add_option("--offset", options->offset, "Where in the window")->capture_default_str();
    command->add_option("--block", options->block, "Bytes a block")->capture_default_str();
    command->add_option("--span", options->span,
                        "Bytes that the blocks are taken from in turns (default: one block)");
    command->add_option("--size", options->size, "End after so many bytes");
    command->add_option("--seconds", options->seconds, "End after this time")->check(CLI::Range(0.0, 1e9));
    command->add_option("--period", options->period_us, "Microseconds from block to block (default: none)")
        ->check(CLI::Range(0.0, 1e9));
    command->add_option("--outstanding", options->outstanding, "Blocks in flight")
        ->check(CLI::Range(1u, 1024u))
        ->capture_default_str();
    command->add_option("--rotate-size", options->rotate_size, "Begin a new file before one is larger");
    command->add_option("--rotate-seconds", options->rotate_seconds, "Begin a new file after this time")
        ->check(CLI::Range(0.0, 1e9));
    command->add_flag("--overwrite", options->overwrite, "Replace a recording that is there");
    command->add_flag("--resume", options->resume, "Go on with a recording that is there");
    add_output_options(*command, common);
    add_run_options(*command, common);
    command->callback(
        [options, &common, &chosen] { chosen = [options, &common] { return record(*options, common); }; });
}

} // namespace cf::cli
