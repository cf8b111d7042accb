// SPDX-License-Identifier: MIT
//
// The report: it holds the run's numbers, needs nothing from elsewhere and is whole HTML.
#include "catch.hpp"

#include "cli/chart.hpp"
#include "cli/report.hpp"
#include "sample_run.hpp"

#include <limits>
#include <sstream>
#include <string>
#include <vector>

using cf::cli::run_record;

namespace {

std::string written(const run_record& run)
{
    std::ostringstream out;
    cf::cli::write_report(out, run);
    return out.str();
}

bool has(const std::string& text, const std::string& part)
{
    INFO("looking for " << part);
    return text.find(part) != std::string::npos;
}

/// "" when every element that is opened is closed in order, else the offending tag.
std::string unbalanced(const std::string& html)
{
    std::vector<std::string> open;
    for (std::size_t at = html.find('<'); at != std::string::npos; at = html.find('<', at + 1)) {
        const std::size_t end = html.find('>', at);
        if (end == std::string::npos) return html.substr(at, 20);
        const std::string tag = html.substr(at + 1, end - at - 1);
        const std::string name = tag.substr(0, tag.find_first_of(" \n"));
        if (name == "!doctype" || name == "meta" || tag.back() == '/') continue;
        if (name[0] != '/')
            open.push_back(name);
        else if (open.empty() || open.back() != name.substr(1))
            return tag;
        else
            open.pop_back();
    }
    return open.empty() ? "" : open.back();
}

} // namespace

TEST_CASE("the report holds the run's numbers", "[report]")
{
    const std::string html = written(sample_run());
    for (const char* part : {"model:gen3x1,wr=4,rd=2", "gen3x1, MPS 256, MRRS 512", "0.655 GB/s",
                             "0.882 GB/s", "0.832 GB/s", "74.3 %", "78.8 %", "1,310,720,000 B", "20,000",
                             "verified", "Near end", "12500 ns a transfer", "2025-01-31T12:00:00"})
        CHECK(has(html, part));
}

TEST_CASE("the report needs nothing from elsewhere", "[report]")
{
    const std::string html = written(sample_run());
    for (const char* part : {"http:", "https:", "//", "<script", "<link", "@import", "url(", "src="})
        CHECK_FALSE(has(html, part));
}

TEST_CASE("the report is whole and escapes what it is given", "[report]")
{
    run_record run = sample_run();
    run.device = "model:<b>&\"";
    const std::string html = written(run);
    CHECK(unbalanced(html).empty());
    CHECK_FALSE(has(html, "<b>"));
    CHECK(has(html, "model:&lt;b&gt;&amp;&quot;"));
    CHECK(has(html, "&lt;huge&gt; &amp; &quot;pinned&quot;"));
}

TEST_CASE("the report says when data was wrong or not looked at", "[report]")
{
    run_record run = sample_run();
    run.verified = false;
    run.errors = 3;
    CHECK(has(written(run), "differs"));
    CHECK(has(written(run), "3 errors"));
    run.verified.reset();
    CHECK(has(written(run), "not checked"));
}

TEST_CASE("runs with parts missing make whole pages", "[report]")
{
    run_record run = sample_run();
    run.of(cf::direction::rp_to_ep).reset();
    CHECK(unbalanced(written(run)).empty());
    CHECK_FALSE(has(written(run), "class=\"curve rp_to_ep\""));

    run = sample_run();
    run.link.generation = 0;
    for (auto& d : run.directions) d->ceiling = std::numeric_limits<double>::infinity();
    CHECK(unbalanced(written(run)).empty());
    CHECK_FALSE(has(written(run), "inf"));
    CHECK_FALSE(has(written(run), "nan"));

    CHECK(unbalanced(written(run_record{})).empty());
    CHECK_FALSE(has(written(run_record{}), "nan"));
}

TEST_CASE("the throughput chart draws a curve and a ceiling a direction", "[report]")
{
    const std::string svg = throughput_chart(sample_run());
    CHECK(unbalanced(svg).empty());
    for (const char* part :
         {"class=\"curve rp_to_ep\"", "class=\"curve ep_to_rp\"", "class=\"ceiling rp_to_ep\"",
          "class=\"ceiling ep_to_rp\"", "0.882 ceiling", "0.832 ceiling"})
        CHECK(has(svg, part));
}

TEST_CASE("long runs do not make large charts", "[report]")
{
    run_record run = sample_run();
    run.samples.clear();
    for (int i = 1; i <= 100'000; ++i) run.samples.push_back({i * 0.02, 0.02, {13'107'200, 13'107'200}});
    CHECK(throughput_chart(run).size() < 40'000);
}

TEST_CASE("latencies of nothing are no chart", "[report]")
{
    run_record run = sample_run();
    CHECK(has(latency_chart(run), "class=\"area ep_to_rp\""));
    for (auto& d : run.directions) d->latency.clear();
    CHECK(latency_chart(run).empty());
    run.of(cf::direction::rp_to_ep)->latency.record(0);
    run.of(cf::direction::rp_to_ep)->latency.record(std::numeric_limits<std::uint64_t>::max());
    CHECK(unbalanced(latency_chart(run)).empty());
}
