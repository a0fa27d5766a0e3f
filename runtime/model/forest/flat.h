/* How a forest lies in memory.  Private to runtime/model/forest.
 *
 *   struct forest | trees | nodes | leaves | sets | groups | splits and steps
 *                   \------- the judge's -------/   \-- the fast kernel's --/
 *
 * The fast kernel walks FOREST_LANES trees at once, so that eight chains of
 * dependent loads are under way instead of one, and takes no branch that depends
 * on a feature.  Each group of eight consecutive trees is in one of two forms.
 *
 * PADDED, when none is deeper than FOREST_PADDED_DEPTH_MAX: every tree is made
 * complete to the group's depth D by splits that lead to the same leaf both
 * ways.  Node i's children are 2i and 2i + 1, the root is 1, and the leaf reached
 * after D steps is leaf number i - 2^D.  No child pointers; levels 0 to 2 share a
 * cache line, level 3 is one.
 *
 *     struct split splits[FOREST_LANES][2^D]    splits[..][0] is not used
 *     float        leaves[FOREST_LANES][2^D]
 *
 * WALK, for deeper trees, whose padding would be too large: nodes with a child
 * index, both children side by side; a leaf is its own child, so that every lane
 * takes D steps.
 *
 *     struct step steps[]    of the eight trees together; the roots come first
 *
 * Missing values cost no branch either: a row is laid out twice, NaN kept in the
 * first half (NaN < t is false: right) and replaced by -inf in the second
 * (-inf < t is true for every finite t: left), and a split's slot says which half
 * it reads. */
#ifndef ASSAY_RUNTIME_MODEL_FOREST_FLAT_H
#define ASSAY_RUNTIME_MODEL_FOREST_FLAT_H

#include "runtime/model/forest/forest.h"

#define FOREST_LANES            8u
#define FOREST_PADDED_DEPTH_MAX 8u
#define FOREST_ROW_MAX          (2 * MODEL_FEATURES_MAX + 1) /* the last one is always 0 */

struct split {
	float    threshold;
	uint32_t slot; /* in the laid-out row */
};
static_assert(sizeof(struct split) == 8, "eight splits in a cache line");

struct step {
	float    threshold; /* +inf in a leaf */
	float    leaf;
	uint32_t child; /* the left one; the right one follows.  In a leaf: itself */
	uint32_t slot;  /* in a leaf: the row's zero */
};
static_assert(sizeof(struct step) == 16, "four steps in a cache line");

struct group {
	uint64_t offset_bytes; /* from the start of the forest */
	uint32_t depth;
	uint16_t lanes; /* trees in it; fewer than FOREST_LANES in the last group only */
	uint16_t padded;
};

struct forest {
	uint16_t feature_count;
	uint16_t output_count;
	uint16_t leaf_width;
	bool     double_sums;
	uint32_t tree_count;
	uint32_t node_count;
	uint32_t depth;
	uint32_t group_count;
	double   divisor;
	double   base[MODEL_OUTPUTS_MAX];
	uint64_t trees_offset_bytes;
	uint64_t nodes_offset_bytes;
	uint64_t leaves_offset_bytes;
	uint64_t sets_offset_bytes;
	uint64_t groups_offset_bytes;
};

static inline const void *forest_at(const struct forest *forest, uint64_t offset_bytes)
{
	return (const uint8_t *)forest + offset_bytes;
}

#endif
