/* How a shard lies in memory.  Private to runtime/state.
 *
 *     struct state | shard 0 | shard 1 | ...
 *
 *     shard:  struct shard | table of slots | free blocks (bits) | units of 64 bytes
 *
 * An entity is one block of 2^order units, a buddy of the others, so that a lookup
 * costs the slot's line and then neighbouring lines:
 *
 *     struct entity | base: a body | times [capacity] | bodies [capacity]
 *                     cumulated up to   ring: cell i is at (head + i) mod capacity
 *                     the first cell
 *
 * The base's sequence is not that of a cell: it is that of the transaction which made
 * the entity.  What is older was filed, if at all, before the entity was evicted once.
 *
 * Units are named by their number + 1, so that 0 is none and zeroed memory is empty. */
#ifndef ASSAY_RUNTIME_STATE_SHARD_H
#define ASSAY_RUNTIME_STATE_SHARD_H

#include <assert.h>

#include "runtime/state/bits.h"
#include "runtime/state/layout.h"
#include "runtime/state/state.h"

struct slot {
	uint32_t tag;  /* hash_place of the key: home place and first look */
	uint32_t unit; /* + 1; 0: empty */
};

struct entity {
	struct hash128 key;
	uint32_t       older, newer; /* units + 1, in the order they were touched */
	uint16_t       head, count;  /* cells; count is at least 1 */
	uint8_t        kind, order;
	uint8_t        merged; /* 1: some cell has been merged */
	uint8_t        zero;
	int64_t        first_ns;   /* the earliest transaction ever filed here */
	int64_t        dropped_ns; /* of the newest cell that was dropped; INT64_MIN: none */
};
static_assert(sizeof(struct entity) == LAYOUT_ENTITY_BYTES, "the base follows");

struct shard {
	struct state_counters counters;
	uint32_t              newest, oldest; /* touched: units + 1 */
};

struct state {
	const struct feature_plan *plan;
	uint64_t                   shard_bytes, slots_at, bits_at, units_at; /* in a shard */
	uint64_t                   bits_bytes;
	uint32_t                   slots; /* power of two */
	uint32_t                   units;
	uint32_t                   entities_max;
	uint8_t                    order_min; /* of every kind: any block can replace any */
	uint8_t                    order_max;
	struct bits_shape          free[LAYOUT_ORDERS];
	struct hash128             secret; /* state_keep_secret */
	uint8_t                    plan_digest[DIGEST_BYTES];
	struct layout              layouts[PLAN_ENTITIES_MAX];
	struct windows             windows;
};

#define STATE_HEAD_BYTES ((sizeof(struct state) + 63) / 64 * 64)

/* One shard of a state, as the functions below pass it on. */
struct place {
	const struct state *state;
	struct shard       *shard;
	struct slot        *slots;
	uint64_t           *bits;
	uint8_t            *units;
};

static inline struct place place_of(const struct state *state, uint32_t shard)
{
	uint8_t *at = (uint8_t *)state + STATE_HEAD_BYTES + shard * state->shard_bytes;

	assert(shard < state->plan->shards);
	return (struct place){ .state = state,
			       .shard = (struct shard *)at,
			       .slots = (struct slot *)(at + state->slots_at),
			       .bits  = (uint64_t *)(at + state->bits_at),
			       .units = at + state->units_at };
}

static inline uint32_t place_tag(const struct place *place, struct hash128 key)
{
	return (uint32_t)hash_place(key, place->state->secret);
}

static inline struct entity *entity_at(const struct place *place, uint32_t name)
{
	return (struct entity *)(place->units + (uint64_t)(name - 1) * LAYOUT_UNIT_BYTES);
}

static inline uint32_t entity_name(const struct place *place, const struct entity *entity)
{
	return (uint32_t)((uint64_t)((const uint8_t *)entity - place->units) / LAYOUT_UNIT_BYTES) +
	       1;
}

static inline const struct layout *layout_of(const struct place *place, const struct entity *entity)
{
	return &place->state->layouts[entity->kind];
}

#endif
