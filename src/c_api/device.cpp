// SPDX-License-Identifier: MIT
//
// Devices, windows and buffers of the C API.
#include "c_api/device.hpp"

#include "c_api/error.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>
#include <string>

namespace {

using cf::errc;
using cf::error;
using cf::c_api::failed;
using cf::c_api::guarded;

constexpr std::uint32_t transfers_default = 1024;
constexpr std::uint32_t transfers_most = 1u << 20;

cf::runtime_options options_for(std::string_view spec)
{
    cf::runtime_options options = cf::options_for(cf::parse_spec(spec));
    options.drained = true;
    return options;
}

template <class... Pointers>
void need(const char* function, Pointers... pointers)
{
    if (((pointers == nullptr) || ...))
        throw error(errc::bad_argument, std::string(function) + ": a null pointer");
}

/// As much of `from` as the caller's structure has room for, whose size stays what it is.
template <class Structure>
void hand_out(const char* function, const Structure& from, Structure* to, std::size_t least)
{
    const std::uint32_t size = to->size;
    if (size < least) throw error(errc::bad_argument, std::string(function) + ": the structure's size");
    std::memcpy(to, &from, std::min<std::size_t>(size, sizeof from));
    to->size = size;
}

std::uint64_t per_second(double rate) noexcept
{
    return std::isfinite(rate) && rate > 0 ? static_cast<std::uint64_t>(rate) : 0;
}

void describe(counterflow_device& device, std::uint32_t index, counterflow_window* window)
{
    const cf::window& found = device.windows()[index];
    hand_out("counterflow_window", counterflow_window{0, index, found.size(), found.name().c_str()}, window,
             sizeof(counterflow_window));
}

} // namespace

counterflow_device::counterflow_device(std::string_view spec, std::uint32_t transfers_max)
    : loop_(options_for(spec)), places_(std::make_unique<place[]>(transfers_max)), device_(loop_, spec)
{
    for (const cf::window_info& w : device_.info().windows) windows_.push_back(device_.window(w.name));
    for (std::uint32_t i = transfers_max; i > 0; --i) {
        places_[i - 1].next = free_;
        free_ = &places_[i - 1];
    }
}

int counterflow_open(const char* spec, const counterflow_options* options, counterflow_device** device)
{
    return guarded([&] {
        need("counterflow_open", spec, device);
        counterflow_options wanted{};
        if (options != nullptr) {
            if (options->size < sizeof wanted.size)
                throw error(errc::bad_argument, "counterflow_open: counterflow_options.size");
            std::memcpy(&wanted, options, std::min<std::size_t>(options->size, sizeof wanted));
        }
        if (wanted.transfers_max == 0) wanted.transfers_max = transfers_default;
        if (wanted.transfers_max > transfers_most)
            throw error(errc::bad_argument, "counterflow_open: counterflow_options.transfers_max is " +
                                                std::to_string(wanted.transfers_max) + ", at most 1048576");
        *device = new counterflow_device(spec, wanted.transfers_max);
        return 0;
    });
}

void counterflow_close(counterflow_device* device) { delete device; }

int counterflow_get_info(counterflow_device* device, counterflow_info* info)
{
    return guarded([&] {
        need("counterflow_get_info", device, info);
        const cf::device_info& known = device->device().info();
        counterflow_info mine{};
        mine.windows = static_cast<std::uint32_t>(known.windows.size());
        for (const cf::channel_info& c : known.channels)
            ++(c.serves == cf::transfer_kind::write ? mine.write_channels : mine.read_channels);
        mine.alignment = known.alignment;
        const cf::ceilings most = device->device().ceilings();
        const bool outward =
            cf::direction_of(cf::transfer_kind::write, known.near) == cf::direction::rp_to_ep;
        mine.write_bytes_per_s = per_second(outward ? most.rp_to_ep : most.ep_to_rp);
        mine.read_bytes_per_s = per_second(outward ? most.ep_to_rp : most.rp_to_ep);
        hand_out("counterflow_get_info", mine, info, sizeof info->size);
        return 0;
    });
}

int counterflow_find_window(counterflow_device* device, const char* name, counterflow_window* window)
{
    return guarded([&] {
        need("counterflow_find_window", device, name, window);
        describe(*device, device->device().window(name).index(), window);
        return 0;
    });
}

int counterflow_get_window(counterflow_device* device, std::uint32_t index, counterflow_window* window)
{
    return guarded([&] {
        need("counterflow_get_window", device, window);
        if (index >= device->windows().size())
            throw error(errc::no_such_window, "counterflow_get_window: " + std::to_string(index));
        describe(*device, index, window);
        return 0;
    });
}

int counterflow_buffer_allocate(counterflow_device* device, std::size_t bytes, counterflow_buffer** buffer)
{
    return guarded([&] {
        need("counterflow_buffer_allocate", device, buffer);
        *buffer = new counterflow_buffer{device->device().allocate(bytes)};
        return 0;
    });
}

int counterflow_buffer_add(counterflow_device* device, void* memory, std::size_t bytes,
                           counterflow_buffer** buffer)
{
    return guarded([&] {
        need("counterflow_buffer_add", device, memory, buffer);
        *buffer = new counterflow_buffer{device->device().add({static_cast<std::byte*>(memory), bytes})};
        return 0;
    });
}

void* counterflow_buffer_data(const counterflow_buffer* buffer)
{
    return buffer != nullptr ? buffer->memory.data() : nullptr;
}

std::size_t counterflow_buffer_size(const counterflow_buffer* buffer)
{
    return buffer != nullptr ? buffer->memory.size() : 0;
}

void counterflow_buffer_free(counterflow_buffer* buffer) { delete buffer; }

int counterflow_fd(const counterflow_device* device)
{
    if (device == nullptr) return failed(errc::bad_argument, "counterflow_fd: a null pointer");
    return guarded([&] { return device->descriptor(); });
}
