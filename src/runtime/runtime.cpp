// SPDX-License-Identifier: MIT
//
// runtime: owns its reactor, enters and leaves its loop.
#include <counterflow/runtime.hpp>

#include "runtime/uring/uring_reactor.hpp"
#include "runtime/virtual/virtual_reactor.hpp"

#include <counterflow/error.hpp>

#include <atomic>
#include <sys/utsname.h>
#include <utility>

namespace cf {
namespace {

// Unlike a std::thread::id, a number is not given again to a later thread.
std::uint64_t this_thread_number() noexcept
{
    static std::atomic<std::uint64_t> last = 0;
    thread_local const std::uint64_t mine = last.fetch_add(1, std::memory_order_relaxed) + 1;
    return mine;
}

std::unique_ptr<detail::reactor> make_reactor(const runtime_options& options, runtime& loop)
{
    if (options.time == time_mode::simulated) return std::make_unique<detail::virtual_reactor>(options, loop);
    return std::make_unique<detail::uring_reactor>(options, loop);
}

} // namespace

runtime::runtime(const runtime_options& options) : reactor_owner_(make_reactor(options, *this)) {}

runtime::~runtime()
{
    const inside here(*this);
    // What has been posted is not lost, nor what that posts.
    do {
        wait_for_posters();
    } while (run_posted());
}

// Refuses, or makes the calling thread the one that turns the loop.
void runtime::claim(const char* what, bool drained)
{
    if (running_) throw error(errc::busy, std::string(what) + " inside of itself");
    if (drained != (reactor_->outside() >= 0)) {
        throw error(errc::bad_argument, std::string(what) + " of a runtime with runtime_options::drained " +
                                            (drained ? "false" : "true"));
    }
    const std::uint64_t here = this_thread_number();
    if (thread_ != 0 && thread_ != here)
        throw error(errc::bad_argument, std::string(what) + " on another thread than the first time");
    reactor_->prepare();
    thread_ = here;
}

runtime& runtime::session::prepared(runtime& r)
{
    r.claim("runtime::run()", false);
    return r;
}

int runtime::descriptor() const
{
    const int fd = reactor_->outside();
    if (fd < 0)
        throw error(errc::bad_argument, "descriptor of a runtime with runtime_options::drained false");
    return fd;
}

void runtime::drain()
{
    claim("runtime::drain()", true);
    const inside here(*this);
    running_ = true;
    reactor_->drain();
    running_ = false;
    reactor_->finish();
}

runtime::session::session(runtime& r) : runtime_(prepared(r)), inside_(r)
{
    ended = [](branch_owner& owner, std::size_t, std::exception_ptr exception) noexcept {
        auto& self = static_cast<session&>(owner);
        self.exception_ = std::move(exception);
        *self.runtime_.attention_ |= is_finished;
    };
    r.running_ = true;
}

runtime::session::~session()
{
    runtime_.running_ = false;
    runtime_.reactor_->finish();
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
    if (info.entries == 0) return info.reactor;
    std::string text = info.reactor + ", " + std::to_string(info.entries) + "/" +
                       std::to_string(info.completions) + " entries";
    const std::pair<bool, const char*> named[] = {
        {info.features.single_issuer, "single_issuer"},   {info.features.defer_taskrun, "defer_taskrun"},
        {info.features.coop_taskrun, "coop_taskrun"},     {info.features.registered_ring, "registered_ring"},
        {info.features.multishot_poll, "multishot_poll"}, {info.features.send_zc, "send_zc"},
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
