/* ai.onnx.ml: TreeEnsembleClassifier and TreeEnsembleRegressor.
 *
 * The file lists nodes by (tree, node) and leaves' weights apart from them.  Nodes are
 * sorted, joined to their leaves, and each tree is then walked breadth first from the one
 * node that no other leads to; a node met twice makes the file cyclic or a tree shared, and
 * one that is not met at all makes it a forest within a tree: all are refused. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/model/forest/forest.h"
#include "runtime/model/read/onnx_node.h"

#define SET_CATEGORIES_MAX 65536u
#define SET_WORDS_MAX      (1u << 20) /* of all tests for equality together */

enum mode { LEQ, LT, GTE, GT, EQ, NEQ, LEAF, MODES };

/* One node as the file has it. */
struct row {
	int64_t  tree, node;
	double   threshold;
	int64_t  true_node, false_node;
	uint32_t feature;
	uint32_t weight; /* of a leaf: its first weight, or GRAPH_NONE */
	uint8_t  mode;
	bool     missing_is_true;
	bool     met;
};

struct weight {
	uint32_t row;
	uint32_t target;
	double   value;
};

struct trees {
	struct onnx   *o;
	struct row    *rows;    /* sorted by tree and node */
	struct weight *weights; /* sorted by row, then target, then value */
	uint32_t      *queue;   /* rows of a tree, breadth first */
	uint32_t      *set_of;  /* [SET_CATEGORIES_MAX]: where a category's set is, plus one */
	uint32_t       row_count, weight_count, targets;
	uint32_t       features; /* columns of the input */
};

static bool refuse_row(struct trees *t, const struct row *row, const char *words)
{
	graph_refuse(&t->o->build, "tree %lld, node %lld: %s", (long long)row->tree,
		     (long long)row->node, words);
	return false;
}

/* ---- reading */

/* One of the lists that must be as long as the nodes (or weights) are many. */
static const int64_t *list(struct onnx *o, const char *name, uint32_t count)
{
	uint32_t       found;
	const int64_t *ints = onnx_int_list(o, name, &found);

	if (found == count)
		return ints;
	graph_refuse(&o->build, "%s has %u numbers, not %u", name, found, count);
	return NULL;
}

/* Floats, or since version 3 a tensor of floats or doubles; each as double. */
static double *numbers(struct onnx *o, const char *name, const char *name_tensor, uint32_t count,
		       bool required)
{
	const Onnx__AttributeProto *attribute = onnx_attribute(o, name_tensor);
	const Onnx__TensorProto    *tensor    = attribute ? attribute->t : NULL;
	uint32_t                    found     = 0;
	const float                *floats    = onnx_floats(o, name, &found);
	size_t                      bytes     = 4;
	double                     *out;

	if (!floats && tensor) {
		bytes = tensor->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE ? 8 : 4;
		found = (uint32_t)(tensor->has_raw_data ? tensor->raw_data.len / bytes
				   : bytes == 8         ? tensor->n_double_data
							: tensor->n_float_data);
	}
	if (found != count) {
		if (found > 0 || required)
			graph_refuse(&o->build, "%s has %u numbers, not %u", name, found, count);
		return NULL;
	}
	out = malloc((count + 1ull) * sizeof(*out));
	if (!out) {
		graph_refuse(&o->build, "no memory to load the model");
		return NULL;
	}
	for (uint32_t i = 0; i < count; i++) {
		float single;

		if (floats)
			out[i] = (double)floats[i];
		else if (!tensor->has_raw_data)
			out[i] = bytes == 8 ? tensor->double_data[i]
					    : (double)tensor->float_data[i];
		else if (bytes == 8)
			memcpy(&out[i], tensor->raw_data.data + 8ull * i, 8);
		else {
			memcpy(&single, tensor->raw_data.data + 4ull * i, 4);
			out[i] = (double)single;
		}
	}
	return out;
}

static int mode_of(const ProtobufCBinaryData *text)
{
	static const char *const names[MODES] = { "BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE",
						  "BRANCH_GT",  "BRANCH_EQ", "BRANCH_NEQ",
						  "LEAF" };

	for (int i = 0; i < MODES; i++)
		if (text->len == strlen(names[i]) && memcmp(text->data, names[i], text->len) == 0)
			return i;
	return -1;
}

static int by_tree_and_node(const void *one, const void *other)
{
	const struct row *a = one, *b = other;

	if (a->tree != b->tree)
		return a->tree < b->tree ? -1 : 1;
	return (a->node > b->node) - (a->node < b->node);
}

