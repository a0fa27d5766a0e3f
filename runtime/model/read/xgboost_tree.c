#include "runtime/model/read/xgboost_tree.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The columns of a tree as the file has them, [count] each. */
struct columns {
	uint32_t object; /* in the document */
	uint32_t count;
	int32_t *left;
	int32_t *right;
	int32_t *feature;
	int32_t *default_left;
	int32_t *split_type; /* zero when the file has none */
	float   *value;
	int32_t *seen;  /* work space of the walk: 1 when a node has a parent */
	int32_t *order; /* [count], the file's index of each node, breadth first */
	int32_t *level; /* [count], depth of each node of `order` */
};

enum { LEFT, RIGHT, FEATURE, DEFAULT_LEFT, SPLIT_TYPE, VALUE, SEEN, ORDER, LEVEL, COLUMN_COUNT };

static int columns_take(const struct doc *doc, struct columns *c, struct failure *failure)
{
	int32_t *memory = calloc((size_t)c->count * COLUMN_COUNT, sizeof(*memory));

	if (!memory)
		return doc_refuse(doc, c->object, "", failure, "no memory to load the model");
	c->left         = memory + (size_t)c->count * LEFT;
	c->right        = memory + (size_t)c->count * RIGHT;
	c->feature      = memory + (size_t)c->count * FEATURE;
	c->default_left = memory + (size_t)c->count * DEFAULT_LEFT;
	c->split_type   = memory + (size_t)c->count * SPLIT_TYPE;
	c->value        = (float *)(memory + (size_t)c->count * VALUE);
	c->seen         = memory + (size_t)c->count * SEEN;
	c->order        = memory + (size_t)c->count * ORDER;
	c->level        = memory + (size_t)c->count * LEVEL;
	return 0;
}

static int ints_of(const struct doc *doc, struct columns *c, const char *name, int32_t *out,
		   struct failure *failure)
{
	uint32_t array;

	return doc_need(doc, c->object, name, DOC_NUMBERS, &array, failure) ||
			       doc_ints(doc, array, out, c->count, failure)
		       ? -1
		       : 0;
}

/* Written only by versions that know categories: 1 marks a categorical split. */
static int read_split_types(const struct doc *doc, struct columns *c, struct failure *failure)
{
	uint32_t array;
	char     suffix[16];

	if (doc_find(doc, c->object, "categories", &array, failure))
		return -1;
	if (array != DOC_NONE && doc->values[array].count > 0)
		return doc_refuse(doc, array, "", failure, "categorical splits are not supported");
	if (doc_find(doc, c->object, "split_type", &array, failure))
		return -1;
	if (array == DOC_NONE)
		return 0;
	if (ints_of(doc, c, "split_type", c->split_type, failure))
		return -1;
	for (uint32_t i = 0; i < c->count; i++) {
		if (c->split_type[i] == 0)
			continue;
		snprintf(suffix, sizeof(suffix), "/%u", i);
		return doc_refuse(doc, array, suffix, failure,
				  "categorical splits are not supported");
	}
	return 0;
}

static int read_columns(const struct doc *doc, struct columns *c, struct failure *failure)
{
	uint32_t array;

	if (ints_of(doc, c, "left_children", c->left, failure) ||
	    ints_of(doc, c, "right_children", c->right, failure) ||
	    ints_of(doc, c, "split_indices", c->feature, failure) ||
	    ints_of(doc, c, "default_left", c->default_left, failure) ||
	    doc_need(doc, c->object, "split_conditions", DOC_NUMBERS, &array, failure) ||
	    doc_floats(doc, array, c->value, c->count, failure))
		return -1;
	return read_split_types(doc, c, failure);
}

static int refuse_node(const struct doc *doc, const struct columns *c, const char *column,
		       int32_t node, const char *words, struct failure *failure)
{
	char suffix[48];

	snprintf(suffix, sizeof(suffix), "/%s/%d", column, node);
	return doc_refuse(doc, c->object, suffix, failure, "%s", words);
}

/* One child of `node` joins the end of the breadth-first order. */
static int visit_child(const struct doc *doc, struct columns *c, const char *column, int32_t node,
		       int32_t child, int32_t level, uint32_t *found, struct failure *failure)
{
	if (child < 0 || (uint32_t)child >= c->count)
		return refuse_node(doc, c, column, node, "points outside the tree", failure);
	if (c->seen[child])
		return refuse_node(doc, c, column, node,
				   "points at a node that has a parent already", failure);
	if (level > (int32_t)MODEL_DEPTH_MAX)
		return refuse_node(doc, c, column, node, "is deeper than 64 splits", failure);
	c->seen[child]       = 1;
	c->level[*found]     = level;
	c->order[(*found)++] = child;
	return 0;
}

