// SPDX-License-Identifier: MIT
//
// Many transfers at once on a modelled device, and a ledger of what became of them. For the tests in which
// transfers end in different ways.
#pragma once

#include "ledger.hpp"
#include "rig.hpp"

#include <algorithm>
#include <cstddef>

namespace rig {

using test::block;
using test::ledger;
using test::note;

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
