/* The plain walk the fast kernel answers to. */
#include <math.h>

#include "runtime/model/flat.h"

static float tree_output(const struct model *model, const struct model_node *nodes,
			 const float *features)
{
	const struct model_node *node = nodes;

	for (uint32_t level = 0; level < MODEL_DEPTH_MAX && !node->is_leaf; level++) {
		float value = features[model->slot_of[node->feature]];
		bool  left  = isnan(value) ? node->default_left : value < node->value;

		node = &nodes[left ? node->left : node->right];
	}
	assert(node->is_leaf);
	return node->value;
}

float model_margin_judge(const struct model *model, const float *features)
{
	const struct model_tree *trees  = model_at(model, model->trees_offset_bytes);
	const struct model_node *nodes  = model_at(model, model->nodes_offset_bytes);
	float                    margin = model->facts.base_margin;

	assert(model->bound);
	for (uint32_t t = 0; t < model->facts.tree_count; t++)
		margin += tree_output(model, nodes + trees[t].first, features);
	return margin;
}
