#include "runtime/state/ring.h"

struct ring ring_of(const struct place *place, struct entity *entity)
{
	const struct layout *layout = layout_of(place, entity);
	struct ring          ring   = { .layout   = layout,
					.entity   = entity,
					.base     = (uint8_t *)(entity + 1),
					.capacity = layout->capacity[entity->order] };

	ring.times  = (int64_t *)(ring.base + layout->base_bytes);
	ring.bodies = (uint8_t *)(ring.times + ring.capacity);
	return ring;
}

/* Mostly the time asked for is that of a new transaction: behind all. */
uint32_t ring_until(const struct ring *ring, int64_t time_ns)
{
	uint32_t low = 0, left = ring->entity->count;

	if (left == 0 || ring_time(ring, left - 1) <= time_ns)
		return left;
	while (left > 0) {
		uint32_t half = left / 2;

		if (ring_time(ring, low + half) <= time_ns) {
			low += half + 1;
			left -= half + 1;
		} else {
			left = half;
		}
	}
	return low;
}

static uint64_t sequence_of(const struct ring *ring, uint32_t cell)
{
	return layout_u64(ring->layout, ring_body(ring, cell), COLUMN_SEQUENCE);
}

bool ring_find(const struct ring *ring, int64_t time_ns, uint64_t sequence, uint32_t *cell)
{
	uint32_t at = ring_until(ring, time_ns);

	/* `at` is behind the last cell of that time; among those, sequences grow. */
	while (at > 0 && ring_time(ring, at - 1) == time_ns && sequence_of(ring, at - 1) > sequence)
		at--;
	if (at > 0 && ring_time(ring, at - 1) == time_ns && sequence_of(ring, at - 1) == sequence) {
		*cell = at - 1;
		return true;
	}
	*cell = at;
	return at < ring->entity->count && ring_size(ring, at) > 1 &&
	       time_ns > ring->entity->dropped_ns &&
	       sequence >= layout_u64(ring->layout, ring->base, COLUMN_SEQUENCE);
}

static void move_cell(const struct ring *ring, uint32_t from, uint32_t to)
{
	ring->times[ring_at(ring, to)] = ring_time(ring, from);
	memcpy(ring_body(ring, to), ring_body(ring, from), ring->layout->body_bytes);
}

static void add_to_body(const struct layout *layout, uint8_t *body, const struct change *change)
{
	for (int column = COLUMN_COUNT; column <= COLUMN_REVIEWS; column++) {
		uint32_t value;

		if (!layout_has(layout, (enum column)column))
			continue;
		value = layout_u32(layout, body, (enum column)column) +
			change->counts[column - COLUMN_COUNT];
		layout_put(layout, body, (enum column)column, &value, sizeof(value));
	}
	if (layout_has(layout, COLUMN_SUM)) {
		u128 sum = layout_u128(layout, body, COLUMN_SUM) + change->sum;

		layout_put(layout, body, COLUMN_SUM, &sum, sizeof(sum));
	}
	if (layout_has(layout, COLUMN_SQUARES)) {
		u128 squares = layout_u128(layout, body, COLUMN_SQUARES) + change->squares;

		layout_put(layout, body, COLUMN_SQUARES, &squares, sizeof(squares));
	}
}

void ring_add(const struct ring *ring, uint32_t cell, const struct change *change)
{
	for (; cell < ring->entity->count; cell++)
		add_to_body(ring->layout, ring_body(ring, cell), change);
}