static bool check_row(struct trees *t, struct row *row, int64_t feature)
{
	if (row->mode == LEAF)
		return true;
	if (feature < 0 || feature >= t->features)
		return refuse_row(t, row, "tests a feature that the input does not have");
	row->feature = (uint32_t)feature;
	/* scikit-learn tells what is missing from the rest by x <= +inf. */
	if (isnan(row->threshold) || row->threshold == -INFINITY)
		return refuse_row(t, row, "the threshold is NaN or -inf");
	if ((row->mode == EQ || row->mode == NEQ) &&
	    !(row->threshold >= 0.0 && row->threshold < SET_CATEGORIES_MAX &&
	      row->threshold == (double)(uint32_t)row->threshold))
		return refuse_row(t, row,
				  "tests for equality with a number that is no category (a "
				  "whole number from 0 to 65535)");
	return true;
}

static bool read_rows(struct trees *t)
{
	struct onnx                *o     = t->o;
	const Onnx__AttributeProto *modes = onnx_attribute(o, "nodes_modes");
	uint32_t                    count, missing_count;
	const int64_t              *trees   = onnx_int_list(o, "nodes_treeids", &count);
	const int64_t              *nodes   = list(o, "nodes_nodeids", count);
	const int64_t              *feature = list(o, "nodes_featureids", count);
	const int64_t              *yes     = list(o, "nodes_truenodeids", count);
	const int64_t              *no      = list(o, "nodes_falsenodeids", count);
	const int64_t              *missing = onnx_int_list(o, "nodes_missing_value_tracks_true",
							    &missing_count);
	double                     *values;
	bool                        fine;

	onnx_ignore(o, "nodes_hitrates");
	onnx_ignore(o, "nodes_hitrates_as_tensor");
	if (!o->build.failed &&
	    (count == 0 || count > MODEL_NODES_MAX || !modes || modes->n_strings != count ||
	     (missing_count && missing_count != count)))
		graph_refuse(&o->build,
			     "%u nodes, and not as many modes; allowed are 1 to %u nodes", count,
			     MODEL_NODES_MAX);
	if (o->build.failed)
		return false;
	values  = numbers(o, "nodes_values", "nodes_values_as_tensor", count, true);
	t->rows = values ? calloc(count, sizeof(*t->rows)) : NULL;
	fine    = t->rows != NULL;
	for (uint32_t i = 0; i < count && fine; i++) {
		int mode = mode_of(&modes->strings[i]);

		t->rows[i] = (struct row){
			.tree       = trees[i],
			.node       = nodes[i],
			.threshold  = values[i],
			.true_node  = yes[i],
			.false_node = no[i],
			.weight     = GRAPH_NONE,
			.mode       = (uint8_t)mode,
			/* What is missing is unequal to everything, onnxruntime finds. */
			.missing_is_true = mode == NEQ || (missing && missing[i]),
		};
		fine = mode >= 0 ? check_row(t, &t->rows[i], feature[i])
				 : refuse_row(t, &t->rows[i], "the mode is not known");
	}
	free(values);
	if (!fine)
		return false;
	t->row_count = count;
	qsort(t->rows, count, sizeof(*t->rows), by_tree_and_node);
	for (uint32_t i = 1; i < count; i++)
		if (by_tree_and_node(&t->rows[i - 1], &t->rows[i]) == 0)
			return refuse_row(t, &t->rows[i], "is given twice");
	return true;
}

static struct row *find_row(const struct trees *t, int64_t tree, int64_t node)
{
	struct row key = { .tree = tree, .node = node };

	return bsearch(&key, t->rows, t->row_count, sizeof(key), by_tree_and_node);
}

static int by_row(const void *one, const void *other)
{
	const struct weight *a = one, *b = other;

	if (a->row != b->row)
		return a->row < b->row ? -1 : 1;
	if (a->target != b->target)
		return a->target < b->target ? -1 : 1;
	return (a->value > b->value) - (a->value < b->value);
}

