#include "runtime/model/read/xgboost_tree.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/model/read/xgboost_categories.h"

/* The columns of a tree as the file has them, [count] each. */
struct columns {
	const struct doc *doc;
	struct failure   *failure;
	uint32_t          object; /* in the document */
	uint32_t          count;
	int32_t          *left;
	int32_t          *right;
	int32_t          *feature;
	int32_t          *default_left;
	int32_t          *split_type; /* 1: of categories; zero when the file has none */
	float            *value;
	float            *cover;   /* sum_hessian; zero when the file has none */
	int32_t          *segment; /* of a split of categories: which of the lists; -1: none */
	int32_t          *seen;    /* work space of the walk: 1 when a node has a parent */
	int32_t          *order;   /* [count], the file's index of each node, breadth first */
	int32_t          *level;   /* [count], depth of each node of `order` */
	struct categories lists;
};

enum { COLUMN_COUNT = 11 };

static int columns_take(struct columns *c)
{
	int32_t  *memory = calloc((size_t)c->count * COLUMN_COUNT, sizeof(*memory));
	int32_t **ints[] = { &c->left,    &c->right, &c->feature, &c->default_left, &c->split_type,
			     &c->segment, &c->seen,  &c->order,   &c->level };
	uint32_t  used   = 0;

	if (!memory)
		return doc_refuse(c->doc, c->object, "", c->failure, "no memory to load the model");
	for (; used < sizeof(ints) / sizeof(*ints); used++)
		*ints[used] = memory + (size_t)c->count * used;
	c->value = (float *)(memory + (size_t)c->count * used++);
	c->cover = (float *)(memory + (size_t)c->count * used++);
	assert(used == COLUMN_COUNT);
	return 0;
}

static int ints_of(struct columns *c, const char *name, int32_t *out)
{
	uint32_t array;

	return doc_need(c->doc, c->object, name, DOC_NUMBERS, &array, c->failure) ||
			       doc_ints(c->doc, array, out, c->count, c->failure)
		       ? -1
		       : 0;
}

static int refuse_node(const struct columns *c, const char *column, int32_t node, const char *words)
{
	char suffix[48];

	snprintf(suffix, sizeof(suffix), "/%s/%d", column, node);
	return doc_refuse(c->doc, c->object, suffix, c->failure, "%s", words);
}

/* Written only by versions that know categories. */
static int read_split_types(struct columns *c)
{
	uint32_t array;

	for (uint32_t i = 0; i < c->count; i++)
		c->segment[i] = -1;
	if (doc_find(c->doc, c->object, "split_type", &array, c->failure))
		return -1;
	if (array == DOC_NONE)
		return 0;
	if (ints_of(c, "split_type", c->split_type))
		return -1;
	for (uint32_t i = 0; i < c->count; i++)
		if (c->split_type[i] < 0 || c->split_type[i] > 1)
			return refuse_node(c, "split_type", (int32_t)i,
					   "must be 0 (numbers) or 1 (categories)");
	return categories_read(c->doc, c->object, &c->lists, c->segment, c->count, c->failure);
}

static int read_columns(struct columns *c)
{
	uint32_t array;

	if (ints_of(c, "left_children", c->left) || ints_of(c, "right_children", c->right) ||
	    ints_of(c, "split_indices", c->feature) ||
	    ints_of(c, "default_left", c->default_left) ||
	    doc_need(c->doc, c->object, "split_conditions", DOC_NUMBERS, &array, c->failure) ||
	    doc_floats(c->doc, array, c->value, c->count, c->failure) ||
	    doc_find(c->doc, c->object, "sum_hessian", &array, c->failure))
		return -1;
	if (array != DOC_NONE &&
	    (doc_need(c->doc, c->object, "sum_hessian", DOC_NUMBERS, &array, c->failure) ||
	     doc_floats(c->doc, array, c->cover, c->count, c->failure)))
		return -1;
	return read_split_types(c);
}

/* One child of `node` joins the end of the breadth-first order. */
static int visit_child(struct columns *c, const char *column, int32_t node, int32_t child,
		       int32_t level, uint32_t *found)
{
	if (child < 0 || (uint32_t)child >= c->count)
		return refuse_node(c, column, node, "points outside the tree");
	if (c->seen[child])
		return refuse_node(c, column, node, "points at a node that has a parent already");
	if (level > (int32_t)MODEL_DEPTH_MAX)
		return refuse_node(c, column, node, "is deeper than 64 splits");
	c->seen[child]       = 1;
	c->level[*found]     = level;
	c->order[(*found)++] = child;
	return 0;
}

static int check_node(const struct columns *c, int32_t node, bool leaf, uint16_t feature_count)
{
	if (leaf && c->right[node] != -1)
		return refuse_node(c, "right_children", node,
				   "must be -1: the node has no left child");
	if ((leaf || !c->split_type[node]) && !isfinite(c->value[node]))
		return refuse_node(c, "split_conditions", node, "is not a finite number");
	if (leaf)
		return 0;
	if (c->feature[node] < 0 || c->feature[node] >= feature_count)
		return refuse_node(c, "split_indices", node, "is not one of the model's features");
	if (c->default_left[node] < 0 || c->default_left[node] > 1)
		return refuse_node(c, "default_left", node, "must be 0 or 1");
	if (c->split_type[node] && c->segment[node] < 0)
		return refuse_node(c, "split_type", node,
				   "is of categories, of which categories_nodes knows none");
	return 0;
}

