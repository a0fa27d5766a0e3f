/* The plain walk the fast kernel answers to. */
#include <math.h>

#include "runtime/model/forest/flat.h"

static bool in_set(const struct forest_node *node, const uint32_t *sets, uint32_t category)
{
	return category / 32 < node->set_words &&
	       (sets[node->set + category / 32] >> category % 32 & 1);
}

static bool less(const struct forest_node *node, float x)
{
	bool zeros = node->view == FOREST_ZERO_LEFT || node->view == FOREST_ZERO_RIGHT;

	if (isnan(x) && node->view == FOREST_NAN_ZERO)
		x = 0.0f;
	if (isnan(x) || (zeros && fabsf(x) <= FOREST_ZERO_MAX))
		return node->view == FOREST_NAN_LEFT || node->view == FOREST_ZERO_LEFT;
	return x < node->threshold;
}

bool forest_goes_left(const struct forest_node *node, const uint32_t *sets, float x)
{
	if (node->kind == FOREST_LESS)
		return less(node, x);
	if (isnan(x))
		return node->view == FOREST_NAN_LEFT || node->view == FOREST_WHOLE_LEFT;
	if (node->view == FOREST_WHOLE_LEFT || node->view == FOREST_WHOLE_RIGHT)
		return x >= 0.0f && x < FOREST_CATEGORY_END && x == (float)(uint32_t)x &&
		       in_set(node, sets, (uint32_t)x);
	if (node->view == FOREST_C_INT)
		return x > -1.0f && x < 0x1p31f && in_set(node, sets, (uint32_t)(int32_t)x);
	return x >= 0.0f && x < FOREST_CATEGORY_END && in_set(node, sets, (uint32_t)x);
}

static uint32_t leaf_of(const struct forest *forest, const struct forest_node *nodes,
			const uint16_t *slot_of, const float *x)
{
	const uint32_t           *sets = forest_at(forest, forest->sets_offset_bytes);
	const struct forest_node *node = nodes;

	for (uint32_t level = 0; level < MODEL_DEPTH_MAX && node->kind != FOREST_LEAF; level++)
		node = &nodes[forest_goes_left(node, sets, x[slot_of[node->feature]])
				      ? node->left
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
	struct forest_sums        sums;

	forest_sums_begin(forest, &sums);
	for (uint32_t t = 0; t < forest->tree_count; t++) {
		uint32_t leaf = leaf_of(forest, nodes + trees[t].first, slot_of, x);

		forest_add(&sums, trees[t].output, leaves + (size_t)leaf * forest->leaf_width,
			   forest->leaf_width);
	}
	forest_sums_end(forest, &sums, margins);
}
