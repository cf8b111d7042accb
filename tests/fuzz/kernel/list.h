// SPDX-License-Identifier: MIT
//
// Part of stand_in.h: the kernel's linked lists, which notice when they are damaged, and its table and tree,
// which are small enough here to be searched from end to end.
#ifndef STAND_IN_LIST_H
#define STAND_IN_LIST_H

#include "base.h"

struct list_head {
    struct list_head *next, *prev;
};

#define LIST_HEAD(name) struct list_head name = {&(name), &(name)}

static inline void INIT_LIST_HEAD(struct list_head* list) { list->next = list->prev = list; }
static inline bool list_empty(const struct list_head* list) { return list->next == list; }

static inline void list_add_tail(struct list_head* node, struct list_head* list)
{
    EXPECT(list->prev->next == list);
    node->prev = list->prev;
    node->next = list;
    list->prev->next = node;
    list->prev = node;
}

/// A node that is taken out stays poisoned: to take it out again ends the program.
static inline void list_del(struct list_head* node)
{
    EXPECT(node->prev != NULL && node->prev->next == node && node->next->prev == node);
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->prev = node->next = NULL;
}

static inline void list_del_init(struct list_head* node)
{
    list_del(node);
    INIT_LIST_HEAD(node);
}

static inline void list_move_tail(struct list_head* node, struct list_head* list)
{
    list_del(node);
    list_add_tail(node, list);
}

#define list_entry(node, type, member) container_of(node, type, member)
#define list_first_entry(list, type, member) list_entry((list)->next, type, member)
#define list_first_entry_or_null(list, type, member)                                                         \
    (list_empty(list) ? NULL : list_first_entry(list, type, member))
#define list_next_of(at, member) list_entry((at)->member.next, __typeof__(*(at)), member)
#define list_for_each_entry(at, list, member)                                                                \
    for (at = list_first_entry(list, __typeof__(*(at)), member); &(at)->member != (list);                    \
         at = list_next_of(at, member))
#define list_for_each_entry_safe(at, following, list, member)                                                \
    for (at = list_first_entry(list, __typeof__(*(at)), member), following = list_next_of(at, member);       \
         &(at)->member != (list); at = following, following = list_next_of(at, member))

// ---- xarray ----

/// More than a fuzzer bothers to fill by chance, few enough to be filled on purpose.
enum { xarray_entries = 12 };

struct xarray {
    void* entries[xarray_entries]; // entries[i] has the index i + 1
};

struct xa_limit {
    u32 min, max;
};
#define XA_LIMIT(least, most) ((struct xa_limit){least, most})
#define XA_FLAGS_ALLOC1 1

static inline void xa_init_flags(struct xarray* array, unsigned flags)
{
    EXPECT(flags == XA_FLAGS_ALLOC1);
    memset(array, 0, sizeof(*array));
}

static inline void* xa_load(struct xarray* array, unsigned long index)
{
    return index >= 1 && index <= xarray_entries ? array->entries[index - 1] : NULL;
}

/// Its lock is none that interrupts may take.
void* xa_erase(struct xarray* array, unsigned long index);
int xa_alloc(struct xarray* array, u32* index, void* entry, struct xa_limit limit, gfp_t gfp);

#define xa_for_each(array, index, entry)                                                                     \
    for (index = 1; index <= xarray_entries; ++index)                                                        \
        if ((entry = xa_load(array, index)) != NULL)

// ---- interval tree ----

struct rb_node {
    struct rb_node* next;
};
struct rb_root_cached {
    struct rb_node* first;
};
#define RB_ROOT_CACHED ((struct rb_root_cached){NULL})
#define RB_CLEAR_NODE(node) ((node)->next = NULL)

static inline void stand_in_tree_remove(struct rb_node* node, struct rb_root_cached* root)
{
    struct rb_node** at = &root->first;
    while (*at != node) {
        EXPECT(*at != NULL);
        at = &(*at)->next;
    }
    *at = node->next;
}

#define INTERVAL_TREE_DEFINE(type, rb, number, rb_last, start_of, last_of, scope, name)                      \
    scope void name##_insert(type* entry, struct rb_root_cached* root)                                       \
    {                                                                                                        \
        entry->rb.next = root->first;                                                                        \
        root->first = &entry->rb;                                                                            \
    }                                                                                                        \
    scope void name##_remove(type* entry, struct rb_root_cached* root)                                       \
    {                                                                                                        \
        stand_in_tree_remove(&entry->rb, root);                                                              \
    }                                                                                                        \
    static type* name##_from(struct rb_node* node, number start, number last)                                \
    {                                                                                                        \
        for (; node != NULL; node = node->next) {                                                            \
            type* const entry = container_of(node, type, rb);                                                \
            if (start_of(entry) <= last && start <= last_of(entry)) return entry;                            \
        }                                                                                                    \
        return NULL;                                                                                         \
    }                                                                                                        \
    scope type* name##_iter_first(struct rb_root_cached* root, number start, number last)                    \
    {                                                                                                        \
        return name##_from(root->first, start, last);                                                        \
    }                                                                                                        \
    scope type* name##_iter_next(type* entry, number start, number last)                                     \
    {                                                                                                        \
        return name##_from(entry->rb.next, start, last);                                                     \
    }

#endif
