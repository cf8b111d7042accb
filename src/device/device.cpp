// SPDX-License-Identifier: MIT
//
// The public device, window and lease: thin handles on device_core.
#include <counterflow/device.hpp>

#include "device/core.hpp"
#include "device/open.hpp"
#include <counterflow/runtime.hpp>

namespace cf {
namespace {

transfer make_leased(detail::device_core* core, transfer_kind kind, buffer_slice memory, window_place place,
                     const transfer_options& options, unsigned channel) noexcept
{
    return transfer({core, memory.region(), memory.offset(), memory.size(), place, options, kind,
                     static_cast<std::uint8_t>(channel)});
}

/// The slice that covers `memory`, or one of no region, which start_transfer() reports.
buffer_slice slice_of(detail::device_core& core, std::span<const std::byte> memory) noexcept
{
    detail::region* const r = core.find_region(memory);
    if (!r) return {nullptr, 0, memory.size()};
    return {r, static_cast<std::size_t>(memory.data() - r->data), memory.size()};
}

} // namespace

runtime_options options_for(const device_spec& spec, runtime_options options) noexcept
{
    options.time = spec.kind == device_spec::kind_t::simulation ? time_mode::simulated : time_mode::real;
    return options;
}

device::device(runtime& loop, std::string_view spec) : device(loop, parse_spec(spec)) {}

device::device(runtime& loop, const device_spec& spec) : device(loop, spec, detail::attach(loop, spec)) {}

device::device(runtime& loop, const device_spec& spec, std::unique_ptr<detail::attachment> attached)
    : core_(std::make_unique<detail::device_core>(loop, spec, std::move(attached)))
{
}

device::device(device&&) noexcept = default;
device& device::operator=(device&&) noexcept = default;
device::~device() = default;

transfer device::write(std::span<const std::byte> from, window_place to,
                       transfer_options options) const noexcept
{
    return write(slice_of(*core_, from), to, options);
}

transfer device::read(std::span<std::byte> into, window_place from, transfer_options options) const noexcept
{
    return read(slice_of(*core_, into), from, options);
}

buffer device::allocate(std::size_t size) { return buffer(detail::allocate_region(*core_, size)); }

buffer device::add(std::span<std::byte> memory) { return buffer(detail::add_region(*core_, memory)); }

window device::window(std::string_view name) const
{
    const auto& windows = core_->info().windows;
    std::string known;
    for (std::uint32_t i = 0; i < windows.size(); ++i) {
        if (windows[i].name == name) return {core_.get(), i};
        known += (i > 0 ? ", " : "") + windows[i].name;
    }
    throw error(errc::no_such_window, "window \"" + std::string(name) + "\" (the device has: " + known + ")");
}

channel_lease device::lease(unsigned channel)
{
    core_->lease(channel);
    return {core_.get(), channel};
}

const device_info& device::info() const noexcept { return core_->info(); }
device_statistics device::statistics() const { return core_->statistics(); }
ceilings device::ceilings(bool write, bool read) const noexcept { return core_->limits(write, read); }
void device::observe(transfer_observer* observer) noexcept { core_->observe(observer); }
runtime& device::loop() const noexcept { return core_->loop(); }

const std::string& window::name() const noexcept { return device_->info().windows[index_].name; }
std::uint64_t window::size() const noexcept { return device_->info().windows[index_].size; }

channel_lease::~channel_lease()
{
    if (device_) device_->end_lease(channel_);
}

transfer channel_lease::write(buffer_slice from, window_place to, transfer_options options) const noexcept
{
    return make_leased(device_, transfer_kind::write, from, to, options, channel_);
}

transfer channel_lease::read(buffer_slice into, window_place from, transfer_options options) const noexcept
{
    return make_leased(device_, transfer_kind::read, into, from, options, channel_);
}

} // namespace cf
