#include "runtime/state/room.h"

#include "runtime/state/space.h"
#include "runtime/state/table.h"

static void unlink_entity(const struct place *place, struct entity *entity)
{
	if (entity->newer != 0)
		entity_at(place, entity->newer)->older = entity->older;
	else
		place->shard->newest = entity->older;
	if (entity->older != 0)
		entity_at(place, entity->older)->newer = entity->newer;
	else
		place->shard->oldest = entity->newer;
}

static void link_newest(const struct place *place, struct entity *entity)
{
	uint32_t name = entity_name(place, entity);

	entity->newer = 0;
	entity->older = place->shard->newest;
	if (entity->older != 0)
		entity_at(place, entity->older)->newer = name;
	else
		place->shard->oldest = name;
	place->shard->newest = name;
}

void room_touch(const struct place *place, struct entity *entity)
{
	if (entity->newer == 0)
		return;
	unlink_entity(place, entity);
	link_newest(place, entity);
}

void room_append(const struct place *place, struct entity *entity)
{
	uint32_t name = entity_name(place, entity);

	entity->older = 0;
	entity->newer = place->shard->oldest;
	if (entity->newer != 0)
		entity_at(place, entity->newer)->older = name;
	else
		place->shard->newest = name;
	place->shard->oldest = name;
	place->shard->counters.entities++;
	place->shard->counters.cells += entity->count;
	table_add(place, entity->key, name);
}

static void evict(const struct place *place, struct entity *entity)
{
	uint32_t name = entity_name(place, entity);

	unlink_entity(place, entity);
	table_remove(place, entity->key, name);
	place->shard->counters.entities--;
	place->shard->counters.cells -= entity->count;
	place->shard->counters.evicted++;
	space_give(place, name - 1, entity->order);
}

/* A block for `keep` or for a new entity (NULL); BITS_NONE when evictions don't help. */
static uint32_t take_evicting(const struct place *place, uint8_t order, const struct entity *keep)
{
	uint32_t unit = space_take(place, order);

	for (int i = 0; unit == BITS_NONE && i < STATE_EVICTIONS_MAX; i++) {
		struct entity *oldest;

		if (place->shard->oldest == 0)
			break;
		oldest = entity_at(place, place->shard->oldest);
		if (oldest == keep)
			break;
		evict(place, oldest);
		unit = space_take(place, order);
	}
	return unit;
}

struct entity *room_enter(const struct place *place, uint8_t kind, struct hash128 key)
{
	struct entity *entity;
	uint32_t       unit;

	if (place->shard->counters.entities == place->state->entities_max)
		evict(place, entity_at(place, place->shard->oldest));
	unit = take_evicting(place, place->state->order_min, NULL);
	assert(unit != BITS_NONE);
	entity  = entity_at(place, unit + 1);
	*entity = (struct entity){ .key        = key,
				   .kind       = kind,
				   .order      = place->state->order_min,
				   .first_ns   = INT64_MAX,
				   .dropped_ns = INT64_MIN };
	memset(entity + 1, 0, place->state->layouts[kind].base_bytes);
	link_newest(place, entity);
	place->shard->counters.entities++;
	table_add(place, key, unit + 1);
	return entity;
}

/* Into a block already taken; the old one is given back. */
static struct entity *move_to(const struct place *place, struct entity *entity, uint32_t unit,
			      uint8_t order)
{
	uint32_t       name  = entity_name(place, entity);
	struct entity *moved = entity_at(place, unit + 1);
	struct ring    from  = ring_of(place, entity), to;

	*moved       = *entity;
	moved->order = order;
	moved->head  = 0;
	to           = ring_of(place, moved);
	ring_copy(&from, &to);
	if (moved->newer != 0)
		entity_at(place, moved->newer)->older = unit + 1;
	else
		place->shard->newest = unit + 1;
	if (moved->older != 0)
		entity_at(place, moved->older)->newer = unit + 1;
	else
		place->shard->oldest = unit + 1;
	table_rename(place, moved->key, name, unit + 1);
	space_give(place, name - 1, entity->order);
	return moved;
}

/* An entity whose history has become short gives space back; half as much again stays
 * free, so that it does not grow at once. */
static struct entity *shrink(const struct place *place, struct entity *entity)
{
	const struct layout *layout = layout_of(place, entity);
	uint8_t              order  = entity->order;
	uint32_t             unit;

	while (order > place->state->order_min &&
	       layout->capacity[order - 1] / 2 >= entity->count + 1)
		order--;
	if (order == entity->order)
		return entity;
	unit = space_take(place, order);
	return unit == BITS_NONE ? entity : move_to(place, entity, unit, order);
}

struct entity *room_for_cell(const struct place *place, struct entity *entity)
{
	const struct layout *layout = layout_of(place, entity);
	struct ring          ring;
	uint32_t             unit = BITS_NONE;

	if (entity->count < layout->capacity[entity->order])
		return shrink(place, entity);
	if (entity->order < layout->order_max) {
		unit = take_evicting(place, entity->order + 1, entity);
		if (unit != BITS_NONE)
			return move_to(place, entity, unit, entity->order + 1);
	}
	ring           = ring_of(place, entity);
	uint32_t saved = ring_merge(&ring);

	place->shard->counters.merged += saved;
	place->shard->counters.cells -= saved;
	return entity;
}
