/* Operators of networks' layers: products, norms, softmax, reductions. */
#include <math.h>

#include "runtime/model/read/onnx_node.h"

static const uint8_t turned[2] = { 1, 0 };

static uint32_t scaled(struct onnx *o, uint32_t x, float factor)
{
	if (factor == 1.0f || x == GRAPH_NONE)
		return x;
	return graph_add_walk(&o->build, GRAPH_MUL, x, graph_add_number(&o->build, factor));
}

static bool is_matrix(struct onnx *o, uint32_t x)
{
	if (x == GRAPH_NONE)
		return false;
	if (graph_tensor(&o->build, x)->rank == 2)
		return true;
	graph_refuse(&o->build, "both sides must have two axes");
	return false;
}

/* alpha A B + beta C */
bool onnx_gemm(struct onnx *o, const struct onnx_operator *row)
{
	float    alpha = onnx_float(o, "alpha", 1.0f), beta = onnx_float(o, "beta", 1.0f);
	int64_t  turn_a = onnx_int(o, "transA", 0), turn_b = onnx_int(o, "transB", 0);
	uint32_t a = onnx_input(o, 0), b = onnx_input(o, 1), product;

	(void)row;
	if (!is_matrix(o, a) || !is_matrix(o, b))
		return false;
	if (turn_a)
		a = graph_add_transpose(&o->build, a, turned);
	if (turn_b)
		b = graph_add_transpose(&o->build, b, turned);
	if (graph_is_constant(&o->build, b))
		product = graph_add_matmul(&o->build, a, scaled(o, b, alpha));
	else
		product = scaled(o, graph_add_matmul(&o->build, a, b), alpha);
	if (onnx_has_input(o, 2))
		product = graph_add_walk(&o->build, GRAPH_ADD, product,
					 scaled(o, onnx_input(o, 2), beta));
	return onnx_output(o, 0, product);
}

bool onnx_matmul(struct onnx *o, const struct onnx_operator *row)
{
	(void)row;
	return onnx_output(o, 0, graph_add_matmul(&o->build, onnx_input(o, 0), onnx_input(o, 1)));
}

/* Up to opset 12 everything from the axis on is one line; since then, the axis alone. */
bool onnx_softmax(struct onnx *o, const struct onnx_operator *row)
{
	uint32_t x    = onnx_input(o, 0), axis, rank;
	bool     flat = o->opset < 13;

	if (x == GRAPH_NONE)
		return false;
	rank = graph_tensor(&o->build, x)->rank;
	if (!onnx_axis(o, onnx_int(o, "axis", flat ? 1 : -1), rank, &axis))
		return false;
	return onnx_output(o, 0,
			   graph_add_line(&o->build, (enum graph_op)row->param, x, axis,
					  flat ? rank : axis + 1));
}

/* The axes, as bits: an attribute, and since opset 13 (ReduceSum) or 18 an input. */
static bool reduced_axes(struct onnx *o, uint32_t rank, uint32_t *axes)
{
	int64_t  given[GRAPH_RANK_MAX];
	uint32_t count, axis;
	bool     is_given;

	*axes = 0;
	if (!onnx_ints(o, "axes", given, GRAPH_RANK_MAX, &count, &is_given))
		return false;
	if (!is_given && onnx_has_input(o, 1) &&
	    !onnx_input_ints(o, 1, given, GRAPH_RANK_MAX, &count))
		return false;
	for (uint32_t i = 0; i < count; i++) {
		if (!onnx_axis(o, given[i], rank, &axis))
			return false;
		*axes |= 1u << axis;
	}
	if (count == 0 && !onnx_int(o, "noop_with_empty_axes", 0))
		*axes = (1u << rank) - 1;
	onnx_ignore(o, "noop_with_empty_axes");
	return true;
}

bool onnx_reduce(struct onnx *o, const struct onnx_operator *row)
{
	uint32_t x = onnx_input(o, 0), axes;
	bool     keep;

	if (x == GRAPH_NONE || !reduced_axes(o, graph_tensor(&o->build, x)->rank, &axes))
		return false;
	keep = onnx_int(o, "keepdims", 1) != 0;
	return onnx_output(o, 0,
			   graph_add_reduce(&o->build, (enum graph_op)row->param, x, axes, keep));
}

