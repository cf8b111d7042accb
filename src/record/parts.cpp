// SPDX-License-Identifier: MIT
//
// Finding the parts of a record.
#include "record/parts.hpp"

#include <counterflow/error.hpp>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>

namespace cf::record {
namespace {

namespace fs = std::filesystem;

/// The number of the part of `base` that a file of that name is, or 0.
std::uint32_t number_of(const std::string& name, const std::string& base)
{
    if (!name.starts_with(base + ".") || name.size() < base.size() + 5) return 0;
    std::uint32_t number = 0;
    const char* const end = name.data() + name.size();
    const auto [stopped, wrong] = std::from_chars(name.data() + base.size() + 1, end, number);
    return wrong == std::errc() && stopped == end ? number : 0;
}

template <class Visit>
void for_each_part(const std::string& path, Visit visit)
{
    const fs::path whole(path);
    const fs::path folder = whole.has_parent_path() ? whole.parent_path() : fs::path(".");
    std::error_code failed;
    for (fs::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed)) {
        const std::uint32_t number = number_of(at->path().filename().string(), whole.filename().string());
        if (number != 0) visit(number, at->path());
    }
    if (failed) throw error(failure{failed, "looking for parts of " + path});
}

} // namespace

std::string part_path(const std::string& path, std::uint32_t number)
{
    if (number == 0) return path;
    char digits[16];
    std::snprintf(digits, sizeof digits, ".%04u", number);
    return path + digits;
}

std::uint32_t last_part(const std::string& path)
{
    std::uint32_t last = 0;
    for_each_part(path, [&](std::uint32_t number, const fs::path&) { last = std::max(last, number); });
    return last;
}

void remove_parts(const std::string& path)
{
    for_each_part(path, [](std::uint32_t, const fs::path& part) {
        std::error_code failed;
        fs::remove(part, failed);
        if (failed) throw error(failure{failed, "removing " + part.string()});
    });
}

} // namespace cf::record
