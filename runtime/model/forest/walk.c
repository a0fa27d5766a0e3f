/* The fast kernel; flat.h says how the forest lies.  Bit-equal to judge.c: the same
 * comparisons, and the leaves are added in tree order. */
#include "runtime/model/forest/flat.h"

/* Inlined once for each depth, so that lane offsets are constants.  `place` is each lane's
 * number among the group's leaves. */
static inline __attribute__((always_inline)) void walk_padded(const struct split *splits,
							      uint32_t depth, const uint16_t *ranks,
							      uint32_t *place)
{
	uint64_t at[FOREST_LANES] = { 1, 1, 1, 1, 1, 1, 1, 1 };

	for (uint32_t level = 0; level < depth; level++) {
#pragma GCC unroll 8
		for (uint64_t lane = 0; lane < FOREST_LANES; lane++) {
			const struct split *split = &splits[(lane << depth) + at[lane]];
			/* Both have 16 bits: the difference is negative when x's is greater. */
			uint32_t under = (uint32_t)split->rank - (uint32_t)ranks[split->slot];

			at[lane] = 2 * at[lane] + (under >> 31);
		}
	}
#pragma GCC unroll 8
	for (uint64_t lane = 0; lane < FOREST_LANES; lane++)
		place[lane] = (uint32_t)((lane << depth) + at[lane] - (1u << depth));
}

static void walk_steps(const struct step *steps, uint32_t depth, const float *numbers,
		       uint32_t *place)
{
	uint32_t at[FOREST_LANES] = { 0, 1, 2, 3, 4, 5, 6, 7 };

	for (uint32_t level = 0; level < depth; level++) { /* depth <= MODEL_DEPTH_MAX */
#pragma GCC unroll 8
		for (uint32_t lane = 0; lane < FOREST_LANES; lane++) {
			const struct step *step = &steps[at[lane]];

			at[lane] = step->child + !(numbers[step->slot] < step->threshold);
		}
	}
	for (uint32_t lane = 0; lane < FOREST_LANES; lane++)
		place[lane] = at[lane];
}

/* Whether a code is in the set whose marker word is sets[0]; without a jump. */
static inline bool in_set(const uint32_t *sets, uint32_t set_words, uint32_t code)
{
	uint32_t word   = code / 32;
	bool     inside = word <= set_words;

	return inside & (sets[inside ? word : 0] >> code % 32);
}

static void walk_sets(const struct step *steps, uint32_t depth, const uint32_t *sets,
		      const struct forest_row *row, uint32_t *place)
{
	uint32_t at[FOREST_LANES] = { 0, 1, 2, 3, 4, 5, 6, 7 };

	for (uint32_t level = 0; level < depth; level++) { /* depth <= MODEL_DEPTH_MAX */
#pragma GCC unroll 8
		for (uint32_t lane = 0; lane < FOREST_LANES; lane++) {
			const struct step *step = &steps[at[lane]];
			bool               less = row->numbers[step->slot] < step->threshold;
			bool in = in_set(sets + step->set, step->set_words, row->codes[step->slot]);

			at[lane] = step->child + !(less | in);
		}
	}
	for (uint32_t lane = 0; lane < FOREST_LANES; lane++)
		place[lane] = at[lane];
}

static void walk_group(const struct forest *forest, const struct group *group,
		       const struct forest_row *row, uint32_t *place)
{
	const void *tests = forest_at(forest, group->tests_offset_bytes);

	if (group->form == GROUP_WALK) {
		walk_steps(tests, group->depth, row->numbers, place);
		return;
	}
	if (group->form == GROUP_SETS) {
		walk_sets(tests, group->depth, forest_at(forest, forest->sets_offset_bytes), row,
			  place);
		return;
	}
	static_assert(FOREST_PADDED_DEPTH_MAX == 8, "one case for each depth");
	switch (group->depth) {
	case 0: walk_padded(tests, 0, row->ranks, place); break;
	case 1: walk_padded(tests, 1, row->ranks, place); break;
	case 2: walk_padded(tests, 2, row->ranks, place); break;
	case 3: walk_padded(tests, 3, row->ranks, place); break;
	case 4: walk_padded(tests, 4, row->ranks, place); break;
	case 5: walk_padded(tests, 5, row->ranks, place); break;
	case 6: walk_padded(tests, 6, row->ranks, place); break;
	case 7: walk_padded(tests, 7, row->ranks, place); break;
	default: walk_padded(tests, 8, row->ranks, place); break;
	}
}

/* The common forest: one output, float sums. */
static float run_one(const struct forest *forest, const struct forest_row *row, float margin)
{
	const struct group *groups = forest_at(forest, forest->groups_offset_bytes);
	uint32_t            place[FOREST_LANES];

	for (uint32_t g = 0; g < forest->group_count; g++) {
		const float *leaves = forest_at(forest, groups[g].leaves_offset_bytes);

		walk_group(forest, &groups[g], row, place);
		for (uint32_t lane = 0; lane < groups[g].lanes; lane++)
			margin += leaves[place[lane]];
	}
	return margin;
}

static void add_group(const struct forest *forest, const struct group *group, const uint32_t *place,
		      struct forest_sums *sums)
{
	const void   *leaves = forest_at(forest, group->leaves_offset_bytes);
	const double *rows   = forest_at(forest, forest->leaves_offset_bytes);
	uint32_t      width  = forest->leaf_width;

	for (uint32_t lane = 0; lane < group->lanes; lane++) {
		uint32_t output = group->output[lane];

		if (width > 1)
			forest_add(sums, 0,
				   rows + (size_t)((const uint32_t *)leaves)[place[lane]] * width,
				   width);
		else if (sums->wide)
			sums->doubles[output] += ((const double *)leaves)[place[lane]];
		else
			sums->floats[output] += ((const float *)leaves)[place[lane]];
	}
}

void forest_run(const struct forest *forest, const uint16_t *slot_of, const float *x,
		float *margins)
{
	const struct group *groups = forest_at(forest, forest->groups_offset_bytes);
	struct forest_row   row;
	struct forest_sums  sums;
	uint32_t            place[FOREST_LANES];

	forest_lay_out(forest, slot_of, x, &row);
	forest_sums_begin(forest, &sums);
	if (forest->output_count == 1 && forest->leaf_width == 1 && !sums.wide) {
		sums.floats[0] = run_one(forest, &row, sums.floats[0]);
	} else {
		for (uint32_t g = 0; g < forest->group_count; g++) {
			walk_group(forest, &groups[g], &row, place);
			add_group(forest, &groups[g], place, &sums);
		}
	}
	forest_sums_end(forest, &sums, margins);
}
