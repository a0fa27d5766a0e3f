/* From sorted rows to a forest: each tree breadth first, its tests in our two kinds. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/model/read/onnx_tree.h"

/* The one node of rows first to end - 1 that no other of them leads to. */
static struct row *find_root(struct trees *t, uint32_t first, uint32_t end)
{
	struct row *root = NULL;

	for (uint32_t i = first; i < end; i++) {
		struct row *row = &t->rows[i];

		for (uint32_t side = 0; side < 2 && row->mode != LEAF; side++) {
			struct row *child = onnx_trees_find(
				t, row->tree, side ? row->false_node : row->true_node);

			if (!child || child == row) {
				onnx_trees_refuse(t, row, "leads to a node that is not there");
				return NULL;
			}
			if (child->met) {
				onnx_trees_refuse(t, child,
						  "two nodes lead to it; the tree is shared or "
						  "cyclic");
				return NULL;
			}
			child->met = true;
		}
	}
	for (uint32_t i = first; i < end; i++) {
		if (t->rows[i].met)
			continue;
		if (root) {
			onnx_trees_refuse(t, &t->rows[i], "no node leads to it");
			return NULL;
		}
		root = &t->rows[i];
	}
	if (!root)
		onnx_trees_refuse(t, &t->rows[first],
				  "every node of the tree is led to; it is cyclic");
	return root;
}

/* A category's set of its own, shared by all nodes that test for it. */
static bool set_for(struct trees *t, struct forest_plan *forest, uint32_t category,
		    struct forest_node *node)
{
	uint32_t words = category / 32 + 1;

	if (t->set_of[category] == 0) {
		if (forest->set_words + words > SET_WORDS_MAX) {
			graph_refuse(&t->o->build, "tests for equality take too much memory");
			return false;
		}
		if (!forest_plan_add_set(forest, node, words)) {
			graph_refuse(&t->o->build, "no memory to load the model");
			return false;
		}
		forest->sets[node->set + words - 1] = 1u << category % 32;
		t->set_of[category]                 = node->set + 1;
	}
	node->set       = t->set_of[category] - 1;
	node->set_words = (uint16_t)words;
	return true;
}

/* The least float above every float that is <= t. */
static float above(double threshold)
{
	float rounded = (float)threshold;

	if ((double)rounded > threshold)
		return rounded;
	return nextafterf(rounded, INFINITY);
}

/* The least float that is >= t: x < t is x < it. */
static float at_least(double threshold)
{
	float rounded = (float)threshold;

	return (double)rounded < threshold ? nextafterf(rounded, INFINITY) : rounded;
}

/* The node's test; *swapped when its true side is our right. */
static bool test_of(struct trees *t, struct forest_plan *forest, const struct row *row,
		    struct forest_node *node, bool *swapped)
{
	*swapped      = row->mode == GTE || row->mode == GT || row->mode == NEQ;
	node->feature = (uint16_t)row->feature;
	node->view    = row->missing_is_true != *swapped ? FOREST_NAN_LEFT : FOREST_NAN_RIGHT;
	if (row->mode == EQ || row->mode == NEQ) {
		node->kind = FOREST_IN_SET;
		node->view = row->missing_is_true != *swapped ? FOREST_WHOLE_LEFT
							      : FOREST_WHOLE_RIGHT;
		return set_for(t, forest, (uint32_t)row->threshold, node);
	}
	node->kind      = FOREST_LESS;
	node->threshold = row->mode == LEQ || row->mode == GT ? above(row->threshold)
							      : at_least(row->threshold);
	return true;
}

/* The row's weights for targets first to first + forest->leaf_width - 1. */
static bool leaf_of(struct trees *t, struct forest_plan *forest, const struct row *row,
		    uint32_t first, struct forest_node *node)
{
	double *leaf;

	if (!forest_plan_reserve(forest, 0, 0, 1)) {
		graph_refuse(&t->o->build, "no memory to load the model");
		return false;
	}
	leaf = forest->leaves + (size_t)forest->leaf_count * forest->leaf_width;
	memset(leaf, 0, forest->leaf_width * sizeof(*leaf));
	for (uint32_t w = row->weight; w < t->weight_count && t->weights[w].row == row - t->rows;
	     w++)
		if (t->weights[w].target >= first &&
		    t->weights[w].target < first + forest->leaf_width)
			leaf[t->weights[w].target - first] += t->weights[w].value;
	node->kind = FOREST_LEAF;
	node->leaf = forest->leaf_count++;
	return true;
}

