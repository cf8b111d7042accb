// SPDX-License-Identifier: MIT
//
// Segments on their way into the kernel, and what is kept for those that it has.
#include "shim/engine.hpp"

#include <cerrno>
#include <cstring>

#include <sys/ioctl.h>

namespace cf::shim {
namespace {

constexpr std::uint8_t op_uring_cmd = 46; // IORING_OP_URING_CMD, which older headers lack
constexpr std::size_t sqe_payload = 48;   // where an SQE of 64 bytes has room for a command

constexpr std::uint64_t tag_of(const operation& op) noexcept { return op.number + 1; }

} // namespace

desk::desk(std::shared_ptr<session> s)
    : file(std::move(s)), operations(std::make_unique<operation[]>(2 * operations_each))
{
}

void desk::forget() noexcept
{
    if (--orphans != 0) return;
    unlink();
    delete this;
}

engine::engine(detail::loop& l, std::shared_ptr<session> s)
    : loop_(l), desk_(std::make_unique<desk>(std::move(s)))
{
    const cf_info& info = file().info();
    for (std::uint32_t i = 2 * operations_each; i-- > 0;) {
        operation& op = desk_->operations[i];
        pool& p = pools_[i >= operations_each];
        op.home = desk_.get();
        op.number = i;
        op.next = std::exchange(p.free, &op);
        ++p.count;
    }
    for (const std::uint16_t direction : {std::uint16_t{CF_WRITE}, std::uint16_t{CF_READ}}) {
        // A remote engine's RD channels serve writes.
        const bool posts = (direction == CF_WRITE) == (info.side == CF_SIDE_LOCAL);
        const unsigned count = posts ? info.wr_channels : info.rd_channels;
        if (count == 0) continue;
        std::vector<channel>& all = channels(direction);
        all.resize(1 + count);
        for (unsigned i = 0; i <= count; ++i) {
            all[i].engine_ = this;
            all[i].direction_ = direction;
            all[i].index_ = i - 1;
            all[i].free_count_ = &pools_[direction == CF_READ].count;
        }
    }
    if (file().way() == kernel_way::ring) batch_.reserve(2 * operations_each);
}

engine::~engine()
{
    if (desk_->orphans != 0) loop_.keep(std::move(desk_));
}

void channel::push(const segment& s) noexcept { engine_->push(*this, s); }

void channel::take() { lease_ = engine_->file().lease(direction_, index_); }
void channel::give_back() noexcept { engine_->file().end_lease(std::exchange(lease_, 0)); }

cf_transfer engine::describe(const operation& op, const segment& s) noexcept
{
    cf_transfer t{};
    t.direction = op.at->direction_;
    t.lease = op.at->lease_;
    t.buffer = static_cast<std::uint32_t>(s.near >> near_handle_shift);
    t.buffer_offset = s.near & ((std::uint64_t{1} << near_handle_shift) - 1);
    t.window = static_cast<std::uint32_t>(s.far >> CF_POSITION_SHIFT);
    t.window_offset = s.far & ((std::uint64_t{1} << CF_POSITION_SHIFT) - 1);
    t.length = s.size;
    t.tag = tag_of(op);
    return t;
}

/// False when there is no memory for the entry.
bool engine::fill_entry(const operation& op, const segment& s) noexcept
{
    detail::thread_state& here = detail::this_thread;
    io_uring_sqe* const entry = here.sq_next != here.sq_end ? here.sq_next++ : loop_.take_entry();
    if (entry == nullptr) return false;
    std::memset(entry, 0, sizeof *entry);
    entry->fd = file().fd();
    entry->user_data = op.user_data();
    if (file().way() == kernel_way::uring_cmd) {
        file().slots()[op.number] = describe(op, s);
        const cf_uring_slot payload{op.number, 0, 0};
        entry->opcode = op_uring_cmd;
        entry->off = CF_URING_SLOT; // cmd_op shares its place
        std::memcpy(reinterpret_cast<std::byte*>(entry) + sqe_payload, &payload, sizeof payload);
    } else {
        entry->opcode = op.at->direction_ == CF_WRITE ? IORING_OP_WRITE : IORING_OP_READ;
        entry->addr = s.near;
        entry->len = s.size;
        entry->off = s.far;
    }
    return true;
}

void engine::push(channel& c, const segment& s) noexcept
{
    pool& from = pools_[c.direction_ == CF_READ];
    operation& op = *from.free;
    from.free = op.next;
    --from.count;
    op.at = &c;
    op.owner = s.owner;
    op.size = s.size;
    op.unwanted = false;
    ++c.outstanding_;
    c.outstanding_bytes_ += s.size;
    if (file().way() == kernel_way::ring)
        batch_.push_back(describe(op, s));
    else if (!fill_entry(op, s)) [[unlikely]]
        op.next = std::exchange(refused_, &op);
}

/// Its place is free again; returns whose it was.
void* engine::take_back(operation& op, errc result) noexcept
{
    channel& c = *op.at;
    --c.outstanding_;
    c.outstanding_bytes_ -= op.size;
    ++c.statistics_.segments;
    if (result == errc{})
        c.statistics_.bytes += op.size;
    else
        ++c.statistics_.aborts;
    pool& to = pools_[c.direction_ == CF_READ];
    op.next = std::exchange(to.free, &op);
    ++to.count;
    return std::exchange(op.owner, nullptr);
}

/// Hands over the batch from `first` on; returns how many the kernel took, and says in submit_error_ why it
/// took no more.
std::size_t engine::submit(std::size_t first) noexcept
{
    cf_submit submit{};
    submit.transfers = reinterpret_cast<std::uintptr_t>(&batch_[first]);
    submit.count = static_cast<std::uint32_t>(batch_.size() - first);
    submit.stride = sizeof(cf_transfer);
    submit_error_ = ::ioctl(file().fd(), CF_IOC_SUBMIT, &submit) < 0 ? errno : 0;
    return submit.submitted;
}

void engine::cancel(const void* owner) noexcept
{
    if (file().way() == kernel_way::rw) return;
    for (std::uint32_t i = 0; i < 2 * operations_each; ++i) {
        operation& op = desk_->operations[i];
        if (op.owner != owner) continue;
        op.unwanted = true;
        // What was pushed in this tick is not the kernel's before its end.
        if (file().cancel(tag_of(op)) == 0) cancel_in_ = 2;
    }
}

void engine::cancel_again() noexcept
{
    for (std::uint32_t i = 0; i < 2 * operations_each; ++i) {
        const operation& op = desk_->operations[i];
        if (op.owner != nullptr && op.unwanted) file().cancel(tag_of(op));
    }
}

/// Until the session has no transfer, which its deadlines bound. Entries that the kernel has not taken yet
/// find no buffer when it does.
void engine::await_end() noexcept
{
    watch_ = {};
    while (file().cancel_all() != 0) loop_.pause();
}

} // namespace cf::shim
