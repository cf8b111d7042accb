// SPDX-License-Identifier: MIT
//
// The machinery of task<T>: a promise of two words, a frame that destroys itself when the body
// has ended, and an awaiter into which the result is written. For task.hpp only.
#pragma once

#include <counterflow/detail/frame_pool.hpp>
#include <counterflow/detail/stop_state.hpp>
#include <counterflow/detail/this_thread.hpp>

#include <cassert>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <type_traits>

// Starting a child by symmetric transfer is cheaper than through transfer(), but is a call that
// uses stack where the compiler makes no tail call of it. No macro tells of g++'s -O1, -Og and
// -fno-optimize-sibling-calls, where it makes none: CF_NO_TAIL_CALLS is for those who build so.
#if defined(CF_NO_TAIL_CALLS)
#define CF_DETAIL_TAIL_CALLS 0
#elif defined(__OPTIMIZE__) && !defined(CF_DETAIL_ASAN) && !defined(__SANITIZE_THREAD__) &&                  \
    !defined(__SANITIZE_UNDEFINED__)
#define CF_DETAIL_TAIL_CALLS 1
#elif defined(__clang__)
#define CF_DETAIL_TAIL_CALLS 1
#else
#define CF_DETAIL_TAIL_CALLS 0
#endif

namespace cf {
template <class T>
class task;
}

namespace cf::detail {

template <class T>
class task_promise;

/// What the awaiting side of a task keeps, in its own frame: whom to resume and how it ended.
class task_awaiter_base {
protected:
    explicit task_awaiter_base(void* frame = nullptr) noexcept : state_(frame) {}

    template <class Promise>
    [[gnu::always_inline]] auto start(std::coroutine_handle<Promise> child, std::coroutine_handle<> waiter,
                                      stop_state* stop) noexcept
    {
        waiter_.handle = waiter;
        child.promise().begin(stop);
        child.promise().awaiter = static_cast<typename Promise::awaiter_type*>(this);
#if CF_DETAIL_TAIL_CALLS
        return std::coroutine_handle<>(child);
#else
        start_.handle = child;
        transfer(start_);
#endif
    }

    [[gnu::always_inline]] void rethrow_if_failed() const
    {
        if (state_ != nullptr) [[unlikely]]
            rethrow();
    }

private:
    template <class T>
    friend class task_promise;
    friend class task_promise_base;

    [[gnu::cold, gnu::noinline]] void fail() noexcept
    {
        static_assert(sizeof(std::exception_ptr) == sizeof(void*));
        ::new (static_cast<void*>(&state_)) std::exception_ptr(std::current_exception());
    }

    [[gnu::cold, gnu::noinline, noreturn]] void rethrow() const
    {
        auto* held = std::launder(reinterpret_cast<std::exception_ptr*>(&state_));
        std::exception_ptr mine = std::move(*held);
        held->~exception_ptr();
        state_ = nullptr;
        std::rethrow_exception(std::move(mine));
    }

    // In unions, because a handle's constructor would clear it.
    union {
        resumable waiter_;
    };
    union {
        resumable start_; // used in builds without tail calls; there in all, so that they mix
    };

protected:
    // The child's frame until it is started, then null, and a std::exception_ptr when it has failed. Not
    // declared as one, because its destructor would cost every await that does not throw.
    mutable void* state_;
};

/// Awaiting side for a value: it is constructed here by the child's co_return.
template <class T>
class task_awaiter : public task_awaiter_base {
protected:
    explicit task_awaiter(void* frame = nullptr) noexcept : task_awaiter_base(frame) {}
    ~task_awaiter() {}

    [[gnu::always_inline]] T take()
    {
        rethrow_if_failed();
        if constexpr (std::is_trivially_destructible_v<T>) {
            return std::move(value_);
        } else {
            struct destroy_at_exit {
                T& value;
                ~destroy_at_exit() { value.~T(); }
            } guard{value_};
            return std::move(value_);
        }
    }

private:
    friend class task_promise<T>;
    union {
        T value_;
    };
};

template <class T>
class task_awaiter<T&> : public task_awaiter_base {
protected:
    using task_awaiter_base::task_awaiter_base;

    [[gnu::always_inline]] T& take()
    {
        rethrow_if_failed();
        return *value_;
    }

private:
    friend class task_promise<T&>;
    T* value_;
};

template <>
class task_awaiter<void> : public task_awaiter_base {
protected:
    using task_awaiter_base::task_awaiter_base;