/* The leaves' weights; `kind` is "class" or "target". */
static bool read_weights(struct trees *t, bool classes)
{
	struct onnx   *o = t->o;
	uint32_t       count;
	const int64_t *trees = onnx_int_list(o, classes ? "class_treeids" : "target_treeids",
					     &count);
	const int64_t *nodes = list(o, classes ? "class_nodeids" : "target_nodeids", count);
	const int64_t *ids   = list(o, classes ? "class_ids" : "target_ids", count);
	double        *values;
	bool           fine;

	if (o->build.failed)
		return false;
	values     = numbers(o, classes ? "class_weights" : "target_weights",
                         classes ? "class_weights_as_tensor" : "target_weights_as_tensor", count,
			     true);
	t->weights = values ? calloc(count + 1ull, sizeof(*t->weights)) : NULL;
	fine       = t->weights != NULL;
	for (uint32_t i = 0; i < count && fine; i++) {
		struct row *row = find_row(t, trees[i], nodes[i]);

		if (!row || row->mode != LEAF || ids[i] < 0 || ids[i] >= t->targets ||
		    !isfinite(values[i])) {
			graph_refuse(&o->build, "weight %u, of tree %lld, node %lld: %s", i,
				     (long long)trees[i], (long long)nodes[i],
				     !row || row->mode != LEAF ? "there is no such leaf"
				     : !isfinite(values[i])    ? "is not a finite number"
							    : "there is no such class or target");
			fine = false;
			break;
		}
		t->weights[i] = (struct weight){ (uint32_t)(row - t->rows), (uint32_t)ids[i],
						 values[i] };
	}
	free(values);
	t->weight_count = count;
	if (!fine)
		return false;
	qsort(t->weights, count, sizeof(*t->weights), by_row);
	for (uint32_t i = count; i-- > 0;)
		t->rows[t->weights[i].row].weight = i;
	return true;
}

/* ---- one tree, breadth first */

/* The one node of rows first to end - 1 that no other of them leads to. */
static struct row *find_root(struct trees *t, uint32_t first, uint32_t end)
{
	struct row *root = NULL;

