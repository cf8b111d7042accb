// SPDX-License-Identifier: MIT
//
// transfer_operation: a transfer of asio.hpp under way, with its handler. One allocation, made by the
// handler's associated allocator; device_body: the device that such transfers are of.
#pragma once

#include <counterflow/asio/detail/operation.hpp>
#include <counterflow/asio/detail/service.hpp>
#include <counterflow/detail/callback_transfer.hpp>
#include <counterflow/device.hpp>

#include <boost/system/error_code.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace cf::asio::detail {

/// What an I/O object owns, and the io_context can close before it.
class device_body final : closable {
public:
    device_body(service& of, const device_spec& spec) : service_(of)
    {
        device_.emplace(of.runtime(options_for(spec)), spec);
        close = [](closable& c) noexcept { static_cast<device_body&>(c).close_for_good(); };
        service_.add(*this);
    }
    device_body(const device_body&) = delete;
    device_body& operator=(const device_body&) = delete;
    /// What is under way ends with errc::canceled, or where it cannot be stopped with errc::device_gone.
    ~device_body()
    {
        unlink();
        if (!device_) return;
        cancel();
        device_.reset();
        service_.adopt(under_way_);
    }

    service& owner() const noexcept { return service_; }
    cf::device& device() noexcept { return *device_; }

    void add(operation& op) noexcept { under_way_.push_back(op); }
    void cancel()
    {
        if (under_way_.empty()) return;
        under_way_.for_each([](operation& op) { op.stop(op); });
        service_.want_turn();
    }

private:
    void close_for_good() noexcept
    {
        device_.reset();
        operation_list orphans; // one of their handlers may own this
        orphans.splice(under_way_);
        while (operation* const op = orphans.pop_front()) op->destroy(*op);
    }

    service& service_;
    std::optional<cf::device> device_;
    operation_list under_way_;
};

template <class Handler, class Executor>
class transfer_operation final : operation, cf::detail::callback_transfer {
    using memory = memory_of<transfer_operation, Handler>;
    friend memory;

public:
    static void start(device_body& body, const Executor& io, const transfer& what, Handler handler)
    {
        memory from(handler);
        transfer_operation& op = from.make(body.owner(), io, what, std::move(handler));
        try {
            op.has_slot_ = obey_slot(op.handler_, op);
            body.owner().begun();
        } catch (...) {
            from.free(op);
            throw;
        }
        body.add(op);
        op.callback_transfer::start(body.owner().runtime());
    }

    void canceled(net::cancellation_type type) noexcept
    {
        using kind = net::cancellation_type;
        if (over_ ||
            !(asks_for(type, kind::terminal | kind::partial) || (asks_for(type, kind::total) && untouched())))
            return;
        request_stop();
        service_.want_turn();
    }

private:
    transfer_operation(service& of, const Executor& io, const transfer& what, Handler&& handler)
        : callback_transfer(what, &transfer_operation::has_ended),
          service_(of),
          caller_(handler, io, of.executor()),
          handler_(std::move(handler))
    {
        complete = &transfer_operation::do_complete;
        destroy = [](operation& op) noexcept {
            auto& self = static_cast<transfer_operation&>(op);
            const Handler kept = std::move(self.handler_); // until its memory is free
            memory(kept).free(self);
        };
        stop = [](operation& op) noexcept { static_cast<transfer_operation&>(op).request_stop(); };
    }

    // From the runtime, which is turning.
    static void has_ended(void* frame) noexcept
    {
        auto& self = static_cast<transfer_operation&>(of(frame));
        self.over_ = true;
        self.service_.ended(self);
    }

    static void do_complete(operation& op)
    {
        auto& self = static_cast<transfer_operation&>(op);
        if (self.has_slot_) net::get_associated_cancellation_slot(self.handler_).clear();
        const errc outcome = self.outcome();
        const std::size_t moved = outcome == errc{} ? self.size() : 0;
        Handler handler = std::move(self.handler_);
        caller<Handler, Executor> call = std::move(self.caller_);
        memory(handler).free(self);
        boost::system::error_code failed;
        if (outcome != errc{}) [[unlikely]]
            failed = make_error_code(outcome);
        call.call(std::move(handler), failed, moved);
    }

    service& service_;
    caller<Handler, Executor> caller_;
    Handler handler_;
    bool has_slot_ = false;
    bool over_ = false;
};

} // namespace cf::asio::detail