    [[gnu::always_inline]] void take() { rethrow_if_failed(); }
};

/// What all task promises share. Nothing is initialised before the await: a promise that was
/// never started is never read.
class task_promise_base : public promise_base {
public:
    std::suspend_always initial_suspend() noexcept { return {}; }

protected:
    /// The frame destroys itself behind final_suspend(), with the waiter already on the resume stack.
    [[gnu::always_inline]] static std::suspend_never finish(task_awaiter_base& awaiter) noexcept
    {
        transfer(awaiter.waiter_);
        return {};
    }
    static void fail(task_awaiter_base& awaiter) noexcept { awaiter.fail(); }
};

template <class T>
class task_promise : public task_promise_base, public pooled_frame {
public:
    using awaiter_type = task_awaiter<T>;

    task<T> get_return_object() noexcept
    {
        return task<T>(std::coroutine_handle<task_promise>::from_promise(*this));
    }
    [[gnu::always_inline]] std::suspend_never final_suspend() noexcept
    {
        this->end(); // and only then touch the awaiter: fewer registers to save in the common case
        return finish(*awaiter);
    }
    [[gnu::cold]] void unhandled_exception() noexcept { this->fail(*awaiter); }

    template <class U = T>
        requires std::is_constructible_v<T, U&&>
    [[gnu::always_inline]] void return_value(U&& value) noexcept(std::is_nothrow_constructible_v<T, U&&>)
    {
        if constexpr (std::is_reference_v<T>) {
            awaiter->value_ = std::addressof(static_cast<T>(value));
        } else {
            ::new (static_cast<void*>(std::addressof(awaiter->value_))) T(std::forward<U>(value));
        }
    }

    awaiter_type* awaiter;
};

template <>
class task_promise<void> : public task_promise_base, public pooled_frame {
public:
    using awaiter_type = task_awaiter<void>;

    inline task<void> get_return_object() noexcept;
    [[gnu::always_inline]] std::suspend_never final_suspend() noexcept
    {
        end();
        return finish(*awaiter);
    }
    [[gnu::cold]] void unhandled_exception() noexcept { this->fail(*awaiter); }
    void return_void() noexcept {}

    awaiter_type* awaiter;
};

/// The promise of coroutines that name an allocator: a copy of it lies behind the frame.
template <class T, class Allocator>
class allocated_promise : public task_promise<T> {
    struct alignas(std::max_align_t) unit {
        std::byte bytes[sizeof(std::max_align_t)];
    };
    using unit_allocator = typename std::allocator_traits<Allocator>::template rebind_alloc<unit>;
    using traits = std::allocator_traits<unit_allocator>;

    static constexpr std::size_t units(std::size_t bytes) noexcept
    {
        return (bytes + sizeof(unit) - 1) / sizeof(unit);
    }
    static unit_allocator* allocator_of(void* frame, std::size_t bytes) noexcept
    {
        return reinterpret_cast<unit_allocator*>(static_cast<unit*>(frame) + units(bytes));
    }
    static constexpr std::size_t total(std::size_t bytes) noexcept
    {
        static_assert(alignof(unit_allocator) <= alignof(unit));
        return units(bytes) + units(sizeof(unit_allocator));
    }

    static void* allocate(std::size_t bytes, const Allocator& given)
    {
        unit_allocator allocator(given);
        unit* frame = std::to_address(traits::allocate(allocator, total(bytes)));
        ::new (static_cast<void*>(allocator_of(frame, bytes))) unit_allocator(std::move(allocator));
        return frame;
    }

public:
    template <class... Args>
    static void* operator new(std::size_t bytes, std::allocator_arg_t, const Allocator& given, Args&&...)
    {
        return allocate(bytes, given);
    }
    template <class Self, class... Args>
    static void* operator new(std::size_t bytes, Self&&, std::allocator_arg_t, const Allocator& given,
                              Args&&...)
    {
        return allocate(bytes, given);
    }
    static void operator delete(void* frame, std::size_t bytes) noexcept
    {
        unit_allocator* held = allocator_of(frame, bytes);
        unit_allocator allocator(std::move(*held));
        held->~unit_allocator();
        traits::deallocate(allocator, static_cast<unit*>(frame), total(bytes));
    }
};

} // namespace cf::detail
