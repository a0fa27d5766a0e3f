#include "runtime/state/layout.h"

#include <assert.h>

#define BIT(column)    (UINT32_C(1) << (column))
#define ALWAYS         BIT(COLUMN_COUNT)
#define SPREAD_COLUMNS (BIT(COLUMN_SUM) | BIT(COLUMN_SQUARES))
#define TOLD(column)   (BIT(COLUMN_SEQUENCE) | BIT(column)) /* told afterwards, by sequence */

static const uint8_t bytes_of_column[COLUMN_COUNT_ALL] = {
	[COLUMN_SEQUENCE] = 8,     [COLUMN_COUNT] = 4,        [COLUMN_FRAUDS] = 4,
	[COLUMN_LABELLED] = 4,     [COLUMN_DECLINES] = 4,     [COLUMN_REVIEWS] = 4,
	[COLUMN_SUM] = 16,         [COLUMN_SQUARES] = 16,     [COLUMN_MIN] = 8,
	[COLUMN_MAX] = 8,          [COLUMN_DISTINCT] = 8,     [COLUMN_DISTINCT + 1] = 8,
	[COLUMN_DISTINCT + 2] = 8, [COLUMN_DISTINCT + 3] = 8,
};
static_assert(PLAN_DISTINCT_MAX == 4, "a row for each distinct column");

static const uint32_t columns_of_kind[FEATURE_KIND_COUNT] = {
	[FEATURE_SUM]        = BIT(COLUMN_SUM),
	[FEATURE_MEAN]       = BIT(COLUMN_SUM),
	[FEATURE_MIN]        = BIT(COLUMN_MIN) | BIT(COLUMN_MAX),
	[FEATURE_MAX]        = BIT(COLUMN_MIN) | BIT(COLUMN_MAX),
	[FEATURE_STDDEV]     = SPREAD_COLUMNS,
	[FEATURE_ZSCORE]     = SPREAD_COLUMNS,
	[FEATURE_RATIO]      = BIT(COLUMN_SUM),
	[FEATURE_FRAUDS]     = TOLD(COLUMN_FRAUDS),
	[FEATURE_FRAUD_RATE] = TOLD(COLUMN_FRAUDS),
	[FEATURE_LABELLED]   = TOLD(COLUMN_LABELLED),
	[FEATURE_DECLINES]   = TOLD(COLUMN_DECLINES),
	[FEATURE_REVIEWS]    = TOLD(COLUMN_REVIEWS),
};

static bool is_windowed(enum feature_kind kind)
{
	return kind < FEATURE_AMOUNT && kind != FEATURE_SINCE_LAST && kind != FEATURE_SINCE_FIRST;
}

static bool is_extreme(enum feature_kind kind)
{
	return kind == FEATURE_MIN || kind == FEATURE_MAX;
}

/* The column that counts this field; a new one when there is none yet. */
static bool distinct_column(struct layout *layout, uint8_t field, uint8_t *out)
{
	for (*out = 0; *out < layout->distinct_count; (*out)++) {
		if (layout->distinct[*out] == field)
			return true;
	}
	if (layout->distinct_count == PLAN_DISTINCT_MAX)
		return false;
	layout->distinct[layout->distinct_count++] = field;
	layout->columns |= BIT(COLUMN_DISTINCT + *out);
	return true;
}

/* The window a feature is read from; a kind without one reads an empty window, which
 * still tells the transaction before and the first. */
static struct window window_of(const struct feature_spec *spec)
{
	struct window window = { .before   = plan_is_before(spec->kind),
				 .extremes = is_extreme(spec->kind) };

	if (is_windowed(spec->kind)) {
		window.from_ns = spec->delay_ns + spec->window_ns;
		window.to_ns   = spec->delay_ns;
	}
	return window;
}

static bool same_window(const struct window *a, const struct window *b)
{
	return a->from_ns == b->from_ns && a->to_ns == b->to_ns && a->before == b->before;
}

