// SPDX-License-Identifier: MIT
//
// The one place that knows which kinds of device there are.
#include "device/open.hpp"

#include "model/in_process.hpp"
#include <counterflow/error.hpp>

namespace cf::detail {

std::unique_ptr<attachment> attach(const device_spec& spec)
{
    switch (spec.kind) {
    case device_spec::kind_t::model: return model::open_model(spec.model);
    case device_spec::kind_t::kernel_module:
        throw error(errc::not_supported, spec.text + ": this build has no back end for the kernel module");
    case device_spec::kind_t::vfio:
        throw error(errc::not_supported, spec.text + ": this build has no back end for VFIO");
    }
    __builtin_unreachable();
}

} // namespace cf::detail
