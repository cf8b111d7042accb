// SPDX-License-Identifier: MIT
//
// What follows from an access to one of the function's regions.
#include "vfio_user/endpoint.hpp"

#include "edma/registers.hpp"
#include "model/board.hpp"
#include <counterflow/error.hpp>

#include <cerrno>
#include <cstring>
#include <string>
#include <sys/mman.h>
#include <system_error>

namespace cf::vfio_user {
namespace {

constexpr unsigned engine = 0; // the only one
constexpr std::size_t word_size = sizeof(std::uint32_t);

[[noreturn]] void refuse(const std::string& what, const std::string& instead)
{
    throw error(errc::bad_spec, "serve: " + what + "; " + instead);
}

/// Refuses what means nothing for an endpoint without a driver of ours.
void check(const model_spec& spec, const endpoint_options& options)
{
    const model_spec defaults;
    if (spec.near != defaults.near || spec.engine != defaults.engine)
        refuse("the client is the root port and the engine sits in the endpoint",
               "leave near= and engine= out");
    if (spec.submit != defaults.submit || spec.wake != defaults.wake || spec.hang_ns != defaults.hang_ns)
        refuse("submit=, wake= and hang= are the driver's, which is in the client", "leave them out");
    if (spec.ram_bytes != defaults.ram_bytes || !spec.backing.empty())
        refuse("the far memory is BAR2, 64 MiB", "leave ram= and backing= out");
    if (options.msix > msix_vectors_max)
        throw error(errc::bad_argument, "serve: " + std::to_string(options.msix) +
                                            " MSI-X vectors; it must be 0 to " +
                                            std::to_string(msix_vectors_max));
}

model::machine_config machine_for(const model_spec& spec, const endpoint_options& options)
{
    check(spec, options);
    model::machine_config config = model::configure(spec);
    config.unclaimed_writes_abort = true;
    return config;
}

/// The engine's register behind an offset in BAR0, which shows them twice: Linux 6.1 and later look at
/// its start, 5.10 and others behind register_offset.
std::uint32_t engine_offset(std::uint64_t offset) noexcept
{
    return static_cast<std::uint32_t>(offset < register_offset ? offset : offset - register_offset);
}

constexpr bool whole_words(std::uint64_t offset, std::size_t size) noexcept
{
    return offset % word_size == 0 && size % word_size == 0;
}

} // namespace

endpoint::endpoint(const model_spec& spec, const endpoint_options& options)
    : hardware_(machine_for(spec, options), *this),
      config_({.wr = spec.wr,
               .rd = spec.rd,
               .msix = options.msix,
               .vendor_capability = options.vendor_capability,
               .link = spec.link}),
      interrupts_(options.msix),
      client_memory_(hardware_),
      bar2_file_(::memfd_create("counterflow-bar2", MFD_CLOEXEC)),
      has_msix_(options.msix != 0)
{
    void* at = MAP_FAILED;
    if (bar2_file_ && ::ftruncate(bar2_file_.get(), bar2_size) == 0)
        at = ::mmap(nullptr, bar2_size, PROT_READ | PROT_WRITE, MAP_SHARED, bar2_file_.get(), 0);
    if (at == MAP_FAILED)
        throw error(failure{std::error_code(errno, std::system_category()), "serve: 64 MiB for BAR2"});
    bar2_ = {static_cast<std::byte*>(at), bar2_size};
}

endpoint::~endpoint()
{
    hardware_.stop();
    ::munmap(bar2_.data(), bar2_.size());
}

endpoint::region endpoint::region_at(std::uint32_t index) const noexcept
{
    constexpr std::uint32_t both_ways = region_readable | region_writable;
    switch (index) {
    case region_bar0: return {bar0_size, both_ways, -1};
    case region_bar2: return {bar2_size, both_ways | region_mappable, bar2_file_.get()};
    case region_bar4: return has_msix_ ? region{bar4_size, both_ways, -1} : region{};
    case region_config: return {config_space::size, both_ways, -1};
    default: return {};
    }
}

bool endpoint::link_up()
{
    // What answers for the link as a whole is what a register of the engine answers.
    return hardware_.load(engine, edma::reg::control) != edma::all_ones;
}

int endpoint::read(std::uint32_t index, std::uint64_t offset, std::span<std::byte> out)
{
    if (index == region_bar0) return read_registers(offset, out);
    if (!link_up()) {
        std::memset(out.data(), 0xff, out.size());
    } else if (index == region_config) {
        config_.show_pending(interrupts_.msi_pending());
        config_.read(offset, out);
    } else {
        std::memcpy(out.data(), (index == region_bar2 ? bar2_.data() : bar4_.data()) + offset, out.size());
    }
    return 0;
}

int endpoint::write(std::uint32_t index, std::uint64_t offset, std::span<const std::byte> in)
{
    if (index == region_bar0) return write_registers(offset, in);
    if (!link_up()) return 0;
    if (index == region_config)
        write_config(offset, in);
    else
        std::memcpy((index == region_bar2 ? bar2_.data() : bar4_.data()) + offset, in.data(), in.size());
    return 0;
}

int endpoint::read_registers(std::uint64_t offset, std::span<std::byte> out)
{
    if (!whole_words(offset, out.size())) return EINVAL;
    for (std::size_t at = 0; at < out.size(); at += word_size) {
        const std::uint32_t value = hardware_.load(engine, engine_offset(offset + at));
        std::memcpy(out.data() + at, &value, word_size);
        ++loads_;
    }
    return 0;
}

int endpoint::write_registers(std::uint64_t offset, std::span<const std::byte> in)
{
    if (!whole_words(offset, in.size())) return EINVAL;
    for (std::size_t at = 0; at < in.size(); at += word_size) {
        const std::uint32_t to = engine_offset(offset + at);
        std::uint32_t value;
        std::memcpy(&value, in.data() + at, word_size);
        ++stores_;
        const bool doorbell = to == edma::reg::wr.doorbell || to == edma::reg::rd.doorbell;
        if (doorbell && doorbells_left_ && --*doorbells_left_ == 0) return 0;
        hardware_.store(engine, to, value);
    }
    return 0;
}

void endpoint::write_config(std::size_t offset, std::span<const std::byte> in)
{
    config_.write(offset, in);
    if (config_.take_reset_request()) return reset();
    apply_config();
}

void endpoint::apply_config()
{
    interrupts_.configure(config_.msi());
    client_memory_.allow(config_.bus_master());
    place_bar2();
}

/// The engine finds BAR2's memory where the client has put the BAR.
void endpoint::place_bar2()
{
    const std::uint64_t at = config_.bar2();
    const auto wanted = config_.memory_enabled() && at != 0 ? std::optional(at) : std::nullopt;
    if (wanted == bar2_at_) return;
    hardware_.with([&](model::machine& m, model::nanoseconds) {
        if (bar2_at_) m.own(port_end::endpoint).remove(*bar2_at_, bar2_size);
        if (wanted)
            m.own(port_end::endpoint).add({.address = *wanted, .size = bar2_size, .host = bar2_.data()});
    });
    bar2_at_ = wanted;
}

void endpoint::reset()
{
    hardware_.with([](model::machine& m, model::nanoseconds now) { m.reset(now); });
    config_.reset();
    apply_config();
}

void endpoint::forget_client()
{
    config_.power_on();
    reset();
    interrupts_.reset();
    client_memory_.clear();
}

endpoint_statistics endpoint::statistics()
{
    endpoint_statistics result{loads_, stores_, interrupts_.delivered(), {}};
    hardware_.with([&](model::machine& m, model::nanoseconds) { result.engine = m.counted(); });
    return result;
}

std::optional<unsigned> endpoint::line_of(port_end end, std::uint64_t address, std::uint32_t data) noexcept
{
    if (end != port_end::root_port) return std::nullopt;
    return interrupts_.vector_of(address, data);
}

/// Each signal is a message; the client may merge them, as interrupts of one vector may.
void endpoint::raise(unsigned line, std::uint64_t count) noexcept
{
    for (; count != 0; --count) interrupts_.raise(line);
}

} // namespace cf::vfio_user
