// SPDX-License-Identifier: MIT
//
// `counterflow duplex`: sends a file to far memory and receives it back from there, both at the same
// time. The window is a ring: block i goes to slot i mod K and is read back as soon as it is
// there; its slot is used again when it has been read.
#include "cli/distinct.hpp"
#include "cli/format.hpp"
#include "cli/input_file.hpp"
#include "cli/monitor.hpp"
#include "cli/options.hpp"
#include "cli/output_file.hpp"
#include "cli/outputs.hpp"
#include "cli/pipeline.hpp"
#include "cli/session.hpp"

#include <counterflow/error.hpp>
#include <counterflow/scope.hpp>
#include <counterflow/when_any.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

namespace cf::cli {
namespace {

struct duplex_options {
    std::string device;
    std::string send, receive;
    std::string window = "ram";
    std::string block;
    unsigned outstanding = 16;
};

constexpr std::uint64_t default_block = 256 * 1024;

/// Blocks the ring holds at most, many times what is in flight: each takes memory here.
constexpr std::uint64_t slots_max = 65'536;

class exchange {
public:
    exchange(device& dev, const cf::window& window, block_plan plan, unsigned lanes, const input_file& send,
             const output_file& receive, monitor& m)
        : dev_(dev),
          window_(window),
          plan_(plan),
          lanes_(lanes),
          slots_(std::min({window.size() / plan.block, std::max<std::uint64_t>(1, plan.count()), slots_max})),
          send_(send),
          receive_(receive),
          monitor_(m),
          out_(dev.allocate(plan.block * lanes)),
          in_(dev.allocate(plan.block * lanes)),
          sent_(slots_),
          received_(slots_),
          expected_(slots_ + 2 * lanes + 1)
    {
    }

    task<> run();

    const ordered_hash& sent_hash() const noexcept { return sent_hash_; }
    const ordered_hash& received_hash() const noexcept { return received_hash_; }
    /// The first block that came back changed.
    const std::optional<std::uint64_t>& first_difference() const noexcept { return first_difference_; }

private:
    task<> lanes();
    task<> send_lane(unsigned index);
    task<> receive_lane(unsigned index);

    window_place slot(std::uint64_t block) const noexcept { return window_.at(block % slots_ * plan_.block); }
    /// Transfers have sizes the engine can move; what is behind the last block's end is not kept.
    std::size_t padded(std::size_t size) const noexcept
    {
        const std::size_t alignment = dev_.info().alignment;
        return (size + alignment - 1) / alignment * alignment;
    }
    /// Where the hash of everything up to a block waits for the block to come back. Large enough: blocks
    /// are at most slots_ apart on the way, and each lane holds one more.
    XXH128_hash_t& expected(std::uint64_t block) noexcept { return expected_[block % expected_.size()]; }

