// SPDX-License-Identifier: MIT
//
// record: a stream's blocks in a file, as docs/record.md describes it, and reading them back. Payload goes
// from where the engine has put it to the disk, without a copy; a process that is killed leaves a file whose
// complete blocks are readable.
#pragma once

#include <counterflow/detail/export.hpp>
#include <counterflow/error.hpp>
#include <counterflow/task.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <vector>

namespace cf {

/// One block as it goes to a recorder or a feed.
struct record_block {
    std::span<const std::byte> payload;
    std::uint64_t sequence = 0; ///< in the source's counting
    std::uint64_t time_ns = 0;  ///< when it came, by the clock of who records
    std::uint32_t lost = 0;     ///< blocks that are missing in front of it
};

/// What a recorder does when its file is there already.
enum class existing_record : std::uint8_t { refuse, overwrite, resume };

struct record_options {
    std::size_t block_bytes = 1 << 20; ///< the largest payload, 1 to 1 GiB
    unsigned outstanding = 8;          ///< writes to the disk at once, 1 to 1024; more wait
    existing_record existing = existing_record::refuse;
    /// O_DIRECT: past the page cache. Payload then has to lie at multiples of 4096 bytes. Given up where the
    /// file system has none.
    bool direct = true;
    std::uint64_t preallocate = 256 << 20;   ///< bytes of disk reserved at a time; 0: none
    std::uint64_t rotate_bytes = 0;          ///< a new part before a file is larger than this; 0: never
    std::chrono::nanoseconds rotate_time{0}; ///< a new part when the part is this old; 0: never
    std::uint64_t sync_bytes = 64 << 20;     ///< fdatasync after so much; 0: at the end only
    std::string source;                      ///< kept in the file for people: up to 255 bytes
};

/// Counters of a recorder.
struct record_statistics {
    std::uint64_t blocks = 0;       ///< on the disk
    std::uint64_t bytes = 0;        ///< of payload
    std::uint64_t lost = 0;         ///< blocks that were missing
    std::uint64_t gaps = 0;         ///< places at which they were
    std::uint64_t copied_bytes = 0; ///< of payload: the ends of blocks that are no multiple of 4096 bytes
    std::uint32_t parts = 0;        ///< files
    unsigned outstanding = 0;       ///< writes under way
    bool direct = false;            ///< O_DIRECT is used
};

namespace detail {
class recorder_impl;
class record_reader_impl;
} // namespace detail

/// Writes blocks into a file, or into parts FILE.0001, FILE.0002, ... when it rotates.
///
/// Several writes may be under way at once: they stand in the file in the order in which they were begun.
/// After a failure (a full disk, an I/O error) every later write fails likewise; what was complete stays
/// readable. Thread rule: one runtime's thread.
class CF_API recorder {
public:
    /// Opens or makes the file at `path`. Throws cf::error: busy when it is there and options.existing does
    /// not say what to do; bad_record when it is to be resumed and is no record; bad_argument for options
    /// outside their range; and what the system says, with the path.
    static task<recorder> open(std::string path, record_options options);

    recorder(recorder&&) noexcept;
    recorder& operator=(recorder&&) noexcept;
    ~recorder(); ///< without a close(): the file is as after a kill

    /// Writes one block; ends when it is in the file, and its payload is the caller's again. Throws
    /// cf::error: misaligned, out_of_range for a payload larger than block_bytes, zero_length, and what the
    /// system says, with path, block and offset. A stop request ends a wait for its turn, or the write;
    /// then the recorder has failed too, as a block is missing.
    task<> write(record_block block);

    /// Waits for writes under way, adds the index, cuts off what was reserved and synchronises. After a
    /// failure it does what can be done without new space. Obeys no stop request.
    task<> close();

    record_statistics statistics() const noexcept;
    /// One more than that of the last block, those of a resumed recording included; 0 before the first.
    std::uint64_t next_sequence() const noexcept;
    const std::string& path() const noexcept; ///< of the part that is written now

private:
    explicit recorder(std::unique_ptr<detail::recorder_impl> impl) noexcept;
    std::unique_ptr<detail::recorder_impl> impl_;
};

/// What a record's file says of itself.
struct record_info {
    std::uint64_t id = 0;           ///< the same in all parts of one recording
    std::uint32_t part = 0;         ///< 0, or the number of a rotated file
    std::size_t block_bytes = 0;    ///< the largest payload
    std::uint64_t real_time_ns = 0; ///< since 1970, when the part was begun
    std::uint64_t time_ns = 0;      ///< the same moment by the clock of the blocks
    std::string source;
    bool closed = false; ///< by close(), and not by a kill
};

/// One block in a file: everything but the payload.
struct recorded_block {
    std::uint64_t number = 0; ///< in the recording, from 0
    std::uint64_t sequence = 0;
    std::uint64_t time_ns = 0;
    std::size_t bytes = 0;
    std::uint32_t lost = 0;
    std::uint64_t checksum = 0; ///< XXH3-64 of the payload
    std::uint64_t offset = 0;   ///< of the payload in the file, a multiple of 4096
};

/// A place in a file where there should be a block, or a block's payload.
struct record_damage {
    std::uint64_t offset = 0; ///< in the file
    std::uint64_t bytes = 0;
    std::error_code cause; ///< what the system said when it could not be read, if it did
};

/// What close() leaves for those who do not want to read everything.
struct record_index {
    std::uint64_t blocks = 0, bytes = 0, lost = 0, gaps = 0; ///< of this part
    std::vector<recorded_block> blocks_kept;                 ///< every so manyth, in order: 1024 at most
    std::vector<recorded_block> gaps_kept; ///< the first 512 with `lost` blocks in front of them
};

/// Reads a record, complete or not: damaged places are passed over. Also in virtual time.
/// Thread rule: one runtime's thread; one call at a time.
class CF_API record_reader {
public:
    /// Throws cf::error: bad_record when it is none, and what the system says, with the path.
    static task<record_reader> open(std::string path);

    record_reader(record_reader&&) noexcept;
    record_reader& operator=(record_reader&&) noexcept;
    ~record_reader();

    const record_info& info() const noexcept;
    /// Of a file that was closed.
    const std::optional<record_index>& index() const noexcept;

    /// The next block of which all bytes are there; empty at the end. Places on the way that are damaged or
    /// that the disk cannot read are noted.
    task<std::optional<recorded_block>> next();

    /// Reads a block's payload into the first block.bytes of `into`; false, and noted, when the checksum says
    /// that it is not what was written, or the disk cannot read it. Throws cf::error: out_of_range when
    /// `into` is too small.
    task<bool> read(const recorded_block& block, std::span<std::byte> into);

    /// Damaged places met so far: the first 1024.
    const std::vector<record_damage>& damage() const noexcept;
    /// How many there were.
    std::uint64_t damaged() const noexcept;
    /// The last place that the disk could not read: a block's, or the index's.
    const std::optional<record_damage>& unreadable() const noexcept;
    /// Up to where the file has blocks, as far as it was read.
    std::uint64_t end() const noexcept;

private:
    explicit record_reader(std::unique_ptr<detail::record_reader_impl> impl) noexcept;
    std::unique_ptr<detail::record_reader_impl> impl_;
};

} // namespace cf
