// SPDX-License-Identifier: MIT
//
// The identity of files.
#include "cli/distinct.hpp"

#include "cli/output_file.hpp"

#include <counterflow/error.hpp>

#include <filesystem>
#include <optional>

#include <sys/stat.h>
#include <unistd.h>

namespace cf::cli {
namespace {

/// What two names of one file have in common.
struct identity {
    dev_t device;
    ino_t node;
    std::string missing; ///< in the folder of that node: a file that is not there yet

    bool operator==(const identity&) const = default;
};

/// Nothing for what holds no data.
std::optional<identity> identity_of(const struct stat& status)
{
    if (S_ISCHR(status.st_mode)) return std::nullopt;
    // Nodes of one disk may be several.
    if (S_ISBLK(status.st_mode)) return identity{status.st_rdev, 0, {}};
    return identity{status.st_dev, status.st_ino, {}};
}

/// Nothing, too, for what cannot be looked at: opening it will say why.
std::optional<identity> identity_of(const std::string& path)
{
    if (path.empty()) return std::nullopt;
    struct stat status {};
    if (stat(path.c_str(), &status) == 0) return identity_of(status);
    const std::filesystem::path place = link_target(path);
    const std::filesystem::path folder = place.has_parent_path() ? place.parent_path() : ".";
    if (stat(folder.c_str(), &status) != 0) return std::nullopt;
    return identity{status.st_dev, status.st_ino, place.filename()};
}

std::optional<identity> identity_of(int fd)
{
    struct stat status {};
    return fstat(fd, &status) == 0 ? identity_of(status) : std::nullopt;
}

} // namespace

void require_distinct(const std::vector<file_role>& files)
{
    struct seen {
        std::string what;
        identity id;
    };
    std::vector<seen> before;
    for (const int fd : {STDOUT_FILENO, STDERR_FILENO})
        if (const auto id = identity_of(fd))
            before.push_back({fd == STDOUT_FILENO ? "standard output" : "standard error", *id});
    for (const file_role& f : files) {
        const auto id = identity_of(f.path);
        if (!id) continue;
        for (const seen& s : before)
            if (s.id == *id)
                throw error(errc::bad_argument, f.what + " " + f.path + " is the same file as " + s.what +
                                                    "; one of them would destroy the other, so name "
                                                    "another file");
        before.push_back({f.what + " " + f.path, *id});
    }
}

} // namespace cf::cli
