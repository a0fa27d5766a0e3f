/* How a bound model lies in memory.  Private to runtime/model.
 *
 *   struct model | trees | nodes | groups | forest
 *                  \-- the judge's --/      \-- the fast kernel's --
 *
 * The fast kernel walks MODEL_LANES trees at once, so that eight chains of
 * dependent loads are under way instead of one, and takes no branch that depends
 * on a feature.  Each group of eight consecutive trees is in one of two forms.
 *
 * PADDED, when none is deeper than MODEL_PADDED_DEPTH_MAX: every tree is made
 * complete to the group's depth D by splits that lead to the same leaf both
 * ways.  Node i's children are 2i and 2i + 1, the root is 1, and the leaf reached
 * after D steps is leaf number i - 2^D.  No child pointers; levels 0 to 2 share a
 * cache line, level 3 is one.
 *
 *     struct split splits[MODEL_LANES][2^D]    splits[..][0] is not used
 *     float        leaves[MODEL_LANES][2^D]
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
#ifndef ASSAY_RUNTIME_MODEL_FLAT_H
#define ASSAY_RUNTIME_MODEL_FLAT_H

#include "runtime/model/plan.h"

#define MODEL_LANES            8u
#define MODEL_PADDED_DEPTH_MAX 8u
#define MODEL_ROW_MAX          (2 * MODEL_FEATURES_MAX + 1) /* the last one is always 0 */

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
	uint64_t offset_bytes; /* from the start of the model */
	uint32_t depth;
	uint16_t lanes; /* trees in it; fewer than MODEL_LANES in the last group only */
	uint16_t padded;
};

struct model {
	struct model_facts facts;
	uint64_t           trees_offset_bytes;
	uint64_t           nodes_offset_bytes;
	uint64_t           groups_offset_bytes;
	uint32_t           group_count;
	bool               bound;
	uint16_t           slot_of[MODEL_FEATURES_MAX]; /* model's feature -> schema's slot */
};

static inline const void *model_at(const struct model *model, uint64_t offset_bytes)
{
	return (const uint8_t *)model + offset_bytes;
}

#endif
