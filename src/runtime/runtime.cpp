// SPDX-License-Identifier: MIT
//
// runtime: owns its reactor, enters and leaves its loop.
#include <counterflow/runtime.hpp>

#include "runtime/uring/uring_reactor.hpp"

#include <counterflow/error.hpp>

#include <sys/utsname.h>
#include <utility>

namespace cf {

runtime::runtime(const runtime_options& options)
    : reactor_owner_(std::make_unique<detail::uring_reactor>(options, *this))
{
}

runtime::~runtime()
{
    wait_for_posters();
    // What other threads have posted until now is not lost.
    detail::loop* const outer = std::exchange(detail::this_thread.current, this);
    run_posted();
    detail::this_thread.current = outer;
}

runtime::session::session(runtime& r) : runtime_(r)
{
    if (r.running_) throw error(errc::busy, "runtime::run() inside of itself");
    if (r.thread_ == std::thread::id()) r.thread_ = std::this_thread::get_id();
    if (r.thread_ != std::this_thread::get_id()) {
        throw error(errc::bad_argument, "runtime::run() on another thread than the first time");
    }
    r.reactor_->prepare();
    ended = [](branch_owner& owner, std::size_t, std::exception_ptr exception) noexcept {
        auto& self = static_cast<session&>(owner);
        self.exception_ = std::move(exception);
        *self.runtime_.attention_ |= is_finished;
    };
    r.running_ = true;
    detail::thread_state& here = detail::this_thread;
    outer_ = std::exchange(here.current, &r);
    outer_transfers_ = std::exchange(here.resume_next, nullptr);
    outer_sq_next_ = here.sq_next;
    outer_sq_end_ = here.sq_end;
}

runtime::session::~session()
{
    detail::thread_state& here = detail::this_thread;
    here.current = outer_;
    here.resume_next = outer_transfers_;
    here.sq_next = outer_sq_next_;
    here.sq_end = outer_sq_end_;
    runtime_.running_ = false;
}

void runtime::session::turn()
{
    runtime_.reactor_->run();
    if (exception_ != nullptr) std::rethrow_exception(std::move(exception_));
}

runtime_info runtime::info() const
{
    runtime_info found;
    utsname system{};
    if (::uname(&system) == 0) found.kernel = system.release;
    reactor_->describe(found);
    return found;
}

std::string to_string(const runtime_info& info)
{
    std::string text = info.reactor + ", " + std::to_string(info.entries) + "/" +
                       std::to_string(info.completions) + " entries";
    const std::pair<bool, const char*> named[] = {
        {info.features.single_issuer, "single_issuer"}, {info.features.defer_taskrun, "defer_taskrun"},
        {info.features.coop_taskrun, "coop_taskrun"},   {info.features.registered_ring, "registered_ring"},
        {info.features.timed_wait, "timed_wait"},       {info.features.multishot_poll, "multishot_poll"},
    };
    const char* separator = ", ";
    for (const auto& [used, name] : named) {
        if (!used) continue;
        text += separator;
        text += name;
        separator = " ";
    }
    return text + ", Linux " + info.kernel;
}

} // namespace cf
