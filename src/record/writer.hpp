// SPDX-License-Identifier: MIT
//
// writer: what is behind a recorder. A template over the disk, so that tests bring one that fails. Several
// tasks write at once: each takes its place in the file when it is its turn, and then writes beside the
// others.
#pragma once

#include "record/disk.hpp"
#include "record/format.hpp"
#include "record/index.hpp"
#include "record/pages.hpp"
#include "record/parts.hpp"

#include <counterflow/as_result.hpp>
#include <counterflow/event.hpp>
#include <counterflow/record.hpp>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace cf::record {

/// Where a recording that is resumed goes on.
struct resume_point {
    std::uint64_t id = 0;
    std::uint32_t part = 0;
    std::uint64_t end = 0; ///< of the part: behind its last complete block
    std::uint64_t blocks = 0;
    std::uint64_t next_sequence = 0;
    record::index index;
};

template <class Disk>
class writer {
public:
    writer(Disk& storage, std::string path, record_options options);

    /// Makes the first part, or goes on with one.
    task<> start(std::optional<resume_point> resumed);
    task<> write(record_block block);
    task<> close();

    record_statistics statistics() const noexcept;
    std::uint64_t next_sequence() const noexcept { return next_sequence_; }
    const std::string& path() const noexcept { return part_->path; }

private:
    struct part {
        std::string path;
        std::uint32_t number = 0;
        file_descriptor file;
        std::uint64_t end = 0;      // where the next block goes
        std::uint64_t reserved = 0; // up to where the disk has given room
        std::uint64_t synced = 0;   // `end` when it was synchronised last
        std::uint64_t begun_ns = 0;
        unsigned outstanding = 0;
        event quiet; // outstanding is 0
        record::index index;
        pages tail{round_up(index_bytes_max) + 2 * page}; // the file's header first, its index at last
    };

    // A block's place in the file, and the pages around its payload until it is written.
    struct place {
        part* in;
        unsigned slot;
        recorded_block block;
    };

    void check(const record_block& block) const;
    void fail_if_failed() const
    {
        if (failed_) throw error(*failed_);
    }
    void fail(const failure& why) noexcept;
    task<> wait_for_turn();
    bool rotates(std::uint64_t bytes) const noexcept;
    task<std::unique_ptr<part>> make_part(std::uint32_t number);
    task<file_descriptor> open(const std::string& path, int flags);
    task<> reserve(std::uint64_t more);
    place take_place(const record_block& block);
    task<> put(place at, std::span<const std::byte> payload);
    task<> write_all(part& p, std::span<iovec> from, std::uint64_t offset, std::string what);
    task<> seal(part& p);

    Disk& disk_;
    const std::string base_;
    const record_options options_;
    std::uint64_t id_;
    std::uint64_t number_ = 0; // of the next block
    std::uint64_t next_sequence_ = 0;
    std::unique_ptr<part> part_;
    record_statistics counted_;
    bool reserves_;
    bool direct_;
    std::optional<failure> failed_;

    // Turns are taken in the order of coming; slots bound how many write.
    std::uint64_t tickets_ = 0, serving_ = 0;
    event changed_;
    pages slots_; // two pages each: a header, and a payload's end
    std::vector<unsigned> free_slots_;
};

} // namespace cf::record

#include "record/writer_impl.hpp"
