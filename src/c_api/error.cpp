// SPDX-License-Identifier: MIT
//
// Error numbers and sentences of the C API.
#include "c_api/error.hpp"

#include <array>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <system_error>

namespace cf::c_api {
namespace {

constexpr std::size_t errors = COUNTERFLOW_BAD_RECORD + 1;
static_assert(static_cast<int>(errc::bad_record) == COUNTERFLOW_BAD_RECORD &&
                  static_cast<int>(errc::canceled) == COUNTERFLOW_CANCELED &&
                  static_cast<int>(errc::memlock_exceeded) == COUNTERFLOW_MEMLOCK_EXCEEDED &&
                  static_cast<int>(errc::device_gone) == COUNTERFLOW_DEVICE_GONE,
              "counterflow.h numbers errors as errc does");

thread_local std::string last;

void keep(const char* sentence) noexcept
{
    try {
        last = sentence;
    } catch (const std::bad_alloc&) {
        last.clear();
    }
}

int number_of(const std::error_code& code) noexcept
{
    if (code.category() == category()) return -code.value();
    if (code.category() == std::system_category() || code.category() == std::generic_category())
        return -(COUNTERFLOW_SYSTEM + code.value());
    return -COUNTERFLOW_SYSTEM;
}

} // namespace

int failed() noexcept
{
    try {
        throw;
    } catch (const std::system_error& e) {
        keep(e.what());
        return number_of(e.code());
    } catch (const std::bad_alloc&) {
        keep("no memory");
        return -COUNTERFLOW_NO_MEMORY;
    } catch (const std::exception& e) {
        keep(e.what());
        return -COUNTERFLOW_SYSTEM;
    }
}

int failed(errc code, const char* sentence) noexcept
{
    keep(sentence);
    return -static_cast<int>(code);
}

} // namespace cf::c_api

const char* counterflow_last_error(void) { return cf::c_api::last.c_str(); }

const char* counterflow_strerror(int error)
{
    using namespace cf;
    static const auto texts = [] {
        std::array<std::string, c_api::errors> all;
        all[0] = "no error";
        for (std::size_t i = 1; i < all.size(); ++i) all[i] = category().message(static_cast<int>(i));
        return all;
    }();
    const int number = std::abs(error);
    if (number < static_cast<int>(texts.size())) return texts[static_cast<std::size_t>(number)].c_str();
    const char* const system =
        number > COUNTERFLOW_SYSTEM ? ::strerrordesc_np(number - COUNTERFLOW_SYSTEM) : nullptr;
    return system != nullptr ? system : "unknown error";
}
