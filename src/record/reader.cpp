// SPDX-License-Identifier: MIT
//
// record_reader: walks from header to header. Where there is none it looks for the next one as far ahead as
// the recorder may have been.
#include "record/reader.hpp"

#include "record/format.hpp"
#include "record/index.hpp"

#include <counterflow/file.hpp>
#include <counterflow/record.hpp>

#include <sys/stat.h>

#include <array>

namespace cf {
namespace {

constexpr std::size_t damage_kept = 1024;

/// Fewer than asked for only at the file's end.
task<std::size_t> read_fully(int fd, std::span<std::byte> into, std::uint64_t offset)
{
    std::size_t got = 0;
    while (got < into.size()) {
        const std::size_t more = co_await read_at(fd, into.subspan(got), offset + got);
        if (more == 0) break;
        got += more;
    }
    co_return got;
}

template <class Header>
task<bool> read_header(int fd, Header& into, std::uint64_t offset)
{
    const std::size_t got = co_await read_fully(fd, std::as_writable_bytes(std::span(&into, 1)), offset);
    co_return got == sizeof into&& record::is_whole(into);
}

} // namespace

class detail::record_reader_impl {
public:
    task<> open(std::string name);
    task<std::optional<recorded_block>> next();
    task<bool> read(recorded_block block, std::span<std::byte> into);

    std::string path;
    file_descriptor file;
    std::uint64_t size = 0;
    std::uint64_t reach = 0;
    std::uint64_t at = record::page; // where the next header should be
    std::uint64_t end = record::page;
    record_info info;
    std::optional<record_index> index;
    std::vector<record_damage> damage;

private:
    task<> read_index();
    task<bool> find(record::block_header& header);
    void note_damage(std::uint64_t offset, std::uint64_t bytes)
    {
        if (damage.size() < damage_kept) damage.push_back({offset, bytes});
    }
};

task<> detail::record_reader_impl::open(std::string name)
{
    path = std::move(name);
    file = co_await open_file(path.c_str(), O_RDONLY);
    struct stat found {};
    if (::fstat(file.get(), &found) != 0)
        throw error(failure{{errno, std::system_category()}, "reading " + path});
    if (!S_ISREG(found.st_mode)) throw error(errc::bad_record, path + " is no regular file");
    size = static_cast<std::uint64_t>(found.st_size);
    record::file_header header;
    const bool whole = co_await read_header(file.get(), header, 0);
    if (!whole || header.block_bytes > record::block_bytes_max) throw error(errc::bad_record, path);
    reach = std::min<std::uint64_t>(header.reach, 1025 * record::stride(header.block_bytes));
    info = {header.id,
            header.part,
            static_cast<std::size_t>(header.block_bytes),
            header.real_time_ns,
            header.time_ns,
            std::string(header.source, ::strnlen(header.source, 255)),
            false};
    co_await read_index();
}

task<> detail::record_reader_impl::read_index()
{
    if (size < 3 * record::page || size % record::page != 0) co_return;
    record::block_header last;
    const bool ends = co_await read_header(file.get(), last, size - record::page);
    if (!ends || last.kind != record::kind::end || last.id != info.id) co_return;
    record::block_header head;
    const bool headed = co_await read_header(file.get(), head, last.sequence);
    if (!headed || head.kind != record::kind::index || head.id != info.id ||
        head.bytes > record::index_bytes_max)
        co_return;
    std::vector<std::byte> bytes(head.bytes);
    const std::size_t got = co_await read_fully(file.get(), bytes, last.sequence + record::page);
    if (got != bytes.size() || record::checksum(bytes) != head.payload_checksum) co_return;
    index = record::index::parse(bytes);
    info.closed = index.has_value();
}

/// Moves `at` to the next header of this recording; false when there is none.
task<bool> detail::record_reader_impl::find(record::block_header& header)
{
    for (std::uint64_t p = at; p <= at + reach && p + sizeof header <= size; p += record::page) {
        const bool whole = co_await read_header(file.get(), header, p);
        if (!whole || header.id != info.id) continue;
        if (header.kind == record::kind::block && header.bytes > info.block_bytes) continue;
        if (p != at) note_damage(at, p - at);
        at = p;
        co_return true;
    }
    co_return false;
}

task<std::optional<recorded_block>> detail::record_reader_impl::next()
{
    record::block_header header;
    const bool found = co_await find(header);
    if (!found || header.kind != record::kind::block) co_return std::nullopt;
    const std::uint64_t payload = at + record::page;
    if (payload + header.bytes > size) { // cut off
        note_damage(at, size - at);
        at = size;
        co_return std::nullopt;
    }
    at += record::stride(header.bytes);
    end = at;
    co_return recorded_block{header.number, header.sequence,         header.time_ns, header.bytes,
                             header.lost,   header.payload_checksum, payload};
}

task<bool> detail::record_reader_impl::read(recorded_block block, std::span<std::byte> into)
{
    if (into.size() < block.bytes)
        throw error(errc::out_of_range, "block " + std::to_string(block.sequence) + " of " +
                                            std::to_string(block.bytes) + " bytes for memory of " +
                                            std::to_string(into.size()));
    const std::size_t got = co_await read_fully(file.get(), into.first(block.bytes), block.offset);
    co_return got == block.bytes&& record::checksum(into.first(block.bytes)) == block.checksum;
}

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
std::uint64_t record_reader::end() const noexcept { return impl_->end; }

namespace record {

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
