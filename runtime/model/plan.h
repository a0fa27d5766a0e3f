/* A checked model in the order of its file: what parsing makes and building
 * flattens.  Private to runtime/model. */
#ifndef ASSAY_RUNTIME_MODEL_PLAN_H
#define ASSAY_RUNTIME_MODEL_PLAN_H

#include <assert.h>

#include "runtime/model/model.h"

/* One node.  A tree's nodes lie breadth first, so a child's index is greater
 * than its parent's and `left`, `right` (indices within the tree) are
 * neighbours.  A leaf has left == right == 0. */
struct model_node {
	float    value; /* a split's threshold, a leaf's weight; finite */
	uint32_t left;
	uint32_t right;
	uint16_t feature; /* of the model's own features */
	uint8_t  default_left;
	uint8_t  is_leaf;
};
static_assert(sizeof(struct model_node) == 16, "four nodes in a cache line");

struct model_tree {
	uint32_t first; /* its root, in all nodes */
	uint32_t nodes;
	uint32_t depth; /* splits from the root to the deepest leaf; 0: a leaf alone */
};

/* What a model is, its trees aside. */
struct model_facts {
	uint8_t  digest[DIGEST_BYTES];
	uint32_t objective; /* enum model_objective */
	float    base_margin;
	uint32_t tree_count;
	uint32_t node_count;
	uint32_t depth;
	uint16_t feature_count;
	bool     named;
	char     names[MODEL_FEATURES_MAX][MODEL_NAME_BYTES_MAX + 1];
};

struct model_plan {
	struct model_facts facts;
	struct model_tree *trees; /* [facts.tree_count] */
	struct model_node *nodes; /* [facts.node_count] */
	uint32_t           nodes_capacity;
};

#endif
