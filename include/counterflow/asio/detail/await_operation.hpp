// SPDX-License-Identifier: MIT
//
// await_operation: anything that counterflow can await, under way in an io_context, with its handler.
#pragma once

#include <counterflow/as_result.hpp>
#include <counterflow/asio/detail/operation.hpp>
#include <counterflow/asio/detail/service.hpp>
#include <counterflow/detail/branch.hpp>
#include <counterflow/detail/stop_state.hpp>
#include <counterflow/result.hpp>
#include <counterflow/start.hpp>

#include <boost/system/error_code.hpp>

#include <optional>
#include <type_traits>
#include <utility>

namespace cf::asio::detail {

template <class A, class Handler, class Executor>
class await_operation final : operation {
    using memory = memory_of<await_operation, Handler>;
    friend memory;
    using value = cf::detail::result_value<cf::detail::await_result_t<A>>;

public:
    static void start(service& of, const Executor& io, A&& what, Handler handler)
    {
        cf::runtime& loop = of.runtime();
        memory from(handler);
        await_operation& op = from.make(of, io, std::move(what), std::move(handler));
        try {
            cf::detail::branch run = await(op);
            op.has_slot_ = obey_slot(op.handler_, op);
            of.begun();
            of.add_await(op);
            run.start(loop, &op.stop_, cf::detail::nobody(), 0);
        } catch (...) {
            from.free(op);
            throw;
        }
    }

    void canceled(net::cancellation_type type) noexcept
    {
        using kind = net::cancellation_type;
        if (outcome_ || !asks_for(type, kind::terminal | kind::partial)) return;
        stop_.request();
        service_.want_turn();
    }

private:
    await_operation(service& of, const Executor& io, A&& what, Handler&& handler)
        : service_(of),
          caller_(handler, io, of.executor()),
          handler_(std::move(handler)),
          what_(std::move(what))
    {
        complete = &await_operation::do_complete;
        destroy = [](operation& op) noexcept {
            auto& self = static_cast<await_operation&>(op);
            const Handler kept = std::move(self.handler_); // until its memory is free
            memory(kept).free(self);
        };
        stop = [](operation& op) noexcept { static_cast<await_operation&>(op).stop_.request(); };
    }

    static cf::detail::branch await(await_operation& self)
    {
        auto outcome = co_await as_result(std::move(self.what_));
        self.outcome_.emplace(std::move(outcome));
        self.service_.ended(self);
    }

    static void do_complete(operation& op)
    {
        auto& self = static_cast<await_operation&>(op);
        if (self.has_slot_) net::get_associated_cancellation_slot(self.handler_).clear();
        result<value> outcome = std::move(*self.outcome_);
        Handler handler = std::move(self.handler_);
        caller<Handler, Executor> call = std::move(self.caller_);
        memory(handler).free(self);
        boost::system::error_code failed;
        if (!outcome) failed = outcome.error().code;
        if constexpr (std::is_void_v<value>) {
            call.call(std::move(handler), failed);
        } else {
            call.call(std::move(handler), failed, outcome ? std::move(*outcome) : value());
        }
    }

    service& service_;
    caller<Handler, Executor> caller_;
    Handler handler_;
    A what_;
    cf::detail::stop_state stop_;
    std::optional<result<value>> outcome_;
    bool has_slot_ = false;
};

} // namespace cf::asio::detail