/* The columns that are the cell's own. */
static void put_own(const struct layout *layout, uint8_t *body, const struct state_event *event,
		    int64_t amount)
{
	if (layout_has(layout, COLUMN_SEQUENCE))
		layout_put(layout, body, COLUMN_SEQUENCE, &event->sequence, 8);
	if (layout_has(layout, COLUMN_MIN)) {
		layout_put(layout, body, COLUMN_MIN, &amount, 8);
		layout_put(layout, body, COLUMN_MAX, &amount, 8);
	}
	for (uint8_t i = 0; i < layout->distinct_count; i++) {
		enum field   field = layout->distinct[i];
		struct bytes text  = field_text(event->transaction, field);
		uint64_t     hash  = 0;

		if (text.size_bytes > 0) {
			hash = hash_bytes(field, text).low;
			hash += hash == 0;
		}
		layout_put(layout, body, COLUMN_DISTINCT + i, &hash, sizeof(hash));
	}
}

static struct change change_of(int64_t amount)
{
	return (struct change){ .counts  = { 1 },
				.sum     = (u128)amount,
				.squares = (u128)amount * (u128)amount };
}

static void widen_by(const struct layout *layout, uint8_t *body, int64_t amount)
{
	if (!layout_has(layout, COLUMN_MIN))
		return;
	if (amount < (int64_t)layout_u64(layout, body, COLUMN_MIN))
		layout_put(layout, body, COLUMN_MIN, &amount, 8);
	if (amount > (int64_t)layout_u64(layout, body, COLUMN_MAX))
		layout_put(layout, body, COLUMN_MAX, &amount, 8);
}

bool ring_absorb(const struct ring *ring, const struct state_event *event)
{
	int64_t       amount = plan_amount(event->transaction);
	uint32_t      cell   = ring_until(ring, event->transaction->time_ns);
	struct change change = change_of(amount);

	if (cell == ring->entity->count || ring_size(ring, cell) == 1)
		return false;
	widen_by(ring->layout, ring_body(ring, cell), amount);
	ring_add(ring, cell, &change);
	if (event->transaction->time_ns < ring->entity->first_ns)
		ring->entity->first_ns = event->transaction->time_ns;
	return true;
}

void ring_insert(const struct ring *ring, const struct state_event *event)
{
	int64_t       amount = plan_amount(event->transaction);
	uint32_t      cell   = ring_until(ring, event->transaction->time_ns);
	struct change change = change_of(amount);

	assert(ring->entity->count < ring->capacity);
	ring->entity->count++;
	for (uint32_t i = ring->entity->count - 1u; i > cell; i--)
		move_cell(ring, i - 1, i);
	ring->times[ring_at(ring, cell)] = event->transaction->time_ns;
	memcpy(ring_body(ring, cell), ring_before(ring, cell), ring->layout->body_bytes);
	put_own(ring->layout, ring_body(ring, cell), event, amount);
	ring_add(ring, cell, &change);
	if (event->transaction->time_ns < ring->entity->first_ns)
		ring->entity->first_ns = event->transaction->time_ns;
}

uint32_t ring_drop(struct ring *ring, int64_t time_ns)
{
	uint32_t dropped = ring_until(ring, time_ns);
	uint64_t born    = 0;

	if (dropped == 0)
		return 0;
	if (layout_has(ring->layout, COLUMN_SEQUENCE))
		born = layout_u64(ring->layout, ring->base, COLUMN_SEQUENCE);
	ring->entity->dropped_ns = ring_time(ring, dropped - 1);
	memcpy(ring->base, ring_body(ring, dropped - 1), ring->layout->body_bytes);
	if (layout_has(ring->layout, COLUMN_SEQUENCE))
		layout_put(ring->layout, ring->base, COLUMN_SEQUENCE, &born, sizeof(born));
	ring->entity->head = (uint16_t)ring_at(ring, dropped);
	ring->entity->count -= dropped;
	return dropped;
}

void ring_copy(const struct ring *from, struct ring *to)
{
	memcpy(to->base, from->base, from->layout->base_bytes);
	for (uint32_t i = 0; i < from->entity->count; i++)
		to->times[i] = ring_time(from, i);
	for (uint32_t i = 0; i < from->entity->count; i++)
		memcpy(ring_body(to, i), ring_body(from, i), from->layout->body_bytes);
}
