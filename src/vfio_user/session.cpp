// SPDX-License-Identifier: MIT
//
// Requests and their answers. An answer never depends on what another thread does meanwhile.
#include "vfio_user/session.hpp"

#include "log/log.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace cf::vfio_user {
namespace {

template <class... Handlers>
struct overloaded : Handlers... {
    using Handlers::operator()...;
};
template <class... Handlers>
overloaded(Handlers...) -> overloaded<Handlers...>;

template <class T>
void append(std::vector<std::byte>& to, const T& value)
{
    const std::size_t at = to.size();
    to.resize(at + sizeof value);
    std::memcpy(to.data() + at, &value, sizeof value);
}

template <class T>
std::vector<std::byte> bytes_of(const T& value)
{
    std::vector<std::byte> result;
    append(result, value);
    return result;
}

std::string capabilities()
{
    return R"({"capabilities":{"max_msg_fds":)" + std::to_string(max_fds) + R"(,"max_data_xfer_size":)" +
           std::to_string(max_transfer) + R"(,"max_dma_maps":)" + std::to_string(guest_memory::mappings_max) +
           "}}";
}

} // namespace

struct session::answer {
    int error = 0;
    std::vector<std::byte> payload{};
    int file = -1; ///< passed along; stays the endpoint's
};

session::session(file_descriptor socket, endpoint& device) : stream_(std::move(socket)), device_(device) {}

bool session::serve()
{
    while (auto asked = stream_.receive()) {
        const header h = read_header(asked->bytes);
        const answer given = handle(*asked, asked->files);
        if (device_.doomed()) return false;
        if (given.error != 0)
            log::debug(log::part::model, "vfio-user refused command={} error={}", h.command, given.error);
        if ((h.flags & flag_no_reply) == 0) reply(h, given);
    }
    return !stream_.over() && !device_.doomed();
}

void session::reply(const header& to, const answer& with)
{
    const bool failed = with.error != 0;
    const std::size_t size = sizeof to + (failed ? 0 : with.payload.size());
    std::vector<std::byte> bytes;
    bytes.reserve(size);
    append(bytes, header{.id = to.id,
                         .command = to.command,
                         .size = static_cast<std::uint32_t>(size),
                         .flags = type_reply | (failed ? flag_error : 0),
                         .error = static_cast<std::uint32_t>(with.error)});
    if (!failed) bytes.insert(bytes.end(), with.payload.begin(), with.payload.end());
    stream_.send(bytes, failed ? -1 : with.file);
}

session::answer session::handle(const message& asked, std::span<file_descriptor> files)
{
    const auto decoded = decode(asked.bytes);
    if (const auto* const refused = std::get_if<refusal>(&decoded)) return {refused->error};
    const any_request& what = std::get<any_request>(decoded);
    if (greeted_ == std::holds_alternative<request::version>(what)) return {EPROTO};
    return std::visit(overloaded{
                          [&](const request::dma_map& range) { return handle(range, files); },
                          [&](const request::set_irqs& set) { return handle(set, files); },
                          [&](const auto& other) { return files.empty() ? handle(other) : answer{EINVAL}; },
                      },
                      what);
}

session::answer session::handle(const request::version& v)
{
    if (v.major != major_version) return {ENOTSUP};
    greeted_ = true;
    answer result;
    append(result.payload, version_payload{major_version, std::min(v.minor, minor_version)});
    for (const char c : capabilities()) append(result.payload, c);
    append(result.payload, '\0');
    return result;
}

session::answer session::handle(const request::dma_map& range, std::span<file_descriptor> files)
{
    if (files.size() > 1) return {EINVAL};
    const file_descriptor none;
    return {device_.client_memory().map(range, files.empty() ? none : files.front())};
}

session::answer session::handle(const request::dma_unmap& range)
{
    const auto [error, bytes] = device_.client_memory().unmap(range);
    return {error, bytes_of(dma_unmap_payload{.argsz = sizeof(dma_unmap_payload),
                                              .flags = range.all ? unmap_all : 0,
                                              .address = range.address,
                                              .size = bytes})};
}

session::answer session::handle(const request::device_get_info&)
{
    return {0, bytes_of(device_info_payload{.argsz = sizeof(device_info_payload),
                                            .flags = device_resets | device_pci,
                                            .regions = region_count,
                                            .irqs = irq_count})};
}

session::answer session::handle(const request::region_info& asked)
{
    if (asked.index >= region_count) return {EINVAL};
    const endpoint::region region = device_.region_at(asked.index);
    return {0,
            bytes_of(region_info_payload{.argsz = sizeof(region_info_payload),
                                         .flags = region.flags,
                                         .index = asked.index,
                                         .capabilities = 0,
                                         .size = region.size,
                                         .offset = 0}),
            region.file};
}

session::answer session::handle(const request::irq_info& asked)
{
    if (asked.index >= irq_count) return {EINVAL};
    const unsigned count = device_.irqs().count(asked.index);
    return {0, bytes_of(irq_info_payload{.argsz = sizeof(irq_info_payload),
                                         .flags = count ? irq_eventfd | irq_fixed_count : 0,
                                         .index = asked.index,
                                         .count = count})};
}

session::answer session::handle(const request::set_irqs& asked, std::span<file_descriptor> files)
{
    return {device_.irqs().set(asked, files)};
}

bool session::inside(std::uint32_t region, std::uint64_t offset, std::uint64_t size) const noexcept
{
    const std::uint64_t have = device_.region_at(region).size;
    return offset <= have && size <= have - offset;
}

session::answer session::handle(const request::region_read& asked)
{
    if (!inside(asked.region, asked.offset, asked.count)) return {EINVAL};
    answer result;
    append(result.payload, region_payload{asked.offset, asked.region, asked.count});
    const std::size_t data = result.payload.size();
    result.payload.resize(data + asked.count);
    result.error = device_.read(asked.region, asked.offset, std::span(result.payload).subspan(data));
    return result;
}

session::answer session::handle(const request::region_write& asked)
{
    if (!inside(asked.region, asked.offset, asked.data.size())) return {EINVAL};
    const auto count = static_cast<std::uint32_t>(asked.data.size());
    return {device_.write(asked.region, asked.offset, asked.data),
            bytes_of(region_payload{asked.offset, asked.region, count})};
}

session::answer session::handle(const request::device_reset&)
{
    device_.reset();
    return {};
}

} // namespace cf::vfio_user
