// SPDX-License-Identifier: MIT
//
// record_reader on the disk that there is, and where a recording ends, for one that is resumed.
#include "record/reader.hpp"

#include "record/reading.hpp"

#include <counterflow/record.hpp>

namespace cf {

class detail::record_reader_impl : public record::reading<record::disk> {};

record_reader::record_reader(std::unique_ptr<detail::record_reader_impl> impl) noexcept
    : impl_(std::move(impl))
{
}
record_reader::record_reader(record_reader&&) noexcept = default;
record_reader& record_reader::operator=(record_reader&&) noexcept = default;
record_reader::~record_reader() = default;

task<record_reader> record_reader::open(std::string path)
{
    auto impl = std::make_unique<detail::record_reader_impl>();
    co_await impl->open(std::move(path));
    co_return record_reader(std::move(impl));
}

const record_info& record_reader::info() const noexcept { return impl_->info; }
const std::optional<record_index>& record_reader::index() const noexcept { return impl_->index; }
task<std::optional<recorded_block>> record_reader::next() { return impl_->next(); }
task<bool> record_reader::read(const recorded_block& block, std::span<std::byte> into)
{
    return impl_->read(block, into);
}
const std::vector<record_damage>& record_reader::damage() const noexcept { return impl_->damage; }
std::uint64_t record_reader::damaged() const noexcept { return impl_->damaged; }
std::uint64_t record_reader::end() const noexcept { return impl_->end; }

namespace record {
namespace {

// Blocks that the disk may give another time are not written over.
void refuse_unreadable(const record_reader& reader, const std::string& path)
{
    for (const record_damage& place : reader.damage())
        if (place.cause)
            throw error(
                failure{place.cause, "reading " + path + " at offset " + std::to_string(place.offset)});
}

} // namespace

// A block whose payload is not what it should be is kept as it is when others stand behind it; at the end the
// recording goes on in its place.
task<resume_point> find_end(std::string path, std::size_t block_bytes)
{
    record_reader reader = co_await record_reader::open(path);
    if (reader.info().block_bytes != block_bytes)
        throw error(errc::bad_record, path + " has blocks of up to " +
                                          std::to_string(reader.info().block_bytes) + " bytes, not " +
                                          std::to_string(block_bytes));
    resume_point point;
    point.id = reader.info().id;
    point.part = reader.info().part;
    point.end = page;
    std::vector<std::byte> payload(block_bytes);
    for (;;) {
        const std::optional<recorded_block> block = co_await reader.next();
        refuse_unreadable(reader, path);
        if (!block) co_return point;
        const bool good = co_await reader.read(*block, payload);
        if (!good) continue;
        point.end = reader.end();
        point.blocks = block->number + 1;
        point.next_sequence = block->sequence + 1;
        point.index.add(*block);
    }
}

} // namespace record
} // namespace cf
