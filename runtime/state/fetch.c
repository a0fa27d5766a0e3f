/* Fetching ahead.  A wrong guess costs a line, never a wrong value: nothing here is
 * looked at but to know where to fetch next. */
#include "runtime/state/ring.h"

#define LINE_BYTES   64
#define ENTITY_LINES 4 /* the entity, its base, and the first times */
#define PROBES_MAX   4

/* The entity whose slot has the key's tag: almost always the right one.  0: none. */
static uint32_t name_of(const struct place *place, struct hash128 key)
{
	uint32_t mask = place->state->slots - 1, tag = place_tag(place, key);

	for (uint32_t i = 0; i < PROBES_MAX; i++) {
		const struct slot *slot = &place->slots[(tag + i) & mask];

		if (slot->unit == 0)
			return 0;
		if (slot->tag == tag)
			return slot->unit;
	}
	return 0;
}

void state_prefetch(const struct state *state, uint32_t shard, struct hash128 key)
{
	struct place place = place_of(state, shard);

	__builtin_prefetch(&place.slots[place_tag(&place, key) & (state->slots - 1)]);
}

void state_prefetch_entity(const struct state *state, uint32_t shard, struct hash128 key)
{
	struct place place = place_of(state, shard);
	uint32_t     name  = name_of(&place, key);

	if (name == 0)
		return;
	for (int line = 0; line < ENTITY_LINES; line++)
		__builtin_prefetch((const uint8_t *)entity_at(&place, name) + line * LINE_BYTES, 1);
}

void state_prefetch_cells(const struct state *state, uint32_t shard, struct hash128 key)
{
	struct place   place = place_of(state, shard);
	uint32_t       name  = name_of(&place, key);
	struct entity *entity;
	struct ring    ring;

	if (name == 0)
		return;
	entity = entity_at(&place, name);
	ring   = ring_of(&place, entity);
	__builtin_prefetch(ring_body(&ring, entity->count - 1u), 1);
	__builtin_prefetch(ring_body(&ring, entity->count / 2u), 0);
	__builtin_prefetch(ring_body(&ring, 0), 0);
	__builtin_prefetch(&ring.times[ring_at(&ring, entity->count - 1u)], 1);
	if (entity->newer != 0)
		__builtin_prefetch(entity_at(&place, entity->newer), 1);
	if (entity->older != 0)
		__builtin_prefetch(entity_at(&place, entity->older), 1);
	__builtin_prefetch(entity_at(&place, place.shard->newest), 1);
}
