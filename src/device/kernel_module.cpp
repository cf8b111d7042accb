// SPDX-License-Identifier: MIT
//
// What the kernel module says of a device, as an attachment says it.
#include "device/kernel_module.hpp"

#include "shim/status.hpp"

#include <cstring>

namespace cf::detail {

kernel_module::kernel_module(const kernel_spec& spec)
    : file_(std::make_shared<shim::session>(spec.path, spec.complete))
{
    for (const cf_window_info& w : file_->windows()) {
        const auto* const name = reinterpret_cast<const char*>(w.name);
        const std::uint64_t position = CF_POSITION(w.window, 0);
        windows_.push_back({std::string(name, ::strnlen(name, CF_NAME_BYTES)), w.size, position, position});
    }
}

port_end kernel_module::near() const noexcept
{
    return file_->info().near_port == CF_PORT_ENDPOINT ? port_end::endpoint : port_end::root_port;
}

link_parameters kernel_module::link() const noexcept { return shim::link_of(file_->info()); }

std::uint64_t kernel_module::map(void* memory, std::size_t size)
{
    return file_->add(static_cast<std::byte*>(memory), size);
}

} // namespace cf::detail
