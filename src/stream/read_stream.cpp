// SPDX-License-Identifier: MIT
//
// The handle of a read stream.
#include <counterflow/read_stream.hpp>

#include "stream/read_core.hpp"

#include <memory>

namespace cf {
namespace {

detail::read_core* keep(std::unique_ptr<detail::read_core> made)
{
    detail::read_core* const core = made.get();
    core->home().keep(std::move(made));
    return core;
}

} // namespace

read_stream::read_stream(device& dev, const far_ring& ring, const stream_options& options)
    : core_(keep(std::make_unique<detail::read_core>(
          dev, detail::stream_core::of(ring), options,
          options.mode == stream_mode::acquisition ? 0 : ring.consumed, std::chrono::nanoseconds(0))))
{
}

read_stream::read_stream(device& dev, const fixed_place& place, const stream_options& options)
    : core_(keep(
          std::make_unique<detail::read_core>(dev, detail::stream_core::of(place), options, 0, place.period)))
{
}

read_stream::~read_stream()
{
    if (core_ != nullptr) core_->orphan();
}

task<stream_remains> read_stream::close(stream_end how) { return core_->close(how); }
std::size_t read_stream::block_bytes() const noexcept { return core_->block_bytes(); }
detail::stream_core& read_stream::base() const noexcept { return *core_; }

stream_statistics read_stream::statistics() const noexcept
{
    stream_statistics all = core_->counters();
    all.now = core_->remains();
    return all;
}

} // namespace cf
