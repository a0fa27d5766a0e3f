#include "runtime/state/read.h"

#define SEEN_MIN 16
#define SEEN_MAX (2 * PLAN_HISTORY_MAX)

/* The cells low .. high-1 of a ring. */
struct stretch {
	uint32_t low, high;
};

struct look read_before(const struct place *place, uint8_t kind, struct entity *entity,
			int64_t time_ns)
{
	struct look look = { .place    = place,
			     .kind     = kind,
			     .time_ns  = time_ns,
			     .last_ns  = INT64_MIN,
			     .first_ns = INT64_MIN };
	struct ring ring;
	uint32_t    until;

	if (entity == NULL)
		return look;
	ring  = ring_of(place, entity);
	until = ring_until(&ring, time_ns);
	if (until > 0)
		look.last_ns = ring_time(&ring, until - 1);
	else if (entity->dropped_ns <= time_ns)
		look.last_ns = entity->dropped_ns;
	if (entity->first_ns <= time_ns)
		look.first_ns = entity->first_ns;
	look.coarse = entity->dropped_ns > time_ns ||
		      (entity->merged && until < entity->count && ring_size(&ring, until) > 1);
	return look;
}

/* A window is not exact when its edge lies within a merged cell, or when something it
 * may have held was dropped (a reader that is older than lateness allows). */
static bool is_coarse(const struct ring *ring, const struct stretch *s, int64_t from_ns)
{
	const struct entity *entity = ring->entity;

	if (entity->dropped_ns > from_ns)
		return true;
	if (!entity->merged)
		return false;
	return (s->low < entity->count && ring_size(ring, s->low) > 1) ||
	       (s->high < entity->count && ring_size(ring, s->high) > 1);
}

/* The difference of the cumulated columns. */
static void subtract(const struct ring *ring, const struct stretch *s, struct aggregate *out)
{
	const struct layout *layout   = ring->layout;
	const uint8_t       *low      = ring_before(ring, s->low);
	const uint8_t       *high     = ring_before(ring, s->high);
	uint32_t *const      counts[] = { &out->count, &out->frauds, &out->labelled, &out->declines,
					  &out->reviews };

	for (int column = COLUMN_COUNT; column <= COLUMN_REVIEWS; column++) {
		if (layout_has(layout, (enum column)column))
			*counts[column - COLUMN_COUNT] =
				layout_u32(layout, high, (enum column)column) -
				layout_u32(layout, low, (enum column)column);
	}
	if (layout_has(layout, COLUMN_SUM))
		out->sum = (i128)(layout_u128(layout, high, COLUMN_SUM) -
				  layout_u128(layout, low, COLUMN_SUM));
	if (layout_has(layout, COLUMN_SQUARES))
		out->squares = layout_u128(layout, high, COLUMN_SQUARES) -
			       layout_u128(layout, low, COLUMN_SQUARES);
}

static void scan_extremes(const struct ring *ring, const struct stretch *s, struct aggregate *out)
{
	out->min = INT64_MAX;
	out->max = INT64_MIN;
	for (uint32_t i = s->low; i < s->high; i++) {
		const uint8_t *body = ring_body(ring, i);
		int64_t        min  = (int64_t)layout_u64(ring->layout, body, COLUMN_MIN);
		int64_t        max  = (int64_t)layout_u64(ring->layout, body, COLUMN_MAX);

		out->min = min < out->min ? min : out->min;
		out->max = max > out->max ? max : out->max;
	}
}

/* Different hashes of a column, by a small table of cell numbers: at most half full. */
static uint32_t count_distinct(const struct ring *ring, const struct stretch *s, uint8_t distinct,
			       struct hash128 secret)
{
	uint16_t    seen[SEEN_MAX]; /* cell - low + 1; 0: empty */
	enum column column = COLUMN_DISTINCT + distinct;
	uint32_t    places = SEEN_MIN, found = 0;

	while (places < 2 * (s->high - s->low))
		places *= 2;
	memset(seen, 0, places * sizeof(seen[0]));
	for (uint32_t i = s->low; i < s->high; i++) {
		uint64_t hash = layout_u64(ring->layout, ring_body(ring, i), column);
		uint32_t at   = (uint32_t)hash_place((struct hash128){ hash, hash }, secret) &
			      (places - 1);

		if (hash == 0)
			continue;
		while (seen[at] != 0 &&
		       layout_u64(ring->layout, ring_body(ring, s->low + seen[at] - 1u), column) !=
			       hash)
			at = (at + 1) & (places - 1);
		found += seen[at] == 0;
		if (seen[at] == 0)
			seen[at] = (uint16_t)(i - s->low + 1);
	}
	return found;
}

/* The aggregate of one window, distinct counts left out, and the cells it is of. */
static struct aggregate read_window(const struct look *look, const struct ring *ring,
				    const struct window *window, struct stretch *s)
{
	struct aggregate out = { .last_ns  = look->last_ns,
				 .first_ns = look->first_ns,
				 .coarse   = look->coarse };

	*s = (struct stretch){ 0 };
	if (ring->entity == NULL || window->from_ns == window->to_ns)
		return out;
	s->low     = ring_until(ring, look->time_ns - window->from_ns);
	s->high    = ring_until(ring, look->time_ns - window->to_ns);
	out.coarse = is_coarse(ring, s, look->time_ns - window->from_ns);
	if (s->low == s->high)
		return out;
	subtract(ring, s, &out);
	if (window->extremes)
		scan_extremes(ring, s, &out);
	return out;
}

void read_windows(const struct look *look, struct entity *entity, bool before,
		  struct aggregate out[PLAN_FEATURES_MAX])
{
	const struct layout  *layout  = &look->place->state->layouts[look->kind];
	const struct windows *windows = &look->place->state->windows;
	struct ring           ring    = { 0 };

	if (entity != NULL)
		ring = ring_of(look->place, entity);
	for (uint32_t i = 0; i < layout->windows_count; i++) {
		const struct window *window = &windows->windows[layout->windows_first + i];
		struct aggregate     one;
		struct stretch       s;

		if (window->before != before)
			continue;
		one = read_window(look, &ring, window, &s);
		for (uint32_t j = 0; j < window->count; j++) {
			const struct reading *reading = &windows->readings[window->first + j];
			struct aggregate     *to      = &out[reading->feature];

			*to = one;
			if (reading->distinct != LAYOUT_NO_DISTINCT && s.low != s.high) {
				/* A merged cell has kept one hash of several. */
				to->distinct = count_distinct(&ring, &s, reading->distinct,
							      look->place->state->secret);
				to->coarse |= one.count != s.high - s.low;
			}
			look->place->shard->counters.coarse += to->coarse;
		}
	}
}
