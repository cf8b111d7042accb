// SPDX-License-Identifier: MIT
//
// Counting pins by the edges of the pinned ranges.
#include "device/pinned_pages.hpp"

#include <cerrno>
#include <iterator>

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace cf::detail {
namespace {

// By mlock2 and the bare system call: the sanitizers make mlock and munlock do nothing, and under them
// neither could the limit be met nor pages be let go.
bool lock_pages(std::uintptr_t begin, std::uintptr_t end) noexcept
{
    return ::mlock2(reinterpret_cast<void*>(begin), end - begin, 0) == 0;
}
void unlock_pages(std::uintptr_t begin, std::uintptr_t end) noexcept
{
    ::syscall(SYS_munlock, begin, end - begin);
}

} // namespace

/// Never destroyed: buffers may be released while the process exits.
pinned_pages& pinned_pages::of_process()
{
    static pinned_pages* const instance = new pinned_pages;
    return *instance;
}

pinned_pages::edges::iterator pinned_pages::edge_at(std::uintptr_t address)
{
    const auto next = edges_.lower_bound(address);
    if (next != edges_.end() && next->first == address) return next;
    const std::uint64_t pins = next == edges_.begin() ? 0 : std::prev(next)->second.pins;
    return edges_.emplace_hint(next, address, edge{0, pins});
}

int pinned_pages::pin(std::byte* begin, std::size_t size)
{
    const std::lock_guard lock(mutex_);
    const auto address = reinterpret_cast<std::uintptr_t>(begin);
    const auto first = edge_at(address);
    ++first->second.ranges;
    edges::iterator end;
    try {
        end = edge_at(address + size);
    } catch (...) {
        remove_range(first);
        throw;
    }
    ++end->second.ranges;
    for (auto at = first; at != end; ++at) {
        // By mlock2, since the sanitizers make mlock do nothing, and the limit could not be met under them.
        if (at->second.pins == 0 && !lock_pages(at->first, std::next(at)->first)) {
            const int cause = errno;
            // The system may have pinned some of it before it gave up.
            unlock_pages(at->first, std::next(at)->first);
            let_go(first, at);
            remove_range(first);
            remove_range(end);
            return cause;
        }
        ++at->second.pins;
    }
    return 0;
}

void pinned_pages::unpin(std::byte* begin, std::size_t size) noexcept
{
    const std::lock_guard lock(mutex_);
    const auto address = reinterpret_cast<std::uintptr_t>(begin);
    const auto first = edges_.find(address);
    const auto end = edges_.find(address + size);
    let_go(first, end);
    remove_range(first);
    remove_range(end);
}

bool pinned_pages::empty()
{
    const std::lock_guard lock(mutex_);
    return edges_.empty();
}

void pinned_pages::let_go(edges::iterator first, edges::iterator end) noexcept
{
    for (auto at = first; at != end; ++at)
        if (--at->second.pins == 0) unlock_pages(at->first, std::next(at)->first);
}

/// Where no range begins or ends, pages are pinned equally often on both sides.
void pinned_pages::remove_range(edges::iterator at) noexcept
{
    if (--at->second.ranges == 0) edges_.erase(at);
}

} // namespace cf::detail
