// SPDX-License-Identifier: MIT
//
// Files that are written: nothing changes before they are committed, and then all of it does.
#include "cli/output_file.hpp"
#include "folder.hpp"

#include <counterflow/runtime.hpp>

#include <csignal>
#include <ostream>

#include <fcntl.h>
#include <sys/stat.h>

using cf::cli::output_file;
using order = cf::cli::output_file::order;
namespace fs = std::filesystem;

namespace {

/// A file that is written whole.
void write_all(const std::string& path, const std::string& text)
{
    output_file out(path, order::any);
    out.reserve(text.size());
    cf::runtime loop;
    loop.run(out.write(bytes(text), 0));
    out.commit();
}

} // namespace

TEST_CASE("what is written takes its place at the end", "[file]")
{
    const folder tmp;
    const std::string text = std::string(50'000, 'x') + std::string(50'000, 'y');
    for (const char* before : {"", "what was there before"}) {
        write_text(tmp / "a", before);
        output_file out(tmp / "a", order::any);
        out.reserve(text.size());
        cf::runtime loop;
        loop.run(out.write(bytes(text).subspan(50'000), 50'000));
        loop.run(out.write(bytes(text).first(50'000), 0));
        CHECK(text_of(tmp / "a") == before);
        out.commit();
        CHECK(text_of(tmp / "a") == text);
        CHECK(tmp.size() == 1);
    }
}

TEST_CASE("without a commit nothing has happened", "[file]")
{
    const folder tmp;
    write_text(tmp / "a", "what was there before");
    for (const char* name : {"a", "new"}) {
        output_file out(tmp / name, order::any);
        out.reserve(100'000);
        cf::runtime loop;
        loop.run(out.write(bytes("other"), 0));
        out.write_text([](std::ostream& to) { to << "text"; });
    }
    CHECK(text_of(tmp / "a") == "what was there before");
    CHECK(tmp.size() == 1);
}

TEST_CASE("text of any length", "[file]")
{
    const folder tmp;
    for (const std::size_t size : {0u, 1u, 65'535u, 65'536u, 65'537u, 1'000'000u}) {
        const std::string text(size, 't');
        output_file out(tmp / "a", order::front);
        out.write_text([&](std::ostream& to) {
            for (const char c : text) to.put(c);
        });
        out.write_text([&](std::ostream& to) { to << text; });
        out.commit();
        CHECK(text_of(tmp / "a") == text + text);
    }
}

TEST_CASE("a link leads to what is replaced, and stays", "[file]")
{
    const folder tmp;
    fs::create_directory(tmp / "folder");
    fs::create_symlink("folder/b", tmp / "relative"); // to nothing, yet
    fs::create_symlink(tmp / "relative", tmp / "absolute");
    for (const char* text : {"first", "second"}) {
        write_all(tmp / "absolute", text);
        CHECK(text_of(tmp / "folder/b") == text);
        CHECK(fs::is_symlink(tmp / "absolute"));
        CHECK(fs::is_symlink(tmp / "relative"));
    }
    fs::create_symlink("round", tmp / "round");
    CHECK_THROWS_AS(write_all(tmp / "round", "text"), cf::error);
}

TEST_CASE("the mode stays, a new file gets what the user wants", "[file]")
{
    const folder tmp;
    const mode_t before = umask(027);
    write_all(tmp / "new", "text");
    umask(before);
    CHECK(fs::status(tmp / "new").permissions() == fs::perms(0640));
    fs::permissions(tmp / "new", fs::perms(0604));
    write_all(tmp / "new", "other");
    CHECK(fs::status(tmp / "new").permissions() == fs::perms(0604));
}

TEST_CASE("a file that may not be written is not replaced", "[file]")
{
    const folder tmp;
    write_text(tmp / "a", "kept");
    fs::permissions(tmp / "a", fs::perms::owner_read);
    if (access((tmp / "a").c_str(), W_OK) == 0) return; // root may do anything
    CHECK(has(refusal([&] { write_all(tmp / "a", "text"); }, std::errc::permission_denied), tmp / "a"));
    fs::permissions(tmp / "a", fs::perms::owner_write); // but not read: that is not needed
    write_all(tmp / "a", "text");
}

TEST_CASE("errors name the path, and leave nothing", "[file]")
{
    const folder tmp;
    const auto refused = [&](const std::string& path, auto code) {
        return refusal([&] { output_file out(path, order::any); }, code);
    };
    CHECK(has(refused(tmp / "absent/a", std::errc::no_such_file_or_directory), tmp / "absent/a"));
    CHECK(has(refused(tmp / ".", std::errc::is_a_directory), tmp / "."));
    CHECK(has(refused("", std::errc::no_such_file_or_directory), "No such file"));

    // More than any disk has, and than a file may have.
    output_file out(tmp / "a", order::any);
    CHECK(has(refusal([&] { out.reserve(std::uint64_t{1} << 62); }, std::errc::file_too_large), tmp / "a"));

    fs::create_directory(tmp / "folder");
    output_file late(tmp / "b", order::any);
    fs::create_directory(tmp / "b");
    CHECK(has(refusal([&] { late.commit(); }, std::errc::is_a_directory), "taking its place"));
}

TEST_CASE("a full disk shows", "[file]")
{
    output_file blocks("/dev/full", order::any);
    blocks.reserve(10);
    cf::runtime loop;
    const auto no_space = std::errc::no_space_on_device;
    CHECK(has(refusal([&] { loop.run(blocks.write(bytes("0123456789"), 0)); }, no_space), "/dev/full"));
    output_file text("/dev/full", order::front);
    const auto write = [&](std::size_t size) {
        text.write_text([size](std::ostream& to) { to << std::string(size, 'x'); });
    };
    CHECK(has(refusal([&] { write(1); }, no_space), "/dev/full"));
    CHECK(has(refusal([&] { write(1'000'000); }, no_space), "/dev/full"));
    write_all("/dev/null", "text");
    CHECK(fs::is_character_file("/dev/null"));
}

TEST_CASE("blocks do not go to a pipe, text does", "[file]")
{
    const folder tmp;
    const std::string pipe = tmp / "pipe";
    REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
    // Nobody reads; nobody is waited for.
    for (const order o : {order::any, order::front})
        CHECK(has(refusal([&] { output_file out(pipe, o); }, std::errc::no_such_device_or_address), pipe));
    const int reader = open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    REQUIRE(reader >= 0);
    CHECK(has(refusal([&] { output_file out(pipe, order::any); }, cf::errc::bad_argument), "pipe"));
    output_file out(pipe, order::front);
    out.write_text([](std::ostream& to) { to << "through"; });
    out.commit();
    std::string got(20, '\0');
    CHECK(read(reader, got.data(), got.size()) == 7);
    CHECK(got.substr(0, 7) == "through");
    close(reader);
    CHECK(fs::is_fifo(pipe));
}
