// SPDX-License-Identifier: MIT
//
// Vectors, masks and pending bits.
#include "vfio_user/interrupts.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/eventfd.h>

namespace cf::vfio_user {
namespace {

template <class Vectors>
bool connected(const Vectors& vectors) noexcept
{
    return std::any_of(vectors.begin(), vectors.end(), [](const auto& v) { return bool(v.event); });
}

} // namespace

int interrupts::set(const request::set_irqs& what, std::span<file_descriptor> sent)
{
    const unsigned have = count(what.index);
    if (what.start > have || what.count > have - what.start) return EINVAL;
    const bool eventfds = (what.flags & data_eventfd) != 0;
    if (!sent.empty() && (!eventfds || sent.size() != what.count)) return EINVAL;
    if (have == 0) return 0;

    const std::lock_guard held(mutex_);
    vectors& of = what.index == irq_msi ? msi_ : msix_;
    if ((what.flags & action_trigger) != 0 && (eventfds || what.count == 0)) return connect(of, what, sent);
    if (eventfds) return EINVAL; // masking by eventfd is for INTx
    for (unsigned n = what.start; n < what.start + what.count; ++n) {
        if (!selects(what, n)) continue;
        if ((what.flags & action_trigger) != 0)
            deliver(of[n]);
        else
            of[n].masked = (what.flags & action_mask) != 0;
    }
    let_pending_go();
    return 0;
}

/// With descriptors: connects a range of vectors. Without: disconnects it, or with no range all.
int interrupts::connect(vectors& of, const request::set_irqs& what, std::span<file_descriptor> sent)
{
    const bool all = what.count == 0;
    if (all && (what.flags & data_none) == 0) return EINVAL;
    const unsigned begin = all ? 0 : what.start, end = all ? count(what.index) : begin + what.count;
    for (unsigned n = begin; n < end; ++n) {
        of[n].event = sent.empty() ? file_descriptor() : std::move(sent[n - begin]);
        // Signals come from the hardware's thread, which waits for nobody.
        if (of[n].event) ::fcntl(of[n].event.get(), F_SETFL, O_NONBLOCK);
        if (all) of[n] = {};
    }
    return 0;
}

bool interrupts::selects(const request::set_irqs& what, unsigned n) const noexcept
{
    return what.bools.empty() || what.bools[n - what.start] != std::byte{0};
}

void interrupts::configure(const msi_state& msi)
{
    const std::lock_guard held(mutex_);
    registers_ = msi;
    let_pending_go();
}

void interrupts::reset()
{
    const std::lock_guard held(mutex_);
    msi_ = {};
    msix_ = {};
    registers_ = {};
}

std::optional<unsigned> interrupts::vector_of(std::uint64_t address, std::uint32_t data)
{
    const std::lock_guard held(mutex_);
    if (connected(msix_)) return 0;
    const std::uint32_t vector = data - registers_.data;
    if (!registers_.enabled || address != registers_.address || vector >= registers_.vectors)
        return std::nullopt;
    return vector;
}

bool interrupts::masked(const vectors& of, unsigned n) const noexcept
{
    return of[n].masked || (&of == &msi_ && (registers_.mask >> n & 1) != 0);
}

void interrupts::raise(unsigned vector)
{
    const std::lock_guard held(mutex_);
    vectors& of = connected(msix_) ? msix_ : msi_;
    if (masked(of, vector))
        of[vector].pending = true;
    else
        deliver(of[vector]);
}

void interrupts::deliver(entry& to)
{
    if (!to.event) return;
    // Fails only when nobody has read for 2^64-1 signals, or the client sent something that is no
    // eventfd; then it has asked for nothing.
    if (::eventfd_write(to.event.get(), 1) == 0) ++delivered_;
}

void interrupts::let_pending_go()
{
    for (vectors* const of : {&msi_, &msix_}) {
        for (unsigned n = 0; n < of->size(); ++n) {
            entry& v = (*of)[n];
            if (!v.pending || masked(*of, n)) continue;
            v.pending = false;
            deliver(v);
        }
    }
}

std::uint32_t interrupts::msi_pending()
{
    const std::lock_guard held(mutex_);
    std::uint32_t bits = 0;
    for (unsigned n = 0; n < msi_vectors; ++n) bits |= static_cast<std::uint32_t>(msi_[n].pending) << n;
    return bits;
}

std::uint64_t interrupts::delivered()
{
    const std::lock_guard held(mutex_);
    return delivered_;
}

} // namespace cf::vfio_user
