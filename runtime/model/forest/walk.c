/* The fast kernel; flat.h says how the forest lies.  Bit-equal to judge.c: the
 * same comparisons, and the leaves are added in tree order. */
#include <math.h>

#include "runtime/model/forest/flat.h"

static void lay_out_row(const struct forest *forest, const uint16_t *slot_of, const float *x,
			float *row)
{
	uint32_t count = forest->feature_count;

	for (uint32_t i = 0; i < count; i++) {
		float value = x[slot_of[i]];

		row[i]         = value;
		row[count + i] = isnan(value) ? -INFINITY : value;
	}
	row[2 * count] = 0.0f;
}

/* Inlined once for each depth, so that lane offsets are constants. */
static inline __attribute__((always_inline)) void walk_padded(const void *memory, uint32_t depth,
							      const float *row, float *out)
{
	const struct split *splits = memory;
	const float        *leaves = (const float *)(splits + ((size_t)FOREST_LANES << depth));
	uint64_t            at[FOREST_LANES] = { 1, 1, 1, 1, 1, 1, 1, 1 };

	for (uint32_t level = 0; level < depth; level++) {
#pragma GCC unroll 8
		for (uint32_t lane = 0; lane < FOREST_LANES; lane++) {
			const struct split *split = &splits[((uint64_t)lane << depth) + at[lane]];

			at[lane] = 2 * at[lane] + !(row[split->slot] < split->threshold);
		}
	}
#pragma GCC unroll 8
	for (uint32_t lane = 0; lane < FOREST_LANES; lane++)
		out[lane] = leaves[((uint64_t)lane << depth) + at[lane] - ((uint64_t)1 << depth)];
}

static void walk_steps(const struct step *steps, uint32_t depth, const float *row, float *out)
{
	uint32_t at[FOREST_LANES] = { 0, 1, 2, 3, 4, 5, 6, 7 };

	for (uint32_t level = 0; level < depth; level++) { /* depth <= MODEL_DEPTH_MAX */
#pragma GCC unroll 8
		for (uint32_t lane = 0; lane < FOREST_LANES; lane++) {
			const struct step *step = &steps[at[lane]];

			at[lane] = step->child + !(row[step->slot] < step->threshold);
		}
	}
	for (uint32_t lane = 0; lane < FOREST_LANES; lane++)
		out[lane] = steps[at[lane]].leaf;
}

static void walk_group(const struct forest *forest, const struct group *group, const float *row,
		       float *out)
{
	const void *memory = forest_at(forest, group->offset_bytes);

	if (!group->padded) {
		walk_steps(memory, group->depth, row, out);
		return;
	}
	static_assert(FOREST_PADDED_DEPTH_MAX == 8, "one case for each depth");
	switch (group->depth) {
	case 0: walk_padded(memory, 0, row, out); break;
	case 1: walk_padded(memory, 1, row, out); break;
	case 2: walk_padded(memory, 2, row, out); break;
	case 3: walk_padded(memory, 3, row, out); break;
	case 4: walk_padded(memory, 4, row, out); break;
	case 5: walk_padded(memory, 5, row, out); break;
	case 6: walk_padded(memory, 6, row, out); break;
	case 7: walk_padded(memory, 7, row, out); break;
	default: walk_padded(memory, 8, row, out); break;
	}
}

void forest_run(const struct forest *forest, const uint16_t *slot_of, const float *x,
		float *margins)
{
	const struct group *groups = forest_at(forest, forest->groups_offset_bytes);
	float               row[FOREST_ROW_MAX];
	float               out[FOREST_LANES];
	float               margin = (float)forest->base[0];

	lay_out_row(forest, slot_of, x, row);
	for (uint32_t g = 0; g < forest->group_count; g++) {
		walk_group(forest, &groups[g], row, out);
		for (uint32_t lane = 0; lane < groups[g].lanes; lane++)
			margin += out[lane];
	}
	margins[0] = margin;
}
