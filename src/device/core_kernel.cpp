// SPDX-License-Identifier: MIT
//
// device_core where the kernel module drives the engines: shim::engine in place of the user-space driver's.
#include "device/core.hpp"

#include <counterflow/error.hpp>

#include <cstring>

namespace cf::detail {

void device_core::kernel_sink::ended(void* owner, errc result) noexcept
{
    transfer_state& t = *static_cast<transfer_state*>(owner);
    const scheduler& s = core.scheduler_of(t);
    core.segment_ended(t, result, core.tracer_.active() ? core.loop_.now() : 0);
    // Room is given out at the end of the tick, together with what the tasks resumed now will start.
    if (s.waiting() > 0) core.loop_.defer(core.tick_);
}

void device_core::describe_kernel(const shim::session& file)
{
    const cf_info& device = file.info();
    info_.engine = device.side == CF_SIDE_LOCAL ? engine_choice::local : engine_choice::remote;
    info_.submit = device.backend == CF_BACKEND_RING ? submit_mode::ring : submit_mode::descriptor;
    info_.wake = wake_mode::interrupt;
    const auto* const name = reinterpret_cast<const char*>(device.device);
    info_.kernel = {std::string(name, ::strnlen(name, CF_NAME_BYTES)), file.way(),
                    (device.features & CF_FEATURE_CAUSE) != 0, (device.features & CF_FEATURE_STOP) != 0};
}

void device_core::configure_kernel(std::shared_ptr<shim::session> file, std::uint64_t ahead)
{
    const cf_info device = file->info();
    kernel_ = std::make_unique<shim::engine>(loop_, std::move(file), kernel_sink_);
    for (const transfer_kind kind : {transfer_kind::write, transfer_kind::read}) {
        add_kernel_channels(kind, device);
        scheduler_of(kind).configure(ahead, static_cast<std::uint32_t>(info_.segment_bytes_max));
    }
}

/// First the one behind which the module chooses, then the hardware's, which are there to be leased.
void device_core::add_kernel_channels(transfer_kind kind, const cf_info& device)
{
    const engine_side side = device.side == CF_SIDE_LOCAL ? engine_side::local : engine_side::remote;
    const channel_kind hardware = channel_for(kind, side);
    auto& channels = kernel_->channels(kind == transfer_kind::write ? CF_WRITE : CF_READ);
    if (channels.empty())
        throw error(errc::not_supported,
                    info_.spec + ": no channel can serve a " + std::string(to_string(kind)));
    const std::string name = std::string(to_string(side)) + " " + std::string(to_string(hardware));
    for (std::size_t i = 0; i < channels.size(); ++i) {
        served_channel served{lane(channels[i]), static_cast<unsigned>(info_.channels.size())};
        served.by_lease_only = i > 0;
        served.open = i == 0;
        scheduler_of(kind).add(served);
        info_.channels.push_back({name + (i == 0 ? "*" : std::to_string(i - 1)), kind, side, hardware,
                                  static_cast<unsigned>(i == 0 ? 0 : i - 1), 0});
    }
    auto& far = far_addresses_[static_cast<std::size_t>(kind)];
    for (const far_window& w : attached_->windows()) far.push_back(w.bus_address);
}

void device_core::stop_kernel() noexcept
{
    struct {
        void ended(void* owner, errc result) noexcept
        {
            const errc told = result == errc{} ? result : errc::device_gone;
            core.segment_ended(*static_cast<transfer_state*>(owner), told, core.loop_.now());
        }
        device_core& core;
    } sink{*this};
    kernel_->stop(sink);
}

void device_core::count_kernel_channels(device_statistics& all) const
{
    unsigned number = 0;
    for (const transfer_kind kind : {transfer_kind::write, transfer_kind::read})
        for (const shim::channel& c : kernel_->channels(kind == transfer_kind::write ? CF_WRITE : CF_READ)) {
            const shim::channel_statistics& s = c.statistics();
            all.channels.push_back(
                {info_.channels[number++].name, kind, s.segments, s.bytes, 0, s.aborts, 0});
        }
}

} // namespace cf::detail
