// SPDX-License-Identifier: MIT
//
// The pairing heap behind timers.
#include <counterflow/detail/timer.hpp>

#include <cassert>

namespace cf::detail {

timer* timer_heap::meld(timer* a, timer* b) noexcept
{
    if (a == nullptr) return b;
    if (b == nullptr) return a;
    const bool b_first = b->due_ < a->due_ || (b->due_ == a->due_ && b->order_ < a->order_);
    timer* parent = b_first ? b : a;
    timer* child = b_first ? a : b;
    child->sibling_ = parent->child_;
    if (child->sibling_ != nullptr) child->sibling_->previous_ = child;
    child->previous_ = parent;
    parent->child_ = child;
    return parent;
}

// Pairs left to right, then melds right to left; the pairs are stacked through previous_, so
// no recursion however many children there are.
timer* timer_heap::merge_children(timer* first) noexcept
{
    timer* pairs = nullptr;
    while (first != nullptr) {
        timer* second = first->sibling_;
        timer* rest = second != nullptr ? second->sibling_ : nullptr;
        first->sibling_ = first->previous_ = nullptr;
        if (second != nullptr) second->sibling_ = second->previous_ = nullptr;
        timer* pair = meld(first, second);
        pair->previous_ = pairs;
        pairs = pair;
        first = rest;
    }
    timer* root = nullptr;
    while (pairs != nullptr) {
        timer* next = pairs->previous_;
        pairs->previous_ = nullptr;
        root = meld(root, pairs);
        pairs = next;
    }
    return root;
}

void timer_heap::detach(timer& t) noexcept
{
    if (t.previous_ == nullptr) return;
    if (t.previous_->child_ == &t) {
        t.previous_->child_ = t.sibling_;
    } else {
        t.previous_->sibling_ = t.sibling_;
    }
    if (t.sibling_ != nullptr) t.sibling_->previous_ = t.previous_;
    t.sibling_ = t.previous_ = nullptr;
}

void timer_heap::add(timer& t, std::uint64_t due) noexcept
{
    assert(!t.armed_);
    t.due_ = due;
    t.order_ = added_++;
    t.child_ = t.sibling_ = t.previous_ = nullptr;
    t.armed_ = true;
    root_ = meld(root_, &t);
}

void timer_heap::cancel(timer& t) noexcept
{
    if (!t.armed_) return;
    t.armed_ = false;
    timer* const orphans = merge_children(t.child_);
    t.child_ = nullptr;
    if (root_ == &t) {
        root_ = orphans;
        return;
    }
    detach(t);
    root_ = meld(root_, orphans);
}

timer* timer_heap::pop_due(std::uint64_t now) noexcept
{
    if (root_ == nullptr || root_->due_ > now) return nullptr;
    timer* const t = root_;
    cancel(*t);
    return t;
}

} // namespace cf::detail
