// SPDX-License-Identifier: MIT
//
// pages: memory that O_DIRECT takes, zeroed.
#pragma once

#include "record/format.hpp"

#include <cstdlib>
#include <memory>
#include <new>
#include <span>

namespace cf::record {

class pages {
public:
    explicit pages(std::uint64_t bytes) : bytes_(round_up(bytes))
    {
        memory_.reset(static_cast<std::byte*>(std::aligned_alloc(page, bytes_)));
        if (!memory_) throw std::bad_alloc();
        std::memset(memory_.get(), 0, bytes_);
    }

    std::span<std::byte> bytes() const noexcept { return {memory_.get(), bytes_}; }
    std::byte* at(std::uint64_t offset) const noexcept { return memory_.get() + offset; }

private:
    struct release {
        void operator()(std::byte* memory) const noexcept { std::free(memory); }
    };
    std::unique_ptr<std::byte, release> memory_;
    std::uint64_t bytes_;
};

} // namespace cf::record
