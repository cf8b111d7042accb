// SPDX-License-Identifier: MIT
//
// pinned_pages: which pages of the process are pinned, and how often. mlock() does not nest, but
// buffers do: they may overlap, and neighbours share a page. For buffers of every device.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>

namespace cf::detail {

/// Any thread. A mutex is right here: memory is registered rarely.
class pinned_pages {
public:
    static pinned_pages& of_process();

    /// Pins the whole pages [begin, begin + size), which are made present and stay so. Returns 0, or
    /// the errno of the system that refused; then nothing has changed.
    int pin(std::byte* begin, std::size_t size);
    /// Undoes one pin() of exactly that range: pages that no other one covers are let go.
    void unpin(std::byte* begin, std::size_t size) noexcept;
    /// Whether nothing is pinned.
    bool empty();

private:
    /// Between two neighbouring edges all pages are pinned equally often. An edge exists while a range
    /// that was pinned begins or ends there, so unpin() has nothing to allocate.
    struct edge {
        std::uint64_t ranges = 0; ///< that begin or end here
        std::uint64_t pins = 0;   ///< of the pages from here to the next edge
    };
    using edges = std::map<std::uintptr_t, edge>;

    edges::iterator edge_at(std::uintptr_t address);
    void let_go(edges::iterator first, edges::iterator end) noexcept;
    void remove_range(edges::iterator at) noexcept;

    std::mutex mutex_;
    edges edges_;
};

} // namespace cf::detail
