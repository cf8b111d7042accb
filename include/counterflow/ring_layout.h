// SPDX-License-Identifier: MIT
//
// How a stream's ring lies in far memory: for those who write the far end's firmware, in C or C++, and for
// counterflow itself. Needs nothing but <stdint.h>.
//
// All numbers are little endian. The header starts at a multiple of 64; slot i of the ring starts
// data_offset + i * slot_bytes behind it. Block number n (from 0 on, never wrapping) is in slot n % slots.
//
// Each side writes one line of the header and reads the other's:
//
//   The producer of a block that is n blocks behind the first
//     1. where the consumer may not lose any: waits until n - consumed < slots;
//     2. stores its line with claimed = n + 1 or more, all else as it was;   (a barrier behind it)
//     3. writes the block, and its block header if the ring has those;       (a barrier behind it)
//     4. stores its line with produced = n + 1.
//   It may claim and write several at once: no block at or behind `claimed` has been touched, every block
//   before `produced` is complete.
//
//   The consumer takes blocks from `consumed` on, as far as `produced`, and stores its line with the new
//   position. Where the producer never waits it reads `claimed` again behind the block: block n was whole
// while claimed <= n + slots.
//
// A line is several words and may be read while it is written; `check` tells. Barriers are those that order
// stores to memory that the other side of the link reads: `dmb oshst` or `dma_wmb()` where the memory is the
// endpoint's own, nothing where stores go across the link.
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CF_RING_MAGIC 0x52464331u /* "1CFR" in memory */
#define CF_RING_VERSION 1u

/* cf_ring_header.flags */
#define CF_RING_BLOCK_HEADERS 1u /* each slot begins with a struct cf_block_header */

/* cf_ring_producer.state */
#define CF_RING_RUNNING 0u
#define CF_RING_ENDED 1u /* no block will follow `produced` */

/* The producer's line. */
struct cf_ring_producer {
    uint64_t produced; /* blocks complete since the beginning: the number of the next */
    uint64_t claimed;  /* no block with this number or a higher one is being written; >= produced */
    uint64_t state;
    uint64_t check; /* ~(produced ^ claimed ^ state) */
    uint64_t reserved[4];
};

/* The consumer's line. */
struct cf_ring_consumer {
    uint64_t consumed; /* blocks whose slots may be used again */
    uint64_t check;    /* ~consumed */
    uint64_t reserved[6];
};

/* The whole header. Written once by whoever makes the ring, but for the two lines. Reserved words are zero.
 */
struct cf_ring_header {
    uint32_t magic;
    uint32_t version;
    uint32_t flags;
    uint32_t slots;       /* 2 or more */
    uint32_t block_bytes; /* of payload in a slot at most */
    uint32_t slot_bytes;  /* from one slot to the next: at least block_bytes and the block header's 64 */
    uint64_t data_offset; /* of slot 0 from the header's first byte: at least sizeof(struct cf_ring_header) */
    uint64_t reserved[4];
    struct cf_ring_producer producer;
    struct cf_ring_consumer consumer;
};

/* In front of the payload, in rings that have them. */
struct cf_block_header {
    uint64_t sequence; /* the block's number */
    uint64_t time_ns;  /* by the producer's clock, or 0 */
    uint32_t bytes;    /* of payload that mean something, up to block_bytes */
    uint32_t reserved0;
    uint64_t reserved[5];
};

#ifdef __cplusplus
}
static_assert(sizeof(struct cf_ring_producer) == 64 && sizeof(struct cf_ring_consumer) == 64);
static_assert(sizeof(struct cf_ring_header) == 192 && sizeof(struct cf_block_header) == 64);
#else
_Static_assert(sizeof(struct cf_ring_producer) == 64 && sizeof(struct cf_ring_consumer) == 64, "lines");
_Static_assert(sizeof(struct cf_ring_header) == 192 && sizeof(struct cf_block_header) == 64, "headers");
#endif
