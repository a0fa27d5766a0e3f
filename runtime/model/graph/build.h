/* How a reader makes a network plan: a node at a time, in the order they run.  Private to
 * runtime/model.
 *
 * Each graph_add_* checks its inputs' shapes, finds the output's, and appends what it
 * takes: a node, several, or only a view of numbers that are there already.  What comes
 * of constants alone is computed at once and is a constant, so that shapes which a file
 * computes are known where they are needed.
 *
 * Result:  the output's tensor, or GRAPH_NONE and *failure, whose place names the file's
 *          node (graph_begin) and whose detail says what was found and what is allowed.
 *          An input of GRAPH_NONE gives GRAPH_NONE, so that calls can be nested; the first
 *          failure is kept.
 * Owner:   the thread that loads.
 * Bounds:  GRAPH_* of graph.h; computed constants and the work for them are bounded by the
 *          size of the file. */
#ifndef ASSAY_RUNTIME_MODEL_GRAPH_BUILD_H
#define ASSAY_RUNTIME_MODEL_GRAPH_BUILD_H

#include "runtime/model/graph/graph.h"

struct graph_shape {
	uint8_t  rank;
	uint32_t dims[GRAPH_RANK_MAX];
};

struct graph_builder {
	struct graph_plan *plan;
	struct failure    *failure;
	bool               failed;
	uint32_t           origin; /* the file's node that is being read */
};

/* NULL: no memory.  graph_plan_free takes NULL and frees the forests too. */
struct graph_plan *graph_plan_new(uint64_t file_bytes);
void               graph_plan_free(struct graph_plan *plan);

/* The file's next node; both texts are made printable and cut to fit. */
bool graph_begin(struct graph_builder *build, const char *name, const char *op);

/* Fill *failure, place and all, unless one was found before.  Always GRAPH_NONE. */
__attribute__((format(printf, 2, 3))) uint32_t graph_refuse(struct graph_builder *build,
							    const char           *words, ...);

static inline struct graph_tensor *graph_tensor(const struct graph_builder *build, uint32_t tensor)
{
	assert(tensor < build->plan->tensor_count);
	return &build->plan->tensors[tensor];
}

struct graph_shape graph_shape_of(const struct graph_builder *build, uint32_t tensor);
/* "[1, 7, 220]", in `out`, which is returned. */
const char *graph_shape_words(struct graph_shape shape, char out[static 80]);
/* The product of dims, at most GRAPH_FLOATS_MAX (weights: GRAPH_WEIGHTS_MAX); 0: more. */
uint64_t graph_shape_count(struct graph_shape shape, uint64_t count_max);

/* Numbers known at load.  graph_constant_values: NULL when the tensor is not one; they move
 * with the next graph_add_*. */
uint32_t     graph_add_constant(struct graph_builder *build, enum graph_type type,
				struct graph_shape shape, const float *values);
uint32_t     graph_add_number(struct graph_builder *build, float value); /* rank 0 */
uint32_t     graph_add_numbers(struct graph_builder *build, const float *values, uint32_t count);
const float *graph_constant_values(const struct graph_builder *build, uint32_t tensor);
bool         graph_is_constant(const struct graph_builder *build, uint32_t tensor);

/* Part of the row: `offset` numbers in. */
uint32_t graph_add_input(struct graph_builder *build, enum graph_type type,
			 struct graph_shape shape, uint32_t offset);

/* The same numbers in another shape of as many; and with another type. */
uint32_t graph_add_view(struct graph_builder *build, uint32_t x, struct graph_shape shape);
uint32_t graph_add_retyped(struct graph_builder *build, uint32_t x, enum graph_type type);

/* ops NEG to CLIP */
uint32_t graph_add_scalar(struct graph_builder *build, enum graph_op op, uint32_t x, float a,
			  float b);
/* ops ADD to XOR of two, WHERE of three: broadcast as numpy does */
uint32_t graph_add_walk(struct graph_builder *build, enum graph_op op, uint32_t x, uint32_t y);
uint32_t graph_add_where(struct graph_builder *build, uint32_t condition, uint32_t x, uint32_t y);

/* Axes are within the rank here; readers have resolved negative ones. */
uint32_t graph_add_transpose(struct graph_builder *build, uint32_t x, const uint8_t *axes);
uint32_t graph_add_expand(struct graph_builder *build, uint32_t x, struct graph_shape shape);
/* From `first`, `shape->dims[axis]` numbers `step` apart on each axis. */
uint32_t graph_add_slice(struct graph_builder *build, uint32_t x, const uint32_t *first,
			 const int32_t *step, struct graph_shape shape);
uint32_t graph_add_concat(struct graph_builder *build, const uint32_t *inputs, uint32_t count,
			  uint32_t axis);
uint32_t graph_add_gather(struct graph_builder *build, uint32_t x, uint32_t indices, uint32_t axis);

/* REDUCE_*, ARG_MAX over the axes whose bits are set. */
uint32_t graph_add_reduce(struct graph_builder *build, enum graph_op op, uint32_t x, uint32_t axes,
			  bool keep_dims);
/* SOFTMAX, LOG_SOFTMAX, NORM_*: along the axes first to end - 1 taken as one. */
uint32_t graph_add_line(struct graph_builder *build, enum graph_op op, uint32_t x, uint32_t first,
			uint32_t end);
/* Over the axes from `first` to the last; scale and bias have as many numbers; bias may be
 * GRAPH_NONE. */
uint32_t graph_add_layer_norm(struct graph_builder *build, uint32_t x, uint32_t scale,
			      uint32_t bias, uint32_t first, float epsilon);

uint32_t graph_add_look_up(struct graph_builder *build, uint32_t x, uint32_t keys, uint32_t values,
			   float missing);
uint32_t graph_add_one_hot(struct graph_builder *build, uint32_t x, uint32_t categories,
			   float missing);
/* `values` has one number, or one for each of the last axis. */
uint32_t graph_add_impute(struct graph_builder *build, uint32_t x, uint32_t values, float missing);

/* matmul as numpy does; DENSE when y is a constant of rank 2. */
uint32_t graph_add_matmul(struct graph_builder *build, uint32_t x, uint32_t y);
/* x [..., inner], weights constant [columns][inner], bias [columns] or GRAPH_NONE. */
uint32_t graph_add_dense(struct graph_builder *build, uint32_t x, uint32_t weights, uint32_t bias);
/* x [1, in, length], weights [out][in / groups][width]; the caller has filled width, stride,
 * dilation, pad, groups and length_out.  weights and bias GRAPH_NONE for pools. */
uint32_t graph_add_window(struct graph_builder *build, enum graph_op op, uint32_t x,
			  uint32_t weights, uint32_t bias, struct graph_window window);
/* inputs as graph.h says; the output's shape is [steps, hidden]. */
uint32_t graph_add_recurrent(struct graph_builder *build, enum graph_op op, const uint32_t *inputs,
			     uint32_t count, struct graph_recurrent recurrent);
/* Takes the forest over, also when it fails. */
uint32_t graph_add_forest(struct graph_builder *build, uint32_t x, struct forest_plan *forest);

/* Last: `output` is what the model answers.  A last sigmoid or softmax becomes *link and
 * what comes before it the output.  0, or -1 and *failure. */
int graph_finish(struct graph_builder *build, uint32_t output, enum model_link *link);

#endif
