// SPDX-License-Identifier: MIT
//
// ring: an io_uring instance, set up with as many of the wanted features as the kernel has, and
// mapped. Knows nothing of operations.
#pragma once

#include <counterflow/runtime.hpp>

#include <linux/io_uring.h>

#include <cstddef>

namespace cf::detail {

/// A mapping that ends with its object.
class mapping {
public:
    mapping() noexcept = default;
    mapping(int fd, std::size_t bytes, unsigned long long offset); // throws cf::error
    mapping(const mapping&) = delete;
    mapping& operator=(mapping&& other) noexcept;
    ~mapping();

    template <class T>
    T* at(std::size_t offset) const noexcept
    {
        return reinterpret_cast<T*>(static_cast<std::byte*>(start_) + offset);
    }

private:
    void* start_ = nullptr;
    std::size_t bytes_ = 0;
};

class ring {
public:
    explicit ring(const runtime_options& options);
    ring(const ring&) = delete;
    ring& operator=(const ring&) = delete;

    int fd() const noexcept { return fd_.value; }

    /// The calling thread becomes the ring's submitter, for good, and gives it one of its few places for
    /// registered rings until give_back_place().
    void enable();
    void give_back_place() noexcept;

    /// See loop::register_resource().
    int register_resource(unsigned what, const void* argument, unsigned count) noexcept;

    // What the kernel and the loop share.
    unsigned* sq_head = nullptr;
    unsigned* sq_tail = nullptr;
    unsigned* sq_flags = nullptr;
    unsigned* cq_head = nullptr;
    unsigned* cq_tail = nullptr;
    io_uring_sqe* sqes = nullptr;
    io_uring_cqe* cqes = nullptr;
    unsigned sq_entries = 0;
    unsigned cq_entries = 0;

    runtime_features features; ///< in use; registered_ring: from the last enable()
    int enter_fd = -1;         ///< for io_uring_enter: the descriptor, or its registered index
    unsigned enter_flags = 0;  ///< IORING_ENTER_REGISTERED_RING or 0

private:
    void map(const io_uring_params& params);
    void register_descriptor() noexcept;
    void probe_operations() noexcept;

    class descriptor {
    public:
        ~descriptor();
        int value = -1;
    } fd_;
    mapping rings_;
    mapping entries_;
    bool enabled_ = false;
    bool wants_place_;
    bool registers_in_flight_ = false; // the kernel registers without waiting for operations
};

} // namespace cf::detail
