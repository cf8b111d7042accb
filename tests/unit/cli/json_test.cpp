// SPDX-License-Identifier: MIT
//
// The JSON object of a run: its keys, its nulls, and numbers that agree with the run.
#include "catch.hpp"

#include "cli/json.hpp"
#include "sample_run.hpp"

#include <limits>

using cf::cli::json;

TEST_CASE("a run has the documented keys", "[json]")
{
    const json out = json::parse(to_json(sample_run()).dump());
    for (const char* key : {"device", "link", "transfer_bytes", "outstanding", "seconds", "virtual_time",
                            "rp_to_ep", "ep_to_rp", "cpu_ns_per_transfer", "verified", "errors"})
        CHECK(out.contains(key));
    for (const char* key : {"generation", "lanes", "mps_bytes", "mrrs_bytes"})
        CHECK(out["link"].contains(key));
    for (const char* d : {"rp_to_ep", "ep_to_rp"}) {
        for (const char* key :
             {"bytes", "transfers", "gbytes_per_s", "ceiling_gbytes_per_s", "utilisation", "latency_ns"})
            CHECK(out[d].contains(key));
        for (const char* key : {"p50", "p99", "p999"}) CHECK(out[d]["latency_ns"].contains(key));
    }
}

TEST_CASE("the numbers are those of the run", "[json]")
{
    const json out = to_json(sample_run());
    CHECK(out["device"] == "model:gen3x1,wr=4,rd=2");
    CHECK(out["transfer_bytes"] == 65536);
    CHECK(out["virtual_time"] == false);
    CHECK(out["verified"] == true);
    CHECK(out["rp_to_ep"]["bytes"] == 20'000u * 65'536u);
    CHECK(out["rp_to_ep"]["gbytes_per_s"].get<double>() == Approx(20'000 * 65'536.0 / 2 / 1e9));
    CHECK(out["rp_to_ep"]["ceiling_gbytes_per_s"].get<double>() == Approx(0.88236).epsilon(1e-4));
    CHECK(out["rp_to_ep"]["utilisation"].get<double>() == Approx(0.65536 / 0.88236).epsilon(1e-4));
    // Equal rates against unequal ceilings: the direction with the lower ceiling is the fuller one.
    CHECK(out["fairness"].get<double>() == Approx(0.83193 / 0.88236).epsilon(1e-4));
    CHECK(out["cpu_ns_per_transfer"].get<double>() == Approx(0.5e9 / 40'000));
    CHECK(out["cpu_share"].get<double>() == Approx(0.25));
    CHECK(out["process_cpu_share"].get<double>() == Approx(1.25));
}

TEST_CASE("what did not happen is null", "[json]")
{
    cf::cli::run_record run = sample_run();
    run.of(cf::direction::ep_to_rp).reset();
    run.verified.reset();
    json out = to_json(run);
    CHECK(out["ep_to_rp"].is_null());
    CHECK(out["rp_to_ep"].is_object());
    CHECK(out["verified"].is_null());
    CHECK(out["fairness"].is_null());

    run.link.generation = 0;
    run.of(cf::direction::rp_to_ep)->ceiling = std::numeric_limits<double>::infinity();
    run.of(cf::direction::rp_to_ep)->latency.clear();
    out = json::parse(to_json(run).dump());
    CHECK(out["rp_to_ep"]["ceiling_gbytes_per_s"].is_null());
    CHECK(out["rp_to_ep"]["utilisation"].is_null());
    CHECK(out["rp_to_ep"]["latency_ns"].is_null());
    CHECK(out["link"]["generation"] == 0);
    CHECK(out["link"]["lanes"].is_null());
}

TEST_CASE("a run without transfers divides by nothing", "[json]")
{
    const json out = json::parse(to_json(cf::cli::run_record{}).dump());
    CHECK(out["cpu_ns_per_transfer"].is_null());
    CHECK(out["cpu_share"].is_null());
}
