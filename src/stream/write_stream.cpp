// SPDX-License-Identifier: MIT
//
// The handle of a write stream.
#include <counterflow/write_stream.hpp>

#include "device/region.hpp"
#include "stream/write_core.hpp"

#include <memory>
#include <string>

namespace cf {
namespace {

detail::write_core* keep(std::unique_ptr<detail::write_core> made)
{
    detail::write_core* const core = made.get();
    core->home().keep(std::move(made));
    return core;
}

void require_size(std::size_t size, std::size_t most)
{
    if (size == 0 || size > most)
        throw error(errc::bad_argument,
                    "send of " + std::to_string(size) + " bytes in a block of " + std::to_string(most));
}

} // namespace

write_stream::write_stream(device& dev, const far_ring& ring, const stream_options& options)
    : core_(keep(std::make_unique<detail::write_core>(dev, detail::stream_core::of(ring), options,
                                                      ring.produced, ring.consumed)))
{
}

write_stream::write_stream(device& dev, const fixed_place& place, const stream_options& options)
{
    if (place.period.count() != 0) throw error(errc::bad_argument, "write stream with a period");
    core_ = keep(std::make_unique<detail::write_core>(dev, detail::stream_core::of(place), options, 0, 0));
}

write_stream::~write_stream()
{
    if (core_ != nullptr) core_->orphan();
}

void write_stream::send(block&& filled, std::size_t size)
{
    core_->require_open();
    if (!filled || filled.state_->owner != core_)
        throw error(errc::bad_argument, "send of a block of another stream");
    require_size(size, core_->block_bytes());
    filled.state_->bytes = static_cast<std::uint32_t>(size);
    core_->send(static_cast<detail::berth&>(*filled.release()));
}

task<> write_stream::forward(block other)
{
    detail::write_core& core = *core_;
    core.require_open();
    if (!other) throw error(errc::bad_argument, "forward of no block");
    require_size(other.size(), core.block_bytes());
    if (other.state_->owner == &core) {
        core.send(static_cast<detail::berth&>(*other.release()));
        co_return;
    }
    block own = co_await detail::acquire_awaiter(core);
    core.require_open();
    if (other.state_->memory->core != own.state_->memory->core)
        throw error(errc::not_registered, "forward of a block of another device's stream");
    auto& b = static_cast<detail::berth&>(*own.release());
    b.bytes = static_cast<std::uint32_t>(other.size());
    b.carried = std::move(other);
    core.send(b);
}

task<> write_stream::flush() { return core_->flush(); }
task<stream_remains> write_stream::close(stream_end how) { return core_->close(how); }
std::size_t write_stream::block_bytes() const noexcept { return core_->block_bytes(); }
detail::stream_core& write_stream::base() const noexcept { return *core_; }

stream_statistics write_stream::statistics() const noexcept
{
    stream_statistics all = core_->counters();
    all.now = core_->remains();
    return all;
}

} // namespace cf