static int check_node(const struct doc *doc, const struct columns *c, int32_t node, bool leaf,
		      uint16_t feature_count, struct failure *failure)
{
	if (!isfinite(c->value[node]))
		return refuse_node(doc, c, "split_conditions", node, "is not a finite number",
				   failure);
	if (leaf)
		return 0;
	if (c->feature[node] < 0 || c->feature[node] >= feature_count)
		return refuse_node(doc, c, "split_indices", node,
				   "is not one of the model's features", failure);
	if (c->default_left[node] < 0 || c->default_left[node] > 1)
		return refuse_node(doc, c, "default_left", node, "must be 0 or 1", failure);
	return 0;
}

/* Walk from the root and append to the plan, which has room for c->count nodes and
 * leaves.  A node is visited once at most, whatever the file says, so this ends. */
static int flatten(const struct doc *doc, struct columns *c, struct forest_plan *plan,
		   struct forest_tree *tree, struct failure *failure)
{
	struct forest_node *out   = plan->nodes + tree->first;
	uint32_t            found = 1;

	c->seen[0] = 1; /* order[0] and level[0] are 0: the root */
	for (uint32_t i = 0; i < found; i++) {
		int32_t node = c->order[i];
		bool    leaf = c->left[node] == -1;

		if (check_node(doc, c, node, leaf, plan->feature_count, failure))
			return -1;
		out[i]      = (struct forest_node){ .kind = leaf ? FOREST_LEAF : FOREST_LESS };
		tree->depth = (uint32_t)c->level[i];
		if (leaf && c->right[node] != -1)
			return refuse_node(doc, c, "right_children", node,
					   "must be -1: the node has no left child", failure);
		if (leaf) {
			out[i].leaf                      = plan->leaf_count;
			plan->leaves[plan->leaf_count++] = (double)c->value[node];
			continue;
		}
		out[i].threshold = c->value[node];
		out[i].feature   = (uint16_t)c->feature[node];
		out[i].view      = c->default_left[node] ? FOREST_NAN_LEFT : FOREST_NAN_RIGHT;
		out[i].left      = found;
		out[i].right     = found + 1;
		if (visit_child(doc, c, "left_children", node, c->left[node], c->level[i] + 1,
				&found, failure) ||
		    visit_child(doc, c, "right_children", node, c->right[node], c->level[i] + 1,
				&found, failure))
			return -1;
	}
	tree->nodes = found;
	return 0;
}

/* How many nodes the columns have, and that the tree says the same. */
static int read_params(const struct doc *doc, struct columns *c, const struct forest_plan *plan,
		       struct failure *failure)
{
	uint32_t params, text, left;
	int64_t  nodes, vector = 0;

	if (doc_need(doc, c->object, "tree_param", DOC_OBJECT, &params, failure) ||
	    doc_need(doc, c->object, "left_children", DOC_NUMBERS, &left, failure) ||
	    doc_need(doc, params, "num_nodes", DOC_TEXT, &text, failure) ||
	    doc_text_int(doc, text, &nodes, failure))
		return -1;
	c->count = doc->values[left].count;
	if (nodes != c->count || nodes < 1)
		return doc_refuse(doc, text, "", failure, "says %lld nodes, the tree has %u",
				  (long long)nodes, c->count);
	if (c->count > MODEL_NODES_MAX - plan->node_count)
		return doc_refuse(doc, text, "", failure, "more than %u nodes in all trees",
				  MODEL_NODES_MAX);
	if (doc_find(doc, params, "size_leaf_vector", &text, failure))
		return -1;
	if (text != DOC_NONE &&
	    (doc_need(doc, params, "size_leaf_vector", DOC_TEXT, &text, failure) ||
	     doc_text_int(doc, text, &vector, failure)))
		return -1;
	if (vector < 0 || vector > 1)
		return doc_refuse(doc, text, "", failure, "leaves with vectors are not supported");
	return 0;
}

int tree_parse(const struct doc *doc, uint32_t object, struct forest_plan *plan,
	       struct failure *failure)
{
	struct columns      c      = { .object = object };
	struct forest_tree *tree   = &plan->trees[plan->tree_count];
	int                 result = -1;

	if (read_params(doc, &c, plan, failure) || columns_take(doc, &c, failure))
		return -1;
	*tree = (struct forest_tree){ .first = plan->node_count };
	if (!forest_plan_reserve(plan, 0, c.count, c.count))
		doc_refuse(doc, object, "", failure, "no memory to load the model");
	else if (!read_columns(doc, &c, failure))
		result = flatten(doc, &c, plan, tree, failure);
	free(c.left);
	if (result)
		return -1;
	plan->node_count += tree->nodes;
	plan->tree_count++;
	return 0;
}
