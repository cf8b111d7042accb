// SPDX-License-Identifier: MIT
//
// find_end: where a recording ends, for the recorder that goes on with it.
#pragma once

#include "record/reading.hpp"
#include "record/writer.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace cf::record {

/// Where the recording at `path`, with blocks of up to `block_bytes`, goes on: behind its last complete
/// block. Throws cf::error: bad_record when it is none or has blocks of another size; and what the system
/// says when something there cannot be read, as blocks that the disk may give another time are not written
/// over.
template <class Disk>
task<resume_point> find_end(std::string path, std::size_t block_bytes, Disk storage = {})
{
    reading<Disk> reader(std::move(storage));
    co_await reader.open(path);
    if (reader.info.block_bytes != block_bytes)
        throw error(errc::bad_record, path + " has blocks of up to " +
                                          std::to_string(reader.info.block_bytes) + " bytes, not " +
                                          std::to_string(block_bytes));
    resume_point point;
    point.id = reader.info.id;
    point.part = reader.info.part;
    point.end = page;
    std::vector<std::byte> payload(block_bytes);
    for (;;) {
        const std::optional<recorded_block> block = co_await reader.next();
        if (!block) break;
        const bool good = co_await reader.read(*block, payload);
        if (!good) continue; // kept as it is when others stand behind it
        point.end = reader.end;
        point.blocks = block->number + 1;
        point.next_sequence = block->sequence + 1;
        point.index.add(*block);
    }
    if (const auto& place = reader.unreadable; place && place->offset >= point.end)
        throw error(failure{place->cause, "reading " + path + " at offset " + std::to_string(place->offset)});
    co_return point;
}

} // namespace cf::record
