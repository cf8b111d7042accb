// SPDX-License-Identifier: MIT
//
// A doubly linked list whose nodes are bases of what they link: no allocation, O(1) removal
// from the middle. The runtime keeps everything that waits in such lists.
#pragma once

#include <cassert>

namespace cf::detail {

/// Base of what can stand in an intrusive_list. In at most one list at a time. Not copyable,
/// because its neighbours point at it.
struct list_node {
    constexpr list_node() noexcept : next_(nullptr), prev_(nullptr) {}
    struct later {};
    explicit list_node(later) noexcept {} ///< not initialised: linked() is to be asked only after push_back()
    list_node(const list_node&) = delete;
    list_node& operator=(const list_node&) = delete;

    bool linked() const noexcept { return next_ != nullptr; }

    /// Leaves its list; does nothing when it is in none.
    void unlink() noexcept
    {
        if (!linked()) return;
        prev_->next_ = next_;
        next_->prev_ = prev_;
        next_ = prev_ = nullptr;
    }

private:
    template <class T>
    friend class intrusive_list;
    list_node* next_;
    list_node* prev_;
};

/// FIFO of nodes it does not own. Circular through a root node, so that removal needs no list.
template <class T>
class intrusive_list {
public:
    constexpr intrusive_list() noexcept { root_.next_ = root_.prev_ = &root_; }
    intrusive_list(const intrusive_list&) = delete;
    intrusive_list& operator=(const intrusive_list&) = delete;

    bool empty() const noexcept { return root_.next_ == &root_; }

    void push_back(T& item) noexcept
    {
        list_node& node = item;
        node.next_ = &root_;
        node.prev_ = root_.prev_;
        root_.prev_->next_ = &node;
        root_.prev_ = &node;
    }

    /// The first item, taken out, or null.
    T* pop_front() noexcept
    {
        if (empty()) return nullptr;
        // Not by unlink(), where an analyzer would not know that the root is the neighbour.
        list_node* const node = root_.next_;
        root_.next_ = node->next_;
        node->next_->prev_ = &root_;
        node->next_ = node->prev_ = nullptr;
        return static_cast<T*>(node);
    }

    /// The first item, left in its place, or null.
    T* front() noexcept { return empty() ? nullptr : static_cast<T*>(root_.next_); }

    /// Moves all items of `other` behind those of this list.
    void splice(intrusive_list& other) noexcept
    {
        if (other.empty()) return;
        other.root_.next_->prev_ = root_.prev_;
        other.root_.prev_->next_ = &root_;
        root_.prev_->next_ = other.root_.next_;
        root_.prev_ = other.root_.prev_;
        other.root_.next_ = other.root_.prev_ = &other.root_;
    }

    void clear() noexcept
    {
        while (pop_front() != nullptr) {
        }
    }

    /// Calls fn(T&) for each item; fn may take out the item it is called with, and no other.
    template <class F>
    void for_each(F&& fn)
    {
        for (list_node* node = root_.next_; node != &root_;) {
            list_node* const next = node->next_;
            fn(static_cast<T&>(*node));
            node = next;
        }
    }

private:
    list_node root_;
};

} // namespace cf::detail