	for (uint32_t i = first; i < end; i++) {
		struct row *row = &t->rows[i];

		for (uint32_t side = 0; side < 2 && row->mode != LEAF; side++) {
			struct row *child = find_row(t, row->tree,
						     side ? row->false_node : row->true_node);

			if (!child || child == row) {
				refuse_row(t, row, "leads to a node that is not there");
				return NULL;
			}
			if (child->met) {
				refuse_row(t, child,
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
			refuse_row(t, &t->rows[i], "no node leads to it");
			return NULL;
		}
		root = &t->rows[i];
	}
	if (!root)
		refuse_row(t, &t->rows[first], "every node of the tree is led to; it is cyclic");
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
			(uint32_t)(find_row(t, row->tree,
					    swapped ? row->false_node : row->true_node) -
				   t->rows);
		t->queue[tree.nodes++] =
			(uint32_t)(find_row(t, row->tree,
					    swapped ? row->true_node : row->false_node) -
				   t->rows);
	}
	if (tree.nodes != end - first)
		return refuse_row(t, &t->rows[first], "the tree has a cycle beside its root");
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
static uint32_t add_forest(struct trees *t, uint32_t x, uint32_t target, uint32_t count,
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

/* ---- the two operators */

static void trees_close(struct trees *t)
{
	free(t->rows);
	free(t->weights);
	free(t->queue);
	free(t->set_of);
}

/* The input as one line, and everything the file says of the trees. */
static uint32_t trees_open(struct trees *t, bool classes)
{
	struct graph_shape line = { .rank = 2, .dims = { 1, 0 } };
	uint32_t           x    = onnx_input(t->o, 0);

	if (x == GRAPH_NONE)
		return x;
	t->features = line.dims[1] = graph_tensor(&t->o->build, x)->count;
	if (t->features > MODEL_FEATURES_MAX)
		return graph_refuse(&t->o->build, "the input has %u features; allowed are %u",
				    t->features, MODEL_FEATURES_MAX);
	if (!read_rows(t) || !read_weights(t, classes))
		return GRAPH_NONE;
	t->queue  = malloc(t->row_count * sizeof(*t->queue));
	t->set_of = malloc(SET_CATEGORIES_MAX * sizeof(*t->set_of));
	if (!t->queue || !t->set_of)
		return graph_refuse(&t->o->build, "no memory to load the model");
	return graph_add_retyped(&t->o->build, graph_add_view(&t->o->build, x, line), GRAPH_FLOAT);
}

static bool base_values(struct onnx *o, uint32_t targets, float *out, uint32_t *count)
{
	static const char *const names[] = { "base_values", "base_values_as_tensor" };
	uint32_t                 given   = 0;
	double                  *values;
	const float             *floats = onnx_floats(o, names[0], &given);

	if (!floats) {
		const Onnx__AttributeProto *attribute = onnx_attribute(o, names[1]);

		if (attribute && attribute->t && attribute->t->n_dims == 1)
			given = (uint32_t)attribute->t->dims[0];
	}
	*count = given;
	memset(out, 0, MODEL_OUTPUTS_MAX * sizeof(*out));
	if (given == 0)
		return true;
	if (given > targets) {
		graph_refuse(&o->build, "%u base values for %u targets", given, targets);
		return false;
	}
	values = numbers(o, names[0], names[1], given, true);
	for (uint32_t i = 0; values && i < given; i++)
		out[i] = (float)values[i];
	free(values);
	for (uint32_t i = 0; i < given; i++)
		if (!isfinite(out[i]))
			graph_refuse(&o->build, "a base value is not a finite number");
	return !o->build.failed;
}

/* One score for both classes, when every weight is of class 0: onnxruntime calls that the
 * binary case, and takes a score of weights none of which is negative for a probability. */
static bool one_score(const struct trees *t, bool *positive)
{
	*positive = true;
	for (uint32_t i = 0; i < t->weight_count; i++) {
		if (t->weights[i].target != 0)
			return false;
		*positive &= t->weights[i].value >= 0.0;
	}
	return true;
}

static bool two_classes(struct trees *t, uint32_t x, enum onnx_post post, const float *base,
			uint32_t bases)
{
	struct onnx *o = t->o;
	uint32_t     part[2];
	bool         positive;

	if (bases == 2) {
		graph_refuse(&o->build, "two base values for two classes: programs differ on what "
					"they mean; save the model with one, or none");
		return false;
	}
	if (one_score(t, &positive))
		return onnx_two_classes(o, post, add_forest(t, x, 0, 1, base, false), positive);
	/* A forest for each, so that the one that is not asked for can be dropped. */
	for (uint32_t i = 0; i < 2; i++) {
		part[i] = add_forest(t, x, i, 1, base, false);
		if (post == ONNX_LOGISTIC)
			part[i] = onnx_post_of(o, post, part[i]);
	}
	if (part[0] == GRAPH_NONE || part[1] == GRAPH_NONE)
		return false;
	x = graph_add_concat(&o->build, part, 2, 1);
	if (post == ONNX_SOFTMAX)
		return onnx_probabilities(o, onnx_post_of(o, post, x), GRAPH_NONE);
	return onnx_probabilities(o, x, part[1]);
}

bool onnx_tree_classifier(struct onnx *o, const struct onnx_operator *row)
{
	struct trees t    = { .o = o };
	int          post = onnx_post_transform(o);
	float        base[MODEL_OUTPUTS_MAX];
	uint32_t     x, bases;
	bool         fine = false;

	(void)row;
	t.targets = onnx_classes(o);
	if (t.targets > 0 && post >= 0 && base_values(o, t.targets, base, &bases)) {
		x = trees_open(&t, true);
		if (x != GRAPH_NONE && t.targets == 2)
			fine = two_classes(&t, x, (enum onnx_post)post, base, bases);
		else if (x != GRAPH_NONE)
			fine = onnx_probabilities(
				o,
				onnx_post_of(o, (enum onnx_post)post,
					     add_forest(&t, x, 0, t.targets, base, false)),
				GRAPH_NONE);
	}
	trees_close(&t);
	return fine;
}

bool onnx_tree_regressor(struct onnx *o, const struct onnx_operator *row)
{
	static const char *const aggregates[] = { "SUM", "AVERAGE", NULL };
	struct trees             t            = { .o = o };
	int                      post         = onnx_post_transform(o);
	int      aggregate = onnx_choice(o, "aggregate_function", "SUM", aggregates);
	int64_t  targets   = onnx_int(o, "n_targets", 1);
	float    base[MODEL_OUTPUTS_MAX];
	uint32_t x, bases;
	bool     fine = false;

	(void)row;
	if (targets < 1 || targets > MODEL_OUTPUTS_MAX) {
		graph_refuse(&o->build, "%lld targets; allowed are 1 to %u", (long long)targets,
			     MODEL_OUTPUTS_MAX);
		return false;
	}
	t.targets = (uint32_t)targets;
	if (post >= 0 && aggregate >= 0 && base_values(o, t.targets, base, &bases)) {
		x = trees_open(&t, false);
		if (x != GRAPH_NONE)
			fine = onnx_output(o, 0,
					   onnx_post_of(o, (enum onnx_post)post,
							add_forest(&t, x, 0, t.targets, base,
								   aggregate == 1)));
	}
	trees_close(&t);
	return fine;
}
