/* A forest of decision trees: the checked plan that readers fill in, and the form in
 * which it runs.  Private to runtime/model.
 *
 * Every format's tests are brought to two forms at load, which decide as the format does
 * for every float:
 *
 *   FOREST_LESS     x < threshold goes left.  `x <= t` is x < the next float above t (for
 *                   a double t: above t rounded down); > and >= are these with the sides
 *                   swapped.
 *   FOREST_IN_SET   x is one of a set of categories (whole numbers, from 0) goes left; any
 *                   other number goes right.
 *
 * What a missing or zero feature does is a *view* of the feature, so that it costs the walk
 * no branch: the row is laid out once for each view that the forest uses.
 *
 * Owner:   a plan belongs to the thread that loads; a forest is read-only.
 * Bounds:  MODEL_* of model.h.
 * Failure: none; readers have checked everything that plan.h states. */
#ifndef ASSAY_RUNTIME_MODEL_FOREST_FOREST_H
#define ASSAY_RUNTIME_MODEL_FOREST_FOREST_H

#include <assert.h>

#include "runtime/model/model.h"

/* What a test sees of feature x. */
enum forest_view {
	FOREST_NAN_RIGHT, /* x; NaN fails every comparison and is in no set */
	FOREST_NAN_LEFT,  /* NaN is -inf: below every threshold, and in every set */
	FOREST_VIEW_COUNT,
};

enum forest_kind { FOREST_LEAF, FOREST_LESS, FOREST_IN_SET };

/* One node.  A tree's nodes lie breadth first, so a child's index is greater than its
 * parent's and `left`, `right` (indices within the tree) are neighbours. */
struct forest_node {
	float    threshold; /* FOREST_LESS: neither NaN nor -inf */
	float    cover; /* training rows (or hessian) that came here; 0: the file does not say */
	uint32_t left;
	uint32_t right;
	uint32_t set;       /* FOREST_IN_SET: its first word in the plan's sets */
	uint16_t set_words; /* of 32 categories each */
	uint16_t feature;   /* of the model's own features */
	uint32_t leaf;      /* FOREST_LEAF: its row in the plan's leaves */
	uint8_t  view;      /* enum forest_view */
	uint8_t  kind;      /* enum forest_kind */
};
static_assert(sizeof(struct forest_node) == 32, "two in a cache line");

struct forest_tree {
	uint32_t first; /* its root, in all nodes */
	uint32_t nodes;
	uint32_t depth;  /* splits from the root to the deepest leaf; 0: a leaf alone */
	uint16_t output; /* the output its leaves add to; 0 when leaves have a value for each */
};

struct forest_plan {
	uint16_t feature_count;
	uint16_t output_count;
	uint16_t leaf_width;  /* 1, or output_count: values of a leaf */
	bool     double_sums; /* leaves are added in double, as LightGBM does; else in float32 */
	uint32_t tree_count;
	uint32_t node_count;
	uint32_t leaf_count;
	uint32_t set_words;
	uint32_t depth;                   /* of the deepest tree */
	double   divisor;                 /* the sum of the leaves is divided by it; 1: it is not */
	double   base[MODEL_OUTPUTS_MAX]; /* the margin each output starts from */
	struct forest_tree *trees;        /* [tree_count] */
	struct forest_node *nodes;        /* [node_count] */
	double             *leaves;       /* [leaf_count][leaf_width] */
	uint32_t           *sets;         /* [set_words]; bit c % 32 of word c / 32 is category c */
	uint32_t            trees_capacity, nodes_capacity, leaves_capacity, sets_capacity;
};

/* For readers.  NULL: no memory. */
struct forest_plan *forest_plan_new(void);
void                forest_plan_free(struct forest_plan *plan); /* NULL is fine */
/* Room for so many more behind what there is; false: no memory.  Counts stay as they are;
 * leaf_width must be known before the first leaf is reserved. */
bool forest_plan_reserve(struct forest_plan *plan, uint32_t trees, uint32_t nodes, uint32_t leaves,
			 uint32_t set_words);

/* The form that runs. */
struct forest;

size_t         forest_size(const struct forest_plan *plan); /* a multiple of MODEL_ALIGN_BYTES */
struct forest *forest_build(const struct forest_plan *plan, void *memory, size_t size_bytes);

/* Row `x` is read through `slot_of` ([feature_count]): feature f is x[slot_of[f]]. */
void forest_run(const struct forest *forest, const uint16_t *slot_of, const float *x,
		float *margins);
void forest_judge(const struct forest *forest, const uint16_t *slot_of, const float *x,
		  float *margins);

uint32_t forest_tree_count(const struct forest *forest);
uint32_t forest_node_count(const struct forest *forest);
uint32_t forest_depth(const struct forest *forest);

#endif
