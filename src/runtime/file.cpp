// SPDX-License-Identifier: MIT
//
// The end of a close, which has to say whose the descriptor is.
#include <counterflow/file.hpp>

#include "runtime/io_operation.hpp"

#include <cerrno>

namespace cf::detail {

// Linux has taken the descriptor away whatever close says; another thread may have it again. Only an
// operation that was never begun leaves it.
cf::result<> close_awaiter::await_resume_result()
{
    const std::int32_t ended = result();
    const bool begun = ended != -ECANCELED && ended != -ENOMEM && ended != not_in_virtual_time;
    if (begun) file_.release();
    if (ended < 0) return io_failure(ended, io_description{"close", number_, 0, current_position});
    return {};
}

} // namespace cf::detail