/* Rows first to end - 1 as the forest's next tree.  The queue holds rows in our order, so a
 * node's children stand side by side behind all that came before. */
static bool add_tree(struct trees *t, struct forest_plan *forest, uint32_t first, uint32_t end,
		     uint32_t target)
{
	const struct row  *root      = find_root(t, first, end);
	struct forest_tree tree      = { .first = forest->node_count };
	uint32_t           level_end = 1;

	if (!root)
		return false;
	if (forest->tree_count == MODEL_TREES_MAX ||
	    !forest_plan_reserve(forest, 1, end - first, 0)) {
		graph_refuse(&t->o->build, "more than %u trees, or no memory", MODEL_TREES_MAX);
		return false;
	}
	t->queue[tree.nodes++] = (uint32_t)(root - t->rows);
	for (uint32_t n = 0; n < tree.nodes; n++) { /* <= end - first: none is met twice */
		const struct row   *row     = &t->rows[t->queue[n]];
		struct forest_node *node    = &forest->nodes[tree.first + n];
		bool                swapped = false;

		*node = (struct forest_node){ 0 };
		if (n == level_end) {
			level_end = tree.nodes;
			tree.depth++;
		}
		if (row->mode == LEAF ? !leaf_of(t, forest, row, target, node)
				      : !test_of(t, forest, row, node, &swapped))
			return false;
		if (row->mode == LEAF)
			continue;
		node->left  = tree.nodes;
		node->right = tree.nodes + 1;
		t->queue[tree.nodes++] =
			(uint32_t)(onnx_trees_find(t, row->tree,
						   swapped ? row->false_node : row->true_node) -
				   t->rows);
		t->queue[tree.nodes++] =
			(uint32_t)(onnx_trees_find(t, row->tree,
						   swapped ? row->true_node : row->false_node) -
				   t->rows);
	}
	if (tree.nodes != end - first)
		return onnx_trees_refuse(t, &t->rows[first],
					 "the tree has a cycle beside its root");
	if (tree.depth > MODEL_DEPTH_MAX) {
		graph_refuse(&t->o->build, "tree %lld is %u deep; allowed are %u",
			     (long long)root->tree, tree.depth, MODEL_DEPTH_MAX);
		return false;
	}
	if (tree.depth > forest->depth)
		forest->depth = tree.depth;
	forest->node_count += tree.nodes;
	forest->trees[forest->tree_count++] = tree;
	return true;
}

static bool fill(struct trees *t, struct forest_plan *forest, uint32_t target)
{
	uint32_t first = 0, end;

	for (uint32_t i = 0; i < t->row_count; i++)
		t->rows[i].met = false;
	memset(t->set_of, 0, SET_CATEGORIES_MAX * sizeof(*t->set_of));
	for (; first < t->row_count; first = end) {
		for (end = first + 1;
		     end < t->row_count && t->rows[end].tree == t->rows[first].tree;)
			end++;
		if (!add_tree(t, forest, first, end, target))
			return false;
	}
	return true;
}

/* The ensemble's sums for `count` targets from `target` on; x is [1, features]. */
uint32_t onnx_trees_add(struct trees *t, uint32_t x, uint32_t target, uint32_t count,
			const float *base, bool average)
{
	struct forest_plan *forest = forest_plan_new();

	if (!forest)
		return graph_refuse(&t->o->build, "no memory to load the model");
	forest->feature_count = (uint16_t)t->features;
	forest->output_count  = (uint16_t)count;
	forest->leaf_width    = (uint16_t)count;
	forest->double_sums   = true;
	forest->divisor       = 1.0;
	if (!fill(t, forest, target)) {
		forest_plan_free(forest);
		return GRAPH_NONE;
	}
	if (average)
		forest->divisor = forest->tree_count;
	for (uint32_t i = 0; i < count && base; i++)
		forest->base[i] = (double)base[target + i];
	return graph_add_forest(&t->o->build, x, forest);
}
