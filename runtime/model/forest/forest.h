/* A forest of decision trees: the checked plan that readers fill in, and the form in
 * which it runs.  Private to runtime/model.
 *
 * Every format's tests are brought to two forms at load, which decide as the format does
 * for every float:
 *
 *   FOREST_LESS     x < threshold goes left.  `x <= t` is x < the next float above t (for
 *                   a double t: above t rounded down); > and >= are these with the sides
 *                   swapped.
 *   FOREST_IN_SET   x, its fraction cut off, is one of a set of categories (whole numbers,
 *                   from 0): left; any other number: right.
 *
 * What a missing or zero feature does is a *view* of the feature, so that it costs the walk
 * no branch: the row is laid out once for each view that the forest uses.
 *
 * Owner:   a plan belongs to the thread that loads; a forest is read-only.
 * Bounds:  MODEL_* of model.h; FOREST_SET_WORDS_MAX.
 * Failure: none; readers have checked everything that plan.h states. */
#ifndef ASSAY_RUNTIME_MODEL_FOREST_FOREST_H
#define ASSAY_RUNTIME_MODEL_FOREST_FOREST_H

#include <assert.h>

#include "runtime/model/model.h"

#define FOREST_SET_WORDS_MAX  65535u      /* of one set: two million categories */
#define FOREST_SETS_WORDS_MAX (1u << 24)  /* of all sets: 64 MiB */
#define FOREST_ZERO_MAX       1e-35f      /* LightGBM's kZeroThreshold */
#define FOREST_CATEGORY_END   16777216.0f /* XGBoost: whole numbers a float can count */

/* What a test sees of feature x.  The first two are for both kinds of test. */
enum forest_view {
	FOREST_NAN_RIGHT,   /* x; NaN goes right */
	FOREST_NAN_LEFT,    /* x; NaN goes left */
	FOREST_NAN_ZERO,    /* x; NaN is 0 */
	FOREST_ZERO_RIGHT,  /* x; NaN and anything as small as FOREST_ZERO_MAX goes right */
	FOREST_ZERO_LEFT,   /* the same, left */
	FOREST_C_INT,       /* sets only: x as C makes it an int, so -0.5 is category 0 and 2^24
	                    * is a category; NaN goes right */
	FOREST_WHOLE_RIGHT, /* sets only: a number with a fraction is no category; NaN goes right */
	FOREST_WHOLE_LEFT,  /* the same, NaN goes left */
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
	uint32_t leaf;      /* FOREST_LEAF: its row in the plan's leaves */
	uint16_t set_words; /* of 32 categories each */
	uint16_t feature;   /* of the model's own features */
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
	bool     covered;     /* every node has its cover, which is above 0 */
	uint32_t tree_count;
	uint32_t node_count;
	uint32_t leaf_count;
	uint32_t set_words;
	uint32_t depth;   /* of the deepest tree */
	double   divisor; /* not 1: the leaves' sum is divided by it before base is added */
	double   base[MODEL_OUTPUTS_MAX]; /* the margin each output starts from */
	struct forest_tree *trees;        /* [tree_count] */
	struct forest_node *nodes;        /* [node_count] */
	double             *leaves;       /* [leaf_count][leaf_width]; floats unless double_sums */
	uint32_t           *sets; /* [set_words]; bit c % 32 of a set's word c / 32 is category c */
	uint32_t            trees_capacity, nodes_capacity, leaves_capacity, sets_capacity;

	/* Made by forest_plan_close: the thresholds of each feature's tests, rising, each once. */
	float   *cuts; /* feature f's begin at cut_first[f] */
	uint32_t cut_first[MODEL_FEATURES_MAX + 1];
};

/* For readers.  NULL: no memory. */
struct forest_plan *forest_plan_new(void);
void                forest_plan_free(struct forest_plan *plan); /* NULL is fine */
/* Room for so many more behind what there is; false: no memory.  Counts stay as they are;
 * leaf_width must be known before the first leaf is reserved. */
bool forest_plan_reserve(struct forest_plan *plan, uint32_t trees, uint32_t nodes, uint32_t leaves);
/* A set of categories for a node: `words` zero words, whose bits the reader sets.  Reserves
 * for itself; false: no memory. */
bool forest_plan_add_set(struct forest_plan *plan, struct forest_node *node, uint32_t words);
/* Everything is in: depth, covered and cuts are found.  model_parse calls it, readers do not.
 * false: no memory. */
bool forest_plan_close(struct forest_plan *plan);

/* The form that runs. */
struct forest;

size_t         forest_size(const struct forest_plan *plan); /* a multiple of MODEL_ALIGN_BYTES */
struct forest *forest_build(const struct forest_plan *plan, void *memory, size_t size_bytes);

/* Row `x` is read through `slot_of` ([feature_count]): feature f is x[slot_of[f]]. */
void forest_run(const struct forest *forest, const uint16_t *slot_of, const float *x,
		float *margins);
void forest_judge(const struct forest *forest, const uint16_t *slot_of, const float *x,
		  float *margins);

/* What a node's test says of its feature's x: the one definition of kinds and views.  `sets`
 * is the plan's. */
bool forest_goes_left(const struct forest_node *node, const uint32_t *sets, float x);

/* How much of each margin each feature gave: `out` is [output_count][feature_count + 1], the
 * last of a row being what every row gets; explain.c has the rule.  `scratch` is
 * forest_explain_bytes() long, aligned to MODEL_ALIGN_BYTES.  Only of a forest that is
 * covered. */
size_t forest_explain_bytes(const struct forest *forest);
void   forest_explain(const struct forest *forest, const uint16_t *slot_of, const float *x,
		      void *scratch, double *out);
bool   forest_covered(const struct forest *forest);

uint32_t forest_tree_count(const struct forest *forest);
uint32_t forest_node_count(const struct forest *forest);
uint32_t forest_depth(const struct forest *forest);

#endif
