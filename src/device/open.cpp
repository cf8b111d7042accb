// SPDX-License-Identifier: MIT
//
// The one place that knows which kinds of device there are.
#include "device/open.hpp"

#include "device/kernel_module.hpp"
#include "model/in_process.hpp"
#include "model/simulated.hpp"
#include "vfio/attached.hpp"
#include <counterflow/error.hpp>

namespace cf::detail {

std::unique_ptr<attachment> attach(loop& l, const device_spec& spec)
{
    using kind = device_spec::kind_t;
    virtual_clock* const simulation = l.simulation();
    if (spec.kind == kind::simulation && !simulation)
        throw error(errc::not_supported, spec.text +
                                             ": lives in virtual time, and this runtime in real time; "
                                             "make it with cf::options_for(spec), or open model:");
    if (spec.kind != kind::simulation && simulation)
        throw error(errc::not_supported, spec.text +
                                             ": lives in real time, and this runtime in virtual time; "
                                             "make it with cf::options_for(spec), or open sim:");
    switch (spec.kind) {
    case kind::simulation: return std::make_unique<model::simulated>(spec.model, *simulation);
    case device_spec::kind_t::model: return model::open_model(spec.model);
    case kind::kernel_module: return std::make_unique<kernel_module>(spec.kernel);
    case kind::vfio: return vfio::open_function(spec.vfio, spec.text);
    }
    __builtin_unreachable();
}

} // namespace cf::detail