    device& dev_;
    const cf::window window_;
    const block_plan plan_;
    const unsigned lanes_; ///< a direction
    const std::uint64_t slots_;
    const input_file& send_;
    const output_file& receive_;
    monitor& monitor_;
    buffer out_, in_;                                ///< a block for each lane
    std::uint64_t next_send_ = 0, next_receive_ = 0; ///< blocks that no lane has taken
    completion_front sent_, received_;
    ordered_hash sent_hash_, received_hash_;
    std::vector<XXH128_hash_t> expected_;
    std::optional<std::uint64_t> first_difference_;
};

task<> exchange::send_lane(unsigned index)
{
    while (next_send_ < plan_.count()) {
        const std::uint64_t block = next_send_++;
        const std::size_t size = plan_.size(block);
        const std::span<std::byte> bytes = out_.bytes().subspan(index * plan_.block, size);
        co_await send_.read(bytes, plan_.offset(block));
        expected(block) = co_await sent_hash_.add(block, bytes);
        if (block >= slots_) co_await received_.front().reaches(block - slots_ + 1);
        const std::uint64_t start = monitor_.now();
        co_await dev_.write(out_.slice(index * plan_.block, padded(size)), slot(block));
        monitor_.count(transfer_kind::write, size, start, monitor_.now());
        sent_.mark(block);
    }
}

task<> exchange::receive_lane(unsigned index)
{
    while (next_receive_ < plan_.count()) {
        const std::uint64_t block = next_receive_++;
        const std::size_t size = plan_.size(block);
        const std::span<std::byte> bytes = in_.bytes().subspan(index * plan_.block, size);
        co_await sent_.front().reaches(block + 1);
        const std::uint64_t start = monitor_.now();
        co_await dev_.read(in_.slice(index * plan_.block, padded(size)), slot(block));
        monitor_.count(transfer_kind::read, size, start, monitor_.now());
        received_.mark(block);
        const XXH128_hash_t so_far = co_await received_hash_.add(block, bytes);
        if (!first_difference_ && !XXH128_isEqual(so_far, expected(block))) first_difference_ = block;
        co_await receive_.write(bytes, plan_.offset(block));
    }
}

task<> exchange::lanes()
{
    co_await with_scope([this](scope& all) -> task<> {
        for (unsigned i = 0; i < lanes_; ++i) {
            all.spawn(send_lane(i));
            all.spawn(receive_lane(i));
        }
        co_return;
    });
}

task<> exchange::run() { co_await when_any(lanes(), monitor_.watch(2 * plan_.bytes)); }

/// What fits the window, when the user does not say.
std::size_t choose_block(const duplex_options& options, const device& dev, const cf::window& window)
{
    const std::size_t alignment = dev.info().alignment;
    if (options.block.empty()) {
        // Four slots or more, so that both directions have something to do.
        const std::uint64_t most = std::max<std::uint64_t>(window.size() / 4 / alignment, 1) * alignment;
        return std::min(default_block, most);
    }
    const std::uint64_t block = parse_size(options.block, "--block");
    if (block == 0 || block > window.size())
        throw error(errc::bad_argument, "--block is " + options.block + "; it must be 1 to the " +
                                            std::to_string(window.size()) + " bytes of the window " +
                                            window.name());
    if (block % alignment != 0)
        throw error(errc::misaligned, "--block is " + options.block + ", not a multiple of " +
                                          std::to_string(alignment) + " bytes");
    return block;
}

int duplex(const duplex_options& options, const common_options& common)
{
    const device_spec spec = parse_spec(options.device);
    require_distinct({{"--send", options.send},
                      {"--receive", options.receive},
                      {"backing=", spec.model.backing},
                      {"--report", common.report},
                      {"--trace", common.trace}});
    const input_file send(options.send);
    session s(spec, bulk_options());
    const cf::window window = s.device.window(options.window);
    const block_plan plan{send.size(), block_for(send.size(), choose_block(options, s.device, window),
                                                 s.device.info().alignment)};
    output_file receive(options.receive, output_file::order::any);
    outputs out(common);
    receive.reserve(plan.bytes);

    run_record run;
    run.command = "duplex";
    run.transfer_bytes = plan.block;
    run.outstanding = static_cast<unsigned>(
        std::min<std::uint64_t>(options.outstanding, std::max<std::uint64_t>(1, plan.count())));
    monitor m(run, s.device, common);
    exchange e(s.device, window, plan, run.outstanding, send, receive, m);
    m.start(true, true);
    s.run(e.run());
    m.finish(monitor::span::first_to_last);

    run.verified = !e.first_difference() && e.sent_hash().text() == e.received_hash().text();
    if (*run.verified) receive.commit();
    run.facts.emplace_back("Sent", options.send);
    run.facts.emplace_back("Received", options.receive);
    run.facts.emplace_back("XXH3-128", e.received_hash().text());
    std::string lines = "sent      " + e.sent_hash().text() + "  " + options.send + "\nreceived  " +
                        e.received_hash().text() + "  " + options.receive + "\n";
    if (e.first_difference())
        lines += "first difference in the block at byte " +
                 std::to_string(plan.offset(*e.first_difference())) + "\n";
    if (!*run.verified) lines += options.receive + " was left as it was\n";
    return out.deliver(
        run,
        {{"sent", {{"file", options.send}, {"bytes", plan.bytes}, {"xxh3_128", e.sent_hash().text()}}},
         {"received",
          {{"file", options.receive}, {"bytes", plan.bytes}, {"xxh3_128", e.received_hash().text()}}}},
        lines);
}

} // namespace

void add_duplex(CLI::App& app, common_options& common, chosen_command& chosen)
{
    CLI::App* const command =
        app.add_subcommand("duplex", "Send a file and receive it back, both directions at once");
    command->footer(
        "The window serves as a ring that the far end echoes: what was written is read back at the same\n"
        "time. Both directions carry the same bytes, so over a long time neither can be faster than the\n"
        "slower one's ceiling; each rate is that of the direction's own first to last transfer.");
    auto options = std::make_shared<duplex_options>();
    command->add_option("DEV", options->device, "Device spec")->required();
    command->add_option("--send", options->send, "File to send")->required();
    command
        ->add_option("--receive", options->receive,
                     "File for what comes back; replaced once all has come back right")
        ->required();
    command->add_option("--window", options->window, "Window that serves as the ring")->capture_default_str();
    command->add_option("--block", options->block,
                        "Bytes a transfer (default: 256KiB, or a quarter of the window)");
    command->add_option("--outstanding", options->outstanding, "Blocks in flight a direction")
        ->check(CLI::Range(1u, 1024u))
        ->capture_default_str();
    add_output_options(*command, common);
    add_run_options(*command, common);
    command->callback(
        [options, &common, &chosen] { chosen = [options, &common] { return duplex(*options, common); }; });
}

} // namespace cf::cli
