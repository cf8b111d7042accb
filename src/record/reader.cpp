// SPDX-License-Identifier: MIT
//
// record_reader: reading, on the disk that there is.
#include "record/reading.hpp"

#include <counterflow/record.hpp>

namespace cf {

class detail::record_reader_impl : public record::reading<record::disk> {};

record_reader::record_reader(std::unique_ptr<detail::record_reader_impl> impl) noexcept
    : impl_(std::move(impl))
{
}
record_reader::record_reader(record_reader&&) noexcept = default;
record_reader& record_reader::operator=(record_reader&&) noexcept = default;
record_reader::~record_reader() = default;

task<record_reader> record_reader::open(std::string path)
{
    auto impl = std::make_unique<detail::record_reader_impl>();
    co_await impl->open(std::move(path));
    co_return record_reader(std::move(impl));
}

const record_info& record_reader::info() const noexcept { return impl_->info; }
const std::optional<record_index>& record_reader::index() const noexcept { return impl_->index; }
task<std::optional<recorded_block>> record_reader::next() { return impl_->next(); }
task<bool> record_reader::read(const recorded_block& block, std::span<std::byte> into)
{
    return impl_->read(block, into);
}
const std::vector<record_damage>& record_reader::damage() const noexcept { return impl_->damage; }
std::uint64_t record_reader::damaged() const noexcept { return impl_->damaged; }
const std::optional<record_damage>& record_reader::unreadable() const noexcept
{
    return impl_->unreadable ? impl_->unreadable : impl_->unreadable_index;
}
std::uint64_t record_reader::end() const noexcept { return impl_->end; }

} // namespace cf
