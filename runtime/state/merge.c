/* What happens when an entity has more history than it may keep: old neighbours become
 * one cell.  The newer cell's cumulated columns cover both already, so the older cell
 * just leaves; of what is not cumulated the newer cell keeps time, sequence and hashes,
 * and the wider of both extremes.
 *
 * A window's old end then may fall inside a merged cell, which is counted whole.  To
 * keep that error small against the window, a merged cell may stand for at most 1/g of
 * the transactions that are newer than it: fine cells near the present, ever coarser
 * ones behind, as in an exponential histogram (Datar, Gionis, Indyk, Motwani, 2002).
 * A history of n transactions needs about g (1 + ln(n / g)) cells so.  g starts at a
 * quarter of the capacity and halves until an eighth of the cells is free, so that the
 * work is shared by the many transactions that come until the next time. */
#include "runtime/state/ring.h"

static void widen(const struct layout *layout, const uint8_t *older, uint8_t *newer)
{
	int64_t min[2], max[2];

	if (!layout_has(layout, COLUMN_MIN))
		return;
	min[0] = (int64_t)layout_u64(layout, older, COLUMN_MIN);
	min[1] = (int64_t)layout_u64(layout, newer, COLUMN_MIN);
	max[0] = (int64_t)layout_u64(layout, older, COLUMN_MAX);
	max[1] = (int64_t)layout_u64(layout, newer, COLUMN_MAX);
	layout_put(layout, newer, COLUMN_MIN, min[0] < min[1] ? &min[0] : &min[1], 8);
	layout_put(layout, newer, COLUMN_MAX, max[0] > max[1] ? &max[0] : &max[1], 8);
}

static uint32_t cumulated(const struct ring *ring, const uint8_t *body)
{
	return layout_u32(ring->layout, body, COLUMN_COUNT);
}

/* Put cell `from` behind the `kept` first ones; over the last of them when `merged`. */
static void keep(const struct ring *ring, uint32_t from, uint32_t kept, bool merged)
{
	uint32_t to = merged ? kept - 1 : kept;

	if (merged)
		widen(ring->layout, ring_body(ring, to), ring_body(ring, from));
	if (to == from)
		return;
	ring->times[ring_at(ring, to)] = ring_time(ring, from);
	memcpy(ring_body(ring, to), ring_body(ring, from), ring->layout->body_bytes);
}

/* One pass from old to new. */
static void merge_pass(struct ring *ring, uint32_t g)
{
	uint32_t count = ring->entity->count;
	uint32_t total = cumulated(ring, ring_body(ring, count - 1));
	uint32_t kept  = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t now   = cumulated(ring, ring_body(ring, i));
		uint64_t newer = total - now;
		bool     merge = false;

		if (kept > 0) {
			uint32_t both = now - cumulated(ring, ring_before(ring, kept - 1));

			merge = (uint64_t)both * g <= newer;
		}
		keep(ring, i, kept, merge);
		kept += !merge;
	}
	ring->entity->count = (uint16_t)kept;
}

/* The last resort of a ring of very few cells: its two oldest. */
static void merge_oldest(struct ring *ring)
{
	widen(ring->layout, ring_body(ring, 0), ring_body(ring, 1));
	ring->entity->head = (uint16_t)ring_at(ring, 1);
	ring->entity->count--;
}

uint32_t ring_merge(struct ring *ring)
{
	uint32_t before = ring->entity->count;
	uint32_t enough = before - before / 8 - (before < 8);

	assert(before >= LAYOUT_CELLS_MIN);
	for (uint32_t g = ring->capacity / 4; g > 0 && ring->entity->count > enough; g /= 2)
		merge_pass(ring, g);
	if (ring->entity->count == before)
		merge_oldest(ring);
	ring->entity->merged = 1;
	return before - ring->entity->count;
}
