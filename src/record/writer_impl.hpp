// SPDX-License-Identifier: MIT
//
// How a recorder's writer does it; included by writer.hpp only.
#pragma once

#include "record/writer.hpp"

#include <algorithm>
#include <ctime>
#include <random>

namespace cf::record {

inline std::uint64_t random_id()
{
    std::random_device chance;
    return std::uint64_t{chance()} << 32 | chance();
}

inline std::uint64_t real_time_ns() noexcept
{
    timespec t{};
    ::clock_gettime(CLOCK_REALTIME, &t);
    return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(t.tv_nsec);
}

template <class Disk>
writer<Disk>::writer(Disk& storage, std::string path, record_options options)
    : disk_(storage),
      base_(std::move(path)),
      options_(std::move(options)),
      id_(random_id()),
      reserves_(options_.preallocate != 0),
      direct_(options_.direct),
      slots_(2 * page * options_.outstanding)
{
    for (unsigned slot = options_.outstanding; slot-- > 0;) free_slots_.push_back(slot);
}

template <class Disk>
task<> writer<Disk>::start(std::optional<resume_point> resumed)
{
    if (!resumed) {
        const bool rotating = options_.rotate_bytes != 0 || options_.rotate_time.count() != 0;
        part_ = co_await make_part(rotating ? 1 : 0);
        co_return;
    }
    auto p = std::make_unique<part>();
    p->number = resumed->part;
    p->path = part_path(base_, p->number);
    p->file = co_await open(p->path, O_RDWR);
    if (const int wrong = disk_.cut(p->file.get(), resumed->end); wrong != 0)
        throw error(failure{{wrong, std::system_category()}, "cutting off the end of " + p->path});
    p->end = p->reserved = p->synced = resumed->end;
    p->begun_ns = detail::loop::current().now();
    p->index = std::move(resumed->index);
    id_ = resumed->id;
    number_ = resumed->blocks;
    next_sequence_ = resumed->next_sequence;
    part_ = std::move(p);
    counted_.parts = 1;
}

template <class Disk>
task<file_descriptor> writer<Disk>::open(const std::string& path, int flags)
{
    if (direct_) {
        auto opened = co_await as_result(disk_.open(path.c_str(), flags | O_DIRECT));
        if (opened) co_return std::move(*opened);
        if (opened.error().code != std::errc::invalid_argument) throw error(opened.error());
        direct_ = false; // O_CREAT may have made the file all the same
        flags &= ~O_EXCL;
    }
    file_descriptor opened = co_await disk_.open(path.c_str(), flags);
    co_return opened;
}

template <class Disk>
task<std::unique_ptr<typename writer<Disk>::part>> writer<Disk>::make_part(std::uint32_t number)
{
    auto p = std::make_unique<part>();
    p->number = number;
    p->path = part_path(base_, number);
    p->file = co_await open(p->path, O_RDWR | O_CREAT | O_EXCL);
    p->begun_ns = detail::loop::current().now();
    p->end = p->synced = page;

    file_header header;
    std::copy_n(file_header::right_magic, sizeof header.magic, header.magic);
    header.part = number;
    header.id = id_;
    header.block_bytes = options_.block_bytes;
    header.reach = options_.outstanding * stride(options_.block_bytes);
    header.real_time_ns = real_time_ns();
    header.time_ns = p->begun_ns;
    options_.source.copy(header.source, sizeof header.source - 1);
    record::seal(header);
    std::memcpy(p->tail.at(0), &header, sizeof header);
    std::array<iovec, 1> from{iovec{p->tail.at(0), page}};
    co_await write_all(*p, from, 0, "the header");

    // The file is there, also after a power loss: so its folder is synchronised.
    const std::size_t slash = p->path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : p->path.substr(0, slash + 1);
    co_await disk_.synchronise(p->file.get());
    const auto of_folder = co_await as_result(disk_.open(folder.c_str(), O_RDONLY | O_DIRECTORY));
    if (of_folder) // not every file system can
        static_cast<void>(co_await as_result(disk_.synchronise(of_folder.value().get())));
    ++counted_.parts;
    co_return p;
}

template <class Disk>
void writer<Disk>::check(const record_block& block) const
{
    const std::string which =
        "block " + std::to_string(block.sequence) + " of " + std::to_string(block.payload.size()) + " bytes";
    if (block.payload.empty()) throw error(errc::zero_length, which);
    if (block.payload.size() > options_.block_bytes)
        throw error(errc::out_of_range,
                    which + " for a record with blocks of " + std::to_string(options_.block_bytes));
    if (direct_ && reinterpret_cast<std::uintptr_t>(block.payload.data()) % page != 0)
        throw error(errc::misaligned, which + " at no multiple of 4096, for O_DIRECT");
}

template <class Disk>
void writer<Disk>::fail(const failure& why) noexcept
{
    if (!failed_) failed_ = why;
    changed_.set();
}

template <class Disk>
task<> writer<Disk>::wait_for_turn()
{
    const std::uint64_t ticket = tickets_++;
    for (;;) {
        fail_if_failed();
        if (ticket == serving_ && !free_slots_.empty()) co_return;
        changed_.reset();
        co_await changed_;
    }
}

template <class Disk>
bool writer<Disk>::rotates(std::uint64_t bytes) const noexcept
{
    if (part_->index.blocks() == 0) return false;
    const std::uint64_t sealed = part_->end + stride(bytes) + round_up(index_bytes_max) + 2 * page;
    if (options_.rotate_bytes != 0 && sealed > options_.rotate_bytes) return true;
    const auto age = static_cast<std::int64_t>(detail::loop::current().now() - part_->begun_ns);
    return options_.rotate_time.count() != 0 && age >= options_.rotate_time.count();
}

// A disk that is full, or cannot reserve, is written to as far as it goes.
template <class Disk>
task<> writer<Disk>::reserve(std::uint64_t more)
{
    while (reserves_ && part_->end + more > part_->reserved) {
        const std::uint64_t from = std::max(part_->reserved, part_->end);
        const auto reserved =
            co_await as_result(disk_.reserve(part_->file.get(), from, std::max(options_.preallocate, more)));
        if (!reserved) {
            reserves_ = false;
            if (reserved.error().code == errc::canceled) throw error(reserved.error());
        } else {
            part_->reserved = from + std::max(options_.preallocate, more);
        }
    }
}

template <class Disk>
typename writer<Disk>::place writer<Disk>::take_place(const record_block& block)
{
    place at{part_.get(), free_slots_.back(), {}};
    free_slots_.pop_back();
    block_header header = header_of(block);
    header.id = id_;
    header.number = number_++;
    next_sequence_ = header.sequence + 1;
    record::seal(header);
    at.block = {header.number, header.sequence,         header.time_ns,   header.bytes,
                header.lost,   header.payload_checksum, part_->end + page};
    std::memcpy(slots_.at(2 * page * at.slot), &header, sizeof header);
    part_->end += stride(header.bytes);
    ++part_->outstanding;
    ++serving_;
    changed_.set();
    return at;
}

template <class Disk>
task<> writer<Disk>::write(record_block block)
{
    check(block);
    std::unique_ptr<part> full;
    try {
        co_await wait_for_turn();
        if (rotates(block.payload.size())) {
            auto next = co_await make_part(part_->number + 1);
            full = std::exchange(part_, std::move(next));
        }
        co_await reserve(stride(block.payload.size()));
        co_await put(take_place(block), block.payload);
        if (full) co_await seal(*full);
    } catch (const error& e) {
        fail({e.code(), e.detail()});
        throw;
    }
}

// The payload's last bytes, if they do not fill a page, are copied into one: O_DIRECT writes pages.
template <class Disk>
task<> writer<Disk>::put(place at, std::span<const std::byte> payload)
{
    struct ending {
        writer& self;
        place& at;
        ~ending()
        {
            self.free_slots_.push_back(at.slot);
            if (--at.in->outstanding == 0) at.in->quiet.set();
            self.changed_.set();
        }
    };
    part& p = *at.in;
    std::byte* const head = slots_.at(2 * page * at.slot);
    std::byte* const tail = head + page;
    p.quiet.reset();
    {
        const ending at_the_end{*this, at};
        const std::size_t rest = payload.size() % page;
        const std::span<const std::byte> whole = payload.first(payload.size() - rest);
        std::memcpy(tail, payload.data() + whole.size(), rest);
        std::memset(tail + rest, 0, page - rest);
        counted_.copied_bytes += rest;
        std::array<iovec, 3> from{iovec{head, page},
                                  iovec{const_cast<std::byte*>(whole.data()), whole.size()},
                                  iovec{tail, rest != 0 ? page : 0}};
        co_await write_all(p, from, at.block.offset - page, "block " + std::to_string(at.block.sequence));
        p.index.add(at.block);
        ++counted_.blocks;
        counted_.bytes += at.block.bytes;
        counted_.lost += at.block.lost;
        counted_.gaps += at.block.lost != 0 ? 1 : 0;
    }
    if (options_.sync_bytes == 0 || p.end - p.synced < options_.sync_bytes) co_return;
    p.synced = p.end;
    co_await disk_.synchronise(p.file.get());
}

template <class Disk>
task<> writer<Disk>::write_all(part& p, std::span<iovec> from, std::uint64_t offset, std::string what)
{
    for (;;) {
        while (!from.empty() && from.front().iov_len == 0) from = from.subspan(1);
        if (from.empty()) co_return;
        const auto written = co_await as_result(disk_.write(p.file.get(), from, offset));
        if (!written)
            throw error(failure{written.error().code,
                                what + " at offset " + std::to_string(offset) + " of " + p.path});
        // A short write that O_DIRECT cannot go on from is repeated from the last page on.
        std::size_t done = direct_ ? *written / page * page : *written;
        if (done == 0)
            throw error(failure{std::make_error_code(std::errc::io_error),
                                what + " at offset " + std::to_string(offset) + " of " + p.path +
                                    " (nothing was written)"});
        offset += done;
        for (iovec& one : from) {
            const std::size_t of_one = std::min(done, one.iov_len);
            one.iov_base = static_cast<std::byte*>(one.iov_base) + of_one;
            one.iov_len -= of_one;
            done -= of_one;
        }
    }
}

// The index and the end behind it, in one piece.
template <class Disk>
task<> writer<Disk>::seal(part& p)
{
    while (p.outstanding != 0) co_await p.quiet;
    const std::size_t bytes = p.index.put_into(p.tail.bytes().subspan(page));
    const std::uint64_t padded = round_up(bytes);
    std::memset(p.tail.at(page + bytes), 0, padded - bytes + page);
    block_header head = header_of({std::span<const std::byte>(p.tail.at(page), bytes), 0, 0, 0});
    head.kind = kind::index;
    head.id = id_;
    record::seal(head);
    std::memset(p.tail.at(0), 0, page);
    std::memcpy(p.tail.at(0), &head, sizeof head);
    block_header end;
    end.kind = kind::end;
    end.id = id_;
    end.number = p.index.blocks();
    end.sequence = p.end;
    record::seal(end);
    std::memcpy(p.tail.at(page + padded), &end, sizeof end);
    std::array<iovec, 1> from{iovec{p.tail.at(0), 2 * page + padded}};
    co_await write_all(p, from, p.end, "the index");
    if (const int wrong = disk_.cut(p.file.get(), p.end + 2 * page + padded); wrong != 0)
        throw error(failure{{wrong, std::system_category()}, "cutting off the end of " + p.path});
    co_await disk_.synchronise(p.file.get());
    p.file = file_descriptor();
}

template <class Disk>
task<> writer<Disk>::close()
{
    if (!failed_) {
        co_await seal(*part_);
        co_return;
    }
    while (part_->outstanding != 0) co_await part_->quiet;
    disk_.cut(part_->file.get(), part_->end); // gives back what was reserved; the file is readable without
    part_->file = file_descriptor();
}

template <class Disk>
record_statistics writer<Disk>::statistics() const noexcept
{
    record_statistics now = counted_;
    now.outstanding = options_.outstanding - static_cast<unsigned>(free_slots_.size());
    now.direct = direct_;
    return now;
}

} // namespace cf::record
