/* How a forest lies in memory.  Private to runtime/model/forest.
 *
 *   struct forest | trees nodes leaves sets | rungs | groups | splits, steps and leaves
 *                   \---- the judge's -----/ \-------- the fast kernel's -----------/
 *
 * The fast kernel walks FOREST_LANES trees at once, so that many chains of dependent
 * loads are under way instead of one, and takes no branch that depends on a feature.
 * Each group of FOREST_LANES consecutive trees is in one of three forms.
 *
 * PADDED, when none is deeper than FOREST_PADDED_DEPTH_MAX and all tests are of numbers:
 * every tree is made complete to the group's depth D (2 at least) by splits that lead to the
 * same leaf both ways.  No child pointers: node i's children are 2i and 2i + 1, the root is 1.
 * The two lowest levels and their leaves lie together, so that a tree of depth 6 is walked in
 * two cache lines.
 *
 *     struct split tops [FOREST_LANES][2^(D-2)]   tops[..][0] is not used
 *     struct twig  twigs[FOREST_LANES][2^(D-2)]   twig n hangs where node 2^(D-2) + n would be
 *
 * A split of 4 bytes compares *ranks*: the rank of x is how many of its feature's cuts (the
 * thresholds of all its tests, rising) are <= x, so x < cuts[k] is rank(x) <= k, exactly.
 *
 *     feature 3:  cuts   0.5   1.5   8.0         x = 2.0 has rank 2
 *                 k      0     1     2           2.0 < 8.0, as 2 <= 2
 *
 * WALK, for deeper trees, whose padding would be too large: nodes with a child index, both
 * children side by side; a leaf is its own child, so that every lane takes D steps.
 *
 *     struct step steps[]     of the trees together; the roots come first
 *     leaves           []     by step
 *
 * SETS, the same for groups with tests of categories: each step makes both tests, and the
 * kind that it is not always says no.
 *
 * Leaves are float, or double when the forest adds in double, or the uint32_t
 * row in all leaves when a leaf has several values.
 *
 * Missing values cost no branch either: a row is laid out once for each view in use, as
 * ranks, as numbers and as categories, whichever the groups want, and a test's slot says
 * which view it reads. */
#ifndef ASSAY_RUNTIME_MODEL_FOREST_FLAT_H
#define ASSAY_RUNTIME_MODEL_FOREST_FLAT_H

#include "runtime/model/forest/forest.h"

#define FOREST_LANES            8u
#define FOREST_PADDED_DEPTH_MAX 8u
#define FOREST_TWIG_DEPTH       2u
#define FOREST_ROW_MAX          (FOREST_VIEW_COUNT * MODEL_FEATURES_MAX + 1) /* the last: 0 */
#define FOREST_CUTS_MAX         65534u /* of one feature; one with more is walked by number */
#define FOREST_RANK_NEVER       65535u /* above every cut: NaN that goes right */

/* Categories as the walk has them: a word stands before each set whose bit 0 is set and whose
 * bit 1 is clear, so that these two codes are members of every set and of none; category c is
 * bit c % 32 of word 1 + c / 32.  Word 0 of all sets is 0: no code is a member. */
#define FOREST_CODE_ALWAYS 0u
#define FOREST_CODE_NEVER  1u
#define FOREST_CODE_FIRST  32u

struct split {
	uint16_t slot; /* in the laid-out row */
	uint16_t rank; /* goes right when the slot's is greater */
};
static_assert(sizeof(struct split) == 4, "sixteen splits in a cache line");

/* Two levels of splits and the four leaves below; node 1 and its children 2 and 3. */
struct twig {
	struct split splits[4]; /* the first is not used */
	uint32_t     leaves[4]; /* floats, or rows of all leaves */
};
static_assert(sizeof(struct twig) == 32, "two in a cache line");

struct twig_of_doubles {
	struct split splits[4];
	double       leaves[4];
	uint64_t     unused[2];
};
static_assert(sizeof(struct twig_of_doubles) == 64, "one is a cache line");

