// SPDX-License-Identifier: MIT
//
// A queue of fixed capacity whose entries keep their number for life, so that an event can name
// one. Never allocates after it was made.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace cf::model {

template <class T>
class ring {
public:
    explicit ring(std::size_t capacity) : slots_(std::make_unique<T[]>(capacity)), capacity_(capacity) {}

    bool empty() const noexcept { return first_ == end_; }
    bool full() const noexcept { return end_ - first_ == capacity_; }
    std::size_t size() const noexcept { return static_cast<std::size_t>(end_ - first_); }

    /// Number of the oldest entry, and of the next one to come.
    std::uint64_t first() const noexcept { return first_; }
    std::uint64_t end() const noexcept { return end_; }
    bool holds(std::uint64_t number) const noexcept { return number - first_ < end_ - first_; }

    T& operator[](std::uint64_t number) noexcept
    {
        assert(holds(number));
        return slots_[number % capacity_];
    }
    const T& operator[](std::uint64_t number) const noexcept
    {
        assert(holds(number));
        return slots_[number % capacity_];
    }
    T& front() noexcept { return (*this)[first_]; }
    const T& front() const noexcept { return (*this)[first_]; }
    T& back() noexcept { return (*this)[end_ - 1]; }
    const T& back() const noexcept { return (*this)[end_ - 1]; }

    T& push(const T& value) noexcept
    {
        assert(!full());
        return slots_[end_++ % capacity_] = value;
    }
    void pop() noexcept
    {
        assert(!empty());
        ++first_;
    }
    /// Empties the queue; numbers go on.
    void clear() noexcept { first_ = end_; }

private:
    std::unique_ptr<T[]> slots_;
    std::uint64_t capacity_;
    std::uint64_t first_ = 0, end_ = 0;
};

} // namespace cf::model
