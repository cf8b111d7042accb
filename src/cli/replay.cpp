// SPDX-License-Identifier: MIT
//
// `counterflow replay`: sends the blocks of a recorded file by a write stream, in their order. The file is
// read into the memory that the engine then takes them from.
#include "cli/distinct.hpp"
#include "cli/format.hpp"
#include "cli/monitor.hpp"
#include "cli/options.hpp"
#include "cli/outputs.hpp"
#include "cli/place.hpp"
#include "cli/print.hpp"
#include "cli/session.hpp"

#include <counterflow/error.hpp>
#include <counterflow/record.hpp>
#include <counterflow/scope.hpp>
#include <counterflow/time.hpp>
#include <counterflow/when_any.hpp>
#include <counterflow/write_stream.hpp>

#include <CLI/CLI.hpp>

#include <memory>
#include <optional>

namespace cf::cli {
namespace {

struct replay_options {
    std::string file, device;
    std::string window = "ram";
    std::string offset = "0", span;
    double speed = 0; ///< 0: as fast as it goes
    unsigned outstanding = 8;
    bool ring = false;
};

class replay_run {
public:
    replay_run(write_stream& to, record_reader& from, double speed, monitor& m)
        : to_(to), from_(from), speed_(speed), monitor_(m)
    {
    }

    task<> run() { co_await when_any(all_blocks(), monitor_.watch(0)); }

    std::uint64_t blocks() const noexcept { return blocks_; }
    std::uint64_t damaged() const noexcept { return from_.damaged(); }

private:
    task<> all_blocks()
    {
        co_await with_scope([this](scope& all) -> task<> {
            for (;;) {
                const std::optional<recorded_block> next = co_await from_.next();
                if (!next) co_return;
                block b = co_await to_.acquire();
                const bool good = co_await from_.read(*next, b.bytes());
                if (!good) continue; // from_ counts it
                if (speed_ > 0) co_await sleep_until(due(next->time_ns));
                const std::uint64_t begun = monitor_.now();
                to_.send(std::move(b), next->bytes);
                ++blocks_;
                all.spawn(arrival(next->bytes, begun));
            }
        });
        co_await to_.close();
    }

    /// When a block of that time is sent: as long behind the first as it came behind it. A clock that was set
    /// back holds nothing up.
    clock::time_point due(std::uint64_t time_ns)
    {
        if (blocks_ == 0) {
            start_ = clock::now();
            first_ns_ = time_ns;
        }
        const std::uint64_t behind = time_ns > first_ns_ ? time_ns - first_ns_ : 0;
        return start_ + clock::duration(static_cast<clock::rep>(static_cast<double>(behind) / speed_));
    }

    /// Of what was sent last.
    task<> arrival(std::size_t bytes, std::uint64_t begun)
    {
        co_await to_.flush();
        monitor_.count(transfer_kind::write, bytes, begun, monitor_.now());
    }

    write_stream& to_;
    record_reader& from_;
    const double speed_;
    monitor& monitor_;
    clock::time_point start_;
    std::uint64_t first_ns_ = 0;
    std::uint64_t blocks_ = 0;
};

/// The stream that blocks of up to `bytes` are sent by.
write_stream sink_of(session& s, const replay_options& options, std::size_t bytes)
{
    const window_place to = s.device.window(options.window).at(parse_size(options.offset, "--offset"));
    const stream_options flow{.in_flight = options.outstanding};
    if (options.ring) {
        const far_ring ring = s.loop.run(open_ring(s.device, to));
        if (ring.geometry.block_bytes < bytes)
            throw error(errc::bad_argument,
                        "the ring's blocks have " + std::to_string(ring.geometry.block_bytes) +
                            " bytes, those of " + options.file + " up to " + std::to_string(bytes));
        return write_stream(s.device, ring, flow);
    }
    const std::size_t alignment = s.device.info().alignment;
    const std::uint64_t room = (bytes + alignment - 1) / alignment * alignment;
    return write_stream(s.device, places_in_span(to, room, options.span), flow);
}

int replay(const replay_options& options, const common_options& common)
{
    const device_spec spec = parse_spec(options.device);
    require_distinct({{"FILE", options.file},
                      {"backing=", spec.model.backing},
                      {"--report", common.report},
                      {"--trace", common.trace}});
    session s(spec, bulk_options());
    record_reader from = s.loop.run(record_reader::open(options.file));
    write_stream to = sink_of(s, options, from.info().block_bytes);
    outputs out(common);

    run_record run;
    run.command = "replay";
    run.transfer_bytes = to.block_bytes();
    run.outstanding = options.outstanding;
    monitor m(run, s.device, common);
    replay_run r(to, from, options.speed, m);
    m.start(true, false);
    s.run(r.run());
    m.finish(monitor::span::first_to_last);
    if (r.damaged() != 0)
        complain("warning: " + grouped(r.damaged()) + " damaged or unfinished blocks of " + options.file +
                 " were passed over; see `counterflow records`");
    run.facts.emplace_back("Replayed", options.file);
    const int code =
        out.deliver(run, {{"file", options.file}, {"blocks", r.blocks()}, {"damaged", r.damaged()}},
                    "replayed  " + grouped(r.blocks()) + " blocks\n");
    if (!from.unreadable()) return code;
    complain(options.file + " cannot be read at offset " + std::to_string(from.unreadable()->offset) + ": " +
             from.unreadable()->cause.message());
    return failed;
}

} // namespace

void add_replay(CLI::App& app, common_options& common, chosen_command& chosen)
{
    CLI::App* const command =
        app.add_subcommand("replay", "Write the blocks of a recorded file to far memory");
    command->footer("  counterflow replay run.rec model:gen3x1 --speed 1\n"
                    "  counterflow replay run.rec /dev/counterflow0 --window dac --ring");
    auto options = std::make_shared<replay_options>();
    command->add_option("FILE", options->file, "What `counterflow record` wrote")->required();
    command->add_option("DEV", options->device, "A device spec")->required();
    command->add_option("--window", options->window, "Far memory to write")->capture_default_str();
    command->add_option("--offset", options->offset, "Where in the window")->capture_default_str();
    CLI::Option* const span = command->add_option(
        "--span", options->span, "Bytes that the blocks go to in turns (default: one block)");
    command
        ->add_flag("--ring", options->ring, "A ring lies there: wait for its consumer, and end it at the end")
        ->excludes(span);
    command
        ->add_option("--speed", options->speed,
                     "Keep the recording's pace, so many times as fast (default: as fast as it goes)")
        ->check(CLI::PositiveNumber);
    command->add_option("--outstanding", options->outstanding, "Blocks in flight")
        ->check(CLI::Range(1u, 1024u))
        ->capture_default_str();
    add_output_options(*command, common);
    add_run_options(*command, common);
    command->callback(
        [options, &common, &chosen] { chosen = [options, &common] { return replay(*options, common); }; });
}

} // namespace cf::cli
