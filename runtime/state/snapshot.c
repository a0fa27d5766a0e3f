/* A shard as bytes, format 2:
 *
 *     magic "ASSAYSTA", version u32, shard u32, digest of the plan [32]
 *     filed, merged, evicted, late, label_lost u64; entities u64
 *     then each entity, newest touched first:
 *         unit u32, kind u8, order u8, merged u8, 0 u8, cells u32,
 *         key 2 x u64, first_ns i64, dropped_ns i64
 *         base, a body
 *         times i64 [cells], bodies [cells], oldest first
 *     SHA-256 of all before
 *
 * The unit says where its block lies: what is free is the rest, and with the order of
 * touching that decides every later eviction.  Where a ring begins in its block, and
 * where a key is in the table, decides nothing and is not kept. */
#include "runtime/state/ring.h"
#include "runtime/state/room.h"
#include "runtime/state/space.h"
#include "runtime/state/table.h"
#include "runtime/state/wire.h"

#define VERSION 2

static const char magic[8] = { 'A', 'S', 'S', 'A', 'Y', 'S', 'T', 'A' };

struct head {
	char     magic[8];
	uint32_t version, shard;
	uint8_t  plan_digest[DIGEST_BYTES];
	uint64_t filed, merged, evicted, late, label_lost, entities;
};
static_assert(sizeof(struct head) == 96, "as it lies in the snapshot");

struct item {
	uint32_t       unit;
	uint8_t        kind, order, merged, zero;
	uint32_t       cells, zero_too;
	struct hash128 key;
	int64_t        first_ns, dropped_ns;
};
static_assert(sizeof(struct item) == 48, "as it lies in the snapshot");

static struct head head_of(const struct place *place, uint32_t shard)
{
	const struct state_counters *c    = &place->shard->counters;
	struct head                  head = { .version    = VERSION,
					      .shard      = shard,
					      .filed      = c->filed,
					      .merged     = c->merged,
					      .evicted    = c->evicted,
					      .late       = c->late,
					      .label_lost = c->label_lost,
					      .entities   = c->entities };

	memcpy(head.magic, magic, sizeof(magic));
	memcpy(head.plan_digest, place->state->plan_digest, DIGEST_BYTES);
	return head;
}

/* The ring's two runs: to the end of its memory, and from its beginning. */
static void put_cells(struct wire_writer *out, const struct ring *ring)
{
	uint32_t head   = ring->entity->head;
	uint32_t to_end = ring->capacity - head;
	uint32_t first  = ring->entity->count < to_end ? ring->entity->count : to_end;
	uint32_t rest   = ring->entity->count - first;
	size_t   body   = ring->layout->body_bytes;

	wire_put(out, ring->times + head, first * sizeof(*ring->times));
	wire_put(out, ring->times, rest * sizeof(*ring->times));
	wire_put(out, ring->bodies + head * body, first * body);
	wire_put(out, ring->bodies, rest * body);
}

static void put_entity(struct wire_writer *out, const struct place *place, struct entity *entity)
{
	struct ring ring = ring_of(place, entity);
	struct item item = { .unit       = entity_name(place, entity) - 1,
			     .kind       = entity->kind,
			     .order      = entity->order,
			     .merged     = entity->merged,
			     .cells      = entity->count,
			     .key        = entity->key,
			     .first_ns   = entity->first_ns,
			     .dropped_ns = entity->dropped_ns };

	wire_put(out, &item, sizeof(item));
	wire_put(out, ring.base, ring.layout->body_bytes);
	put_cells(out, &ring);
}

static bool save(const struct state *state, uint32_t shard, struct wire_writer *out,
		 uint8_t digest[DIGEST_BYTES])
{
	struct place place = place_of(state, shard);
	struct head  head  = head_of(&place, shard);

	digest_init(&out->digest);
	wire_put(out, &head, sizeof(head));
	for (uint32_t name = place.shard->newest; name != 0 && !out->failed;
	     name          = entity_at(&place, name)->older)
                put_entity(out, &place, entity_at(&place, name));
	return wire_end(out, digest);
}