#define TWIG_LEAVES           8u /* a twig is as long as so many of its leaves, */
#define TWIG_FIRST            4u /* of which the first is this one, */
#define TWIG_OF_DOUBLES_FIRST 2u /* or this */

struct step {
	float    threshold; /* +inf in a leaf, -inf in a test of categories */
	uint32_t child;     /* the left one; the right one follows.  In a leaf: itself */
	uint32_t set;       /* of categories: the word before it; else 0 */
	uint16_t slot;      /* in a leaf: the row's zero */
	uint16_t set_words;
};
static_assert(sizeof(struct step) == 16, "four steps in a cache line");

/* How a feature's rank is found; ladder.c. */
#define FOREST_RUNG      16u /* floats: a cache line, two AVX2 compares */
#define FOREST_RUNGS_MAX 4u  /* 16^4 > FOREST_CUTS_MAX */

struct ladder {
	uint32_t first[FOREST_RUNGS_MAX]; /* of each rung, in all rungs; the lowest first */
	uint32_t rungs;                   /* 0: no test asks for this feature's rank */
};

enum group_form { GROUP_PADDED, GROUP_WALK, GROUP_SETS };

struct group {
	uint64_t tests_offset_bytes;  /* of tops or steps; from the start of the forest */
	uint64_t leaves_offset_bytes; /* what a lane's place counts from: of twigs, or leaves */
	uint32_t depth;
	uint16_t lanes; /* trees in it; fewer than FOREST_LANES in the last group only */
	uint16_t form;  /* enum group_form */
	uint16_t output[FOREST_LANES];
};

struct forest {
	uint16_t      feature_count;
	uint16_t      output_count;
	uint16_t      leaf_width;
	bool          double_sums;
	bool          covered;
	bool          wants_ranks; /* some group is padded */
	bool          wants_numbers;
	bool          wants_codes;
	uint8_t       view_count;
	uint8_t       views[FOREST_VIEW_COUNT]; /* in use: those of slots 0, feature_count, ... */
	uint32_t      tree_count;
	uint32_t      node_count;
	uint32_t      depth;
	uint32_t      group_count;
	struct ladder ladders[MODEL_FEATURES_MAX];
	double        divisor;
	double        base[MODEL_OUTPUTS_MAX];
	uint64_t      trees_offset_bytes;
	uint64_t      nodes_offset_bytes;
	uint64_t      leaves_offset_bytes;
	uint64_t      sets_offset_bytes;
	uint64_t      rungs_offset_bytes;
	uint64_t      groups_offset_bytes;
};

/* A row as the kernel reads it; only what the forest wants is filled in. */
struct forest_row {
	uint16_t ranks[FOREST_ROW_MAX];
	float    numbers[FOREST_ROW_MAX];
	uint32_t codes[FOREST_ROW_MAX];
};

/* Places for the rungs of `cuts` cuts, from `first` on; the end of them. */
uint32_t ladder_shape(uint32_t cuts, uint32_t first, struct ladder *ladder);
/* `out` are all rungs. */
void ladder_fill(const struct ladder *ladder, const float *cuts, uint32_t count, float *out);

/* row.c */
void forest_lay_out(const struct forest *forest, const uint16_t *slot_of, const float *x,
		    struct forest_row *row);

/* Margins while leaves are added to them, in the forest's tree order; sums.c.  forest_add
 * keeps both kinds, and the forest says which counts. */
struct forest_sums {
	bool   wide;
	float  floats[MODEL_OUTPUTS_MAX];
	double doubles[MODEL_OUTPUTS_MAX];
};

void forest_sums_begin(const struct forest *forest, struct forest_sums *sums);
void forest_add(struct forest_sums *sums, uint32_t output, const double *values, uint32_t count);
void forest_sums_end(const struct forest *forest, const struct forest_sums *sums, float *margins);

static inline const void *forest_at(const struct forest *forest, uint64_t offset_bytes)
{
	return (const uint8_t *)forest + offset_bytes;
}

#endif
