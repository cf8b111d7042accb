// SPDX-License-Identifier: MIT
//
// The commands that `counterflow serve` takes on its control socket: each is obeyed, or refused by an error
// that says why.
#include "input.hpp"

#include "vfio_user/control.hpp"
#include <counterflow/error.hpp>

#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    // One for all inputs: what a command has left behind is part of the next one's world.
    static cf::vfio_user::endpoint device(cf::parse_spec("model:null,wr=2,rd=2").model, {});
    try {
        cf::vfio_user::execute(device, {reinterpret_cast<const char*>(data), size});
    } catch (const cf::error& refused) {
        FUZZ_CHECK(refused.code() == cf::errc::bad_argument);
    }
    return 0;
}