bool state_save(const struct state *state, uint32_t                 shard,
		bool (*write)(void *ctx, struct bytes piece), void *ctx)
{
	struct wire_writer out = { .write = write, .ctx = ctx };
	uint8_t            digest[DIGEST_BYTES];

	return save(state, shard, &out, digest);
}

void state_digest(const struct state *state, uint32_t shard, uint8_t out[DIGEST_BYTES])
{
	struct wire_writer writer = { 0 };

	save(state, shard, &writer, out);
}

/* ---- loading: every count and link is checked before it is used */

static const char *check_head(const struct place *place, uint32_t shard, const struct head *head)
{
	if (memcmp(head->magic, magic, sizeof(magic)) != 0)
		return "not a snapshot of state: the magic is wrong";
	if (head->version != VERSION)
		return "the snapshot is of another version";
	if (memcmp(head->plan_digest, place->state->plan_digest, DIGEST_BYTES) != 0)
		return "the snapshot is of other entities, features, shards or memory";
	if (head->shard != shard)
		return "the snapshot is of another shard";
	if (head->entities > place->state->entities_max)
		return "the snapshot has more entities than a shard can hold";
	return NULL;
}

static const char *check_item(const struct place *place, uint32_t shard, const struct item *item)
{
	const struct state  *state = place->state;
	const struct layout *layout;

	if (item->kind >= state->plan->entities_count || item->zero != 0 || item->zero_too != 0 ||
	    item->merged > 1)
		return "an entity's kind or flags are out of range";
	layout = &state->layouts[item->kind];
	if (item->order < state->order_min ||
	    (item->order > layout->order_max && item->order > state->order_min))
		return "an entity's block has a size that its kind does not use";
	if (item->cells == 0 || item->cells > layout->capacity[item->order])
		return "an entity has no cells, or more than its block holds";
	if (!hash_is(item->key) || state_shard_of(state->plan, item->key) != shard)
		return "an entity's key is not of this shard";
	if (table_find(place, item->kind, item->key) != NULL)
		return "an entity is there twice";
	if (item->unit % (UINT32_C(1) << item->order) != 0 || item->unit >= state->units)
		return "an entity's block is out of place";
	return NULL;
}

/* No more of what is told than transactions. */
static bool counts_are_sound(const struct layout *layout, const uint8_t *before,
			     const uint8_t *body, uint32_t size)
{
	for (int column = COLUMN_FRAUDS; column <= COLUMN_REVIEWS; column++) {
		if (layout_has(layout, (enum column)column) &&
		    layout_u32(layout, body, (enum column)column) -
				    layout_u32(layout, before, (enum column)column) >
			    size)
			return false;
	}
	return true;
}

static bool amounts_are_sound(const struct layout *layout, const uint8_t *before,
			      const uint8_t *body, uint32_t size)
{
	u128 most = (u128)size * FEATURE_AMOUNT_MAX;

	if (layout_has(layout, COLUMN_SUM) &&
	    layout_u128(layout, body, COLUMN_SUM) - layout_u128(layout, before, COLUMN_SUM) > most)
		return false;
	if (!layout_has(layout, COLUMN_MIN))
		return true;
	int64_t min = (int64_t)layout_u64(layout, body, COLUMN_MIN);
	int64_t max = (int64_t)layout_u64(layout, body, COLUMN_MAX);

	return min >= 0 && min <= max && max <= FEATURE_AMOUNT_MAX;
}

static bool order_is_sound(const struct ring *ring, uint32_t cell)
{
	int64_t before, now = ring_time(ring, cell);

	if (layout_has(ring->layout, COLUMN_SEQUENCE) &&
	    layout_u64(ring->layout, ring_body(ring, cell), COLUMN_SEQUENCE) <
		    layout_u64(ring->layout, ring->base, COLUMN_SEQUENCE))
		return false; /* older than the entity */
	if (cell == 0)
		return now >= 0 && now >= ring->entity->dropped_ns &&
		       ring->entity->first_ns <= now && ring->entity->first_ns >= 0;
	before = ring_time(ring, cell - 1);
	if (before != now || !layout_has(ring->layout, COLUMN_SEQUENCE))
		return before <= now;
	return layout_u64(ring->layout, ring_body(ring, cell - 1), COLUMN_SEQUENCE) <
	       layout_u64(ring->layout, ring_body(ring, cell), COLUMN_SEQUENCE);
}

