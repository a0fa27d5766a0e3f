#include "runtime/state/plan.h"
#include "runtime/state/read.h"
#include "runtime/state/room.h"
#include "runtime/state/space.h"
#include "runtime/state/table.h"

size_t state_size(const struct feature_plan *plan, char *error, size_t error_bytes)
{
	struct state state;

	if (!plan_state(&state, plan, error, error_bytes))
		return 0;
	return STATE_HEAD_BYTES + plan->shards * state.shard_bytes;
}

struct state *state_init(void *memory, const struct feature_plan *plan)
{
	struct state *state = memory;
	bool          fits  = plan_state(state, plan, NULL, 0);

	assert(fits && (uintptr_t)memory % STATE_ALIGN_BYTES == 0);
	for (uint32_t i = 0; i < plan->shards; i++) {
		struct place place = place_of(state, i);

		space_init(&place);
	}
	return state;
}

/* A block doubles by moving into a free one, so that one of the most bytes is kept free
 * of the count: while the last entity grows, its old block takes some of that room. */
static struct state_size_facts facts_of_kind(const struct state *state, uint32_t kind)
{
	const struct layout *layout = &state->layouts[kind];
	uint8_t              order  = layout->order_max;

	if (order < state->order_min)
		order = state->order_min;
	while (order > state->order_min && state->units >> order < 2)
		order--;
	uint32_t fit = order == state->order_min ? state->entities_max
						 : (state->units >> order) - 1;

	return (struct state_size_facts){
		.cell_bytes  = 8u + layout->body_bytes,
		.least_bytes = (uint32_t)LAYOUT_UNIT_BYTES << state->order_min,
		.most_bytes  = (uint32_t)LAYOUT_UNIT_BYTES << order,
		.most_fit    = fit < state->entities_max ? fit : state->entities_max,
	};
}

void state_facts(const struct state *state, struct state_facts *out)
{
	*out = (struct state_facts){ .shards       = state->plan->shards,
				     .shard_bytes  = state->shard_bytes,
				     .entities_max = state->entities_max,
				     .cells_bytes  = (uint64_t)state->units * LAYOUT_UNIT_BYTES };
	for (uint32_t i = 0; i < state->plan->entities_count; i++)
		out->kinds[i] = facts_of_kind(state, i);
}

/* The newest time of an entity that has cells. */
static int64_t newest_of(const struct place *place, struct entity *entity)
{
	struct ring ring = ring_of(place, entity);

	return ring_time(&ring, entity->count - 1u);
}

/* Cells that no window can reach any more, from an event as late as is allowed. */
static void drop_old(const struct place *place, struct entity *entity, int64_t newest_ns)
{
	struct ring ring  = ring_of(place, entity);
	int64_t     reach = ring.layout->horizon_ns + place->state->plan->lateness_ns;

	place->shard->counters.cells -= ring_drop(&ring, newest_ns - reach);
}

/* True: a merged cell has taken the event. */
static bool absorb(const struct place *place, struct entity *entity,
		   const struct state_event *event)
{
	struct ring ring = ring_of(place, entity);

	if (!entity->merged || !ring_absorb(&ring, event))
		return false;
	place->shard->counters.merged++;
	return true;
}

/* A new cell.  Making room may merge what is around its place. */
static void insert(const struct place *place, struct entity *entity,
		   const struct state_event *event)
{
	struct ring ring;

	if (absorb(place, entity, event))
		return;
	entity = room_for_cell(place, entity);
	if (absorb(place, entity, event))
		return;
	ring = ring_of(place, entity);
	ring_insert(&ring, event);
	place->shard->counters.cells++;
}

/* A new entity remembers which transaction made it. */
static struct entity *enter(const struct place *place, uint8_t kind, struct hash128 key,
			    const struct state_event *event)
{
	struct entity *entity = room_enter(place, kind, key);
	struct ring    ring   = ring_of(place, entity);

	if (layout_has(ring.layout, COLUMN_SEQUENCE))
		layout_put(ring.layout, ring.base, COLUMN_SEQUENCE, &event->sequence,
			   sizeof(event->sequence));
	return entity;
}

/* False: it is too late. */
static bool file(const struct place *place, uint8_t kind, struct entity *entity, struct hash128 key,
		 const struct state_event *event)
{
	int64_t time_ns = event->transaction->time_ns, newest_ns = time_ns;

	if (entity == NULL) {
		entity = enter(place, kind, key, event);
	} else {
		newest_ns = newest_of(place, entity);
		if (time_ns < newest_ns - place->state->plan->lateness_ns) {
			place->shard->counters.late++;
			return false;
		}
		drop_old(place, entity, time_ns > newest_ns ? time_ns : newest_ns);
	}
	insert(place, entity, event);
	place->shard->counters.filed++;
	return true;
}

static struct entity *find_and_touch(const struct place *place, uint8_t kind, struct hash128 key)
{
	struct entity *entity = hash_is(key) ? table_find(place, kind, key) : NULL;

	if (entity != NULL)
		room_touch(place, entity);
	return entity;
}

static struct place begin(struct state *state, uint32_t shard, uint8_t kind,
			  const struct state_event *event)
{
	assert(kind < state->plan->entities_count && event->transaction->time_ns >= 0);
	return place_of(state, shard);
}

