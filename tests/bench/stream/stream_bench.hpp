// SPDX-License-Identifier: MIT
//
// What the benchmarks of streams share: memory that the model's far end and a thread of ours both have, and
// what each of them is called by. Each prints a line of JSON.
#pragma once

#include <counterflow/counterflow.hpp>

#include <chrono>
#include <cstddef>
#include <span>
#include <string>

namespace bench {

/// A file in memory that serves as the far memory of a modelled device, mapped here too: what a processor of
/// the far end sees.
class far_memory {
public:
    explicit far_memory(std::size_t bytes);
    far_memory(const far_memory&) = delete;
    far_memory& operator=(const far_memory&) = delete;
    ~far_memory();

    std::span<std::byte> bytes() const noexcept { return {data_, size_}; }
    /// `spec` with this as its far memory.
    std::string behind(const std::string& spec) const;

private:
    std::string path_ = "/dev/shm/counterflow-bench-XXXXXX";
    std::byte* data_ = nullptr;
    std::size_t size_;
};

int open_or_throw(const std::string& path, int flags);

inline double seconds_between(cf::clock::time_point a, cf::clock::time_point b)
{
    return std::chrono::duration<double>(b - a).count();
}

/// A pair of streams between two files of 1 GiB and far memory, and the same files without a link.
void duplex(const std::string& spec, const std::string& source, const std::string& sink);

/// Blocks of 64 KiB that a far end produces at 80 % of the ceiling and without waiting, for so many seconds,
/// into a file whose writer pauses behind each block.
void acquire(const std::string& spec, const std::string& sink, double seconds,
             std::chrono::microseconds pause);

/// Round trips of 64 bytes over a ring in each direction, and over a Unix socket between two threads.
void channel(const std::string& spec, std::size_t messages);

} // namespace bench
