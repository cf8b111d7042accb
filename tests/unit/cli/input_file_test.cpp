// SPDX-License-Identifier: MIT
//
// Files to copy from: what is refused, and what is read.
#include "cli/input_file.hpp"
#include "folder.hpp"

#include <counterflow/runtime.hpp>

#include <algorithm>
#include <vector>

#include <sys/stat.h>

using cf::cli::input_file;
namespace fs = std::filesystem;

TEST_CASE("what is in a file is read", "[file]")
{
    const folder tmp;
    std::string text;
    for (int i = 0; i < 20'000; ++i) text += std::to_string(i);
    write_text(tmp / "a", text);
    const input_file in(tmp / "a");
    CHECK(in.size() == text.size());
    CHECK(in.path() == tmp / "a");
    std::vector<std::byte> memory(40'000);
    cf::runtime loop;
    loop.run(in.read(memory, 30'000));
    CHECK(std::equal(memory.begin(), memory.end(), bytes(text).begin() + 30'000));
}

TEST_CASE("a file that ends early says where", "[file]")
{
    const folder tmp;
    write_text(tmp / "a", "0123456789");
    const input_file in(tmp / "a");
    fs::resize_file(tmp / "a", 6);
    std::vector<std::byte> memory(10);
    cf::runtime loop;
    const std::string said = refusal([&] { loop.run(in.read(memory, 0)); }, std::errc::io_error);
    CHECK(has(said, tmp / "a"));
    CHECK(has(said, "ends at byte 6"));
    CHECK(has(said, "the 10 it had"));
}

TEST_CASE("only what has a size is read", "[file]")
{
    const folder tmp;
    REQUIRE(mkfifo((tmp / "pipe").c_str(), 0600) == 0);
    for (const std::string& path : {std::string("/dev/zero"), tmp / ".", tmp / "pipe"})
        CHECK(has(refusal([&] { input_file in(path); }, cf::errc::bad_argument), path));
    CHECK(has(refusal([&] { input_file in(tmp / "absent"); }, std::errc::no_such_file_or_directory),
              tmp / "absent"));
}
