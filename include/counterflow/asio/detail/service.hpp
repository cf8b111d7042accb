// SPDX-License-Identifier: MIT
//
// service: the counterflow runtime of an io_context. The io_context waits for the runtime's descriptor while
// anything is under way and drains it then; handlers are called after the drain, from the same thread.
#pragma once

#include <counterflow/asio/detail/operation.hpp>
#include <counterflow/error.hpp>
#include <counterflow/runtime.hpp>

#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/error_code.hpp>

#include <cstdint>
#include <optional>

namespace cf::asio::detail {

/// A device that its io_context can close.
struct closable : cf::detail::list_node {
    void (*close)(closable&) noexcept = nullptr;
};

/// Thread rule: everything here belongs to the one thread that runs the io_context.
class service final : public net::execution_context::service {
public:
    using executor_type = net::io_context::executor_type;

    inline static net::execution_context::id id;

    /// `context` is an io_context.
    explicit service(net::execution_context& context)
        : net::execution_context::service(context),
          executor_(static_cast<net::io_context&>(context).get_executor()),
          outside_(executor_)
    {
    }
    ~service() override = default;

    const executor_type& executor() const noexcept { return executor_; }

    /// The runtime; made with these options by the first call.
    cf::runtime& runtime(runtime_options options = {})
    {
        if (!runtime_) {
            options.drained = true;
            runtime_.emplace(options);
            outside_.assign(runtime_->descriptor());
        }
        return *runtime_;
    }

    void add(closable& device) noexcept { devices_.push_back(device); }
    void add_await(operation& op) noexcept { awaits_.push_back(op); }
    /// Transfers whose device has been closed, and which will end in the next turn.
    void adopt(operation_list& orphans) noexcept { orphans_.splice(orphans); }

    /// An operation is under way, and the runtime has to turn for it.
    void begun()
    {
        ++under_way_;
        want_turn();
    }
    /// From a turn of the runtime: its handler is to be called.
    void ended(operation& op) noexcept
    {
        op.unlink();
        ended_.push_back(op);
    }
    /// Something has changed that the runtime has to turn for.
    void want_turn()
    {
        wanted_ = true;
        if (!turning_ && !posted_) post_turn();
    }

private:
    /// As many drains as pass before others in the io_context have their turn.
    static constexpr unsigned drains_a_turn = 16;

    void turn()
    {
        const struct leave {
            ~leave() { of.after_turn(); }
            service& of;
        } leaving{*this};
        turning_ = true;
        for (unsigned drains = 0; drains < drains_a_turn; ++drains) {
            wanted_ = false;
            runtime_->drain();
            call_handlers();
            if (!wanted_) return;
        }
    }

    // A handler may stop the io_context, and must be the last then.
    void call_handlers()
    {
        operation* op = ended_.pop_front();
        while (op != nullptr) {
            --under_way_;
            op->complete(*op);
            if (ended_.empty() || executor_.context().stopped()) return;
            op = ended_.pop_front();
        }
    }

    // Also when a handler has thrown: then others may wait to be called.
    void after_turn()
    {
        turning_ = false;
        if (wanted_ || !ended_.empty())
            post_turn();
        else if (under_way_ > 0)
            wait();
        else
            stop_waiting();
    }

    void post_turn()
    {
        posted_ = true;
        net::post(executor_, [this] {
            posted_ = false;
            turn();
        });
    }

    // Only while something is under way, because a wait is work, which keeps the io_context running.
    void wait()
    {
        if (waiting_) return;
        waiting_ = true;
        outside_.async_wait(outside_.wait_read,
                            [this, mine = ++wait_](const boost::system::error_code& failed) {
                                if (failed || mine != wait_) return;
                                waiting_ = false;
                                turn();
                            });
    }
    void stop_waiting()
    {
        if (!waiting_) return;
        waiting_ = false;
        ++wait_;
        outside_.cancel();
    }

    // The io_context is destroyed: handlers are freed without a call. Coroutines are stopped first, which
    // takes the thread that has run them; on another one they are left as they are. Engines stop on any.
    void shutdown() override
    {
        try {
            awaits_.for_each([](operation& op) { op.stop(op); });
            for (unsigned drains = 0; drains < drains_a_turn && !awaits_.empty(); ++drains) runtime_->drain();
        } catch (const error&) {
        }
        while (closable* const device = devices_.pop_front()) device->close(*device);
        if (outside_.is_open()) outside_.release();
        while (operation* const op = orphans_.pop_front()) op->destroy(*op);
        while (operation* const op = ended_.pop_front()) op->destroy(*op);
    }

    executor_type executor_;
    std::optional<cf::runtime> runtime_;
    net::posix::basic_stream_descriptor<executor_type> outside_; // the runtime's, which closes it
    cf::detail::intrusive_list<closable> devices_;
    operation_list awaits_;
    operation_list orphans_;
    operation_list ended_;
    std::uint64_t under_way_ = 0;
    std::uint64_t wait_ = 0; // number of the last wait; earlier ones have been canceled
    bool wanted_ = false;
    bool turning_ = false;
    bool posted_ = false;
    bool waiting_ = false;
};

/// The io_context of an executor. Only those can be asked; for a type-erased one that is the caller's
/// promise.
template <class Executor>
service& service_of(const Executor& executor)
{
    auto& context = net::query(executor, net::execution::context);
    using found = std::remove_cvref_t<decltype(context)>;
    static_assert(std::is_same_v<found, net::io_context> || std::is_same_v<found, net::execution_context>,
                  "counterflow's I/O objects live in an io_context");
    return net::use_service<service>(static_cast<net::execution_context&>(context));
}

} // namespace cf::asio::detail
