/* ai.onnx.ml: TreeEnsembleClassifier and TreeEnsembleRegressor.
 *
 * The file lists nodes by (tree, node) and leaves' weights apart from them.  Nodes are
 * sorted, joined to their leaves, and each tree is then walked breadth first from the one
 * node that no other leads to; a node met twice makes the file cyclic or a tree shared, and
 * one that is not met at all makes it a forest within a tree: all are refused. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/model/read/onnx_tree.h"

bool onnx_trees_refuse(struct trees *t, const struct row *row, const char *words)
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
double *onnx_tree_numbers(struct onnx *o, const char *name, const char *name_tensor, uint32_t count,
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
		return onnx_trees_refuse(t, row, "tests a feature that the input does not have");
	row->feature = (uint32_t)feature;
	/* scikit-learn tells what is missing from the rest by x <= +inf. */
	if (isnan(row->threshold) || row->threshold == -INFINITY)
		return onnx_trees_refuse(t, row, "the threshold is NaN or -inf");
	if ((row->mode == EQ || row->mode == NEQ) &&
	    !(row->threshold >= 0.0 && row->threshold < SET_CATEGORIES_MAX &&
	      row->threshold == (double)(uint32_t)row->threshold))
		return onnx_trees_refuse(t, row,
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
	values  = onnx_tree_numbers(o, "nodes_values", "nodes_values_as_tensor", count, true);
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
				 : onnx_trees_refuse(t, &t->rows[i], "the mode is not known");
	}
	free(values);
	if (!fine)
		return false;
	t->row_count = count;
	qsort(t->rows, count, sizeof(*t->rows), by_tree_and_node);
	for (uint32_t i = 1; i < count; i++)
		if (by_tree_and_node(&t->rows[i - 1], &t->rows[i]) == 0)
			return onnx_trees_refuse(t, &t->rows[i], "is given twice");
	return true;
}

struct row *onnx_trees_find(const struct trees *t, int64_t tree, int64_t node)
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
	values     = onnx_tree_numbers(o, classes ? "class_weights" : "target_weights",
                                   classes ? "class_weights_as_tensor" : "target_weights_as_tensor",
				       count, true);
	t->weights = values ? calloc(count + 1ull, sizeof(*t->weights)) : NULL;
	fine       = t->weights != NULL;
	for (uint32_t i = 0; i < count && fine; i++) {
		struct row *row = onnx_trees_find(t, trees[i], nodes[i]);

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

bool onnx_trees_read(struct trees *t, bool classes)
{
	return read_rows(t) && read_weights(t, classes);
}
