// SPDX-License-Identifier: MIT
//
// Mapping, and unmapping behind the last copy.
#include "vfio_user/guest_memory.hpp"

#include <cerrno>
#include <sys/mman.h>
#include <sys/stat.h>

namespace cf::vfio_user {
namespace {

model::address_map& client_memory(model::machine& hardware) { return hardware.inbound(port_end::root_port); }

/// A mapping past the file's end would be a bus error at the first copy.
bool holds(int file, std::uint64_t offset, std::uint64_t size)
{
    struct stat now {};
    if (::fstat(file, &now) != 0) return false;
    const auto length = static_cast<std::uint64_t>(now.st_size);
    return !S_ISREG(now.st_mode) || (offset <= length && size <= length - offset);
}

} // namespace

int guest_memory::map(const request::dma_map& range, const file_descriptor& file)
{
    if (overlaps(range.address, range.size)) return EEXIST;
    if (mappings_.size() == mappings_max) return ENOSPC;
    mapping added{.size = range.size};
    if (file) {
        if (!holds(file.get(), range.offset, range.size)) return EINVAL;
        const int protection = (range.readable ? PROT_READ : 0) | (range.writable ? PROT_WRITE : 0);
        void* const at =
            ::mmap(nullptr, range.size, protection, MAP_SHARED, file.get(), static_cast<off_t>(range.offset));
        if (at == MAP_FAILED) return errno;
        added.host = static_cast<std::byte*>(at);
        added.allowed = static_cast<model::access>((range.readable ? 1 : 0) | (range.writable ? 2 : 0));
    }
    mappings_.emplace(range.address, added);
    if (reachable_) show(range.address, added);
    return 0;
}

bool guest_memory::overlaps(std::uint64_t address, std::uint64_t size) const
{
    const auto next = mappings_.upper_bound(address);
    if (next != mappings_.end() && next->first - address < size) return true;
    return next != mappings_.begin() && address - std::prev(next)->first < std::prev(next)->second.size;
}

void guest_memory::show(std::uint64_t address, const mapping& each)
{
    if (!each.host) return;
    hardware_.with([&](model::machine& m, model::nanoseconds) {
        client_memory(m).add(
            {.address = address, .size = each.size, .host = each.host, .allowed = each.allowed});
    });
}

guest_memory::unmapped guest_memory::unmap(const request::dma_unmap& range)
{
    unmapped result;
    auto from = mappings_.begin(), to = mappings_.end();
    if (!range.all) {
        const std::uint64_t last = range.address + (range.size - 1);
        from = mappings_.lower_bound(range.address);
        to = mappings_.upper_bound(last);
        const bool cut_in_front = from != mappings_.begin() && overlaps(range.address, 1) &&
                                  (from == to || from->first != range.address);
        const bool cut_behind = from != to && last - std::prev(to)->first < std::prev(to)->second.size - 1;
        if (cut_in_front || cut_behind) return {EINVAL, 0};
    }
    for (auto each = from; each != to; ++each) result.bytes += each->second.size;
    take(from, to);
    return result;
}

/// Copies run under the machine's lock, so what has left its map is not being copied to.
void guest_memory::take(mappings::iterator from, mappings::iterator to)
{
    if (reachable_) {
        hardware_.with([&](model::machine& m, model::nanoseconds) {
            for (auto each = from; each != to; ++each)
                if (each->second.host) client_memory(m).remove(each->first, each->second.size);
        });
    }
    for (auto each = from; each != to; ++each)
        if (each->second.host) ::munmap(each->second.host, each->second.size);
    mappings_.erase(from, to);
}

void guest_memory::clear() { take(mappings_.begin(), mappings_.end()); }

void guest_memory::allow(bool reachable)
{
    if (reachable_ == reachable) return;
    reachable_ = reachable;
    for (const auto& [address, each] : mappings_) {
        if (reachable) {
            show(address, each);
        } else if (each.host) {
            hardware_.with([&, at = address, size = each.size](model::machine& m, model::nanoseconds) {
                client_memory(m).remove(at, size);
            });
        }
    }
}

} // namespace cf::vfio_user
