// SPDX-License-Identifier: MIT
//
// What sysfs says of a function, from folders made up for it, and every sentence about what is in the way.
#include "catch.hpp"

#include "vfio/facts.hpp"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

using namespace cf::vfio;
using cf::errc;
namespace fs = std::filesystem;

namespace {

constexpr const char* bdf = "0000:01:00.0";

/// A system's folders, as much of them as is looked at.
class made_up_system {
public:
    made_up_system()
    {
        std::string name = (fs::temp_directory_path() / "counterflow-sysfs-XXXXXX").string();
        if (!::mkdtemp(name.data())) throw std::system_error(errno, std::generic_category(), name);
        root = name;
    }
    made_up_system(const made_up_system&) = delete;
    made_up_system& operator=(const made_up_system&) = delete;
    ~made_up_system() { fs::remove_all(root); }

    void write(const fs::path& file, const std::string& text) const
    {
        fs::create_directories((root / file).parent_path());
        std::ofstream(root / file) << text << "\n";
    }
    void link(const fs::path& from, const fs::path& to) const
    {
        fs::create_directories((root / from).parent_path());
        fs::create_directories(root / to);
        fs::create_symlink(root / to, root / from);
    }
    static fs::path device(const std::string& name) { return fs::path("sys/bus/pci/devices") / name; }

    void add_function(const std::string& name, const std::string& driver, const std::string& group,
                      const std::string& pci_class = "0x080100") const
    {
        write(device(name) / "vendor", "0x16c3");
        write(device(name) / "device", "0xedda");
        write(device(name) / "class", pci_class);
        if (!driver.empty()) link(device(name) / "driver", "sys/bus/pci/drivers/" + driver);
        if (group.empty()) return;
        const std::string folder = "sys/kernel/iommu_groups/" + group;
        link(device(name) / "iommu_group", folder);
        write(folder + "/devices/" + name, "");
    }
    void add_iommu() const { write("sys/class/iommu/dmar0", ""); }
    void add_nodes(const std::string& group) const
    {
        write("dev/vfio/vfio", "");
        write("dev/vfio/" + group, "");
    }

    std::string cause() const { return found().cause; }
    std::string remedy() const { return found().remedy; }
    obstacle found() const
    {
        const auto o = obstacle_of(look_at(root, bdf));
        return o ? *o : obstacle{};
    }

