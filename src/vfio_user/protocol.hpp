// SPDX-License-Identifier: MIT
//
// vfio-user on the wire: message layouts, and the decoder of requests. The decoder is a pure
// function of bytes; whoever holds its result need not check a length again. What the numbers mean is
// in docs/serve.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>

namespace cf::vfio_user {

enum class command : std::uint16_t {
    version = 1,
    dma_map = 2,
    dma_unmap = 3,
    device_get_info = 4,
    device_get_region_info = 5,
    device_get_region_io_fds = 6,
    device_get_irq_info = 7,
    device_set_irqs = 8,
    region_read = 9,
    region_write = 10,
    dma_read = 11,
    dma_write = 12,
    device_reset = 13,
};

// Limits of this server, told to the client where the protocol has a place for them.
inline constexpr unsigned max_fds = 8;                             ///< passed with one message
inline constexpr std::uint32_t max_transfer = 1u << 20;            ///< of one region access
inline constexpr std::uint32_t max_message = max_transfer + 4096u; ///< of one message, header included
inline constexpr std::uint16_t major_version = 0;
inline constexpr std::uint16_t minor_version = 1;

// Bits of header::flags.
inline constexpr std::uint32_t type_mask = 0xf;
inline constexpr std::uint32_t type_command = 0;
inline constexpr std::uint32_t type_reply = 1;
inline constexpr std::uint32_t flag_no_reply = 0x10;
inline constexpr std::uint32_t flag_error = 0x20;

struct header {
    std::uint16_t id;
    std::uint16_t command;
    std::uint32_t size; ///< of the message, this header included
    std::uint32_t flags;
    std::uint32_t error; ///< an errno, in a reply with flag_error
};
static_assert(sizeof(header) == 16);

// Payloads. Where the protocol took over a structure of the kernel's VFIO it kept argsz, the size of
// structure that the client has room for.

struct version_payload {
    std::uint16_t major, minor; ///< JSON text and a NUL follow
};

struct dma_map_payload {
    std::uint32_t argsz;
    std::uint32_t flags; ///< dma_readable, dma_writable
    std::uint64_t offset;
    std::uint64_t address;
    std::uint64_t size;
};
inline constexpr std::uint32_t dma_readable = 1, dma_writable = 2;

struct dma_unmap_payload {
    std::uint32_t argsz;
    std::uint32_t flags; ///< unmap_all
    std::uint64_t address;
    std::uint64_t size;
};
inline constexpr std::uint32_t unmap_all = 2;

struct device_info_payload {
    std::uint32_t argsz;
    std::uint32_t flags; ///< device_resets, device_pci
    std::uint32_t regions;
    std::uint32_t irqs;
};
inline constexpr std::uint32_t device_resets = 1, device_pci = 2;

struct region_info_payload {
    std::uint32_t argsz;
    std::uint32_t flags; ///< region_readable, region_writable, region_mappable
    std::uint32_t index;
    std::uint32_t capabilities; ///< offset of a capability chain; there is none
    std::uint64_t size;
    std::uint64_t offset; ///< in the file that comes with the reply
};
inline constexpr std::uint32_t region_readable = 1, region_writable = 2, region_mappable = 4;

struct irq_info_payload {
    std::uint32_t argsz;
    std::uint32_t flags; ///< irq_eventfd, irq_fixed_count
    std::uint32_t index;
    std::uint32_t count;
};
inline constexpr std::uint32_t irq_eventfd = 1, irq_maskable = 2, irq_fixed_count = 8;

struct set_irqs_payload {
    std::uint32_t argsz;
    std::uint32_t flags; ///< one data_, one action_
    std::uint32_t index;
    std::uint32_t start;
    std::uint32_t count; ///< data follows: nothing, or a byte each; eventfds travel beside the bytes
};
inline constexpr std::uint32_t data_none = 1, data_bool = 2, data_eventfd = 4, data_kinds = 7;
inline constexpr std::uint32_t action_mask = 8, action_unmask = 16, action_trigger = 32, action_kinds = 56;

struct region_payload {
    std::uint64_t offset;
    std::uint32_t region;
    std::uint32_t count; ///< bytes; data follows in a write and in the answer to a read
};

// The regions and interrupts of a PCI function, by index.
inline constexpr std::uint32_t region_bar0 = 0, region_bar2 = 2, region_bar4 = 4, region_config = 7,
                               region_count = 9;
inline constexpr std::uint32_t irq_intx = 0, irq_msi = 1, irq_msix = 2, irq_count = 5;

// Requests, decoded. Spans point into the message.
namespace request {
struct version {
    std::uint16_t major, minor;
};
struct dma_map {
    std::uint64_t address, size, offset;
    bool readable, writable;
};
struct dma_unmap {
    std::uint64_t address, size;
    bool all;
};
struct device_get_info {};
struct region_info {
    std::uint32_t index;
};
struct irq_info {
    std::uint32_t index;
};
struct set_irqs {
    std::uint32_t flags, index, start, count;
    std::span<const std::byte> bools; ///< `count` of them with data_bool
};
struct region_read {
    std::uint32_t region, count;
    std::uint64_t offset;
};
struct region_write {
    std::uint32_t region;
    std::uint64_t offset;
    std::span<const std::byte> data;
};
struct device_reset {};
} // namespace request

using any_request =
    std::variant<request::version, request::dma_map, request::dma_unmap, request::device_get_info,
                 request::region_info, request::irq_info, request::set_irqs, request::region_read,
                 request::region_write, request::device_reset>;

/// What is wrong with a request, as an errno.
struct refusal {
    int error;
};

/// The header at the start of a message, which has at least that many bytes.
header read_header(std::span<const std::byte> message) noexcept;

/// Whether a message may begin with this header: a command of a size that can be. After one that may
/// not, nothing in the stream means anything any more.
bool plausible(const header& h) noexcept;

/// The request in a whole message, header included.
std::variant<any_request, refusal> decode(std::span<const std::byte> message) noexcept;

} // namespace cf::vfio_user
