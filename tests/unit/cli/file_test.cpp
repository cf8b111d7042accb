// SPDX-License-Identifier: MIT
//
// Files at the ends of a copy: what is refused before anything happens, and what arrives.
#include "catch.hpp"

#include "cli/file.hpp"

#include <counterflow/error.hpp>
#include <counterflow/runtime.hpp>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <unistd.h>

using cf::cli::file;
namespace fs = std::filesystem;

namespace {

/// A folder of its own, removed at the end.
class folder {
public:
    folder()
    {
        std::string name = (fs::temp_directory_path() / "counterflow-test-XXXXXX").string();
        if (!mkdtemp(name.data())) throw std::system_error(errno, std::generic_category(), name);
        path_ = name;
    }
    folder(const folder&) = delete;
    folder& operator=(const folder&) = delete;
    ~folder() { fs::remove_all(path_); }

    std::string operator/(const char* name) const { return (path_ / name).string(); }

private:
    fs::path path_;
};

void write_text(const std::string& path, const std::string& text)
{
    std::ofstream(path, std::ios::binary) << text;
}

std::string text_of(const std::string& path)
{
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::span<const std::byte> bytes(const std::string& text) { return std::as_bytes(std::span(text)); }

/// What `action` is refused with.
template <class F, class Code>
std::string refusal(F&& action, Code code)
{
    try {
        action();
    } catch (const cf::error& e) {
        CHECK(e.code() == code);
        return e.what();
    }
    FAIL("accepted");
    return "";
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

} // namespace

TEST_CASE("what is written is read back", "[file]")
{
    const folder tmp;
    const std::string text(100'000, 'x');
    file out = file::for_writing(tmp / "a");
    out.start_writing(text.size());
    cf::runtime loop;
    loop.run(out.write(bytes(text).subspan(50'000), 50'000));
    loop.run(out.write(bytes(text).first(50'000), 0));
    out.close();
    CHECK(text_of(tmp / "a") == text);

    const file in = file::for_reading(tmp / "a");
    CHECK(in.size() == text.size());
    std::vector<std::byte> memory(40'000);
    loop.run(in.read(memory, 60'000));
    CHECK(std::equal(memory.begin(), memory.end(), bytes(text).begin() + 60'000));
}

TEST_CASE("a file that ends early says where", "[file]")
{
    const folder tmp;
    write_text(tmp / "a", "0123456789");
    const file in = file::for_reading(tmp / "a");
    fs::resize_file(tmp / "a", 6);
    std::vector<std::byte> memory(10);
    cf::runtime loop;
    const std::string said = refusal([&] { loop.run(in.read(memory, 0)); }, cf::errc::bad_argument);
    CHECK(has(said, tmp / "a"));
    CHECK(has(said, "ends at byte 6"));
}

TEST_CASE("opening does not touch the file, starting to write empties it", "[file]")
{
    const folder tmp;
    write_text(tmp / "a", "what was there before");
    {
        file out = file::for_writing(tmp / "a");
        CHECK(out.size() == 21);
    }
    CHECK(text_of(tmp / "a") == "what was there before");
    file out = file::for_writing(tmp / "a");
    out.start_writing(4);
    CHECK(fs::file_size(tmp / "a") == 4);
    cf::runtime loop;
    loop.run(out.write(bytes("now!"), 0));
    out.close();
    CHECK(text_of(tmp / "a") == "now!");
}

TEST_CASE("the source is never the destination", "[file]")
{
    const folder tmp;
    write_text(tmp / "a", "text");
    fs::create_hard_link(tmp / "a", tmp / "hard");
    fs::create_symlink(tmp / "a", tmp / "soft");
    const file in = file::for_reading(tmp / "a");
    for (const char* name : {"a", "hard", "soft"}) {
        const std::string path = tmp / name;
        CHECK(has(refusal([&] { file::for_writing(path, &in); }, cf::errc::bad_argument), "same file"));
    }
    CHECK(text_of(tmp / "a") == "text");
    CHECK_NOTHROW(file::for_writing(tmp / "b", &in));
}

TEST_CASE("errors name the path", "[file]")
{
    const folder tmp;
    const auto not_found = std::errc::no_such_file_or_directory;
    CHECK(has(refusal([&] { file::for_reading(tmp / "absent"); }, not_found), tmp / "absent"));
    CHECK(has(refusal([&] { file::for_writing(tmp / "absent/a"); }, not_found), tmp / "absent/a"));
    CHECK(has(refusal([&] { file::for_reading("/dev/zero"); }, cf::errc::bad_argument), "/dev/zero"));
    CHECK(has(refusal([&] { file::for_reading(tmp / "."); }, cf::errc::bad_argument), "no size"));

    file full = file::for_writing("/dev/full");
    full.start_writing(10);
    cf::runtime loop;
    const auto no_space = std::errc::no_space_on_device;
    CHECK(has(refusal([&] { loop.run(full.write(bytes("0123456789"), 0)); }, no_space), "/dev/full"));
}

TEST_CASE("room that is not there is found out before writing", "[file]")
{
    const folder tmp;
    file out = file::for_writing(tmp / "a");
    // More than any disk has, and than a file may have.
    CHECK_THROWS_AS(out.start_writing(std::uint64_t{1} << 62), cf::error);
}
