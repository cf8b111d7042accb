// SPDX-License-Identifier: MIT
//
// ledger: what became of a number of awaited transfers, and the tasks that fill it in. For the
// tests in which many transfers end in different ways.
#pragma once

#include "rig.hpp"

#include <algorithm>
#include <cstddef>
#include <system_error>
#include <vector>

namespace rig {

inline constexpr std::size_t block = 4096;

/// What became of a number of awaits: how often each resumed, and with what.
struct ledger {
    explicit ledger(std::size_t size) : resumed(size), code(size) {}
    std::vector<int> resumed;
    std::vector<std::error_code> code;

    bool each_once() const
    {
        return std::ranges::all_of(resumed, [](int n) { return n == 1; });
    }
    std::size_t count(std::error_code wanted) const
    {
        return static_cast<std::size_t>(std::ranges::count(code, wanted));
    }
};

inline cf::task<> note(cf::transfer moved, ledger& book, std::size_t entry)
{
    auto done = co_await cf::as_result(std::move(moved));
    ++book.resumed[entry];
    if (!done) book.code[entry] = done.error().code;
}

/// `count` transfers of one block each at once, each to its own place.
inline cf::task<> many(cf::device& dev, cf::buffer& memory, cf::transfer_kind kind, std::size_t count,
                       ledger& book)
{
    cf::window ram = dev.window("ram");
    cf::scope all;
    for (std::size_t i = 0; i < count; ++i) {
        const cf::buffer_slice slice = memory.slice(i * block, block);
        const cf::window_place place = ram.at(i * block);
        all.spawn(note(kind == cf::transfer_kind::write ? dev.write(slice, place) : dev.read(slice, place),
                       book, i));
    }
    co_await all.join();
}

inline bool moved(device_on_model& r, cf::buffer& memory, std::size_t i)
{
    return std::ranges::equal(memory.bytes().subspan(i * block, block),
                              r.model->far_memory().subspan(i * block, block));
}

} // namespace rig
