// SPDX-License-Identifier: MIT
//
// reading: what is behind a record_reader. Walks from header to header; where there is none it looks for the
// next one as far ahead as the recorder may have been. A template over the disk, so that tests bring one that
// fails.
#pragma once

#include "record/disk.hpp"
#include "record/format.hpp"
#include "record/index.hpp"

#include <counterflow/as_result.hpp>
#include <counterflow/record.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/stat.h>

namespace cf::record {

template <class Disk>
class reading {
public:
    explicit reading(Disk storage = {}) : disk_(std::move(storage)) {}

    task<> open(std::string path);
    task<std::optional<recorded_block>> next();
    task<bool> read(recorded_block block, std::span<std::byte> into);

    record_info info;
    std::optional<record_index> index;
    std::vector<record_damage> damage;
    std::uint64_t damaged = 0;
    std::optional<record_damage> unreadable;       // of the blocks: the last
    std::optional<record_damage> unreadable_index; // known from open() on, noted at the end
    std::uint64_t end = page;

private:
    static constexpr std::size_t damage_kept = 1024;

    struct outcome {
        bool whole = false;
        std::error_code cause; // what the system said when the disk could not read it
    };

    task<outcome> read_bytes(std::span<std::byte> into, std::uint64_t offset);
    template <class Header>
    task<outcome> read_header(Header& into, std::uint64_t offset);
    task<> read_index();
    task<bool> find(block_header& header);
    void note(const record_damage& place)
    {
        if (damage.size() < damage_kept) damage.push_back(place);
        ++damaged;
    }
    void note_damage(std::uint64_t offset, std::uint64_t bytes, std::error_code cause = {})
    {
        note({offset, bytes, cause});
        if (cause) unreadable = {offset, bytes, cause};
    }
    void note_index()
    {
        if (unreadable_index && !std::exchange(index_noted_, true)) note(*unreadable_index);
    }

    Disk disk_;
    file_descriptor file_;
    std::uint64_t size_ = 0;
    std::uint64_t reach_ = 0;
    std::uint64_t at_ = page; // where the next header should be
    bool index_noted_ = false;
};

/// What is the disk's, and no failure of the program or the system.
inline bool is_of_disk(std::error_code code) noexcept
{
    constexpr std::array errors{EIO,   ENODATA, EBADMSG,   EILSEQ,    EUCLEAN,
                                ENXIO, ENODEV,  ETIMEDOUT, EREMOTEIO, ESTALE};
    return code.category() == std::system_category() &&
           std::ranges::find(errors, code.value()) != errors.end();
}

/// Whole unless the file ends before, or the disk cannot read it. Throws what else goes wrong.
template <class Disk>
task<typename reading<Disk>::outcome> reading<Disk>::read_bytes(std::span<std::byte> into,
                                                                std::uint64_t offset)
{
    std::size_t got = 0;
    while (got < into.size()) {
        const result<std::size_t> more =
            co_await as_result(disk_.read(file_.get(), into.subspan(got), offset + got));
        if (!more && !is_of_disk(more.error().code)) throw error(more.error());
        if (!more) co_return outcome{false, more.error().code};
        if (*more == 0) co_return outcome{};
        got += *more;
    }
    co_return outcome{true, {}};
}

template <class Disk>
template <class Header>
task<typename reading<Disk>::outcome> reading<Disk>::read_header(Header& into, std::uint64_t offset)
{
    outcome o = co_await read_bytes(std::as_writable_bytes(std::span(&into, 1)), offset);
    o.whole = o.whole && is_whole(into);
    co_return o;
}

template <class Disk>
task<> reading<Disk>::open(std::string path)
{
    file_ = co_await disk_.open(path.c_str(), O_RDONLY);
    struct stat found {};
    if (::fstat(file_.get(), &found) != 0)
        throw error(failure{{errno, std::system_category()}, "reading " + path});
    if (!S_ISREG(found.st_mode)) throw error(errc::bad_record, path + " is no regular file");
    size_ = static_cast<std::uint64_t>(found.st_size);
    file_header header;
    const outcome o = co_await read_header(header, 0);
    if (o.cause) throw error(failure{o.cause, "reading the header of " + path});
    if (!o.whole || header.block_bytes > block_bytes_max) throw error(errc::bad_record, path);
    reach_ = std::min<std::uint64_t>(header.reach, 1025 * stride(header.block_bytes));
    info = {header.id,
            header.part,
            static_cast<std::size_t>(header.block_bytes),
            header.real_time_ns,
            header.time_ns,
            std::string(header.source, ::strnlen(header.source, 255)),
            false};
    co_await read_index();
}

template <class Disk>
task<> reading<Disk>::read_index()
{
    if (size_ < 3 * page || size_ % page != 0) co_return;
    block_header last;
    const outcome ends = co_await read_header(last, size_ - page);
    if (ends.cause) unreadable_index = {size_ - page, page, ends.cause};
    if (!ends.whole || last.kind != kind::end || last.id != info.id) co_return;
    block_header head;
    const outcome headed = co_await read_header(head, last.sequence);
    if (!headed.whole || head.kind != kind::index || head.id != info.id || head.bytes > index_bytes_max)
        co_return;
    std::vector<std::byte> bytes(head.bytes);
    const outcome o = co_await read_bytes(bytes, last.sequence + page);
    if (o.cause) unreadable_index = {last.sequence + page, head.bytes, o.cause};
    if (!o.whole || checksum(bytes) != head.payload_checksum) co_return;
    index = record::index::parse(bytes);
    info.closed = index.has_value();
}

/// Moves `at_` to the next header of this recording; false when there is none.
template <class Disk>
task<bool> reading<Disk>::find(block_header& header)
{
    std::error_code cause; // the first
    for (std::uint64_t p = at_; p <= at_ + reach_ && p + sizeof header <= size_; p += page) {
        const outcome o = co_await read_header(header, p);
        if (o.cause && !cause) cause = o.cause;
        if (!o.whole || header.id != info.id) continue;
        if (header.kind == kind::block && header.bytes > info.block_bytes) continue;
        if (p != at_) note_damage(at_, p - at_, cause);
        at_ = p;
        co_return true;
    }
    if (cause) { // nobody knows whether blocks stood there
        note_damage(at_, size_ - at_, cause);
        at_ = size_;
        index_noted_ = true; // with them
    }
    co_return false;
}

template <class Disk>
task<std::optional<recorded_block>> reading<Disk>::next()
{
    block_header header;
    const bool found = co_await find(header);
    if (!found || header.kind != kind::block) {
        note_index();
        co_return std::nullopt;
    }
    const std::uint64_t payload = at_ + page;
    if (payload + header.bytes > size_) { // cut off
        note_damage(at_, size_ - at_);
        at_ = size_;
        co_return std::nullopt;
    }
    at_ += stride(header.bytes);
    end = at_;
    co_return recorded_block{header.number, header.sequence,         header.time_ns, header.bytes,
                             header.lost,   header.payload_checksum, payload};
}

template <class Disk>
task<bool> reading<Disk>::read(recorded_block block, std::span<std::byte> into)
{
    if (into.size() < block.bytes)
        throw error(errc::out_of_range, "block " + std::to_string(block.sequence) + " of " +
                                            std::to_string(block.bytes) + " bytes for memory of " +
                                            std::to_string(into.size()));
    const outcome o = co_await read_bytes(into.first(block.bytes), block.offset);
    if (o.whole && checksum(into.first(block.bytes)) == block.checksum) co_return true;
    note_damage(block.offset, block.bytes, o.cause);
    co_return false;
}

} // namespace cf::record
