// SPDX-License-Identifier: MIT
//
// How C++ errors leave through the C API: as a number, with the sentence kept for counterflow_last_error().
#pragma once

#include <counterflow/counterflow.h>
#include <counterflow/error.hpp>

#include <utility>

namespace cf::c_api {

/// The negative number of the exception that is being handled; keeps its sentence.
int failed() noexcept;
/// The negative number of `code`; keeps `sentence`.
int failed(errc code, const char* sentence) noexcept;

/// Calls `body` and returns what it does, or the number of what it throws.
template <class F>
int guarded(F&& body) noexcept
{
    try {
        return std::forward<F>(body)();
    } catch (...) {
        return failed();
    }
}

} // namespace cf::c_api
