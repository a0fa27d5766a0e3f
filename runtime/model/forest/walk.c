/* The fast kernel; flat.h says how the forest lies.  Bit-equal to judge.c: the same
 * comparisons, and the leaves are added in tree order. */
#include "runtime/model/forest/flat.h"

/* The child of `at`: 2 at, and 1 more when x's rank is above the split's.  The compiler is kept
 * from seeing that both summands are one, for which it would find something longer than compare
 * and add with carry; the walk is 7 % faster so. */
static inline __attribute__((always_inline)) uint64_t child_of(uint64_t            at,
							       const struct split *split,
							       const uint16_t     *ranks)
{
	uint64_t again = at;

	__asm__("" : "+r"(again));
	return at + again + (split->rank < ranks[split->slot]);
}

/* Inlined once for each depth and kind of leaf, so that lane offsets are constants.  `place` is
 * each lane's leaf, counted in leaves from the first twig. */
static inline __attribute__((always_inline)) void walk_padded(const struct split *tops,
							      const uint8_t *twigs, uint32_t depth,
							      bool doubles, const uint16_t *ranks,
							      uint32_t *place)
{
	uint64_t at[FOREST_LANES] = { 1, 1, 1, 1, 1, 1, 1, 1 };
	uint32_t above            = depth - FOREST_TWIG_DEPTH;
	size_t   twig_bytes       = doubles ? sizeof(struct twig_of_doubles) : sizeof(struct twig);

	for (uint32_t level = 0; level < above; level++) {
#pragma GCC unroll 8
		for (uint64_t lane = 0; lane < FOREST_LANES; lane++)
			at[lane] = child_of(at[lane], &tops[(lane << above) + at[lane]], ranks);
	}
#pragma GCC unroll 8
	for (uint64_t lane = 0; lane < FOREST_LANES; lane++) {
		uint64_t            twig   = (lane << above) + at[lane] - (1u << above);
		const struct split *splits = (const struct split *)(twigs + twig * twig_bytes);
		uint64_t            leaf   = child_of(1, &splits[1], ranks);

		leaf        = child_of(leaf, &splits[leaf], ranks) - 4;
		place[lane] = (uint32_t)(twig * TWIG_LEAVES + leaf +
					 (doubles ? TWIG_OF_DOUBLES_FIRST : TWIG_FIRST));
	}
}

static inline __attribute__((always_inline)) void walk_depth(const struct split *tops,
							     const uint8_t *twigs, uint32_t depth,
							     bool doubles, const uint16_t *ranks,
							     uint32_t *place)
{
	static_assert(FOREST_PADDED_DEPTH_MAX == 8, "one case for each depth");
	switch (depth) {
	case 2: walk_padded(tops, twigs, 2, doubles, ranks, place); break;
	case 3: walk_padded(tops, twigs, 3, doubles, ranks, place); break;
	case 4: walk_padded(tops, twigs, 4, doubles, ranks, place); break;
	case 5: walk_padded(tops, twigs, 5, doubles, ranks, place); break;
	case 6: walk_padded(tops, twigs, 6, doubles, ranks, place); break;
	case 7: walk_padded(tops, twigs, 7, doubles, ranks, place); break;
	default: walk_padded(tops, twigs, 8, doubles, ranks, place); break;
	}
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
	const void    *tests = forest_at(forest, group->tests_offset_bytes);
	const uint8_t *twigs = forest_at(forest, group->leaves_offset_bytes);

	if (group->form == GROUP_WALK)
		walk_steps(tests, group->depth, row->numbers, place);
	else if (group->form == GROUP_SETS)
		walk_sets(tests, group->depth, forest_at(forest, forest->sets_offset_bytes), row,
			  place);
	else if (forest->double_sums && forest->leaf_width == 1)
		walk_depth(tests, twigs, group->depth, true, row->ranks, place);
	else
		walk_depth(tests, twigs, group->depth, false, row->ranks, place);
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
