// SPDX-License-Identifier: MIT
//
// The trace: valid JSON, a named track per channel whose slices never overlap, counters.
#include "catch.hpp"

#include "cli/trace.hpp"
#include "sample_run.hpp"

#include <nlohmann/json.hpp>

#include <map>
#include <random>
#include <sstream>

using cf::cli::run_record;
using cf::cli::segment_record;
using cf::cli::trace_slice;

namespace {

nlohmann::json written(const run_record& run)
{
    std::ostringstream out;
    cf::cli::write_trace(out, run);
    return nlohmann::json::parse(out.str());
}

segment_record segment(unsigned channel, std::uint64_t queued, std::uint64_t done, bool failed = false)
{
    return {queued, done, 4096, channel, channel == 2 ? cf::transfer_kind::read : cf::transfer_kind::write,
            failed};
}

void check_tracks(const std::vector<trace_slice>& slices)
{
    std::map<unsigned, std::uint64_t> busy_until;
    for (const trace_slice& s : slices) {
        CHECK(s.end_ns > s.start_ns);
        CHECK(s.start_ns >= busy_until[s.channel]);
        CHECK(s.elements > 0);
        busy_until[s.channel] = s.end_ns;
    }
}

} // namespace

TEST_CASE("an element's slice starts when the one before it ended", "[trace]")
{
    run_record run = sample_run();
    run.trace_start_ns = 1000;
    run.segments = {segment(0, 1000, 1500), segment(0, 1100, 2000), segment(0, 2600, 3000),
                    segment(2, 1200, 1700)};
    const std::vector<trace_slice> slices = trace_slices(run);
    REQUIRE(slices.size() == 4);
    check_tracks(slices);
    CHECK(slices[0].start_ns == 0);
    CHECK(slices[0].end_ns == 500);
    CHECK(slices[1].start_ns == 500);
    CHECK(slices[1].end_ns == 1000);
    CHECK(slices[2].start_ns == 1600); // idle before
    CHECK(slices[3].channel == 2);
    CHECK(slices[3].start_ns == 200);
    CHECK(slices[3].kind == cf::transfer_kind::read);
}

TEST_CASE("elements that end together share a slice", "[trace]")
{
    run_record run = sample_run();
    run.segments = {segment(1, 10, 100), segment(1, 20, 100), segment(1, 30, 100, true), segment(1, 40, 200)};
    const std::vector<trace_slice> slices = trace_slices(run);
    REQUIRE(slices.size() == 2);
    CHECK(slices[0].elements == 3);
    CHECK(slices[0].bytes == 3 * 4096);
    CHECK(slices[0].failed);
    CHECK(slices[1].elements == 1);
    CHECK_FALSE(slices[1].failed);
}

TEST_CASE("odd times make no odd slices", "[trace]")
{
    run_record run = sample_run();
    run.trace_start_ns = 500;
    // Queued before the trace began; done when queued; done before queued; a channel nobody named.
    run.segments = {segment(0, 100, 600), segment(1, 700, 700), segment(1, 900, 800), segment(9, 600, 650)};
    const std::vector<trace_slice> slices = trace_slices(run);
    check_tracks(slices);
    CHECK(slices.front().start_ns == 0);
    std::uint64_t elements = 0;
    for (const trace_slice& s : slices) elements += s.elements;
    CHECK(elements == 4);
}

TEST_CASE("random runs never overlap and lose nothing", "[trace]")
{
    std::mt19937 random(7);
    run_record run = sample_run();
    std::uint64_t clock = 1'000'000;
    run.trace_start_ns = clock;
    for (int i = 0; i < 5000; ++i) {
        clock += random() % 3 * 100;
        const auto channel = static_cast<unsigned>(random() % 3);
        const std::uint64_t queued = clock - random() % 2000;
        run.segments.push_back(segment(channel, queued, clock));
    }
    const std::vector<trace_slice> slices = trace_slices(run);
    check_tracks(slices);
    std::uint64_t bytes = 0;
    for (const trace_slice& s : slices) bytes += s.bytes;
    CHECK(bytes == 5000u * 4096u);
}

TEST_CASE("the file is valid, names its tracks and holds both counters", "[trace]")
{
    run_record run = sample_run();
    run.device = "model:gen3x1,backing=/tmp/\"odd\"\xff";
    run.segments = {segment(0, 0, 1234), segment(2, 0, 5678)};
    const nlohmann::json trace = written(run);
    std::map<std::string, int> threads, counters, slices;
    for (const nlohmann::json& e : trace["traceEvents"]) {
        const std::string phase = e["ph"];
        if (phase == "M" && e["name"] == "thread_name") threads[e["args"]["name"]] = e["tid"];
        if (phase == "C") {
            ++counters[e["name"]];
            CHECK(e["args"]["GB/s"].get<double>() >= 0);
        }
        if (phase == "X") {
            ++slices[e["name"]];
            CHECK(e["dur"].get<double>() > 0);
            CHECK(e["tid"].get<int>() > 0);
        }
    }
    CHECK(threads.size() == 3);
    CHECK(threads["remote WR0"] != threads["remote RD0"]);
    CHECK(counters["rp_to_ep GB/s"] == 101); // one a sample, and the end
    CHECK(counters["ep_to_rp GB/s"] == 101);
    CHECK(slices["write 4 KiB"] == 1);
    CHECK(slices["read 4 KiB"] == 1);
}

TEST_CASE("nanoseconds survive", "[trace]")
{
    run_record run = sample_run();
    run.segments = {segment(0, 1'000'007, 3'000'010)};
    const nlohmann::json trace = written(run);
    for (const nlohmann::json& e : trace["traceEvents"]) {
        if (e["ph"] != "X") continue;
        CHECK(e["ts"].get<double>() == Approx(1000.007).epsilon(1e-12));
        CHECK(e["dur"].get<double>() == Approx(2000.003).epsilon(1e-12));
    }
}

TEST_CASE("an empty run is still a trace", "[trace]")
{
    CHECK(written(run_record{})["traceEvents"].is_array());
}
