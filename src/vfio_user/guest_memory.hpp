// SPDX-License-Identifier: MIT
//
// The client's memory that the endpoint may reach: ranges of bus addresses, each a part of a file the
// client sent. They stand in the machine's map of what answers on the link while the function is
// allowed to master the bus.
#pragma once

#include "model/paced_machine.hpp"
#include "vfio_user/protocol.hpp"
#include <counterflow/file_descriptor.hpp>

#include <cstddef>
#include <cstdint>
#include <map>

namespace cf::vfio_user {

/// Used by the server's thread.
class guest_memory {
public:
    static constexpr std::size_t mappings_max = 65'535; ///< QEMU takes no more

    explicit guest_memory(model::paced_machine& hardware) noexcept : hardware_(hardware) {}
    guest_memory(const guest_memory&) = delete;
    guest_memory& operator=(const guest_memory&) = delete;
    ~guest_memory() { clear(); }

    /// Without a file (ROM, another device's registers) the range is known but not reachable. An
    /// errno, or 0.
    int map(const request::dma_map& range, const file_descriptor& file);

    struct unmapped {
        int error = 0;
        std::uint64_t bytes = 0;
    };
    /// Takes out every mapping inside the range; one that sticks out is an error. When it returns no
    /// copy into them is under way.
    unmapped unmap(const request::dma_unmap& range);
    void clear();
    /// Whether the function may master the bus.
    void allow(bool reachable);

private:
    struct mapping {
        std::uint64_t size = 0;
        std::byte* host = nullptr; ///< mmapped, or null
        model::access allowed = model::access::none;
    };
    using mappings = std::map<std::uint64_t, mapping>; ///< by address

    bool overlaps(std::uint64_t address, std::uint64_t size) const;
    void show(std::uint64_t address, const mapping& each);
    void take(mappings::iterator from, mappings::iterator to);

    model::paced_machine& hardware_;
    mappings mappings_;
    bool reachable_ = false;
};

} // namespace cf::vfio_user
