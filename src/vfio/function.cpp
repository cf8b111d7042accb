// SPDX-License-Identifier: MIT
//
// VFIO's ioctls, and what their refusals mean.
#include "vfio/function.hpp"

#include "log/log.hpp"
#include "vfio/config_space.hpp"
#include <counterflow/error.hpp>

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

namespace cf::vfio {
namespace {

/// Space for what VFIO appends to a structure: a chain of capabilities.
template <class Info>
std::vector<std::byte> with_capabilities(const Info& info)
{
    std::vector<std::byte> all(std::max<std::size_t>(info.argsz, sizeof info));
    std::memcpy(all.data(), &info, sizeof info);
    return all;
}

/// The capability `id` in a chain that starts at `at`, or null.
const std::byte* find_capability(const std::vector<std::byte>& all, std::uint32_t at, std::uint16_t id)
{
    vfio_info_cap_header header{};
    for (; at >= sizeof header && at <= all.size() - sizeof header; at = header.next) {
        std::memcpy(&header, all.data() + at, sizeof header);
        if (header.id == id) return all.data() + at;
        if (header.next <= at) break;
    }
    return nullptr;
}

std::string lock_limit()
{
    rlimit limit{};
    ::getrlimit(RLIMIT_MEMLOCK, &limit);
    return limit.rlim_cur == RLIM_INFINITY ? "no limit"
                                           : "a limit of " + std::to_string(limit.rlim_cur) + " bytes";
}

} // namespace

function::function(const facts& f, std::string spec) : bdf_(f.bdf), spec_(std::move(spec))
{
    container_ = file_descriptor(::open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC));
    if (!container_) fail("/dev/vfio/vfio");
    const std::string node = "/dev/vfio/" + f.group;
    group_ = file_descriptor(::open(node.c_str(), O_RDWR | O_CLOEXEC));
    if (!group_ && errno == EBUSY)
        throw error(errc::busy, spec_ + ": another program has IOMMU group " + f.group + " open");
    if (!group_) fail(node);
    join(f);
    device_ = file_descriptor(::ioctl(group_.get(), VFIO_GROUP_GET_DEVICE_FD, bdf_.c_str()));
    if (!device_) fail("opening the function of group " + f.group);
    config_ = region(VFIO_PCI_CONFIG_REGION_INDEX);
}

/// Makes the group the container's and starts translation.
void function::join(const facts& f)
{
    vfio_group_status status{sizeof status, 0};
    if (::ioctl(group_.get(), VFIO_GROUP_GET_STATUS, &status) != 0) fail("asking for group " + f.group);
    if ((status.flags & VFIO_GROUP_FLAGS_VIABLE) == 0)
        throw error(errc::not_set_up, spec_ +
                                          ": a driver that is not VFIO's holds a function of IOMMU group " +
                                          f.group + "; see /sys/kernel/iommu_groups/" + f.group + "/devices");
    if (::ioctl(container_.get(), VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) != 1)
        throw error(errc::not_set_up,
                    spec_ + ": VFIO knows no IOMMU of type 1; as root: modprobe vfio_iommu_type1");
    int container = container_.get();
    if (::ioctl(group_.get(), VFIO_GROUP_SET_CONTAINER, &container) != 0) fail("joining group " + f.group);
    if (::ioctl(container_.get(), VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) == 0) return;
    if (errno == EPERM)
        throw error(
            errc::not_set_up,
            spec_ + ": this platform cannot keep a function from raising the interrupts of others; switch "
                    "interrupt remapping on in the firmware, or, where that does not matter, as root: "
                    "echo 1 >/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts");
    fail("starting translation for group " + f.group);
}

void function::fail(const std::string& what) const
{
    throw error(failure{std::error_code(errno, std::system_category()), spec_ + ": " + what});
}

std::vector<std::byte> function::config() const
{
    std::vector<std::byte> bytes(config_.size);
    const ssize_t got =
        ::pread(device_.get(), bytes.data(), bytes.size(), static_cast<off_t>(config_.offset));
    if (got < 64) fail("reading the configuration space");
    bytes.resize(static_cast<std::size_t>(got));
    return bytes;
}

void function::enable(bool mastering)
{
    const auto at = static_cast<off_t>(config_.offset + command_register);
    std::uint16_t command = 0;
    if (::pread(device_.get(), &command, sizeof command, at) != sizeof command)
        fail("reading the command register");
    command = static_cast<std::uint16_t>((command & ~command_master) | command_memory |
                                         (mastering ? command_master : 0));
    if (::pwrite(device_.get(), &command, sizeof command, at) != sizeof command)
        fail("writing the command register");
}

vfio_region_info function::region(unsigned index) const
{
    vfio_region_info info{};
    info.argsz = sizeof info;
    info.index = index;
    if (::ioctl(device_.get(), VFIO_DEVICE_GET_REGION_INFO, &info) != 0)
        fail("asking for region " + std::to_string(index));
    return info;
}

std::uint64_t function::bar_size(unsigned bar) const
{
    if (bar > VFIO_PCI_BAR5_REGION_INDEX) return 0;
    const vfio_region_info info = region(bar);
    return (info.flags & VFIO_REGION_INFO_FLAG_MMAP) != 0 ? info.size : 0;
}

