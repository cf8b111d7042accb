// SPDX-License-Identifier: MIT
//
// What both ends need of libnats: its objects as owners, a connection with a JetStream stream, and how its
// threads reach objects of ours that may be gone.
#pragma once

#include <counterflow/error.hpp>
#include <counterflow/nats.hpp>

#include <nats/nats.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace cf::nats {

template <auto destroy>
struct destroyer {
    template <class T>
    void operator()(T* what) const noexcept
    {
        destroy(what);
    }
};
template <class T, auto destroy>
using owner = std::unique_ptr<T, destroyer<destroy>>;

using options_ptr = owner<natsOptions, natsOptions_Destroy>;
using connection_ptr = owner<natsConnection, natsConnection_Destroy>;
using context_ptr = owner<jsCtx, jsCtx_Destroy>;
using subscription_ptr = owner<natsSubscription, natsSubscription_Destroy>;
using message_ptr = owner<natsMsg, natsMsg_Destroy>;

/// The headers a block's message has beside JetStream's own.
inline constexpr const char* sequence_header = "Counterflow-Sequence";
inline constexpr const char* time_header = "Counterflow-Time";

/// `what` failed; libnats and the server gave these reasons.
failure nats_failure(natsStatus status, jsErrCode reason, const std::string& what);
inline void expect(natsStatus status, jsErrCode reason, const std::string& what)
{
    if (status != NATS_OK) throw error(nats_failure(status, reason, what));
}

/// A connection that libnats keeps up for ever, once it was made.
connection_ptr connect(const std::string& url);

/// Makes the stream when there is none. Throws when the one there does not have the subject.
void ensure_stream(jsCtx& context, const place& where);

/// libnats calls back from its own threads, at times even after its objects are destroyed; so it is given a
/// number and not a pointer. Thread rule: any thread.
template <class T>
class directory {
public:
    /// Takes `what` up for as long as this lives.
    class entry {
    public:
        explicit entry(T& what) : number_(instance().add(what)) {}
        entry(const entry&) = delete;
        entry& operator=(const entry&) = delete;
        ~entry() { instance().remove(number_); }

        std::uintptr_t number() const noexcept { return number_; }
        void* closure() const noexcept { return reinterpret_cast<void*>(number_); }

    private:
        const std::uintptr_t number_;
    };

    /// Calls `function` with the object of that number; it is not destroyed meanwhile. Nothing when it is
    /// gone.
    template <class F>
    static void with(std::uintptr_t number, F&& function)
    {
        directory& all = instance();
        const std::lock_guard lock(all.mutex_);
        if (const auto found = all.entries_.find(number); found != all.entries_.end())
            function(*found->second);
    }
    template <class F>
    static void with(void* closure, F&& function)
    {
        with(reinterpret_cast<std::uintptr_t>(closure), std::forward<F>(function));
    }

    /// Has `function` called with `there` on its loop's thread, unless it is gone by then. Not under the
    /// lock: nobody else destroys it there.
    template <class F>
    static void post(T& there, F function)
    {
        there.loop.post([number = there.entry.number(), function = std::move(function)]() mutable {
            T* found = nullptr;
            with(number, [&](T& object) { found = &object; });
            if (found != nullptr) function(*found);
        });
    }

private:
    static directory& instance()
    {
        // Never destroyed: libnats' threads may outlive static objects.
        static directory& all = *new directory;
        return all;
    }
    std::uintptr_t add(T& what)
    {
        const std::lock_guard lock(mutex_);
        entries_.emplace(++last_, &what);
        return last_;
    }
    void remove(std::uintptr_t number)
    {
        const std::lock_guard lock(mutex_);
        entries_.erase(number);
    }

    std::mutex mutex_;
    std::uintptr_t last_ = 0;
    std::unordered_map<std::uintptr_t, T*> entries_;
};

} // namespace cf::nats
