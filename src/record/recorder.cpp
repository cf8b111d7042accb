// SPDX-License-Identifier: MIT
//
// recorder: what is to become of a file that is there, and the writer over the real disk.
#include "record/disk.hpp"
#include "record/find_end.hpp"
#include "record/parts.hpp"
#include "record/writer.hpp"

#include <counterflow/detail/obey_nobody.hpp>

#include <filesystem>

namespace cf {

class detail::recorder_impl {
public:
    recorder_impl(std::string path, record_options options)
        : out(storage, std::move(path), std::move(options))
    {
    }

    record::disk storage;
    record::writer<record::disk> out;
};

namespace {

void check(const record_options& o)
{
    const auto range = [](bool good, const std::string& what) {
        if (!good) throw error(errc::bad_argument, "record_options::" + what);
    };
    range(o.block_bytes >= 1 && o.block_bytes <= record::block_bytes_max,
          "block_bytes is " + std::to_string(o.block_bytes) + ", range 1 to 1 GiB");
    range(o.outstanding >= 1 && o.outstanding <= 1024,
          "outstanding is " + std::to_string(o.outstanding) + ", range 1 to 1024");
    range(o.rotate_time.count() >= 0, "rotate_time is negative");
}

/// The part that is written to next, or nothing when there is none. Throws when there is one and nobody has
/// said what to do with it.
std::optional<std::uint32_t> existing_part(const std::string& path, const record_options& options)
{
    const bool rotates = options.rotate_bytes != 0 || options.rotate_time.count() != 0;
    const std::uint32_t last = rotates ? record::last_part(path) : 0;
    if (rotates ? last == 0 : !std::filesystem::exists(std::filesystem::symlink_status(path)))
        return std::nullopt;
    if (options.existing == existing_record::refuse)
        throw error(errc::busy, record::part_path(path, last) + " is there already; overwrite or resume it");
    return last;
}

void remove(const std::string& path, std::uint32_t part)
{
    if (part != 0) return record::remove_parts(path);
    std::error_code failed;
    if (!std::filesystem::is_regular_file(path, failed))
        throw error(errc::bad_argument, path + " is no regular file and cannot be overwritten by a record");
    std::filesystem::remove(path, failed);
    if (failed) throw error(failure{failed, "removing " + path});
}

task<record::resume_point> resume_at(std::string path, std::uint32_t part, std::size_t block_bytes)
{
    record::resume_point point =
        co_await record::find_end<record::disk>(record::part_path(path, part), block_bytes);
    // A part that was only just begun counts on from the one before it.
    for (; point.blocks == 0 && part > 1; --part) {
        const record::resume_point before =
            co_await record::find_end<record::disk>(record::part_path(path, part - 1), block_bytes);
        point.blocks = before.blocks;
        point.next_sequence = before.next_sequence;
    }
    co_return point;
}

} // namespace

recorder::recorder(std::unique_ptr<detail::recorder_impl> impl) noexcept : impl_(std::move(impl)) {}
recorder::recorder(recorder&&) noexcept = default;
recorder& recorder::operator=(recorder&&) noexcept = default;
recorder::~recorder() = default;

task<recorder> recorder::open(std::string path, record_options options)
{
    check(options);
    const std::optional<std::uint32_t> existing = existing_part(path, options);
    std::optional<record::resume_point> resumed;
    if (existing && options.existing == existing_record::overwrite) remove(path, *existing);
    if (existing && options.existing == existing_record::resume)
        resumed = co_await resume_at(path, *existing, options.block_bytes);
    auto impl = std::make_unique<detail::recorder_impl>(std::move(path), std::move(options));
    co_await impl->out.start(std::move(resumed));
    co_return recorder(std::move(impl));
}

task<> recorder::write(record_block block) { return impl_->out.write(block); }
task<> recorder::close()
{
    co_await detail::obey_nobody();
    co_await impl_->out.close();
}
std::uint64_t recorder::next_sequence() const noexcept { return impl_->out.next_sequence(); }
record_statistics recorder::statistics() const noexcept { return impl_->out.statistics(); }
const std::string& recorder::path() const noexcept { return impl_->out.path(); }

} // namespace cf
