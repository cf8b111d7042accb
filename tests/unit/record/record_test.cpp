// SPDX-License-Identifier: MIT
//
// A recorder's file and what a reader finds in it: whole, closed, resumed, rotated, cut off anywhere,
// damaged.
#include "blocks.hpp"

#include <counterflow/scope.hpp>
#include <counterflow/stop.hpp>

#include <filesystem>
#include <fstream>

namespace fs = std::filesystem;

namespace {

cf::task<> record(std::string path, cf::record_options options, std::uint64_t from, std::uint64_t to,
                  std::size_t bytes)
{
    cf::recorder out = co_await cf::recorder::open(std::move(path), std::move(options));
    co_await test::write_blocks(out, from, to, bytes);
    co_await out.close();
}

void flip(const std::string& path, std::uint64_t offset)
{
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(offset));
    const char old = static_cast<char>(file.get());
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(static_cast<char>(old ^ 1));
}

std::vector<cf::runtime_options> times()
{
    std::vector<cf::runtime_options> both(2);
    both[1].time = cf::time_mode::simulated;
    return both;
}

} // namespace

TEST_CASE("what is recorded is read back, with and without O_DIRECT, whatever the size of blocks", "[record]")
{
    for (const auto& time : times()) {
        for (const std::size_t bytes : {std::size_t{1}, std::size_t{4096}, std::size_t{10'000}}) {
            for (const bool direct : {true, false}) {
                const folder files;
                cf::record_options options = test::small(16'384);
                options.direct = direct;
                test::run(
                    [&]() -> cf::task<> {
                        co_await record(files / "file", options, 5, 25, bytes);
                        const test::found all = co_await test::read_all(files / "file");
                        CHECK(all.sequences() == test::numbers(5, 25));
                        CHECK(all.closed);
                        CHECK(all.bad.empty());
                        CHECK(all.damage.empty());
                        CHECK(all.good[3].time_ns == 1008);
                        CHECK(all.good[3].number == 3);
                        CHECK(all.good[3].bytes == bytes);
                    },
                    time);
            }
        }
    }
}

TEST_CASE("several writes at once stand in the file in the order of their beginning", "[record]")
{
    const folder files;
    cf::record_options options = test::small(8192);
    options.outstanding = 3;
    test::run([&]() -> cf::task<> {
        cf::recorder out = co_await cf::recorder::open(files / "file", options);
        cf::scope all;
        for (std::uint64_t i = 0; i < 50; ++i) all.spawn(test::write_blocks(out, i, i + 1, 8192));
        CHECK(out.statistics().outstanding <= 3);
        co_await all.join();
        CHECK(out.statistics().blocks == 50);
        CHECK(out.statistics().bytes == 50 * 8192);
        CHECK(out.statistics().copied_bytes == 0);
        co_await out.close();
        const test::found found = co_await test::read_all(files / "file");
        CHECK(found.sequences() == test::numbers(0, 50));
    });
}

TEST_CASE("a closed file says what is in it without being read", "[record]")
{
    const folder files;
    test::run([&]() -> cf::task<> {
        cf::recorder out = co_await cf::recorder::open(files / "file", test::small(4096));
        for (std::uint64_t i = 0; i < 3000; ++i) { // more than the index keeps
            const test::payload block(i, 16);
            co_await out.write({block.bytes(), 10 * i, i, i % 1000 == 7 ? 9u : 0u});
        }
        co_await out.close();
        const cf::record_reader reader = co_await cf::record_reader::open(files / "file");
        REQUIRE(reader.index());
        CHECK(reader.info().source == "test");
        CHECK(reader.index()->blocks == 3000);
        CHECK(reader.index()->bytes == 3000 * 16);
        CHECK(reader.index()->lost == 27);
        REQUIRE(reader.index()->gaps_kept.size() == 3);
        CHECK(reader.index()->gaps_kept[1].sequence == 10'070);
        const auto& kept = reader.index()->blocks_kept;
        REQUIRE(kept.size() > 500);
        CHECK(kept.size() <= 1024);
        for (std::size_t i = 0; i < kept.size(); ++i) CHECK(kept[i].number == i * 4);
    });
}

TEST_CASE("nothing is overwritten unless that was said", "[record]")
{
    const folder files;
    test::run([&]() -> cf::task<> {
        co_await record(files / "file", test::small(4096), 0, 3, 100);
        const auto refused = co_await cf::as_result(cf::recorder::open(files / "file", test::small(4096)));
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == cf::errc::busy);
        CHECK(has(refused.error().detail, (files / "file") + " is there already"));
        const test::found kept = co_await test::read_all(files / "file");
        CHECK(kept.sequences() == test::numbers(0, 3));

        cf::record_options over = test::small(4096);
        over.existing = cf::existing_record::overwrite;
        co_await record(files / "file", over, 7, 9, 100);
        const test::found replaced = co_await test::read_all(files / "file");
        CHECK(replaced.sequences() == test::numbers(7, 9));
    });
}

TEST_CASE("a recording is resumed, whether it was closed or not", "[record]")
{
    const folder files;
    cf::record_options resume = test::small(8192);
    resume.existing = cf::existing_record::resume;
    test::run([&]() -> cf::task<> {
        co_await record(files / "file", resume, 0, 4, 5000);
        co_await record(files / "file", resume, 4, 6, 8192);
        {
            cf::recorder out = co_await cf::recorder::open(files / "file", resume);
            CHECK(out.next_sequence() == 6);
            co_await test::write_blocks(out, 6, 9, 8000);
            CHECK(out.next_sequence() == 9);
        } // not closed
        const test::found open = co_await test::read_all(files / "file");
        CHECK_FALSE(open.closed);
        CHECK(open.sequences() == test::numbers(0, 9));
        co_await record(files / "file", resume, 9, 10, 1);
        const test::found all = co_await test::read_all(files / "file");
        CHECK(all.closed);
        CHECK(all.sequences() == test::numbers(0, 10));
        CHECK(all.good.back().number == 9);

        write_text(files / "text", "this is no record");
        const auto refused = co_await cf::as_result(cf::recorder::open(files / "text", resume));
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == cf::errc::bad_record);
        CHECK(text_of(files / "text") == "this is no record");
    });
}

TEST_CASE("a recording rotates by size, and is resumed in its last part", "[record]")
{
    const folder files;
    cf::record_options options = test::small(8192);
    options.rotate_bytes = 150'000;
    options.existing = cf::existing_record::resume;
    test::run([&]() -> cf::task<> {
        co_await record(files / "file", options, 0, 20, 8192);
        co_await record(files / "file", options, 20, 30, 8192);
        std::vector<std::uint64_t> all;
        std::uint64_t id = 0;
        for (std::uint32_t part = 1; part <= files.size(); ++part) {
            const std::string path = files / ("file.000" + std::to_string(part)).c_str();
            CHECK(fs::file_size(path) <= 150'000);
            const test::found found = co_await test::read_all(path);
            CHECK(found.closed);
            for (const std::uint64_t s : found.sequences()) all.push_back(s);
            const cf::record_reader reader = co_await cf::record_reader::open(path);
            if (part == 1) id = reader.info().id;
            CHECK(reader.info().id == id);
            CHECK(reader.info().part == part);
        }
        CHECK(files.size() > 2);
        CHECK(all == test::numbers(0, 30));

        // A part that was begun and has no block yet goes on behind the one before it.
        char last[16];
        std::snprintf(last, sizeof last, "file.%04u", static_cast<unsigned>(files.size()));
        const std::uint64_t in_it = (co_await test::read_all(files / last)).good.size();
        fs::resize_file(files / last, 4096);
        {
            cf::recorder out = co_await cf::recorder::open(files / "file", options);
            CHECK(out.next_sequence() == 30 - in_it);
            co_await test::write_blocks(out, 30 - in_it, 31 - in_it, 8192);
            co_await out.close();
        }
        const test::found again = co_await test::read_all(files / last);
        REQUIRE(again.good.size() == 1);
        CHECK(again.good.front().number == 30 - in_it);

        options.existing = cf::existing_record::overwrite;
        co_await record(files / "file", options, 0, 1, 8192);
        CHECK(files.size() == 1);
    });
}

TEST_CASE("a recording is closed whoever asks for a stop", "[record]")
{
    const folder files;
    test::run([&]() -> cf::task<> {
        cf::recorder out = co_await cf::recorder::open(files / "file", test::small(8192));
        co_await test::write_blocks(out, 0, 3, 8192);
        std::stop_source stop;
        stop.request_stop();
        co_await cf::with_stop(stop.get_token(), out.close());
        const test::found all = co_await test::read_all(files / "file");
        CHECK(all.closed);
        CHECK(all.sequences() == test::numbers(0, 3));
    });
}

TEST_CASE("writes go on while a part is finished", "[record]")
{
    const folder files;
    cf::record_options options = test::small(8192);
    options.rotate_bytes = 120'000;
    test::run([&]() -> cf::task<> {
        cf::recorder out = co_await cf::recorder::open(files / "file", options);
        cf::scope all;
        for (std::uint64_t i = 0; i < 60; ++i) all.spawn(test::write_blocks(out, i, i + 1, 8192));
        co_await all.join();
        co_await out.close();
        std::vector<std::uint64_t> sequences;
        for (std::uint32_t part = 1; part <= out.statistics().parts; ++part) {
            char name[16];
            std::snprintf(name, sizeof name, "file.%04u", part);
            const test::found found = co_await test::read_all(files / name);
            CHECK(found.closed);
            for (const std::uint64_t s : found.sequences()) sequences.push_back(s);
        }
        CHECK(sequences == test::numbers(0, 60));
    });
}

TEST_CASE("a file that is cut off anywhere has every block before that", "[record]")
{
    const folder files;
    constexpr std::size_t bytes = 5000;
    test::run([&]() -> cf::task<> {
        co_await record(files / "file", test::small(8192), 0, 5, bytes);
        const std::string whole = text_of(files / "file");
        std::vector<std::size_t> lengths;
        for (std::size_t page = 0; page < whole.size(); page += 4096)
            for (const std::size_t more : {0u, 1u, 63u, 64u, 65u, 319u, 320u, 904u, 905u, 4095u})
                if (page + more < whole.size()) lengths.push_back(page + more);
        for (const std::size_t length : lengths) {
            write_text(files / "cut", whole.substr(0, length));
            if (length < 320) {
                const auto refused = co_await cf::as_result(cf::record_reader::open(files / "cut"));
                REQUIRE_FALSE(refused);
                CHECK(refused.error().code == cf::errc::bad_record);
                continue;
            }
            // Block i is complete when its header's page and its payload are there.
            std::uint64_t complete = 0;
            while (complete < 5 && 4096 + complete * 12'288 + 4096 + bytes <= length) ++complete;
            const test::found found = co_await test::read_all(files / "cut");
            CHECK(found.sequences() == test::numbers(0, complete));
            CHECK(found.bad.empty());
            CHECK_FALSE(found.closed);
        }
    });
}

TEST_CASE("a damaged header or payload costs its own block only", "[record]")
{
    const folder files;
    test::run([&]() -> cf::task<> {
        for (const std::uint64_t where : {0u, 63u, 4096u, 4096u + 4999u}) {
            cf::record_options options = test::small(8192);
            options.existing = cf::existing_record::overwrite;
            co_await record(files / "file", options, 0, 5, 5000);
            flip(files / "file", 4096 + 2 * 12'288 + where); // of block 2
            const test::found found = co_await test::read_all(files / "file");
            CHECK(found.sequences() == std::vector<std::uint64_t>{0, 1, 3, 4});
            REQUIRE(found.damage.size() == 1);
            CHECK_FALSE(found.damage[0].cause);
            const std::uint64_t header = 4096 + 2 * 12'288;
            if (where < 64) {
                CHECK(found.damage[0].offset == header);
                CHECK(found.damage[0].bytes == 12'288);
            } else {
                REQUIRE(found.bad.size() == 1);
                CHECK(found.bad[0].sequence == 2);
                CHECK(found.damage[0].offset == header + 4096);
                CHECK(found.damage[0].bytes == 5000);
            }
        }
    });
}

TEST_CASE("blocks that cannot be recorded are refused, and cost nothing", "[record]")
{
    const folder files;
    test::run([&]() -> cf::task<> {
        cf::recorder out = co_await cf::recorder::open(files / "file", test::small(4096));
        const test::payload block(0, 8192);
        const auto large = co_await cf::as_result(out.write({block.bytes(), 0, 0, 0}));
        CHECK(large.error().code == cf::errc::out_of_range);
        const auto empty = co_await cf::as_result(out.write({block.bytes().first(0), 0, 0, 0}));
        CHECK(empty.error().code == cf::errc::zero_length);
        if (out.statistics().direct) {
            const auto odd = co_await cf::as_result(out.write({block.bytes().subspan(1, 100), 0, 0, 0}));
            CHECK(odd.error().code == cf::errc::misaligned);
        }
        co_await test::write_blocks(out, 0, 2, 4096);
        co_await out.close();
        const test::found found = co_await test::read_all(files / "file");
        CHECK(found.sequences() == test::numbers(0, 2));
        const auto none = co_await cf::as_result(cf::record_reader::open(files / "none"));
        CHECK(none.error().code == std::errc::no_such_file_or_directory);
    });
    cf::record_options wrong = test::small(4096);
    wrong.outstanding = 0;
    CHECK(has(refusal([&] { cf::sync_wait(cf::recorder::open(files / "x", wrong)); }, cf::errc::bad_argument),
              "outstanding is 0"));
}

TEST_CASE("clocks that jump are recorded as they are", "[record]")
{
    const folder files;
    const std::vector<std::uint64_t> times{100, 5, ~std::uint64_t{0}, 0, 7};
    test::run([&]() -> cf::task<> {
        cf::record_options options = test::small(4096);
        options.rotate_time = std::chrono::hours(1);
        cf::recorder out = co_await cf::recorder::open(files / "file", options);
        for (std::size_t i = 0; i < times.size(); ++i) {
            const test::payload block(i, 10);
            co_await out.write({block.bytes(), i, times[i], 0});
        }
        co_await out.close();
        const test::found found = co_await test::read_all(files / "file.0001");
        REQUIRE(found.good.size() == times.size());
        for (std::size_t i = 0; i < times.size(); ++i) CHECK(found.good[i].time_ns == times[i]);
    });
}
