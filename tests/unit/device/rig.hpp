// SPDX-License-Identifier: MIT
//
// What the device tests stand on: a runtime, a modelled endpoint whose faults and far memory
// the test can reach, and a device opened on it.
#pragma once

#include "ledger.hpp"
#include "model/in_process.hpp"
#include <counterflow/counterflow.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace rig {

struct device_on_model {
    explicit device_on_model(const std::string& text = "model:null,wr=2,rd=2")
        : device_on_model(patient(text))
    {
    }
    explicit device_on_model(const cf::device_spec& spec)
        : device_on_model(spec, cf::model::open_model(spec.model))
    {
    }

    /// What the program did that real hardware might refuse, so far.
    std::uint64_t violations()
    {
        std::uint64_t count = 0;
        model->with_machine([&](cf::model::machine& m, auto) { count = m.violations().count(); });
        return count;
    }
    /// Calls `set(faults&)` while the hardware stands still.
    template <class Set>
    void inject(Set&& set)
    {
        model->with_machine([&](cf::model::machine& m, auto) { set(m.injected()); });
    }

    cf::runtime loop;
    cf::model::in_process* model; ///< owned by dev
    cf::device dev;

private:
    /// Unless the text says otherwise, a model that gets no processor for seconds is not taken for one that
    /// hangs: a test's outcome does not depend on the load of its machine.
    static cf::device_spec patient(const std::string& text)
    {
        cf::device_spec spec = cf::parse_spec(text);
        if (text.find("hang=") == std::string::npos) spec.model.hang_ns = 60'000'000'000;
        return spec;
    }
    device_on_model(const cf::device_spec& spec, std::unique_ptr<cf::model::in_process> m)
        : model(m.get()), dev(loop, spec, std::move(m))
    {
    }
};

using test::fill;

} // namespace rig
