// SPDX-License-Identifier: MIT
//
// cargo: data that has left its memory and not reached another one. An engine copies it out when
// it sets out and in when it arrives, so that memory holds at any time what it would on hardware.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace cf::model {

/// Pieces of cargo, each with room for as many bytes; taken and given back by number. Allocates
/// only until it has been as full as it gets.
class cargo_hold {
public:
    struct piece {
        std::uint64_t destination = 0;
        std::uint32_t size = 0;
        std::uint32_t link_epoch = 0; ///< lost when the link has been down since
        std::uint8_t channel = 0;
        std::unique_ptr<std::byte[]> bytes;
    };

    explicit cargo_hold(std::size_t room) : room_(room) {}

    std::uint32_t take()
    {
        if (free_.empty()) {
            pieces_.push_back({.bytes = std::make_unique<std::byte[]>(room_)});
            free_.reserve(pieces_.capacity()); // so that give_back() does not allocate
            return static_cast<std::uint32_t>(pieces_.size() - 1);
        }
        const std::uint32_t number = free_.back();
        free_.pop_back();
        return number;
    }
    void give_back(std::uint32_t number) noexcept { free_.push_back(number); }
    piece& operator[](std::uint64_t number) noexcept { return pieces_[number]; }

private:
    std::size_t room_;
    std::vector<piece> pieces_;
    std::vector<std::uint32_t> free_;
};

} // namespace cf::model
