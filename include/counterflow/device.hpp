// SPDX-License-Identifier: MIT
//
// device: an opened engine (or two) with its channels, windows and buffers. Its write() and
// read() are the transfers that programs co_await; how they are spread over channels and list
// elements, and in which order tasks are served, is the device's business.
#pragma once

#include <counterflow/buffer.hpp>
#include <counterflow/detail/export.hpp>
#include <counterflow/direction.hpp>
#include <counterflow/link.hpp>
#include <counterflow/runtime.hpp>
#include <counterflow/spec.hpp>
#include <counterflow/statistics.hpp>
#include <counterflow/transfer.hpp>
#include <counterflow/window.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cf {

class runtime;

namespace detail {
class attachment;
class device_core;
} // namespace detail

/// One hardware channel as `info` shows it. Behind the kernel module each kind of transfer also has a first
/// entry for the channels among which the module chooses, "remote RD*".
struct channel_info {
    std::string name;          ///< "remote WR0"
    transfer_kind serves;      ///< which transfers it carries
    engine_side side;          ///< whose engine it belongs to
    channel_kind kind;         ///< WR or RD
    unsigned index;            ///< its number in the engine
    std::size_t list_elements; ///< 0: register mode
};

struct window_info {
    std::string name;
    std::uint64_t size; ///< bytes
};

/// What the kernel module says of a device that it drives.
struct kernel_info {
    std::string function; ///< "0000:01:00.0", as the kernel calls what has the engine
    kernel_way way;       ///< how transfers reach it and complete
    bool causes;          ///< an abort carries its cause
    bool stops;           ///< running transfers can be pulled out of the engine
};

/// What a device is.
struct device_info {
    std::string spec;
    port_end near;
    engine_choice engine;
    submit_mode submit;
    wake_mode wake;
    std::optional<kernel_info> kernel; ///< none: this process drives the engine
    link_parameters link;              ///< a null one too where the kernel module does not know it
    std::vector<channel_info> channels;
    std::vector<window_info> windows;
    std::size_t alignment;         ///< of addresses and sizes, bytes
    std::size_t segment_bytes_max; ///< larger transfers are split into list elements of this size
};

/// A hardware channel held for its owner alone: transfers started through it use that channel
/// and no other, and nobody else's start there any more; what the channel had been given before
/// is moved first. Move-only; destroying it gives the channel back once the transfers started
/// through it have ended, so until then it cannot be leased again.
///
/// Thread rule: the device's runtime thread.
class CF_API channel_lease {
public:
    channel_lease(channel_lease&& other) noexcept
        : device_(std::exchange(other.device_, nullptr)), channel_(other.channel_)
    {
    }
    channel_lease& operator=(channel_lease&& other) noexcept
    {
        std::swap(device_, other.device_);
        std::swap(channel_, other.channel_);
        return *this;
    }
    ~channel_lease();

    /// Index into device_info::channels.
    unsigned channel() const noexcept { return channel_; }

    /// A transfer of the kind the channel serves; the other kind fails with errc::not_supported.
    transfer write(buffer_slice from, window_place to, transfer_options options = {}) const noexcept;
    transfer read(buffer_slice into, window_place from, transfer_options options = {}) const noexcept;

private:
    friend class device;
    channel_lease(detail::device_core* device, unsigned channel) noexcept : device_(device), channel_(channel)
    {
    }

    detail::device_core* device_;
    unsigned channel_;
};

/// An opened device. Move-only; destroying it stops the engines first.
///
/// Lifetime: the runtime outlives the device, the device outlives its buffers, windows, leases
/// and transfers. Thread rule: everything here belongs to the runtime's thread; a program that
/// wants more cores opens a device a runtime.
class CF_API device {
public:
    /// Opens `spec` on `loop`. Throws cf::error: bad_spec, no_such_device, not_supported,
    /// link_down, memlock_exceeded, ...
    device(runtime& loop, std::string_view spec);
    device(runtime& loop, const device_spec& spec);

    device(device&&) noexcept;
    device& operator=(device&&) noexcept;
    ~device();

    /// Moves near memory to the far end. Nothing happens before the transfer is awaited; see
    /// transfer for how it ends.
    transfer write(buffer_slice from, window_place to, transfer_options options = {}) const noexcept
    {
        return make(transfer_kind::write, from, to, options);
    }
    /// Brings far memory here.
    transfer read(buffer_slice into, window_place from, transfer_options options = {}) const noexcept
    {
        return make(transfer_kind::read, into, from, options);
    }

    /// The same for memory that lies in a buffer of this device, found by its address;
    /// errc::not_registered when it does not.
    transfer write(std::span<const std::byte> from, window_place to,
                   transfer_options options = {}) const noexcept;
    transfer read(std::span<std::byte> into, window_place from, transfer_options options = {}) const noexcept;

    /// Memory of `size` bytes (at least 1), registered: huge pages when the system has them,
    /// zeroed. Throws cf::error: zero_length, no_memory, memlock_exceeded.
    buffer allocate(std::size_t size);

    /// Registers memory of the caller, which must stay mapped until the buffer is destroyed
    /// and its transfers have ended. It may start and end anywhere in a page. Throws cf::error:
    /// zero_length, no_memory, memlock_exceeded.
    buffer add(std::span<std::byte> memory);

    /// The window of that name. Throws cf::error: no_such_window.
    cf::window window(std::string_view name) const;

    /// Takes a channel for the caller alone. `channel` is an index into info().channels.
    /// Throws cf::error: no_such_channel when it does not exist, busy when it is leased already
    /// (or transfers of its last lease still run) or the last one left for its kind of transfer.
    channel_lease lease(unsigned channel);

    const device_info& info() const noexcept;
    device_statistics statistics() const;

    /// What both kinds of transfer can reach together, or one alone: `write` and `read` say
    /// which of them run.
    cf::ceilings ceilings(bool write = true, bool read = true) const noexcept;

    /// Has `observer` told about every list element from now on; null ends that. Elements found
    /// done in one look at the engine carry the same time. The observer outlives its registration.
    void observe(transfer_observer* observer) noexcept;

    runtime& loop() const noexcept;

    /// For tests and for attachments of one's own: the device on something already attached.
    device(runtime& loop, const device_spec& spec, std::unique_ptr<detail::attachment> attached);

private:
    transfer make(transfer_kind kind, buffer_slice memory, window_place place,
                  transfer_options options) const noexcept
    {
        return transfer({core_.get(), memory.region(), memory.offset(), memory.size(), place, options, kind,
                         detail::any_channel});
    }

    std::unique_ptr<detail::device_core> core_;
};

/// `options` with the time in which the device that `spec` names lives: simulated for `sim:`, real for all
/// others.
CF_API runtime_options options_for(const device_spec& spec, runtime_options options = {}) noexcept;

} // namespace cf