static const char *check_cells(const struct ring *ring)
{
	const struct entity *entity = ring->entity;

	if (entity->dropped_ns != INT64_MIN &&
	    (entity->dropped_ns < 0 || entity->first_ns > entity->dropped_ns))
		return "an entity's first transaction is later than one that was dropped";
	for (uint32_t i = 0; i < entity->count; i++) {
		const uint8_t *before = ring_before(ring, i), *body = ring_body(ring, i);
		uint32_t       size = ring_size(ring, i);

		if (!order_is_sound(ring, i))
			return "an entity's cells are not in the order of time and sequence";
		if (size == 0 || (size > 1 && !entity->merged) ||
		    !counts_are_sound(ring->layout, before, body, size) ||
		    !amounts_are_sound(ring->layout, before, body, size))
			return "a cell's numbers cannot be those of its transactions";
	}
	return NULL;
}

static const char *load_entity(const struct place *place, uint32_t shard, struct wire_reader *in)
{
	struct item    item;
	struct entity *entity;
	struct ring    ring;
	const char    *wrong;

	wire_get(in, &item, sizeof(item));
	if (in->short_of)
		return "the snapshot ends inside an entity";
	wrong = check_item(place, shard, &item);
	if (wrong != NULL)
		return wrong;
	if (!space_take_at(place, item.unit, item.order))
		return "an entity's block overlaps another, or the end of the memory";
	entity  = entity_at(place, item.unit + 1);
	*entity = (struct entity){ .key        = item.key,
				   .kind       = item.kind,
				   .order      = item.order,
				   .merged     = item.merged,
				   .count      = (uint16_t)item.cells,
				   .first_ns   = item.first_ns,
				   .dropped_ns = item.dropped_ns };
	ring    = ring_of(place, entity);
	memset(ring.base, 0, ring.layout->base_bytes);
	wire_get(in, ring.base, ring.layout->body_bytes);
	wire_get(in, ring.times, item.cells * sizeof(*ring.times));
	wire_get(in, ring.bodies, (size_t)item.cells * ring.layout->body_bytes);
	if (in->short_of)
		return "the snapshot ends inside an entity";
	room_append(place, entity);
	return check_cells(&ring);
}

static void make_empty(const struct place *place)
{
	memset(place->shard, 0, sizeof(*place->shard));
	memset(place->slots, 0, (size_t)place->state->slots * sizeof(struct slot));
	memset(place->bits, 0, place->state->bits_bytes);
	space_init(place);
}

static const char *load(const struct place *place, uint32_t shard, struct wire_reader *in)
{
	struct head head;
	const char *wrong;

	wire_get(in, &head, sizeof(head));
	wrong = in->short_of ? "the snapshot ends inside its head"
			     : check_head(place, shard, &head);
	for (uint64_t i = 0; wrong == NULL && i < head.entities; i++)
		wrong = load_entity(place, shard, in);
	if (wrong != NULL)
		return wrong;
	if (in->at != in->in.size_bytes)
		return "bytes follow the last entity";
	place->shard->counters.filed      = head.filed;
	place->shard->counters.merged     = head.merged;
	place->shard->counters.evicted    = head.evicted;
	place->shard->counters.late       = head.late;
	place->shard->counters.label_lost = head.label_lost;
	return NULL;
}

bool state_load(struct state *state, uint32_t shard, struct bytes in, struct failure *failure)
{
	struct place       place = place_of(state, shard);
	struct wire_reader reader;
	const char        *wrong;

	make_empty(&place);
	if (!wire_open(&reader, in))
		return wire_refuse(failure, 0, "the snapshot's digest is wrong");
	wrong = load(&place, shard, &reader);
	if (wrong == NULL)
		return true;
	make_empty(&place);
	return wire_refuse(failure, reader.at, wrong);
}
