// SPDX-License-Identifier: MIT
//
// Transfers of the C API, from submission to completion. Nothing here allocates.
#include "c_api/device.hpp"
#include "c_api/error.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <new>

namespace {

using cf::errc;
using cf::c_api::failed;
using cf::c_api::guarded;

cf::priority priority_of(std::uint32_t priority) noexcept
{
    switch (priority) {
    case COUNTERFLOW_NORMAL: return cf::priority::normal;
    case COUNTERFLOW_HIGH: return cf::priority::high;
    case COUNTERFLOW_LOW: return cf::priority::low;
    default: return static_cast<cf::priority>(0xff); // refused when it is started
    }
}

/// The caller's structure as this library knows it.
counterflow_transfer known(const std::byte* theirs, std::size_t size) noexcept
{
    counterflow_transfer mine{};
    std::memcpy(&mine, theirs, std::min(size, sizeof mine));
    return mine;
}

} // namespace

void counterflow_device::transfer::ended(void* frame) noexcept
{
    auto& self = static_cast<transfer&>(of(frame));
    self.unlink();
    self.owner.completed_.push_back(self);
}

bool counterflow_device::start(const counterflow_transfer& wanted) noexcept
{
    place* const p = free_;
    if (p == nullptr) return false;
    free_ = p->next;
    cf::detail::region* const region = wanted.buffer != nullptr ? wanted.buffer->memory.region() : nullptr;
    const cf::buffer_slice memory(region, wanted.buffer_offset, wanted.bytes);
    const cf::window_place far = wanted.window < windows_.size()
                                     ? windows_[wanted.window].at(wanted.window_offset)
                                     : cf::window_place{};
    cf::transfer_options options;
    options.priority = priority_of(wanted.priority);
    constexpr auto longest = static_cast<std::uint64_t>(std::chrono::nanoseconds::max().count());
    options.deadline = std::chrono::nanoseconds(std::min(wanted.deadline_ns, longest));
    const cf::transfer what = wanted.kind == COUNTERFLOW_WRITE ? device_.write(memory, far, options)
                                                               : device_.read(memory, far, options);
    transfer& t = *::new (&p->in_use) transfer(*this, what, wanted.tag);
    under_way_.push_back(t);
    t.start(loop_);
    return true;
}

int counterflow_device::cancel(std::uint64_t tag) noexcept
{
    int found = 0;
    under_way_.for_each([&](transfer& t) {
        if (t.tag != tag) return;
        ++found;
        t.request_stop();
    });
    return found;
}

void counterflow_device::turn() { loop_.drain(); }

bool counterflow_device::take(counterflow_completion& into) noexcept
{
    transfer* const t = completed_.pop_front();
    if (t == nullptr) return false;
    const errc outcome = t->outcome();
    into = {t->tag, outcome == errc{} ? t->size() : 0, -static_cast<std::int32_t>(outcome),
            static_cast<std::uint32_t>(t->kind()), 0};
    t->~transfer();
    auto* const p = reinterpret_cast<place*>(t);
    p->next = free_;
    free_ = p;
    return true;
}

// The runtime's descriptor speaks of what is to be drained; this makes it speak of what has been, too.
void counterflow_device::call_if_completed() noexcept
{
    if (completed_.empty() || call_.under_way) return;
    call_.under_way = true;
    call_.owner = this;
    call_.run = [](cf::detail::posted& p) noexcept { static_cast<call&>(p).under_way = false; };
    loop_.post(call_);
}

int counterflow_submit(counterflow_device* device, const counterflow_transfer* transfers, unsigned count)
{
    if (device == nullptr || (transfers == nullptr && count > 0))
        return failed(errc::bad_argument, "counterflow_submit: a null pointer");
    if (count == 0) return 0;
    const std::size_t size = transfers->size;
    if (size < offsetof(counterflow_transfer, deadline_ns) || size % alignof(counterflow_transfer) != 0)
        return failed(errc::bad_argument,
                      "counterflow_submit: counterflow_transfer.size of the first transfer");
    const auto* const first = reinterpret_cast<const std::byte*>(transfers);
    for (unsigned i = 0; i < count; ++i) {
        const counterflow_transfer wanted = known(first + i * size, size);
        if (wanted.size != size || wanted.kind > COUNTERFLOW_READ)
            return failed(errc::bad_argument, "counterflow_submit: counterflow_transfer.size or .kind");
    }
    return guarded([&] {
        device->turn(); // refuses the wrong thread before anything is started
        unsigned started = 0;
        while (started < count && device->start(known(first + started * size, size))) ++started;
        device->turn();
        device->call_if_completed();
        return static_cast<int>(started);
    });
}

int counterflow_poll(counterflow_device* device, counterflow_completion* completions, unsigned most)
{
    if (device == nullptr || (completions == nullptr && most > 0))
        return failed(errc::bad_argument, "counterflow_poll: a null pointer");
    return guarded([&] {
        device->turn();
        unsigned taken = 0;
        while (taken < most && device->take(completions[taken])) ++taken;
        device->call_if_completed();
        return static_cast<int>(taken);
    });
}

int counterflow_cancel(counterflow_device* device, std::uint64_t tag)
{
    if (device == nullptr) return failed(errc::bad_argument, "counterflow_cancel: a null pointer");
    return guarded([&] {
        device->turn();
        const int found = device->cancel(tag);
        device->turn();
        device->call_if_completed();
        return found;
    });
}
