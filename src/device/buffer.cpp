// SPDX-License-Identifier: MIT
//
// Registration of near memory: huge pages where there are any, pinning against RLIMIT_MEMLOCK,
// mapping for the engines, and release when nothing can touch it any more.
#include "device/attachment.hpp"
#include "device/core.hpp"
#include "device/pinned_pages.hpp"
#include "device/region.hpp"

#include <counterflow/buffer.hpp>
#include <counterflow/error.hpp>

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

namespace cf {
namespace detail {
namespace {

constexpr std::size_t huge_page = 2u << 20;

std::size_t round_up(std::size_t n, std::size_t unit) noexcept { return (n + unit - 1) / unit * unit; }

std::string in_bytes(std::size_t n) { return std::to_string(n) + " bytes"; }

/// Whether the kernel backs some of the mapping that holds `address` with transparent huge
/// pages now: the AnonHugePages line of its entry in smaps.
bool has_transparent_huge_pages(const void* address)
{
    const std::unique_ptr<FILE, int (*)(FILE*)> smaps(std::fopen("/proc/self/smaps", "re"), &std::fclose);
    if (!smaps) return false;
    const auto wanted = reinterpret_cast<std::uintptr_t>(address);
    char line[512];
    bool inside = false;
    while (std::fgets(line, sizeof line, smaps.get())) {
        std::uintptr_t begin = 0;
        std::uintptr_t end = 0;
        unsigned long kib = 0;
        if (std::sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &begin, &end) == 2)
            inside = begin <= wanted && wanted < end;
        else if (inside && std::sscanf(line, "AnonHugePages: %lu kB", &kib) == 1)
            return kib > 0;
    }
    return false;
}

/// Anonymous memory in whole pages, from the hugetlb pool if that has enough, else aligned so
/// that transparent huge pages can serve it.
void map_memory(region& r)
{
    const auto anonymous = [](std::size_t size, int flags) {
        return ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    };
    if (r.size >= huge_page) {
        r.pages_size = round_up(r.size, huge_page);
        void* const huge = anonymous(r.pages_size, MAP_HUGETLB);
        if (huge != MAP_FAILED) {
            r.pages_begin = static_cast<std::byte*>(huge);
            r.pages = page_kind::huge;
            return;
        }
    }
    const std::size_t unit =
        r.size >= huge_page ? huge_page : static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    r.pages_size = round_up(r.size, unit);
    const std::size_t slack = unit == huge_page ? huge_page : 0;
    void* const raw = anonymous(r.pages_size + slack, 0);
    if (raw == MAP_FAILED)
        throw error(errc::no_memory, "buffer of " + in_bytes(r.size) + ": mmap: " + std::strerror(errno));

    // Give the slack around the aligned part back.
    auto* const begin = static_cast<std::byte*>(raw);
    const std::size_t lead = (unit - reinterpret_cast<std::uintptr_t>(begin) % unit) % unit;
    if (lead > 0) ::munmap(begin, lead);
    if (slack > lead) ::munmap(begin + lead + r.pages_size, slack - lead);
    r.pages_begin = begin + lead;
    if (unit == huge_page) ::madvise(r.pages_begin, r.pages_size, MADV_HUGEPAGE);
}

void pin(region& r)
{
    const int cause = pinned_pages::of_process().pin(r.pages_begin, r.pages_size);
    r.pinned = cause == 0;
    if (r.pinned) return;
    rlimit limit{};
    ::getrlimit(RLIMIT_MEMLOCK, &limit);
    const std::string what = "pinning " + in_bytes(r.pages_size);
    if (cause == ENOMEM || cause == EPERM || cause == EAGAIN)
        throw error(errc::memlock_exceeded, what + " with a limit of " + in_bytes(limit.rlim_cur));
    throw error(errc::no_memory, what + ": " + std::strerror(cause));
}

void release(region& r) noexcept
{
    unmap_region(r);
    if (r.pinned) pinned_pages::of_process().unpin(r.pages_begin, r.pages_size);
    if (r.allocated && r.pages_begin) ::munmap(r.pages_begin, r.pages_size);
    delete &r;
}

struct releaser {
    void operator()(region* r) const noexcept { release(*r); }
};

/// Pins and maps what `r` describes and enters it with the device. Entered first: when there is no memory for
/// that, nothing is mapped yet.
region* enter(device_core& core, std::unique_ptr<region, releaser> r)
{
    if (!core.attached().pins()) pin(*r);
    const auto entry = core.regions().emplace(reinterpret_cast<std::uintptr_t>(r->data), r.get());
    try {
        r->address = core.attached().map(r->pages_begin, r->pages_size);
    } catch (...) {
        core.regions().erase(entry);
        throw;
    }
    r->address += static_cast<std::uint64_t>(r->data - r->pages_begin);
    r->core = &core;
    return r.release();
}

} // namespace

region* allocate_region(device_core& core, std::size_t size)
{
    if (size == 0) throw error(errc::zero_length, "buffer of 0 bytes");
    if (size > PTRDIFF_MAX - huge_page) throw error(errc::no_memory, "buffer of " + in_bytes(size));
    std::unique_ptr<region, releaser> r(new region);
    r->size = size;
    map_memory(*r);
    r->allocated = true;
    r->data = r->pages_begin;
    region* const entered = enter(core, std::move(r));
    if (entered->pages == page_kind::base && size >= huge_page && has_transparent_huge_pages(entered->data))
        entered->pages = page_kind::transparent;
    return entered;
}

region* add_region(device_core& core, std::span<std::byte> memory)
{
    if (memory.empty()) throw error(errc::zero_length, "registration of 0 bytes");
    const auto unit = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const std::size_t lead = reinterpret_cast<std::uintptr_t>(memory.data()) % unit;
    std::unique_ptr<region, releaser> r(new region);
    r->size = memory.size();
    r->data = memory.data();
    r->pages_begin = memory.data() - lead;
    r->pages_size = round_up(lead + memory.size(), unit);
    return enter(core, std::move(r));
}

void unmap_region(region& r) noexcept
{
    if (!r.core) return;
    auto& regions = r.core->regions();
    const auto [first, last] = regions.equal_range(reinterpret_cast<std::uintptr_t>(r.data));
    regions.erase(std::find_if(first, last, [&](const auto& entry) { return entry.second == &r; }));
    r.core->attached().unmap(r.address - static_cast<std::uint64_t>(r.data - r.pages_begin), r.pages_size);
    r.core = nullptr;
}

void release_if_unused(region& r) noexcept
{
    if (!r.has_owner && r.in_flight == 0) release(r);
}

} // namespace detail

buffer::~buffer()
{
    if (!region_) return;
    region_->has_owner = false;
    detail::release_if_unused(*region_);
}

std::byte* buffer::data() const noexcept { return region_ ? region_->data : nullptr; }
std::size_t buffer::size() const noexcept { return region_ ? region_->size : 0; }
page_kind buffer::pages() const noexcept { return region_ ? region_->pages : page_kind::base; }

buffer_slice::buffer_slice(const buffer& whole) noexcept
    : region_(whole.region()), offset_(0), size_(whole.size())
{
}

} // namespace cf
