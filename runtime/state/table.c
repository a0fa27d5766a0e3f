#include "runtime/state/table.h"

void state_keep_secret(struct state *state, struct hash128 secret)
{
	state->secret = secret;
}

static uint32_t home_of(const struct place *place, uint32_t tag)
{
	return tag & (place->state->slots - 1);
}

static uint32_t after(const struct place *place, uint32_t at)
{
	return (at + 1) & (place->state->slots - 1);
}

struct entity *table_find(const struct place *place, uint8_t kind, struct hash128 key)
{
	uint32_t tag = place_tag(place, key);

	for (uint32_t at = home_of(place, tag); place->slots[at].unit != 0; at = after(place, at)) {
		struct entity *entity;

		if (place->slots[at].tag != tag)
			continue;
		entity = entity_at(place, place->slots[at].unit);
		if (hash_same(entity->key, key) && entity->kind == kind)
			return entity;
	}
	return NULL;
}

void table_add(const struct place *place, struct hash128 key, uint32_t name)
{
	uint32_t tag = place_tag(place, key);
	uint32_t at  = home_of(place, tag);

	while (place->slots[at].unit != 0)
		at = after(place, at);
	place->slots[at] = (struct slot){ .tag = tag, .unit = name };
}

static uint32_t slot_of(const struct place *place, struct hash128 key, uint32_t name)
{
	uint32_t at = home_of(place, place_tag(place, key));

	while (place->slots[at].unit != name) {
		assert(place->slots[at].unit != 0);
		at = after(place, at);
	}
	return at;
}

void table_rename(const struct place *place, struct hash128 key, uint32_t from, uint32_t to)
{
	place->slots[slot_of(place, key, from)].unit = to;
}

/* Each slot behind the hole moves into it, unless that would put it before its home. */
void table_remove(const struct place *place, struct hash128 key, uint32_t name)
{
	uint32_t mask = place->state->slots - 1;
	uint32_t hole = slot_of(place, key, name);

	for (uint32_t at = after(place, hole); place->slots[at].unit != 0; at = after(place, at)) {
		uint32_t home = home_of(place, place->slots[at].tag);

		if (((at - home) & mask) < ((at - hole) & mask))
			continue;
		place->slots[hole] = place->slots[at];
		hole               = at;
	}
	place->slots[hole] = (struct slot){ 0 };
}
