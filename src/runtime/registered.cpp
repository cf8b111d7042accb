// SPDX-License-Identifier: MIT
//
// Registering memory and files with the ring of a runtime.
#include <counterflow/registered.hpp>

#include <counterflow/error.hpp>

#include <cerrno>
#include <linux/io_uring.h>
#include <string>
#include <sys/uio.h>
#include <vector>

namespace cf {
namespace {

[[noreturn]] void refuse(int result, const std::string& what)
{
    switch (-result) {
    case EBUSY:
        throw error(errc::busy, what + " (one set a runtime; before Linux 5.13 before it first runs)");
    case ENOMEM: throw error(errc::memlock_exceeded, what);
    case EFAULT:
    case EINVAL: throw error(errc::bad_argument, what);
    case EOPNOTSUPP: throw error(errc::not_supported, what + " in virtual time");
    default: throw error(failure{{-result, std::system_category()}, what});
    }
}

} // namespace

registered_buffers::registered_buffers(runtime& with, std::span<const std::span<std::byte>> memory)
    : runtime_(with)
{
    std::vector<iovec> ranges;
    ranges.reserve(memory.size());
    std::size_t bytes = 0;
    for (const auto& one : memory) {
        ranges.push_back({one.data(), one.size()});
        bytes += one.size();
    }
    const int result =
        with.register_resource(IORING_REGISTER_BUFFERS, ranges.data(), static_cast<unsigned>(ranges.size()));
    if (result < 0)
        refuse(result, "registering " + std::to_string(memory.size()) + " buffers of " +
                           std::to_string(bytes) + " bytes");
}

registered_buffers::~registered_buffers()
{
    runtime_.register_resource(IORING_UNREGISTER_BUFFERS, nullptr, 0);
}

registered_files::registered_files(runtime& with, std::span<const int> descriptors) : runtime_(with)
{
    const int result = with.register_resource(IORING_REGISTER_FILES, descriptors.data(),
                                              static_cast<unsigned>(descriptors.size()));
    if (result < 0) refuse(result, "registering " + std::to_string(descriptors.size()) + " files");
}

registered_files::~registered_files() { runtime_.register_resource(IORING_UNREGISTER_FILES, nullptr, 0); }

} // namespace cf
