// SPDX-License-Identifier: MIT
//
// Device specs: the strings that name a device, parsed into one structure. The grammar is in
// docs/specs.md; the parser says which key, which value and which range when one is wrong.
#pragma once

#include <counterflow/detail/export.hpp>
#include <counterflow/direction.hpp>
#include <counterflow/link.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cf {

/// How transfers reach the engine: `ring` appends to an endless list, `descriptor` hands over
/// one transfer at a time and starts the next from its interrupt, as dmaengine clients do.
enum class submit_mode : std::uint8_t { ring, descriptor };

/// What tells the driver that elements are done: a moderated interrupt, the engine's own
/// message into near memory, or looking.
enum class wake_mode : std::uint8_t { interrupt, message, poll };

/// Which engines serve the transfers.
enum class engine_choice : std::uint8_t { remote, local, both };

/// Where a modelled engine's lists lie: at its own end, or all of them at one end. Across the link from its
/// engine, a fetch is a read request and its completion.
enum class list_place : std::uint8_t { own, near, far };

/// How the user-space driver is to work, whatever it drives.
struct driver_spec {
    engine_choice engine = engine_choice::remote;
    submit_mode submit = submit_mode::ring;
    wake_mode wake = wake_mode::interrupt;
    std::uint64_t hang_ns =
        1'000'000'000; ///< a channel without progress for so long is stopped, 1 ms to 60 s
};

/// What software takes of a processor, in nanoseconds: the defaults of `sim:`. Measured by
/// tests/bench/40-software.sh on the machine of docs/benchmarks.md, where the figures are discussed.
struct software_cost {
    static constexpr std::uint64_t cpu_ns = 100;   ///< an awaited transfer, one of a hundred
    static constexpr std::uint64_t turn_ns = 1000; ///< a turn of the loop that an interrupt has woken
    static constexpr std::uint64_t irq_ns = 3000;  ///< from an interrupt to a sleeping program running
};

/// A modelled endpoint: `model:` (real time, in this process) and `sim:` (virtual time).
struct model_spec : driver_spec {
    link_parameters link;
    unsigned wr = 4; ///< WR channels of each engine, 1..8
    unsigned rd = 2; ///< RD channels of each engine, 1..8
    port_end near = port_end::root_port;
    std::uint64_t irq_ns = 0; ///< from the engine's interrupt to the driver being told, up to 1 s
    std::uint64_t fetch_ns =
        100; ///< an engine's fetch of a list element, besides the link's time; up to 1 ms
    list_place lists = list_place::own;
    static constexpr std::uint64_t ram_bytes_max = std::uint64_t{64} << 30;
    std::uint64_t ram_bytes = 64u << 20; ///< size of the window "ram", 4 KiB to 64 GiB in steps of 4 KiB
    std::string backing;                 ///< file that holds the far memory, or empty: memory of the process
    bool strict = false;                 ///< flag what real hardware might refuse

    // Virtual time only.
    std::uint64_t seed = 1;                         ///< of all chance
    std::uint64_t cpu_ns = software_cost::cpu_ns;   ///< charged a transfer, up to 1 s
    std::uint64_t turn_ns = software_cost::turn_ns; ///< charged a turn of the loop, 1 ns to 1 s
};

/// A PCI function that VFIO gives to the program: `vfio:`. Its engine is the far one.
struct vfio_spec : driver_spec {
    std::string bdf; ///< domain:bus:device.function
};

/// How transfers reach the kernel module and how it tells of their end.
enum class kernel_way : std::uint8_t {
    uring_cmd, ///< an io_uring command each, Linux 5.19 and later
    rw,        ///< an io_uring read or write each
    ring       ///< a call for many, and a completion ring that is read without one
};

constexpr std::string_view to_string(kernel_way way) noexcept
{
    return way == kernel_way::uring_cmd ? "uring_cmd" : way == kernel_way::rw ? "rw" : "ring";
}

/// An engine behind the kernel module: `/dev/counterflowN`.
struct kernel_spec {
    std::string path;                   ///< the device node
    std::optional<kernel_way> complete; ///< none: the best that the kernel has
};

/// A parsed spec.
struct device_spec {
    enum class kind_t : std::uint8_t { model, simulation, kernel_module, vfio };

    std::string text; ///< as written
    kind_t kind = kind_t::model;
    model_spec model;   ///< when kind is model or simulation
    kernel_spec kernel; ///< when kind is kernel_module
    vfio_spec vfio;     ///< when kind is vfio

    const driver_spec& driver() const noexcept
    {
        return kind == kind_t::vfio ? static_cast<const driver_spec&>(vfio) : model;
    }
};

/// Parses a spec: `model:LINK[,key=value]...`, `sim:` likewise, `/dev/counterflowN[,complete=...]`,
/// `vfio:BDF[,key=value]...`. Whether the device exists is found out when it is opened. Throws cf::error:
/// bad_spec, with the key, the value and the range; not_supported for kinds this build does not have.
CF_API device_spec parse_spec(std::string_view text);

/// Parses "64KiB", "1MiB", "4096", ... into bytes; `what` names the value in the error, which is
/// cf::error, bad_argument.
CF_API std::uint64_t parse_size(std::string_view text, std::string_view what);
/// Parses "500ns", "5us", "1ms", "2s" into nanoseconds, likewise.
CF_API std::uint64_t parse_duration_ns(std::string_view text, std::string_view what);

} // namespace cf
