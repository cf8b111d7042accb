// SPDX-License-Identifier: MIT
//
// Files in two roles: found by whatever name, and whether they are there or not.
#include "cli/distinct.hpp"
#include "folder.hpp"

using cf::cli::require_distinct;
namespace fs = std::filesystem;

namespace {

bool alike(const std::string& one, const std::string& other)
{
    try {
        require_distinct({{"SRC", one}, {"--report", other}});
    } catch (const cf::error& e) {
        CHECK(e.code() == cf::errc::bad_argument);
        CHECK(has(e.what(), "--report " + other + " is the same file as SRC " + one));
        return true;
    }
    return false;
}

} // namespace

TEST_CASE("one file by many names", "[distinct]")
{
    const folder tmp;
    write_text(tmp / "a", "text");
    write_text(tmp / "b", "text");
    fs::create_directory(tmp / "folder");
    fs::create_hard_link(tmp / "a", tmp / "hard");
    fs::create_symlink("a", tmp / "soft");
    for (const char* name : {"a", "hard", "soft", "folder/../a", "./a"}) CHECK(alike(tmp / "a", tmp / name));
    CHECK(alike(tmp / "soft", tmp / "hard"));
    CHECK_FALSE(alike(tmp / "a", tmp / "b"));
}

TEST_CASE("one file that is not there yet", "[distinct]")
{
    const folder tmp;
    fs::create_directory(tmp / "folder");
    fs::create_directory_symlink(tmp / "folder", tmp / "way");
    fs::create_symlink("folder/new", tmp / "dangling");
    for (const char* name : {"folder/new", "way/new", "folder/../way/new", "dangling"})
        CHECK(alike(tmp / "folder/new", tmp / name));
    CHECK(alike("new-in-this-folder", "./new-in-this-folder"));
    CHECK_FALSE(alike(tmp / "folder/new", tmp / "new"));
    CHECK_FALSE(alike(tmp / "folder/new", tmp / "folder/other"));
    CHECK_FALSE(alike(tmp / "absent/new", tmp / "absent/new")); // fails when it is opened
}

TEST_CASE("what was not named is no file, and devices hold nothing", "[distinct]")
{
    CHECK_FALSE(alike("", ""));
    CHECK_FALSE(alike("/dev/null", "/dev/null"));
    CHECK_NOTHROW(require_distinct({}));
}

TEST_CASE("where stdout goes is no place for a file", "[distinct]")
{
    const folder tmp;
    std::string said;
    {
        const stdout_to printed(tmp / "printed");
        said = refusal([&] { require_distinct({{"--receive", tmp / "printed"}}); }, cf::errc::bad_argument);
    }
    CHECK(has(said, "standard output"));
}