/* A test of numbers, or of categories: XGBoost sends those of the set right, so the sides are
 * swapped. */
static int put_split(struct columns *c, struct forest_plan *plan, struct forest_node *out,
		     int32_t node, uint32_t found)
{
	bool left = c->default_left[node] != 0;

	out->feature = (uint16_t)c->feature[node];
	out->left    = found;
	out->right   = found + 1;
	if (!c->split_type[node]) {
		out->kind      = FOREST_LESS;
		out->threshold = c->value[node];
		out->view      = left ? FOREST_NAN_LEFT : FOREST_NAN_RIGHT;
		return 0;
	}
	out->kind = FOREST_IN_SET;
	out->view = left ? FOREST_NAN_RIGHT : FOREST_NAN_LEFT;
	return categories_put(c->doc, c->object, &c->lists, (uint32_t)c->segment[node], plan, out,
			      c->failure);
}

/* Walk from the root and append to the plan, which has room for c->count nodes and leaves.  A
 * node is visited once at most, whatever the file says, so this ends. */
static int flatten(struct columns *c, struct forest_plan *plan, struct forest_tree *tree,
		   float weight)
{
	struct forest_node *out   = plan->nodes + tree->first;
	uint32_t            found = 1;

	c->seen[0] = 1; /* order[0] and level[0] are 0: the root */
	for (uint32_t i = 0; i < found; i++) {
		int32_t node  = c->order[i];
		bool    leaf  = c->left[node] == -1;
		int32_t first = leaf || !c->split_type[node] ? c->left[node] : c->right[node];
		int32_t other = first == c->left[node] ? c->right[node] : c->left[node];

		if (check_node(c, node, leaf, plan->feature_count))
			return -1;
		out[i]      = (struct forest_node){ .cover = c->cover[node] };
		tree->depth = (uint32_t)c->level[i];
		if (leaf) {
			out[i].leaf                      = plan->leaf_count;
			plan->leaves[plan->leaf_count++] = (double)(weight * c->value[node]);
			continue;
		}
		if (put_split(c, plan, &out[i], node, found) ||
		    visit_child(c, first == c->left[node] ? "left_children" : "right_children",
				node, first, c->level[i] + 1, &found) ||
		    visit_child(c, first == c->left[node] ? "right_children" : "left_children",
				node, other, c->level[i] + 1, &found))
			return -1;
	}
	tree->nodes = found;
	return 0;
}

/* How many nodes the columns have, and that the tree says the same. */
static int read_params(struct columns *c, const struct forest_plan *plan)
{
	const struct doc *doc = c->doc;
	uint32_t          params, text, left;
	int64_t           nodes, vector = 0;

	if (doc_need(doc, c->object, "tree_param", DOC_OBJECT, &params, c->failure) ||
	    doc_need(doc, c->object, "left_children", DOC_NUMBERS, &left, c->failure) ||
	    doc_need(doc, params, "num_nodes", DOC_TEXT, &text, c->failure) ||
	    doc_text_int(doc, text, &nodes, c->failure))
		return -1;
	c->count = doc->values[left].count;
	if (nodes != c->count || nodes < 1)
		return doc_refuse(doc, text, "", c->failure, "says %lld nodes, the tree has %u",
				  (long long)nodes, c->count);
	if (c->count > MODEL_NODES_MAX - plan->node_count)
		return doc_refuse(doc, text, "", c->failure, "more than %u nodes in all trees",
				  MODEL_NODES_MAX);
	if (doc_find(doc, params, "size_leaf_vector", &text, c->failure))
		return -1;
	if (text != DOC_NONE &&
	    (doc_need(doc, params, "size_leaf_vector", DOC_TEXT, &text, c->failure) ||
	     doc_text_int(doc, text, &vector, c->failure)))
		return -1;
	if (vector < 0 || vector > 1)
		return doc_refuse(doc, text, "", c->failure,
				  "leaves with vectors (multi_output_tree) are not supported");
	return 0;
}

int tree_parse(const struct doc *doc, uint32_t object, struct forest_plan *plan, uint16_t output,
	       float weight, struct failure *failure)
{
	struct columns      c      = { .doc = doc, .failure = failure, .object = object };
	struct forest_tree *tree   = &plan->trees[plan->tree_count];
	int                 result = -1;

	if (read_params(&c, plan) || columns_take(&c))
		return -1;
	*tree = (struct forest_tree){ .first = plan->node_count, .output = output };
	if (!forest_plan_reserve(plan, 0, c.count, c.count))
		doc_refuse(doc, object, "", failure, "no memory to load the model");
	else if (!read_columns(&c))
		result = flatten(&c, plan, tree, weight);
	categories_free(&c.lists);
	free(c.left);
	if (result)
		return -1;
	plan->node_count += tree->nodes;
	plan->tree_count++;
	return 0;
}
