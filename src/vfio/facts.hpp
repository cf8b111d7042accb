// SPDX-License-Identifier: MIT
//
// What the system says of a PCI function before it is opened, and what of that is in the way of driving it
// from user space. For opening a device and for `counterflow list`; read from a folder, so that tests can
// make one up.
#pragma once

#include <counterflow/error.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cf::vfio {

/// Another function of the same IOMMU group, and the driver that keeps VFIO from giving the group away.
struct neighbour {
    std::string bdf;
    std::string driver;
};

enum class access_to { nothing, forbidden, allowed };

struct facts {
    std::string bdf; ///< domain:bus:device.function
    bool present = false;
    bool iommu_running = false; ///< any, for some device
    bool translated = false;    ///< an IOMMU stands before this function
    std::string group;          ///< its IOMMU group's number; empty when it has none
    std::string driver;         ///< empty: none
    std::vector<neighbour> in_the_way;
    access_to container = access_to::nothing;  ///< /dev/vfio/vfio
    access_to group_node = access_to::nothing; ///< /dev/vfio/GROUP
};

/// Reads sysfs and /dev below `root`, which is "/" but in tests.
facts look_at(const std::filesystem::path& root, std::string_view bdf);

/// Why a function cannot be opened, and what to do about it: shell commands where there are any.
struct obstacle {
    errc code;
    std::string cause;
    std::string remedy;
};

/// The first thing in the way, or nothing. What only an attempt can tell (registers, limits) is not among
/// them.
std::optional<obstacle> obstacle_of(const facts& f);

/// Names in a folder, sorted; none when it is not there.
std::vector<std::string> names_in(const std::filesystem::path& folder);

/// Functions that look as if they were meant: Synopsys' own ID, and whatever vfio-pci has. Sorted.
std::vector<std::string> candidates(const std::filesystem::path& root);

/// Addresses, both inclusive.
struct address_range {
    std::uint64_t first;
    std::uint64_t last;
};

/// Every address on the bus that some PCI function answers to or a bridge passes on.
std::vector<address_range> pci_memory(const std::filesystem::path& root);

} // namespace cf::vfio