bool state_touch(struct state *state, uint32_t shard, uint8_t kind, struct hash128 key,
		 const struct state_event *event, struct aggregate out[PLAN_FEATURES_MAX])
{
	struct place   place  = begin(state, shard, kind, event);
	struct entity *entity = find_and_touch(&place, kind, key);
	struct look    look   = read_before(&place, kind, entity, event->transaction->time_ns);
	bool           filed  = false;

	read_windows(&look, entity, true, out);
	if (hash_is(key)) {
		filed  = file(&place, kind, entity, key, event);
		entity = entity_at(&place, place.shard->newest); /* it may have moved */
	}
	read_windows(&look, entity, false, out);
	return filed;
}

void state_read(struct state *state, uint32_t shard, uint8_t kind, struct hash128 key,
		const struct state_event *event, struct aggregate out[PLAN_FEATURES_MAX])
{
	struct place   place  = begin(state, shard, kind, event);
	struct entity *entity = find_and_touch(&place, kind, key);
	struct look    look   = read_before(&place, kind, entity, event->transaction->time_ns);

	read_windows(&look, entity, true, out);
	read_windows(&look, entity, false, out);
}

bool state_file(struct state *state, uint32_t shard, uint8_t kind, struct hash128 key,
		const struct state_event *event)
{
	struct place place = begin(state, shard, kind, event);

	return hash_is(key) && file(&place, kind, find_and_touch(&place, kind, key), key, event);
}

/* Would the cell still have no more of a kind than transactions, and no fewer than 0?
 * What is told twice must not make a window count more frauds than transactions. */
static bool stays_sound(const struct ring *ring, uint32_t cell, enum column column, int32_t add)
{
	uint32_t size = ring_size(ring, cell);
	uint32_t now;

	if (!layout_has(ring->layout, column))
		return true;
	now = layout_u32(ring->layout, ring_body(ring, cell), column) -
	      layout_u32(ring->layout, ring_before(ring, cell), column);
	return add < 0 ? now >= (uint32_t)-add : (uint64_t)now + (uint32_t)add <= size;
}

/* What was told about a transaction. */
struct told {
	uint64_t sequence;
	int64_t  time_ns;
	int32_t  add[COLUMN_REVIEWS + 1]; /* by column */
};

/* Add it to the transaction's cell and all later ones. */
static bool tell(const struct place *place, uint8_t kind, struct hash128 key,
		 const struct told *told)
{
	struct entity *entity = hash_is(key) ? table_find(place, kind, key) : NULL;
	struct change  change = { 0 };
	struct ring    ring;
	uint32_t       cell;

	if (entity == NULL)
		return false;
	ring = ring_of(place, entity);
	if (!ring_find(&ring, told->time_ns, told->sequence, &cell))
		return false;
	for (int column = COLUMN_FRAUDS; column <= COLUMN_REVIEWS; column++) {
		if (!stays_sound(&ring, cell, (enum column)column, told->add[column]))
			return false;
		change.counts[column - COLUMN_COUNT] = (uint32_t)told->add[column];
	}
	ring_add(&ring, cell, &change);
	return true;
}

void state_decided(struct state *state, uint32_t shard, uint8_t kind, struct hash128 key,
		   uint64_t sequence, int64_t time_ns, enum verdict verdict)
{
	struct place place = place_of(state, shard);
	struct told  told  = { .sequence = sequence, .time_ns = time_ns };

	assert(kind < state->plan->entities_count && verdict < VERDICT_COUNT);
	if (verdict == VERDICT_APPROVE || !layout_has(&state->layouts[kind], COLUMN_SEQUENCE))
		return;
	told.add[verdict == VERDICT_DECLINE ? COLUMN_DECLINES : COLUMN_REVIEWS] = 1;
	tell(&place, kind, key, &told);
}

void state_label(struct state *state, uint32_t shard, uint8_t kind, struct hash128 key,
		 const struct state_label *label)
{
	struct place         place  = place_of(state, shard);
	const struct layout *layout = &state->layouts[kind];
	struct told          told   = { .sequence = label->sequence, .time_ns = label->time_ns };

	assert(kind < state->plan->entities_count);
	told.add[COLUMN_FRAUDS]   = label->frauds;
	told.add[COLUMN_LABELLED] = label->labelled;
	if ((label->frauds == 0 || !layout_has(layout, COLUMN_FRAUDS)) &&
	    (label->labelled == 0 || !layout_has(layout, COLUMN_LABELLED)))
		return;
	if (!label->filed || !tell(&place, kind, key, &told))
		place.shard->counters.label_lost++;
}

void state_counters(const struct state *state, uint32_t shard, struct state_counters *out)
{
	*out = place_of(state, shard).shard->counters;
}

void state_counters_add(struct state_counters *sum, const struct state_counters *one)
{
	sum->entities += one->entities;
	sum->cells += one->cells;
	sum->bytes += one->bytes;
	sum->filed += one->filed;
	sum->merged += one->merged;
	sum->evicted += one->evicted;
	sum->late += one->late;
	sum->label_lost += one->label_lost;
	sum->coarse += one->coarse;
}
