/* The cells of one entity, oldest first: finding, putting in, dropping, merging.  A view
 * for the length of a call; the cells are in the entity's block.
 *
 * Bounds: a search takes 13 steps, anything that shifts or corrects takes at most
 * history_max. */
#ifndef ASSAY_RUNTIME_STATE_RING_H
#define ASSAY_RUNTIME_STATE_RING_H

#include "runtime/state/shard.h"

struct ring {
	const struct layout *layout;
	struct entity       *entity;
	uint8_t             *base; /* a body: cumulated up to the first cell */
	int64_t             *times;
	uint8_t             *bodies;
	uint32_t             capacity;
};

/* What one transaction or one message about it adds to the cumulated columns. */
struct change {
	uint32_t counts[COLUMN_REVIEWS - COLUMN_COUNT + 1];
	u128     sum, squares;
};

struct ring ring_of(const struct place *place, struct entity *entity);

static inline uint32_t ring_at(const struct ring *ring, uint32_t cell)
{
	uint32_t at = ring->entity->head + cell;

	return at < ring->capacity ? at : at - ring->capacity;
}

static inline int64_t ring_time(const struct ring *ring, uint32_t cell)
{
	return ring->times[ring_at(ring, cell)];
}

/* Cell `cell`'s columns; the base for the place before the first: ring_before(ring, 0). */
static inline uint8_t *ring_body(const struct ring *ring, uint32_t cell)
{
	return ring->bodies + (size_t)ring_at(ring, cell) * ring->layout->body_bytes;
}

static inline uint8_t *ring_before(const struct ring *ring, uint32_t cell)
{
	return cell == 0 ? ring->base : ring_body(ring, cell - 1);
}

/* How many transactions the cell stands for; more than 1 when it has been merged. */
static inline uint32_t ring_size(const struct ring *ring, uint32_t cell)
{
	return layout_u32(ring->layout, ring_body(ring, cell), COLUMN_COUNT) -
	       layout_u32(ring->layout, ring_before(ring, cell), COLUMN_COUNT);
}

/* How many cells are not later than this. */
uint32_t ring_until(const struct ring *ring, int64_t time_ns);

/* The cell of a transaction that was filed: its own, or the merged one that holds it;
 * false: it has been dropped, or was evicted with an entity of this key before. */
bool ring_find(const struct ring *ring, int64_t time_ns, uint64_t sequence, uint32_t *cell);

/* A transaction whose place is inside a merged cell becomes part of it: so a cell never
 * stands for anything older than the cell before it.  False: its place is not. */
bool ring_absorb(const struct ring *ring, const struct state_event *event);

/* A new cell in its place; the ring has room. */
void ring_insert(const struct ring *ring, const struct state_event *event);

/* Add to a cell and all later ones. */
void ring_add(const struct ring *ring, uint32_t cell, const struct change *change);

/* Drop the cells that are not later than this.  Returns how many. */
uint32_t ring_drop(struct ring *ring, int64_t time_ns);

/* Merge old neighbours until there is room.  Returns how many cells that saved. */
uint32_t ring_merge(struct ring *ring);

/* Copy into a ring of another capacity; `to->entity` has the same count and head 0. */
void ring_copy(const struct ring *from, struct ring *to);

#endif
