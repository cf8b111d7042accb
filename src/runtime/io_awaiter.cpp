// SPDX-License-Identifier: MIT
//
// The uncommon ways of an operation: it can be stopped, or the submission queue was full.
#include "runtime/io_operation.hpp"
#include "runtime/reactor.hpp"

#include <counterflow/detail/io_operation.hpp>
#include <counterflow/io.hpp>

#include <cerrno>
#include <cstring>
#include <utility>

namespace cf::detail {

io_uring_sqe* take_entry_slowly(void* frame, bool stoppable) noexcept
{
    loop& l = loop::current();
    if (stoppable) {
        promise_base& promise = promise_base::of(frame);
        if (promise.unlisted != nullptr) {
            if (promise.stop->requested()) {
                this_thread.answer = {-ECANCELED, 0};
                return nullptr;
            }
            promise.stop->enlist(promise);
        }
    }
    io_uring_sqe* const entry = l.take_entry();
    if (entry == nullptr) {
        this_thread.answer = {-ENOMEM, 0};
        return nullptr;
    }
    std::memset(entry, 0, sizeof *entry);
    entry->user_data = reinterpret_cast<std::uintptr_t>(frame);
    return entry;
}

failure io_failure(std::int32_t result, const io_description& what)
{
    std::string detail = what.verb;
    if (what.bytes != 0) detail += " of " + std::to_string(what.bytes) + " bytes";
    if (what.offset != current_position) detail += " at offset " + std::to_string(what.offset);
    if (what.file.is_registered()) {
        detail += " of registered file " + std::to_string(what.file.number());
    } else if (what.file.number() >= 0) {
        detail += " of descriptor " + std::to_string(what.file.number());
    }
    return io_failure(result, std::move(detail));
}

failure io_failure(std::int32_t result, std::string what)
{
    if (result == not_in_virtual_time)
        return {make_error_code(errc::not_supported), what + " in virtual time, where nothing but regular "
                                                             "files can be used"};
    // The kernel's worker threads get no other signal than that of a cancel.
    if (result == -ECANCELED || result == -EINTR) return {make_error_code(errc::canceled), std::move(what)};
    return {std::error_code(-result, std::system_category()), std::move(what)};
}

} // namespace cf::detail
