#include "runtime/base/lane.h"

#include <assert.h>
#include <string.h>

#define HEADER_BYTES 8u
#define SKIP         UINT64_MAX /* header: the next record is at the start of the ring */

static uint32_t record_bytes(size_t size_bytes)
{
	return HEADER_BYTES + (((uint32_t)size_bytes + 7u) & ~7u);
}

static uint8_t *at(const struct lane *lane, uint64_t position)
{
	return lane->ring + (position & (lane->ring_bytes - 1u));
}

void lane_init(struct lane *lane, void *ring, size_t ring_bytes)
{
	assert(ring_bytes >= LANE_RING_BYTES_MIN && ring_bytes <= LANE_RING_BYTES_MAX);
	assert((ring_bytes & (ring_bytes - 1)) == 0);
	assert((uintptr_t)ring % LANE_ALIGN_BYTES == 0);
	memset(lane, 0, sizeof(*lane));
	lane->ring       = ring;
	lane->ring_bytes = (uint32_t)ring_bytes;
}

size_t lane_record_max(const struct lane *lane)
{
	return lane->ring_bytes / 4u - HEADER_BYTES;
}

/* Is there room for `need` bytes after `tail`? */
static bool has_room(struct lane *lane, uint64_t tail, uint32_t need)
{
	if (tail + need - lane->head_seen <= lane->ring_bytes)
		return true;
	/* acquire: the reader is done with the bytes before this head. */
	lane->head_seen = atomic_load_explicit(&lane->head, memory_order_acquire);
	return tail + need - lane->head_seen <= lane->ring_bytes;
}

void *lane_reserve(struct lane *lane, size_t size_bytes)
{
	assert(size_bytes >= 1 && size_bytes <= lane_record_max(lane));
	const uint64_t tail     = atomic_load_explicit(&lane->tail, memory_order_relaxed);
	const uint32_t need     = record_bytes(size_bytes);
	const uint32_t straight = lane->ring_bytes - (uint32_t)(tail & (lane->ring_bytes - 1u));
	const uint32_t skip     = straight < need ? straight : 0;

	lane->reserved_bytes = 0;
	if (!has_room(lane, tail, skip + need))
		return NULL;
	lane->reserved_bytes = need;
	lane->skip_bytes     = skip;
	return at(lane, tail + skip) + HEADER_BYTES;
}

void lane_commit(struct lane *lane, size_t size_bytes)
{
	assert(size_bytes >= 1 && lane->reserved_bytes > HEADER_BYTES);
	assert(size_bytes <= lane->reserved_bytes - HEADER_BYTES);
	const uint64_t tail   = atomic_load_explicit(&lane->tail, memory_order_relaxed);
	const uint64_t skip   = SKIP;
	const uint64_t header = size_bytes;

	/* Positions are multiples of 8, so a skip header always fits before the end. */
	if (lane->skip_bytes)
		memcpy(at(lane, tail), &skip, sizeof(skip));
	memcpy(at(lane, tail + lane->skip_bytes), &header, sizeof(header));
	atomic_store_explicit(&lane->tail, tail + lane->skip_bytes + record_bytes(size_bytes),
			      memory_order_release);
	lane->reserved_bytes = 0;
}

bool lane_put(struct lane *lane, const void *record, size_t size_bytes)
{
	void *room = lane_reserve(lane, size_bytes);

	if (!room)
		return false;
	memcpy(room, record, size_bytes);
	lane_commit(lane, size_bytes);
	return true;
}

const void *lane_peek(struct lane *lane, size_t *size_bytes)
{
	const uint64_t head = atomic_load_explicit(&lane->head, memory_order_relaxed);
	uint64_t       header, skip = 0;

	if (head == lane->tail_seen) {
		/* acquire: the records before this tail are written. */
		lane->tail_seen = atomic_load_explicit(&lane->tail, memory_order_acquire);
		if (head == lane->tail_seen)
			return NULL;
	}
	memcpy(&header, at(lane, head), sizeof(header));
	if (header == SKIP) {
		skip = lane->ring_bytes - (head & (lane->ring_bytes - 1u));
		memcpy(&header, at(lane, head + skip), sizeof(header));
	}
	assert(header >= 1 && header <= lane_record_max(lane));
	lane->peeked_bytes = (uint32_t)skip + record_bytes(header);
	*size_bytes        = header;
	return at(lane, head + skip) + HEADER_BYTES;
}

void lane_release(struct lane *lane)
{
	assert(lane->peeked_bytes > 0);
	const uint64_t head = atomic_load_explicit(&lane->head, memory_order_relaxed);

	/* release: our reads of the record are over before the writer may reuse it. */
	atomic_store_explicit(&lane->head, head + lane->peeked_bytes, memory_order_release);
	lane->peeked_bytes = 0;
}

size_t lane_used(const struct lane *lane)
{
	/* Head first: it never passes the tail, so the difference is never negative. */
	const uint64_t head = atomic_load_explicit(&lane->head, memory_order_acquire);
	const uint64_t tail = atomic_load_explicit(&lane->tail, memory_order_acquire);
	const uint64_t used = tail - head;

	return used < lane->ring_bytes ? used : lane->ring_bytes;
}
