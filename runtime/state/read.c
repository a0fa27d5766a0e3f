#include "runtime/state/read.h"

#define SEEN_MIN 16
#define SEEN_MAX (2 * PLAN_HISTORY_MAX)

/* The cells low .. high-1 of a ring, and what a window over them may not be exact in. */
struct stretch {
	uint32_t low, high;
};

struct past read_past(const struct place *place, struct entity *entity, int64_t time_ns)
{
	struct past past = { .last_ns = INT64_MIN, .first_ns = INT64_MIN };
	struct ring ring;
	uint32_t    until;

	if (entity == NULL)
		return past;
	ring  = ring_of(place, entity);
	until = ring_until(&ring, time_ns);
	if (until > 0)
		past.last_ns = ring_time(&ring, until - 1);
	else if (entity->dropped_ns <= time_ns)
		past.last_ns = entity->dropped_ns;
	if (entity->first_ns <= time_ns)
		past.first_ns = entity->first_ns;
	return past;
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
static uint32_t count_distinct(const struct ring *ring, const struct stretch *s, uint8_t distinct)
{
	uint16_t    seen[SEEN_MAX]; /* cell - low + 1; 0: empty */
	enum column column = COLUMN_DISTINCT + distinct;
	uint32_t    places = SEEN_MIN, found = 0;

	while (places < 2 * (s->high - s->low))
		places *= 2;
	memset(seen, 0, places * sizeof(seen[0]));
	for (uint32_t i = s->low; i < s->high; i++) {
		uint64_t hash = layout_u64(ring->layout, ring_body(ring, i), column);
		uint32_t at   = (uint32_t)hash & (places - 1);

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

static void read_window(const struct ring *ring, const struct window *window, int64_t time_ns,
			struct aggregate *out, struct stretch *s)
{
	s->low  = ring_until(ring, time_ns - window->from_ns);
	s->high = ring_until(ring, time_ns - window->to_ns);
	if (window->from_ns == window->to_ns)
		return;
	out->coarse = is_coarse(ring, s, time_ns - window->from_ns);
	if (s->low == s->high)
		return;
	subtract(ring, s, out);
	if (window->extremes)
		scan_extremes(ring, s, out);
}

void read_windows(const struct place *place, uint8_t kind, struct entity *entity, int64_t time_ns,
		  bool before, const struct past *past, struct aggregate out[PLAN_FEATURES_MAX])
{
	const struct layout  *layout  = &place->state->layouts[kind];
	const struct windows *windows = &place->state->windows;
	struct ring           ring    = { 0 };

	if (entity != NULL)
		ring = ring_of(place, entity);
	for (uint32_t i = 0; i < layout->windows_count; i++) {
		const struct window *window = &windows->windows[layout->windows_first + i];
		struct stretch       s      = { 0 };
		struct aggregate     one = { .last_ns = past->last_ns, .first_ns = past->first_ns };

		if (window->before != before)
			continue;
		if (entity != NULL)
			read_window(&ring, window, time_ns, &one, &s);
		for (uint32_t j = 0; j < window->count; j++) {
			const struct reading *reading = &windows->readings[window->first + j];

			out[reading->feature] = one;
			if (reading->distinct == LAYOUT_NO_DISTINCT || s.low == s.high)
				continue;
			/* A merged cell has kept one hash of several. */
			out[reading->feature].distinct = count_distinct(&ring, &s,
									reading->distinct);
			out[reading->feature].coarse |= one.count != s.high - s.low;
		}
	}
}
