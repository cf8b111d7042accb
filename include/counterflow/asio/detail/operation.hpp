// SPDX-License-Identifier: MIT
//
// What the operations of asio.hpp have in common: where their memory comes from, where their handlers are
// called, and what stands in the lists of those that are under way.
#pragma once

#include <counterflow/detail/intrusive_list.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/append.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/recycling_allocator.hpp>

#include <memory>
#include <type_traits>
#include <utility>

namespace cf::asio::detail {

namespace net = ::boost::asio;

/// Has been initiated, and its handler has not been called. Owns itself: one of its functions ends it. Stands
/// in the list of whoever can cancel it, and once it has ended in that of the service.
struct operation : cf::detail::list_node {
    void (*complete)(operation&);         ///< frees it, then calls the handler, and throws what that throws
    void (*destroy)(operation&) noexcept; ///< frees it, and the handler
    void (*stop)(operation&) noexcept;    ///< has it end soon
};

using operation_list = cf::detail::intrusive_list<operation>;

/// Whether a handler of `executor` may be called by whoever runs an io_context, right there.
template <class Executor>
bool runs_on(const Executor& executor, const net::io_context::executor_type& here) noexcept
{
    if constexpr (std::is_same_v<Executor, net::io_context::executor_type>) {
        return executor == here;
    } else if constexpr (std::is_same_v<Executor, net::any_io_executor>) {
        const auto* const inner = executor.template target<net::io_context::executor_type>();
        return inner != nullptr && *inner == here;
    } else {
        return false;
    }
}

/// Calls a handler on its associated executor, whose context has work until then. `io` is the executor of the
/// I/O object, for handlers that have none.
template <class Handler, class Executor>
class caller {
    using executor = net::associated_executor_t<Handler, Executor>;

public:
    caller(const Handler& handler, const Executor& io, const net::io_context::executor_type& here)
        : work_(net::get_associated_executor(handler, io)), here_(runs_on(work_.get_executor(), here))
    {
    }

    template <class... Values>
    void call(Handler handler, Values... values)
    {
        if (here_) return static_cast<void>(std::move(handler)(std::move(values)...));
        net::dispatch(work_.get_executor(), net::append(std::move(handler), std::move(values)...));
    }

private:
    net::executor_work_guard<executor> work_;
    bool here_;
};

/// Memory for one Operation, from the allocator associated with its handler, or else Asio's recycled memory.
template <class Operation, class Handler>
class memory_of {
    using associated = net::associated_allocator_t<Handler, net::recycling_allocator<void>>;
    using allocator = typename std::allocator_traits<associated>::template rebind_alloc<Operation>;
    using traits = std::allocator_traits<allocator>;

public:
    explicit memory_of(const Handler& handler)
        : allocator_(net::associated_allocator<Handler, net::recycling_allocator<void>>::get(
              handler, net::recycling_allocator<void>()))
    {
    }

    template <class... Args>
    Operation& make(Args&&... args)
    {
        Operation* const place = traits::allocate(allocator_, 1);
        try {
            return *::new (static_cast<void*>(place)) Operation(std::forward<Args>(args)...);
        } catch (...) {
            traits::deallocate(allocator_, place, 1);
            throw;
        }
    }
    void free(Operation& operation) noexcept
    {
        operation.~Operation();
        traits::deallocate(allocator_, &operation, 1);
    }

private:
    allocator allocator_;
};

/// Has `op.canceled(type)` called when the handler's cancellation slot is told to. True when it has a slot.
template <class Handler, class Operation>
bool obey_slot(const Handler& handler, Operation& op)
{
    auto slot = net::get_associated_cancellation_slot(handler);
    if (!slot.is_connected()) return false;
    slot.assign([&op](net::cancellation_type type) noexcept { op.canceled(type); });
    return true;
}

inline bool asks_for(net::cancellation_type type, net::cancellation_type which) noexcept
{
    return (type & which) != net::cancellation_type::none;
}

} // namespace cf::asio::detail
