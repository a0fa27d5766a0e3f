/* What the files that read trees share.  Private to runtime/model/read. */
#ifndef ASSAY_RUNTIME_MODEL_READ_ONNX_TREE_H
#define ASSAY_RUNTIME_MODEL_READ_ONNX_TREE_H

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

/* "tree N, node M: words"; always false. */
bool onnx_trees_refuse(struct trees *t, const struct row *row, const char *words);
/* Nodes and weights of the file's node, checked and sorted (onnx_tree.c). */
bool        onnx_trees_read(struct trees *t, bool classes);
struct row *onnx_trees_find(const struct trees *t, int64_t tree, int64_t node);
/* Floats, or since version 3 a tensor of floats or doubles, each as double, to be freed; NULL
 * when absent, and a refusal when there are not `count`. */
double *onnx_tree_numbers(struct onnx *o, const char *name, const char *name_tensor, uint32_t count,
			  bool required);
/* The ensemble's sums for `count` targets from `target` on; x is [1, features]
 * (onnx_tree_build.c). */
uint32_t onnx_trees_add(struct trees *t, uint32_t x, uint32_t target, uint32_t count,
			const float *base, bool average);

#endif