/* All features that are read from this window, from feature `i` on, which is one. */
static void gather(struct windows *windows, const struct feature_plan *plan, uint32_t i,
		   const uint8_t distinct[PLAN_FEATURES_MAX], bool taken[PLAN_FEATURES_MAX])
{
	struct window *window = &windows->windows[windows->windows_count++];
	uint8_t        entity = plan->features[i].entity;

	*window       = window_of(&plan->features[i]);
	window->first = windows->readings_count;
	for (; i < plan->features_count; i++) {
		struct window other = window_of(&plan->features[i]);

		if (plan->features[i].entity != entity || taken[i] || !same_window(window, &other))
			continue;
		taken[i] = true;
		window->extremes |= other.extremes;
		windows->readings[windows->readings_count++] =
			(struct reading){ .feature = (uint8_t)i, .distinct = distinct[i] };
	}
	window->count = (uint16_t)(windows->readings_count - window->first);
}

static void plan_windows(struct layout *layout, struct windows *windows,
			 const struct feature_plan *plan, uint8_t entity,
			 const uint8_t distinct[PLAN_FEATURES_MAX])
{
	bool taken[PLAN_FEATURES_MAX] = { false };

	layout->windows_first = windows->windows_count;
	for (uint32_t i = 0; i < plan->features_count; i++) {
		if (plan->features[i].entity == entity && !taken[i])
			gather(windows, plan, i, distinct, taken);
	}
	layout->windows_count = (uint16_t)(windows->windows_count - layout->windows_first);
}

static void place_columns(struct layout *layout)
{
	uint32_t at = 0;

	for (int column = 0; column < COLUMN_COUNT_ALL; column++) {
		layout->at[column] = (uint8_t)at;
		if (layout_has(layout, (enum column)column))
			at += bytes_of_column[column];
	}
	assert(at <= LAYOUT_BODY_BYTES_MAX);
	layout->body_bytes = (uint8_t)at;
	layout->base_bytes = (uint8_t)((at + 7) / 8 * 8);
}

static void plan_capacities(struct layout *layout, uint32_t history_max)
{
	uint32_t fixed_bytes = LAYOUT_ENTITY_BYTES + layout->base_bytes;
	uint32_t cell_bytes  = 8 + layout->body_bytes;

	layout->order_max = LAYOUT_ORDERS - 1;
	for (int order = LAYOUT_ORDERS - 1; order >= 0; order--) {
		uint32_t block_bytes = (uint32_t)LAYOUT_UNIT_BYTES << order;
		uint32_t cells       = block_bytes < fixed_bytes
					       ? 0
					       : (block_bytes - fixed_bytes) / cell_bytes;

		layout->capacity[order] = (uint16_t)(cells < history_max ? cells : history_max);
		if (cells >= history_max)
			layout->order_max = (uint8_t)order;
	}
	assert(layout->capacity[layout->order_max] == history_max);
}

bool layout_plan(struct layout *layout, struct windows *windows, const struct feature_plan *plan,
		 uint8_t entity)
{
	uint8_t distinct[PLAN_FEATURES_MAX];

	memset(layout, 0, sizeof(*layout));
	layout->columns = ALWAYS;
	for (uint32_t i = 0; i < plan->features_count; i++) {
		const struct feature_spec *spec   = &plan->features[i];
		struct window              window = window_of(spec);

		distinct[i] = LAYOUT_NO_DISTINCT;
		if (spec->entity != entity)
			continue;
		layout->columns |= columns_of_kind[spec->kind];
		if (window.from_ns > layout->horizon_ns)
			layout->horizon_ns = window.from_ns;
		if (spec->kind == FEATURE_DISTINCT &&
		    !distinct_column(layout, spec->of, &distinct[i]))
			return false;
	}
	place_columns(layout);
	plan_capacities(layout, plan->entities[entity].history_max);
	plan_windows(layout, windows, plan, entity, distinct);
	return true;
}