    fs::path root;
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// Facts of a function with nothing in the way.
facts ready()
{
    facts f;
    f.bdf = bdf;
    f.present = f.iommu_running = f.translated = true;
    f.group = "7";
    f.driver = "vfio-pci";
    f.container = f.group_node = access_to::allowed;
    return f;
}

} // namespace

TEST_CASE("nothing is in the way of a function that is all set up", "[vfio]")
{
    CHECK_FALSE(obstacle_of(ready()));
    const made_up_system s;
    s.add_iommu();
    s.add_function(bdf, "vfio-pci", "7");
    s.add_nodes("7");
    const facts f = look_at(s.root, bdf);
    CHECK(f.group == "7");
    CHECK(f.group_node == access_to::allowed);
    CHECK_FALSE(obstacle_of(f));
}

TEST_CASE("a function that is not there", "[vfio]")
{
    const made_up_system s;
    s.add_iommu();
    CHECK(s.found().code == errc::no_such_device);
    CHECK(has(s.cause(), "no PCI function of that address"));
    CHECK(has(s.remedy(), "lspci -D"));
}

TEST_CASE("no IOMMU at all, none for the function, and VFIO's mode without one", "[vfio]")
{
    const made_up_system s;
    s.add_function(bdf, "", "");
    CHECK(s.found().code == errc::not_set_up);
    CHECK(has(s.cause(), "this system runs no IOMMU"));
    CHECK(has(s.remedy(), "intel_iommu=on"));
    s.add_iommu();
    CHECK(has(s.cause(), "no IOMMU translates for this function"));
    s.link(made_up_system::device(bdf) / "iommu_group", "sys/kernel/iommu_groups/0");
    s.write("sys/kernel/iommu_groups/0/name", "vfio-noiommu");
    CHECK(has(s.cause(), "no IOMMU translates for this function"));
}

TEST_CASE("another driver, or none", "[vfio]")
{
    const made_up_system s;
    s.add_iommu();
    SECTION("none")
    {
        s.add_function(bdf, "", "7");
        CHECK(has(s.cause(), "no driver has the function"));
        CHECK_FALSE(has(s.remedy(), "unbind"));
    }
    SECTION("another")
    {
        s.add_function(bdf, "dw-edma-pcie", "7");
        CHECK(has(s.cause(), "the driver dw-edma-pcie has the function"));
        CHECK(has(s.remedy(), "echo 0000:01:00.0 >/sys/bus/pci/devices/0000:01:00.0/driver/unbind; "));
    }
    CHECK(s.found().code == errc::not_set_up);
    CHECK(has(s.remedy(), "modprobe vfio-pci; "
                          "echo vfio-pci >/sys/bus/pci/devices/0000:01:00.0/driver_override; "));
    CHECK(s.remedy().ends_with("echo 0000:01:00.0 >/sys/bus/pci/drivers_probe"));
}

TEST_CASE("others of the group that a driver holds", "[vfio]")
{
    const made_up_system s;
    s.add_iommu();
    s.add_nodes("7");
    s.add_function(bdf, "vfio-pci", "7");
    s.add_function("0000:00:1c.0", "pcieport", "7", "0x060400");
    s.add_function("0000:01:00.1", "", "7");
    s.add_function("0000:01:00.2", "vfio-pci", "7");
    s.add_function("0000:01:00.3", "pci-stub", "7");
    CHECK(s.cause().empty()); // VFIO gives the group away with all of these in it
    s.add_function("0000:01:00.4", "snd_hda_intel", "7");
    s.add_function("0000:01:00.5", "e1000e", "7");
    CHECK(has(s.cause(), "IOMMU group 7"));
    CHECK(has(s.cause(), "0000:01:00.4 (driver snd_hda_intel), 0000:01:00.5 (driver e1000e)"));
    CHECK(s.remedy() == "as root: echo 0000:01:00.4 >/sys/bus/pci/drivers/snd_hda_intel/unbind; "
                        "echo 0000:01:00.5 >/sys/bus/pci/drivers/e1000e/unbind");
}

TEST_CASE("nodes that are not there", "[vfio]")
{
    const made_up_system s;
    s.add_iommu();
    s.add_function(bdf, "vfio-pci", "7");
    CHECK(has(s.cause(), "/dev/vfio/vfio is not there"));
    s.write("dev/vfio/vfio", "");
    CHECK(has(s.cause(), "/dev/vfio/7 is not there"));
    CHECK(has(s.remedy(), "/dev/vfio/vfio and /dev/vfio/7"));
}

TEST_CASE("nodes that may not be opened", "[vfio]")
{
    facts f = ready();
    f.group_node = access_to::forbidden;
    CHECK(has(obstacle_of(f)->cause, "no permission to open /dev/vfio/7"));
    CHECK(has(obstacle_of(f)->remedy, "sudo chown $USER /dev/vfio/7"));
    f.container = access_to::forbidden;
    CHECK(has(obstacle_of(f)->cause, "no permission to open /dev/vfio/vfio"));
}

TEST_CASE("which functions are listed", "[vfio]")
{
    const made_up_system s;
    s.add_function("0000:02:00.0", "", "");
    s.add_function("0000:01:00.0", "vfio-pci", "7");
    s.write(made_up_system::device("0000:01:00.0") / "vendor", "0x1234");
    s.add_function("0000:03:00.0", "", "");
    s.write(made_up_system::device("0000:03:00.0") / "device", "0x1234");
    CHECK(candidates(s.root) == std::vector<std::string>{"0000:01:00.0", "0000:02:00.0"});
    CHECK(candidates(s.root / "nowhere").empty());
}

TEST_CASE("memory on the bus, of functions and of bridges", "[vfio]")
{
    const made_up_system s;
    s.write(made_up_system::device("0000:00:1c.0") / "resource",
            "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
            "0x00000000fe800000 0x00000000fe9fffff 0x0000000000000200\n"
            "0x0000000000001000 0x0000000000001fff 0x0000000000000101");
    s.write(made_up_system::device("0000:01:00.0") / "resource",
            "0x0000008000000000 0x0000008003ffffff 0x000000000014220c");
    const auto all = pci_memory(s.root);
    REQUIRE(all.size() == 2);
    CHECK(all[0].first == 0xfe80'0000);
    CHECK(all[0].last == 0xfe9f'ffff);
    CHECK(all[1].first == 0x80'0000'0000);
    CHECK(all[1].last == 0x80'03ff'ffff);
}
