// SPDX-License-Identifier: MIT
//
// Part of stand_in.h: the kernel's types, numbers and small macros.
#ifndef STAND_IN_BASE_H
#define STAND_IN_BASE_H

#include <errno.h>
#include <limits.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

/// What the stand-in promises the module, or the module the stand-in. Where it does not hold the program
/// ends, so that a fuzzer keeps the input.
#define EXPECT(condition)                                                                                    \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, __func__, #condition);                    \
            __builtin_trap();                                                                                \
        }                                                                                                    \
    } while (0)

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;
typedef u64 dma_addr_t;
typedef unsigned gfp_t;
typedef void* fl_owner_t;
typedef struct {
    s64 value;
} atomic64_t;

#define __user
#define __rcu
#define __init
#define __exit

#define ERESTARTSYS 512
#define EIOCBQUEUED 529

#define SZ_8M (8u << 20)
#define SZ_1G (1u << 30)
#define SZ_2G (1ull << 31)
#define U64_MAX UINT64_MAX
#define BIT(n) (1ul << (n))
#define BIT_ULL(n) (1ull << (n))
#define PAGE_SHIFT 12
#define PAGE_SIZE (1ul << PAGE_SHIFT)
#define PAGE_ALIGN(bytes) (((bytes) + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1))
#define NSEC_PER_USEC 1000ull
#define NSEC_PER_MSEC 1000000ull
#define NSEC_PER_SEC 1000000000ull

#define IS_ENABLED(option) 0
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define BUILD_BUG_ON(condition) _Static_assert(!(condition), #condition)
#define WARN_ON_ONCE(condition) EXPECT(!(condition))
#define container_of(pointer, type, member) ((type*)((uintptr_t)(pointer)-offsetof(type, member)))
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define min_t(type, a, b) min((type)(a), (type)(b))
#define is_power_of_2(n) ((n) != 0 && ((n) & ((n)-1)) == 0)

#define READ_ONCE(place) (*(volatile __typeof__(place)*)&(place))
#define WRITE_ONCE(place, value) (*(volatile __typeof__(place)*)&(place) = (value))
#define smp_load_acquire(place) READ_ONCE(*(place))
#define smp_store_release(place, value) WRITE_ONCE(*(place), value)

/// Nothing is speculated here; that the index was checked before is expected.
static inline u64 array_index_nospec(u64 index, u64 size)
{
    EXPECT(index < size);
    return index;
}

static inline void* ERR_PTR(long error) { return (void*)error; }
static inline long PTR_ERR(const void* pointer) { return (long)pointer; }
static inline bool IS_ERR(const void* pointer) { return (unsigned long)pointer >= (unsigned long)-4095; }

static inline void atomic64_inc(atomic64_t* number) { ++number->value; }
static inline void atomic64_add(s64 what, atomic64_t* number) { number->value += what; }
static inline void atomic64_sub(s64 what, atomic64_t* number) { number->value -= what; }

static inline ssize_t strscpy(char* to, const char* from, size_t size)
{
    const size_t length = strnlen(from, size - 1);
    memcpy(to, from, length);
    to[length] = '\0';
    return from[length] == '\0' ? (ssize_t)length : -E2BIG;
}

#endif
