/* A row of features as the kernel reads it: once for each view in use; flat.h says why. */
#include <math.h>

#include "runtime/model/forest/flat.h"

/* How many of the feature's cuts are <= x; ladder.c.  No jump depends on x. */
static inline uint16_t rank_of(const struct ladder *ladder, const float *rungs, float x)
{
	uint32_t block = 0;

	for (uint32_t r = ladder->rungs; r-- > 0;) { /* at most FOREST_RUNGS_MAX */
		const float *entries = rungs + ladder->first[r] + block * FOREST_RUNG;
		int32_t      passed  = 0;

		for (uint32_t i = 0; i < FOREST_RUNG; i++)
			passed += entries[i] <= x;
		block = block * FOREST_RUNG + (uint32_t)passed;
	}
	return (uint16_t)block;
}

static void put_ranks(const struct forest *forest, enum forest_view view, const float *x,
		      const uint16_t *plain, uint16_t *out)
{
	const float *rungs = forest_at(forest, forest->rungs_offset_bytes);
	uint32_t     count = forest->feature_count;
	bool         left  = view == FOREST_NAN_LEFT || view == FOREST_ZERO_LEFT;
	bool         zeros = view == FOREST_ZERO_LEFT || view == FOREST_ZERO_RIGHT;

	for (uint32_t f = 0; f < count; f++) {
		bool missing = isnan(x[f]) || (zeros && fabsf(x[f]) <= FOREST_ZERO_MAX);

		out[f] = !missing ? plain[f] : left ? 0 : FOREST_RANK_NEVER;
	}
	if (view != FOREST_NAN_ZERO)
		return;
	for (uint32_t f = 0; f < count; f++)
		if (isnan(x[f]))
			out[f] = rank_of(&forest->ladders[f], rungs, 0.0f);
}

/* NaN stays NaN where it goes right: it is below nothing. */
static float number_of(enum forest_view view, float x)
{
	switch (view) {
	case FOREST_NAN_LEFT: return isnan(x) ? -INFINITY : x;
	case FOREST_NAN_ZERO: return isnan(x) ? 0.0f : x;
	case FOREST_ZERO_LEFT: return isnan(x) || fabsf(x) <= FOREST_ZERO_MAX ? -INFINITY : x;
	case FOREST_ZERO_RIGHT: return fabsf(x) <= FOREST_ZERO_MAX ? NAN : x;
	default: return x;
	}
}

/* Comparisons with NaN are false, so that it is a category of no view. */
static uint32_t code_of(enum forest_view view, float x)
{
	bool  c_int = view == FOREST_C_INT;
	float end   = c_int ? 0x1p31f : FOREST_CATEGORY_END;
	bool  whole = view == FOREST_WHOLE_LEFT || view == FOREST_WHOLE_RIGHT;

	if ((view == FOREST_NAN_LEFT || view == FOREST_WHOLE_LEFT) && isnan(x))
		return FOREST_CODE_ALWAYS;
	if (whole && x >= 0.0f && x < end && x != (float)(int32_t)x)
		return FOREST_CODE_NEVER;
	if ((x >= 0.0f || (c_int && x > -1.0f)) && x < end)
		return FOREST_CODE_FIRST + (uint32_t)(int32_t)x;
	return FOREST_CODE_NEVER;
}

void forest_lay_out(const struct forest *forest, const uint16_t *slot_of, const float *x,
		    struct forest_row *row)
{
	const float *rungs = forest_at(forest, forest->rungs_offset_bytes);
	uint32_t     count = forest->feature_count;
	uint32_t     zero  = forest->view_count * count;
	float        own[MODEL_FEATURES_MAX];
	uint16_t     plain[MODEL_FEATURES_MAX];

	for (uint32_t f = 0; f < count; f++)
		own[f] = x[slot_of[f]];
	if (forest->wants_ranks)
		for (uint32_t f = 0; f < count; f++)
			plain[f] = rank_of(&forest->ladders[f], rungs, own[f]);
	for (uint32_t v = 0; v < forest->view_count; v++) {
		enum forest_view view = forest->views[v];
		uint32_t         at   = v * count;

		if (forest->wants_ranks)
			put_ranks(forest, view, own, plain, row->ranks + at);
		for (uint32_t f = 0; f < count && forest->wants_numbers; f++)
			row->numbers[at + f] = number_of(view, own[f]);
		for (uint32_t f = 0; f < count && forest->wants_codes; f++)
			row->codes[at + f] = code_of(view, own[f]);
	}
	row->ranks[zero]   = 0;
	row->numbers[zero] = 0.0f;
	row->codes[zero]   = FOREST_CODE_NEVER;
}
