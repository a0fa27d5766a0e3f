/* The plain walk the fast kernel answers to. */
#include <math.h>

#include "runtime/model/forest/flat.h"

static bool goes_left(const struct forest_node *node, float x)
{
	if (isnan(x))
		return node->view == FOREST_NAN_LEFT;
	return x < node->threshold;
}

static uint32_t leaf_of(const struct forest_node *nodes, const uint16_t *slot_of, const float *x)
{
	const struct forest_node *node = nodes;

	for (uint32_t level = 0; level < MODEL_DEPTH_MAX && node->kind != FOREST_LEAF; level++)
		node = &nodes[goes_left(node, x[slot_of[node->feature]]) ? node->left
									 : node->right];
	assert(node->kind == FOREST_LEAF);
	return node->leaf;
}

void forest_judge(const struct forest *forest, const uint16_t *slot_of, const float *x,
		  float *margins)
{
	const struct forest_tree *trees  = forest_at(forest, forest->trees_offset_bytes);
	const struct forest_node *nodes  = forest_at(forest, forest->nodes_offset_bytes);
	const double             *leaves = forest_at(forest, forest->leaves_offset_bytes);
	float                     margin = (float)forest->base[0];

	for (uint32_t t = 0; t < forest->tree_count; t++)
		margin += (float)leaves[leaf_of(nodes + trees[t].first, slot_of, x)];
	margins[0] = margin;
}