bool onnx_arg_max(struct onnx *o, const struct onnx_operator *row)
{
	uint32_t x    = onnx_input(o, 0), axis;
	bool     keep = onnx_int(o, "keepdims", 1) != 0;

	(void)row;
	if (onnx_int(o, "select_last_index", 0)) {
		graph_refuse(&o->build, "select_last_index is not supported");
		return false;
	}
	if (x == GRAPH_NONE ||
	    !onnx_axis(o, onnx_int(o, "axis", 0), graph_tensor(&o->build, x)->rank, &axis))
		return false;
	return onnx_output(o, 0, graph_add_reduce(&o->build, GRAPH_ARG_MAX, x, 1u << axis, keep));
}

/* A tensor of one number a channel, shaped to go along axis 1 of a value of `rank`. */
static uint32_t along_channels(struct onnx *o, uint32_t input, uint32_t channels, uint32_t rank)
{
	uint32_t           x     = onnx_input(o, input);
	struct graph_shape shape = { .rank = 1, .dims = { channels } };

	if (x == GRAPH_NONE)
		return x;
	if (graph_tensor(&o->build, x)->count != channels)
		return graph_refuse(&o->build, "input %u must have %u numbers, one a channel",
				    input, channels);
	for (; shape.rank + 1u < rank; shape.rank++)
		shape.dims[shape.rank] = 1;
	return graph_add_view(&o->build, x, shape);
}

/* (x - mean) / sqrt(variance + epsilon) * scale + bias, as a factor and a summand, which
 * are computed at load. */
bool onnx_batch_norm(struct onnx *o, const struct onnx_operator *row)
{
	struct graph_builder *b       = &o->build;
	uint32_t              x       = onnx_input(o, 0), part[5], rank, factor;
	float                 epsilon = onnx_float(o, "epsilon", 1e-5f);

	(void)row;
	onnx_ignore(o, "momentum");
	if (onnx_int(o, "training_mode", 0)) {
		graph_refuse(b, "training mode is not supported");
		return false;
	}
	if (x == GRAPH_NONE)
		return false;
	rank = graph_tensor(b, x)->rank;
	if (rank < 2) {
		graph_refuse(b, "the input must have two axes or more");
		return false;
	}
	for (uint32_t i = 1; i < 5; i++)
		part[i] = along_channels(o, i, graph_tensor(b, x)->dims[1], rank);
	factor = graph_add_scalar(
		b, GRAPH_SQRT, graph_add_walk(b, GRAPH_ADD, part[4], graph_add_number(b, epsilon)),
		0.0f, 0.0f);
	factor = graph_add_walk(b, GRAPH_DIV, part[1], factor);
	x      = graph_add_walk(b, GRAPH_MUL, x, factor);
	x      = graph_add_walk(b, GRAPH_ADD, x,
				graph_add_walk(b, GRAPH_SUB, part[2],
					       graph_add_walk(b, GRAPH_MUL, part[3], factor)));
	return onnx_output(o, 0, x);
}

bool onnx_layer_norm(struct onnx *o, const struct onnx_operator *row)
{
	uint32_t x = onnx_input(o, 0), axis, bias = GRAPH_NONE;
	float    epsilon = onnx_float(o, "epsilon", 1e-5f);

	(void)row;
	onnx_ignore(o, "stash_type");
	onnx_output_why_not(o, 1, "is the mean of a LayerNormalization, which is not supported");
	onnx_output_why_not(o, 2,
			    "is the deviation of a LayerNormalization, which is not supported");
	if (x == GRAPH_NONE ||
	    !onnx_axis(o, onnx_int(o, "axis", -1), graph_tensor(&o->build, x)->rank, &axis))
		return false;
	if (onnx_has_input(o, 2))
		bias = onnx_input(o, 2);
	return onnx_output(
		o, 0, graph_add_layer_norm(&o->build, x, onnx_input(o, 1), bias, axis, epsilon));
}
