// SPDX-License-Identifier: MIT
//
// A file the command writes: what was received, a report, a trace. It is written under another name
// beside its place and takes that place at the end, so whatever fails or stops the command before
// leaves what was there as it was.
#pragma once

#include <counterflow/task.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <span>
#include <string>

namespace cf::cli {

/// Not committed, it leaves nothing behind. Devices and pipes cannot be replaced and are written
/// directly. Every error is cf::error with the path in it.
class output_file {
public:
    /// How it will be written.
    enum class order : std::uint8_t {
        any,   ///< at offsets: a regular file or a device with positions, block devices and /dev/null
        front, ///< from the first byte to the last: pipes and terminals will do, too
    };

    /// Finds out what can be: throws what would go wrong with the first byte. Does not wait for a
    /// reader of a pipe. Symbolic links are followed.
    output_file(std::string path, order o);
    output_file(const output_file&) = delete;
    output_file& operator=(const output_file&) = delete;
    ~output_file();

    const std::string& path() const noexcept { return path_; }

    /// Takes room for `size` bytes, so that a full disk is found out before anything is moved.
    void reserve(std::uint64_t size);
    /// Writes all of `from` at byte `offset`.
    task<> write(std::span<const std::byte> from, std::uint64_t offset) const;
    /// Appends what `writer` puts into the stream.
    void write_text(const std::function<void(std::ostream&)>& writer);

    /// All is written: the file takes its place. Late write errors show up here.
    void commit();

private:
    void open_directly(order o);
    void open_beside();
    [[noreturn]] void fail(const std::string& what = "") const; ///< with errno's cause
    void abandon() noexcept;

    std::string path_;      ///< as named
    std::string place_;     ///< what it leads to, links followed
    std::string temporary_; ///< what is written, beside place_; empty when written directly
    int fd_ = -1;
};

/// `path` with the symbolic links of its last component followed, those that lead nowhere included.
std::string link_target(std::string path);

} // namespace cf::cli
