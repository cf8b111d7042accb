// SPDX-License-Identifier: MIT
//
// Reading sysfs, and the sentences about what is in the way.
#include "vfio/facts.hpp"

#include <algorithm>
#include <fstream>
#include <system_error>

#include <unistd.h>

namespace cf::vfio {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view wanted_driver = "vfio-pci";
constexpr std::string_view functions = "sys/bus/pci/devices";

/// The last part of what a link points to; empty when there is no link.
std::string target_of(const fs::path& link)
{
    std::error_code ignored;
    return fs::read_symlink(link, ignored).filename();
}

std::string first_word(const fs::path& file)
{
    std::ifstream in(file);
    std::string word;
    in >> word;
    return word;
}

access_to access_of(const fs::path& node)
{
    if (::access(node.c_str(), F_OK) != 0) return access_to::nothing;
    return ::access(node.c_str(), R_OK | W_OK) == 0 ? access_to::allowed : access_to::forbidden;
}

/// Whether VFIO gives a group away although this function of it is not vfio-pci's.
bool harmless(const fs::path& function, std::string_view driver)
{
    constexpr std::string_view bridge = "0x0604";
    return driver.empty() || driver == "pci-stub" || first_word(function / "class").starts_with(bridge);
}

std::string write_to(std::string_view text, std::string_view file)
{
    return "echo " + std::string(text) + " >" + std::string(file);
}

std::string bind_commands(const facts& f)
{
    const std::string here = "/sys/bus/pci/devices/" + f.bdf;
    std::string commands = "modprobe vfio-pci; " + write_to(wanted_driver, here + "/driver_override") + "; ";
    if (!f.driver.empty()) commands += write_to(f.bdf, here + "/driver/unbind") + "; ";
    return "as root: " + commands + write_to(f.bdf, "/sys/bus/pci/drivers_probe");
}

std::string unbind_commands(const facts& f)
{
    std::string commands = "as root: ";
    for (const neighbour& n : f.in_the_way)
        commands += (&n == &f.in_the_way.front() ? "" : "; ") +
                    write_to(n.bdf, "/sys/bus/pci/drivers/" + n.driver + "/unbind");
    return commands;
}

std::string names_of(const std::vector<neighbour>& all)
{
    std::string names;
    for (const neighbour& n : all)
        names += (names.empty() ? "" : ", ") + n.bdf + " (driver " + n.driver + ")";
    return names;
}

obstacle no_iommu(const facts& f)
{
    if (f.iommu_running)
        return {errc::not_set_up,
                "no IOMMU translates for this function, so it cannot be kept to a program's memory",
                "use the kernel module (docs/kernel.md), or a slot that an IOMMU serves"};
    return {errc::not_set_up,
            "this system runs no IOMMU, so the function cannot be kept to a program's memory",
            "switch it on in the firmware (VT-d, AMD-Vi, SMMU) and, with Intel's, boot with intel_iommu=on"};
}

} // namespace

std::vector<std::string> names_in(const fs::path& folder)
{
    std::vector<std::string> names;
    std::error_code ignored;
    for (const fs::directory_entry& e : fs::directory_iterator(folder, ignored))
        names.push_back(e.path().filename());
    std::sort(names.begin(), names.end());
    return names;
}

facts look_at(const fs::path& root, std::string_view bdf)
{
    facts f;
    f.bdf = bdf;
    const fs::path here = root / functions / bdf;
    std::error_code ignored;
    f.present = fs::exists(here, ignored);
    f.iommu_running = !names_in(root / "sys/class/iommu").empty();
    f.driver = target_of(here / "driver");
    f.group = target_of(here / "iommu_group");
    f.translated = !f.group.empty() && first_word(here / "iommu_group/name") != "vfio-noiommu";
    for (const std::string& name : names_in(here / "iommu_group/devices")) {
        const fs::path other = root / functions / name;
        const std::string driver = target_of(other / "driver");
        if (name != bdf && driver != wanted_driver && !harmless(other, driver))
            f.in_the_way.push_back({name, driver});
    }
    f.container = access_of(root / "dev/vfio/vfio");
    if (!f.group.empty()) f.group_node = access_of(root / "dev/vfio" / f.group);
    return f;
}

std::optional<obstacle> obstacle_of(const facts& f)
{
    const std::string node = "/dev/vfio/" + f.group;
    if (!f.present)
        return obstacle{errc::no_such_device, "this system has no PCI function of that address",
                        "`lspci -D` shows those it has"};
    if (!f.translated) return no_iommu(f);
    if (f.driver.empty())
        return obstacle{errc::not_set_up, "no driver has the function, and vfio-pci has to",
                        bind_commands(f)};
    if (f.driver != wanted_driver)
        return obstacle{errc::not_set_up, "the driver " + f.driver + " has the function, and vfio-pci has to",
                        bind_commands(f)};
    if (!f.in_the_way.empty())
        return obstacle{
            errc::not_set_up,
            "its IOMMU group " + f.group +
                " is given away as a whole, and drivers hold others of it: " + names_of(f.in_the_way),
            unbind_commands(f)};
    if (f.container == access_to::nothing || f.group_node == access_to::nothing)
        return obstacle{
            errc::not_set_up, (f.container == access_to::nothing ? "/dev/vfio/vfio" : node) + " is not there",
            "as root: modprobe vfio_iommu_type1; a container has to be given /dev/vfio/vfio and " + node};
    if (f.container == access_to::forbidden)
        return obstacle{errc::not_set_up, "no permission to open /dev/vfio/vfio",
                        "as root: chmod 666 /dev/vfio/vfio; it gives nothing away by itself"};
    if (f.group_node == access_to::forbidden)
        return obstacle{errc::not_set_up, "no permission to open " + node,
                        "sudo chown $USER " + node + "; a udev rule for SUBSYSTEM==\"vfio\" makes it last"};
    return std::nullopt;
}

std::vector<std::string> candidates(const fs::path& root)
{
    std::vector<std::string> found = names_in(root / functions);
    std::erase_if(found, [&](const std::string& name) {
        const fs::path here = root / functions / name;
        const bool synopsys =
            first_word(here / "vendor") == "0x16c3" && first_word(here / "device") == "0xedda";
        return !synopsys && target_of(here / "driver") != wanted_driver;
    });
    return found;
}

std::vector<address_range> pci_memory(const fs::path& root)
{
    constexpr std::uint64_t is_memory = 0x200;
    std::vector<address_range> all;
    for (const std::string& name : names_in(root / functions)) {
        std::ifstream lines(root / functions / name / "resource");
        lines.unsetf(std::ios::basefield); // the numbers say themselves that they are hexadecimal
        std::uint64_t first = 0, last = 0, flags = 0;
        while (lines >> first >> last >> flags)
            if ((flags & is_memory) != 0) all.push_back({first, last});
    }
    return all;
}

} // namespace cf::vfio
