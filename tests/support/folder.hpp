// SPDX-License-Identifier: MIT
//
// For tests of what works on files: a folder of their own, and what is in a file.
#pragma once

#include "catch.hpp"

#include <counterflow/error.hpp>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

/// Removed at the end.
class folder {
public:
    folder()
    {
        std::string name = (std::filesystem::temp_directory_path() / "counterflow-test-XXXXXX").string();
        if (!mkdtemp(name.data())) throw std::system_error(errno, std::generic_category(), name);
        path_ = name;
    }
    folder(const folder&) = delete;
    folder& operator=(const folder&) = delete;
    ~folder() { std::filesystem::remove_all(path_); }

    std::string operator/(const char* name) const { return (path_ / name).string(); }

    /// How many files are in it.
    std::size_t size() const
    {
        std::size_t n = 0;
        for (auto at = std::filesystem::directory_iterator(path_); at != std::filesystem::end(at); ++at) ++n;
        return n;
    }

private:
    std::filesystem::path path_;
};

/// Sends what is printed to a file while it lives.
class stdout_to {
public:
    explicit stdout_to(const std::string& path) : kept_(dup(STDOUT_FILENO))
    {
        std::fflush(stdout);
        const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (kept_ < 0 || dup2(file, STDOUT_FILENO) < 0)
            throw std::system_error(errno, std::generic_category(), path);
        close(file);
    }
    stdout_to(const stdout_to&) = delete;
    stdout_to& operator=(const stdout_to&) = delete;
    ~stdout_to()
    {
        std::fflush(stdout);
        dup2(kept_, STDOUT_FILENO);
        close(kept_);
    }

private:
    int kept_;
};

inline void write_text(const std::string& path, const std::string& text)
{
    std::ofstream(path, std::ios::binary) << text;
}

inline std::string text_of(const std::string& path)
{
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

inline std::span<const std::byte> bytes(const std::string& text) { return std::as_bytes(std::span(text)); }

inline bool has(const std::string& text, const std::string& part)
{
    INFO(text);
    return text.find(part) != std::string::npos;
}

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
