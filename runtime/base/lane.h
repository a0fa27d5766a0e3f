/* A lane carries records of bytes from one thread to one other, in order, without
 * a lock: the only way data passes between roles.
 *
 *   writer                                reader
 *     p = lane_reserve(l, size)             p = lane_peek(l, &size)
 *     fill p                                read p in place
 *     lane_commit(l, used)                  lane_release(l)
 *
 * Layout: a ring of a power of two bytes.  A record is an 8-byte header (its size)
 * and its bytes, rounded up to 8, always contiguous: what does not fit before the
 * end of the ring is preceded by a skip header that sends the reader to the start.
 *
 *     | hdr | record ....| hdr | record | hdr | rec...| skip >>>>>>|
 *       ^head (reader)                          ^tail (writer)
 *
 * Head and tail count bytes since the beginning and never wrap in a lifetime
 * (2^64 bytes).  Each side keeps a copy of the other's counter in its own cache
 * line and looks at the shared one only when the copy says full or empty.
 *
 * Owner:   one writer thread, one reader thread, caller's memory; lane_used may be
 *          called by anybody and is then a hint.
 * Bounds:  a record is at most lane_record_max(l), a quarter of the ring, so that a
 *          record fits in an empty ring wherever its tail is.
 * Failure: reserve is NULL when there is no room now, peek is NULL when there is
 *          nothing now.  A size over the bound, a commit without its reserve and a
 *          release without its peek are bugs and stop the machine. */
#ifndef ASSAY_RUNTIME_BASE_LANE_H
#define ASSAY_RUNTIME_BASE_LANE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LANE_RING_BYTES_MIN 256u
#define LANE_RING_BYTES_MAX (1u << 30)
#define LANE_ALIGN_BYTES    64u /* of the struct and of the ring: one cache line */

struct lane {
	/* read by both, written by neither */
	_Alignas(LANE_ALIGN_BYTES) uint8_t *ring;
	uint32_t ring_bytes;
	/* the writer's line */
	_Alignas(LANE_ALIGN_BYTES) _Atomic uint64_t tail;
	uint64_t head_seen;
	uint32_t reserved_bytes; /* 0: nothing is reserved */
	uint32_t skip_bytes;     /* to jump over before the reserved record */
	/* the reader's line */
	_Alignas(LANE_ALIGN_BYTES) _Atomic uint64_t head;
	uint64_t tail_seen;
	uint32_t peeked_bytes; /* header and padding included; 0: nothing was peeked */
};

/* `ring` is LANE_ALIGN_BYTES aligned, `ring_bytes` a power of two within bounds. */
void   lane_init(struct lane *lane, void *ring, size_t ring_bytes);
size_t lane_record_max(const struct lane *lane);

/* Writer.  8-byte aligned room for `size_bytes` (1 to lane_record_max), or NULL.
 * Reserving again before a commit forgets the first.  commit publishes the first
 * `size_bytes` (1 to what was reserved) of it. */
void *lane_reserve(struct lane *lane, size_t size_bytes);
void  lane_commit(struct lane *lane, size_t size_bytes);
/* Both, for a record that is at hand; false: no room now. */
bool lane_put(struct lane *lane, const void *record, size_t size_bytes);

/* Reader.  The oldest record, or NULL; the same again until lane_release. */
const void *lane_peek(struct lane *lane, size_t *size_bytes);
void        lane_release(struct lane *lane);

/* Bytes in use, headers and skipped ends included. */
size_t lane_used(const struct lane *lane);

#endif
