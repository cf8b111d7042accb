// SPDX-License-Identifier: MIT
//
// What a stranger sends to `counterflow serve`: a message becomes a request whose parts lie inside the
// message, or a refusal with an errno.
#include "input.hpp"

#include "vfio_user/protocol.hpp"

#include <span>
#include <variant>

namespace {

using namespace cf::vfio_user;

struct inside_of {
    std::span<const std::byte> message;

    bool holds(std::span<const std::byte> part) const noexcept
    {
        return part.empty() || (part.data() >= message.data() &&
                                part.data() + part.size() <= message.data() + message.size());
    }

    void operator()(const request::set_irqs& r) const
    {
        FUZZ_CHECK(holds(r.bools));
        FUZZ_CHECK(r.bools.empty() || r.bools.size() == r.count);
    }
    void operator()(const request::region_write& r) const { FUZZ_CHECK(holds(r.data)); }
    void operator()(const request::region_read& r) const { FUZZ_CHECK(r.count <= max_transfer); }
    void operator()(const auto&) const {}
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::span message(reinterpret_cast<const std::byte*>(data), size);
    if (size < sizeof(header) || size > max_message) return 0;
    if (!plausible(read_header(message))) return 0;
    const auto decoded = decode(message);
    if (const auto* const refused = std::get_if<refusal>(&decoded)) {
        FUZZ_CHECK(refused->error > 0);
    } else {
        std::visit(inside_of{message}, std::get<any_request>(decoded));
    }
    return 0;
}