bool function::bar_shows_messages(unsigned bar) const
{
    if (bar_size(bar) == 0) return false;
    std::vector<std::byte> all = with_capabilities(region(bar));
    if (::ioctl(device_.get(), VFIO_DEVICE_GET_REGION_INFO, all.data()) != 0) return false;
    vfio_region_info info{};
    std::memcpy(&info, all.data(), sizeof info);
    return (info.flags & VFIO_REGION_INFO_FLAG_CAPS) != 0 &&
           find_capability(all, info.cap_offset, VFIO_REGION_INFO_CAP_MSIX_MAPPABLE) != nullptr;
}

mapped_bar function::map_bar(unsigned bar, std::uint64_t offset, std::size_t size) const
{
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    const std::uint64_t begin = offset & ~(page - 1);
    const std::uint64_t end = (offset + size + page - 1) & ~(page - 1);
    void* const pages = ::mmap(nullptr, end - begin, PROT_READ | PROT_WRITE, MAP_SHARED, device_.get(),
                               static_cast<off_t>(region(bar).offset + begin));
    if (pages == MAP_FAILED) fail("mapping BAR " + std::to_string(bar));
    return {pages, end - begin, offset - begin};
}

unsigned function::interrupts(unsigned kind) const
{
    vfio_irq_info info{};
    info.argsz = sizeof info;
    info.index = kind;
    if (::ioctl(device_.get(), VFIO_DEVICE_GET_IRQ_INFO, &info) != 0) return 0;
    return (info.flags & VFIO_IRQ_INFO_EVENTFD) != 0 ? info.count : 0;
}

void function::connect(unsigned kind, int event)
{
    constexpr std::size_t size = sizeof(vfio_irq_set) + sizeof event;
    alignas(vfio_irq_set) std::array<std::byte, size> bytes{};
    auto& set = *new (bytes.data()) vfio_irq_set;
    set.argsz = size;
    set.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
    set.index = kind;
    set.start = 0;
    set.count = 1;
    std::memcpy(bytes.data() + sizeof(vfio_irq_set), &event, sizeof event);
    if (::ioctl(device_.get(), VFIO_DEVICE_SET_IRQS, bytes.data()) != 0)
        fail("connecting interrupts of kind " + std::to_string(kind));
}

std::vector<address_range> function::iova_ranges() const
{
    vfio_iommu_type1_info info{};
    info.argsz = sizeof info;
    if (::ioctl(container_.get(), VFIO_IOMMU_GET_INFO, &info) != 0) fail("asking the IOMMU");
    std::vector<std::byte> all = with_capabilities(info);
    if (::ioctl(container_.get(), VFIO_IOMMU_GET_INFO, all.data()) != 0) fail("asking the IOMMU");
    std::memcpy(&info, all.data(), sizeof info);
    const std::byte* const found =
        (info.flags & VFIO_IOMMU_INFO_CAPS) == 0
            ? nullptr
            : find_capability(all, info.cap_offset, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE);
    if (!found)
        throw error(errc::not_supported, spec_ + ": the kernel does not say which addresses the IOMMU takes");
    vfio_iommu_type1_info_cap_iova_range head{};
    std::memcpy(&head, found, sizeof head);
    std::vector<address_range> ranges;
    for (std::uint32_t i = 0; i < head.nr_iovas; ++i) {
        vfio_iova_range range{};
        std::memcpy(&range, found + sizeof head + i * sizeof range, sizeof range);
        ranges.push_back({range.start, range.end});
    }
    return ranges;
}

void function::map_memory(std::uint64_t iova, void* memory, std::size_t size)
{
    vfio_iommu_type1_dma_map map{};
    map.argsz = sizeof map;
    map.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
    map.vaddr = reinterpret_cast<std::uintptr_t>(memory);
    map.iova = iova;
    map.size = size;
    if (::ioctl(container_.get(), VFIO_IOMMU_MAP_DMA, &map) == 0) return;
    const std::string what = "mapping " + std::to_string(size) + " bytes for the function";
    if (errno == ENOMEM) throw error(errc::memlock_exceeded, spec_ + ": " + what + ", with " + lock_limit());
    if (errno == ENOSPC)
        throw error(errc::no_memory,
                    spec_ + ": " + what +
                        ": there are as many mappings as vfio_iommu_type1's dma_entry_limit allows");
    fail(what);
}

void function::unmap_memory(std::uint64_t iova, std::size_t size) noexcept
{
    vfio_iommu_type1_dma_unmap unmap{};
    unmap.argsz = sizeof unmap;
    unmap.iova = iova;
    unmap.size = size;
    if (::ioctl(container_.get(), VFIO_IOMMU_UNMAP_DMA, &unmap) == 0 && unmap.size == size) return;
    log::event(log::part::device, spdlog::level::err, "unmap of what is not mapped", spec_,
               {{"address", iova, true}, {"size", size}});
}

void function::close() noexcept
{
    device_ = file_descriptor();
    group_ = file_descriptor();
    container_ = file_descriptor();
}

} // namespace cf::vfio
