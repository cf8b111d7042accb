// SPDX-License-Identifier: MIT
//
// kernel_module: the attachment whose engines the kernel module drives.
#pragma once

#include "device/attachment.hpp"
#include "shim/session.hpp"

#include <memory>

namespace cf::detail {

class kernel_module final : public attachment {
public:
    /// Throws cf::error.
    explicit kernel_module(const kernel_spec& spec);

    std::shared_ptr<shim::session> kernel() noexcept override { return file_; }
    bool pins() const noexcept override { return true; }

    port_end near() const noexcept override;
    std::span<edma::port> engines() noexcept override { return {}; }
    std::span<const far_window> windows() const noexcept override { return windows_; }
    link_parameters link() const noexcept override;
    std::size_t alignment() const noexcept override { return file_->info().alignment; }

    std::uint64_t map(void* memory, std::size_t size) override;
    /// The pages stay pinned in the kernel until the hardware is proven past them, and are nobody else's
    /// before. The caller's own memory may be written until then, after errc::link_down and device_gone.
    void unmap(std::uint64_t address, std::size_t size) noexcept override { file_->remove(address, size); }

private:
    std::shared_ptr<shim::session> file_;
    std::vector<far_window> windows_;
};

} // namespace cf::detail
