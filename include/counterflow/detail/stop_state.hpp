// SPDX-License-Identifier: MIT
//
// Cancellation inside a runtime: single-threaded, in place, without allocation. A promise
// carries a pointer to the stop_state its awaits obey, null where nothing can stop them. Most
// awaits hook themselves in when the pointer is set. Operations on the ring do not even that:
// their coroutine enlists itself once, and a stop request cancels whatever the kernel still has
// for it. std::stop_token meets this at the edges only (see stop.hpp).
#pragma once

#include <counterflow/detail/export.hpp>
#include <counterflow/detail/intrusive_list.hpp>

#include <concepts>
#include <coroutine>

namespace cf::detail {

class loop;
class stop_state;

/// A wish to be told about a stop request. Usually a member of an awaiter. `fn` is called at
/// most once, on the runtime's thread, possibly from inside another coroutine: it must not resume
/// anyone, but may call make_ready(). That coroutine may be of another loop that runs inside of
/// this one, or there may be none, so `fn` uses the loop its awaiter has kept and not
/// loop::current(). It runs with the hook already unlinked.
struct stop_hook : list_node {
    void (*fn)(stop_hook&) noexcept = nullptr;
};

/// Base of the promises of all counterflow coroutines, and first in them: awaiters read it through
/// await_suspend(std::coroutine_handle<Promise>), and ring operations find the frame by it.
struct promise_base : list_node {
    promise_base() noexcept : list_node(later()) {} // begin() initialises

    stop_state* stop;     ///< what the coroutine's awaits obey; null: nothing stops them
    stop_state* unlisted; ///< `stop` while not enlisted with it, else null

    /// Before the coroutine first runs, or when it is to obey someone else from now on.
    [[gnu::always_inline]] void begin(stop_state* obeyed) noexcept { stop = unlisted = obeyed; }

    /// After it has run, and before it obeys someone else.
    [[gnu::always_inline]] void end() noexcept
    {
        if (stop != unlisted) [[unlikely]]
            leave(*this);
    }

    /// The coroutine's frame, and back. Promises are not over-aligned, so all lie at the same place in it.
    void* frame() noexcept { return std::coroutine_handle<promise_base>::from_promise(*this).address(); }
    static promise_base& of(void* frame) noexcept
    {
        return std::coroutine_handle<promise_base>::from_address(frame).promise();
    }

private:
    [[gnu::noinline]] static void leave(promise_base& promise) noexcept { promise.unlink(); }
};

/// Whether a stop was requested, and who wants to know.
class CF_API stop_state {
public:
    stop_state() = default;
    stop_state(const stop_state&) = delete;
    stop_state& operator=(const stop_state&) = delete;

    bool requested() const noexcept { return requested_; }

    /// Whose coroutines obey it from now on. A request may come from another loop, which runs inside of
    /// that one, or from outside of both.
    void belong_to(loop& l) noexcept { loop_ = &l; }

    /// The hook's unlink() takes it out again. Must not be called once a stop was requested.
    void link(stop_hook& hook, void (*fn)(stop_hook&) noexcept) noexcept
    {
        assert(!requested_);
        hook.fn = fn;
        hooks_.push_back(hook);
    }

    /// Has the ring operations of this coroutine canceled on request, until its promise's end(). Must not
    /// be called once a stop was requested.
    void enlist(promise_base& coroutine) noexcept
    {
        assert(!requested_ && coroutine.stop == this);
        coroutine.unlisted = nullptr;
        enlisted_.push_back(coroutine);
    }

    /// Cancels the operations of those enlisted, then tells every hook, each oldest first. Further calls
    /// do nothing.
    void request() noexcept;

private:
    intrusive_list<stop_hook> hooks_;
    intrusive_list<promise_base> enlisted_;
    loop* loop_ = nullptr;
    bool requested_ = false;
};

/// A stop_state that also obeys another one: what when_any, timeout and scope give to those
/// they start.
class nested_stop_state : public stop_state {
public:
    /// Obeys `parent` from now on; null is nobody.
    void obey(stop_state* parent) noexcept
    {
        if (parent == nullptr) return;
        if (parent->requested()) return request();
        chain_.self = this;
        parent->link(chain_, [](stop_hook& hook) noexcept { static_cast<chain&>(hook).self->request(); });
    }

    /// No longer obeys its parent.
    void release() noexcept { chain_.unlink(); }

    ~nested_stop_state() { release(); }

private:
    struct chain : stop_hook {
        nested_stop_state* self = nullptr;
    };
    chain chain_;
};

/// The stop_state that an awaiter suspended in `h` has to obey. Coroutine types of other
/// libraries have none.
template <class Promise>
[[gnu::always_inline]] inline stop_state*
stop_state_of([[maybe_unused]] std::coroutine_handle<Promise> h) noexcept
{
    if constexpr (std::derived_from<Promise, promise_base>) return h.promise().stop;
    return nullptr;
}

} // namespace cf::detail
