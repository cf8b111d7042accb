// SPDX-License-Identifier: MIT
//
// result<T>: a value or a failure, for the await forms that do not throw. A small subset of
// C++23's std::expected<T, failure>, which C++20 does not have.
#pragma once

#include <counterflow/error.hpp>

#include <utility>
#include <variant>

namespace cf {

/// A value of T or the failure that stood in its way. Like std::expected, it is never empty.
template <class T = void>
class [[nodiscard]] result {
public:
    result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    result(failure f) : state_(std::in_place_index<1>, std::move(f)) {}

    bool has_value() const noexcept { return state_.index() == 0; }
    explicit operator bool() const noexcept { return has_value(); }

    /// The value; throws `cf::error` when there is none.
    T& value() &
    {
        check();
        return std::get<0>(state_);
    }
    const T& value() const&
    {
        check();
        return std::get<0>(state_);
    }
    T&& value() &&
    {
        check();
        return std::get<0>(std::move(state_));
    }

    /// The value; undefined when there is none.
    T& operator*() & noexcept { return *std::get_if<0>(&state_); }
    const T& operator*() const& noexcept { return *std::get_if<0>(&state_); }
    T&& operator*() && noexcept { return std::move(*std::get_if<0>(&state_)); }
    T* operator->() noexcept { return std::get_if<0>(&state_); }
    const T* operator->() const noexcept { return std::get_if<0>(&state_); }

    /// The failure; undefined when there is a value.
    const failure& error() const noexcept { return *std::get_if<1>(&state_); }

private:
    void check() const
    {
        if (!has_value()) throw cf::error(error());
    }

    std::variant<T, failure> state_;
};

/// Success, or the failure that stood in its way.
template <>
class [[nodiscard]] result<void> {
public:
    result() = default;
    result(failure f) : failure_(std::move(f)) {}

    bool has_value() const noexcept { return !failure_.code; }
    explicit operator bool() const noexcept { return has_value(); }
    void value() const
    {
        if (!has_value()) throw cf::error(failure_);
    }
    const failure& error() const noexcept { return failure_; }

private:
    failure failure_;
};

} // namespace cf
