// SPDX-License-Identifier: MIT
//
// What stands behind the opaque handles of the C API: a device with a runtime of its own, which its functions
// drain, and room for a bounded number of transfers.
#pragma once

#include <counterflow/counterflow.h>
#include <counterflow/detail/callback_transfer.hpp>
#include <counterflow/detail/intrusive_list.hpp>
#include <counterflow/device.hpp>
#include <counterflow/runtime.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

struct counterflow_buffer {
    cf::buffer memory;
};

struct counterflow_device {
public:
    counterflow_device(std::string_view spec, std::uint32_t transfers_max);
    counterflow_device(const counterflow_device&) = delete;
    counterflow_device& operator=(const counterflow_device&) = delete;

    int descriptor() const { return loop_.descriptor(); }
    cf::device& device() noexcept { return device_; }
    const std::vector<cf::window>& windows() const noexcept { return windows_; }

    /// False when there is no room.
    bool start(const counterflow_transfer& wanted) noexcept;
    int cancel(std::uint64_t tag) noexcept;
    /// Turns the runtime.
    void turn();
    /// The next completion; false when there is none.
    bool take(counterflow_completion& into) noexcept;
    /// Has the descriptor readable while there are completions.
    void call_if_completed() noexcept;

private:
    /// A transfer from its submission until its completion has been taken.
    struct transfer : cf::detail::callback_transfer, cf::detail::list_node {
        transfer(counterflow_device& of, const cf::transfer& what, std::uint64_t named) noexcept
            : callback_transfer(what, &transfer::ended), owner(of), tag(named)
        {
        }
        static void ended(void* frame) noexcept;

        counterflow_device& owner;
        std::uint64_t tag;
    };
    union place {
        place() noexcept : next(nullptr) {}
        ~place() {}
        place* next; ///< while it is free
        transfer in_use;
    };
    struct call : cf::detail::posted {
        counterflow_device* owner = nullptr;
        bool under_way = false;
    };

    // What the engines may still touch stands before the device, whose end stops them; what is ready then is
    // so in a loop that never turns again.
    call call_;
    cf::runtime loop_;
    std::unique_ptr<place[]> places_;
    place* free_ = nullptr;
    cf::detail::intrusive_list<transfer> under_way_;
    cf::detail::intrusive_list<transfer> completed_;
    cf::device device_;
    std::vector<cf::window> windows_; ///< by index
};
