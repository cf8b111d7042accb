// SPDX-License-Identifier: MIT
//
// `counterflow records`: says what is in recorded files, and checks every block of them.
#include "cli/format.hpp"
#include "cli/json.hpp"
#include "cli/options.hpp"
#include "cli/print.hpp"

#include <counterflow/record.hpp>
#include <counterflow/runtime.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace cf::cli {
namespace {

struct records_options {
    std::vector<std::string> files;
    bool list = false;
};

struct contents {
    record_info info;
    std::vector<recorded_block> listed; ///< with --list
    std::optional<recorded_block> first, last;
    std::uint64_t blocks = 0, bytes = 0, lost = 0, gaps = 0;
    std::uint64_t damaged = 0;         ///< places that should be blocks, complete ones behind them
    std::uint64_t unfinished = 0;      ///< at the end of a file that was not closed
    std::vector<record_damage> places; ///< both, as the reader keeps them
    bool unreadable = false;           ///< the disk could not read something
    std::uint64_t backwards = 0;       ///< times that are earlier than the one before
};

void count(contents& all, const recorded_block& block, bool listing)
{
    if (listing) all.listed.push_back(block);
    if (!all.first) all.first = block;
    if (all.last && block.time_ns < all.last->time_ns) ++all.backwards;
    all.last = block;
    ++all.blocks;
    all.bytes += block.bytes;
    all.lost += block.lost;
    all.gaps += block.lost != 0 ? 1 : 0;
}

task<contents> check(std::string path, bool listing)
{
    record_reader reader = co_await record_reader::open(std::move(path));
    contents all;
    all.info = reader.info();
    std::vector<std::byte> payload(all.info.block_bytes);
    for (;;) {
        const std::optional<recorded_block> block = co_await reader.next();
        if (!block) break;
        const bool good = co_await reader.read(*block, payload);
        if (!good) continue;
        all.damaged = reader.damaged();
        count(all, *block, listing);
    }
    all.places = reader.damage();
    all.unreadable = bool(reader.unreadable());
    // Behind the last complete block is what a kill leaves, unless the disk cannot read it.
    const auto behind = std::span(all.places).subspan(std::min<std::size_t>(all.damaged, all.places.size()));
    const auto unreadable =
        std::ranges::count_if(behind, [](const auto& place) { return bool(place.cause); });
    if (!all.info.closed)
        all.unfinished = reader.damaged() - all.damaged - static_cast<std::uint64_t>(unreadable);
    all.damaged = reader.damaged() - all.unfinished;
    co_return all;
}

json place_json(const record_damage& place)
{
    json object{{"offset", place.offset}, {"bytes", place.bytes}};
    if (place.cause) object["error"] = place.cause.message();
    return object;
}

json block_json(const recorded_block& b)
{
    return {{"number", b.number},
            {"sequence", b.sequence},
            {"time_ns", b.time_ns},
            {"bytes", b.bytes},
            {"lost", b.lost},
            {"offset", b.offset},
            {"xxh3_64", hexadecimal(b.checksum)}};
}

json to_json(const std::string& path, const contents& c)
{
    json object{{"file", path},
                {"source", c.info.source},
                {"recording", hexadecimal(c.info.id)},
                {"part", c.info.part},
                {"block_bytes", c.info.block_bytes},
                {"closed", c.info.closed},
                {"blocks", c.blocks},
                {"bytes", c.bytes},
                {"first_sequence", nullptr},
                {"last_sequence", nullptr},
                {"lost", c.lost},
                {"gaps", c.gaps},
                {"damaged", c.damaged},
                {"unfinished", c.unfinished},
                {"time_backwards", c.backwards}};
    if (c.first) {
        object["first_sequence"] = c.first->sequence;
        object["last_sequence"] = c.last->sequence;
    }
    for (const record_damage& place : c.places) object["places"].push_back(place_json(place));
    for (const recorded_block& b : c.listed) object["list"].push_back(block_json(b));
    return object;
}

std::string to_text(const std::string& path, const contents& c)
{
    std::string text = path + ": " + c.info.source +
                       (c.info.part ? ", part " + std::to_string(c.info.part) : "") +
                       (c.info.closed ? "" : ", not closed") + "\n";
    text += "  " + grouped(c.blocks) + " complete blocks, " + human_size(c.bytes);
    if (c.first)
        text += ", numbers " + std::to_string(c.first->sequence) + " to " + std::to_string(c.last->sequence);
    text += "\n  " + grouped(c.lost) + " lost in " + grouped(c.gaps) + " gaps, " + grouped(c.damaged) +
            " damaged, " + grouped(c.unfinished) + " unfinished\n";
    if (c.backwards != 0) text += "  the clock went backwards " + grouped(c.backwards) + " times\n";
    for (const record_damage& place : c.places)
        text += "  at " + std::to_string(place.offset) + ": " + std::to_string(place.bytes) + " bytes " +
                (place.cause ? "that cannot be read: " + place.cause.message() : "that are no whole block") +
                "\n";
    for (const recorded_block& b : c.listed)
        text += "  " + std::to_string(b.sequence) + "  " + std::to_string(b.time_ns) + " ns  " +
                std::to_string(b.bytes) + " bytes at " + std::to_string(b.offset) + "  " +
                hexadecimal(b.checksum) + (b.lost ? "  behind " + std::to_string(b.lost) + " lost" : "") +
                "\n";
    return text;
}

int records(const records_options& options, const common_options& common)
{
    runtime loop;
    json files = json::array();
    bool good = true;
    for (const std::string& path : options.files) {
        const contents c = loop.run(check(path, options.list));
        good = good && c.damaged == 0 && !c.unreadable;
        if (common.json)
            files.push_back(to_json(path, c));
        else
            print(to_text(path, c));
    }
    if (common.json) print(text_of({{"records", files}, {"verified", good}}));
    return good ? done : failed;
}

} // namespace

void add_records(CLI::App& app, common_options& common, chosen_command& chosen)
{
    CLI::App* const command = app.add_subcommand("records", "Say what recorded files hold, and check them");
    command->footer(
        "Every block's checksum is checked; exit code 1 when a damaged one stands before complete\n"
        "ones, or the disk cannot read something. A recording that was killed is fine up to its last "
        "complete block.");
    auto options = std::make_shared<records_options>();
    command->add_option("FILE", options->files, "What `counterflow record` wrote")->required();
    command->add_flag("--list", options->list, "Every block too");
    add_output_options(*command, common);
    command->callback(
        [options, &common, &chosen] { chosen = [options, &common] { return records(*options, common); }; });
}

} // namespace cf::cli
