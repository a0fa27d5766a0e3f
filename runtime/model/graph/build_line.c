/* Nodes that work along axes, and tables. */
#include <math.h>
#include <string.h>

#include "runtime/model/graph/append.h"

/* The axes of x in an order that puts those in `axes` last; false: they are there already,
 * next to each other, somewhere. */
static bool axes_apart(uint32_t rank, uint32_t axes, uint8_t order[GRAPH_RANK_MAX])
{
	uint32_t used = 0, runs = 0;

	for (uint32_t d = 0; d < rank; d++)
		if (!(axes >> d & 1))
			order[used++] = (uint8_t)d;
	for (uint32_t d = 0; d < rank; d++) {
		if (!(axes >> d & 1))
			continue;
		order[used++] = (uint8_t)d;
		runs += d == 0 || !(axes >> (d - 1) & 1);
	}
	return runs > 1;
}

static struct graph_line line_of(struct graph_shape shape, uint32_t first, uint32_t end)
{
	struct graph_line line = { .outer = 1, .length = 1, .inner = 1 };

	for (uint32_t d = 0; d < shape.rank; d++) {
		if (d < first)
			line.outer *= shape.dims[d];
		else if (d < end)
			line.length *= shape.dims[d];
		else
			line.inner *= shape.dims[d];
	}
	return line;
}

static struct graph_shape reduced_shape(struct graph_shape shape, uint32_t axes, bool keep_dims)
{
	struct graph_shape out = { 0 };

	for (uint32_t d = 0; d < shape.rank; d++) {
		if (!(axes >> d & 1))
			out.dims[out.rank++] = shape.dims[d];
		else if (keep_dims)
			out.dims[out.rank++] = 1;
	}
	return out;
}

uint32_t graph_add_reduce(struct graph_builder *build, enum graph_op op, uint32_t x, uint32_t axes,
			  bool keep_dims)
{
	struct graph_node  node = { .op = (uint8_t)op };
	struct graph_shape shape, out;
	uint8_t            order[GRAPH_RANK_MAX];
	uint32_t           first = 0, end;
	enum graph_type    type;

	assert(op >= GRAPH_REDUCE_SUM && op <= GRAPH_ARG_MAX);
	if (build->failed || x == GRAPH_NONE)
		return GRAPH_NONE;
	shape = graph_shape_of(build, x);
	out   = reduced_shape(shape, axes, keep_dims);
	if (axes == 0)
		return x;
	if (axes_apart(shape.rank, axes, order)) {
		uint32_t kept = reduced_shape(shape, axes, false).rank;

		x = graph_add_transpose(build, x, order);
		if (x == GRAPH_NONE)
			return GRAPH_NONE;
		axes  = ((1u << shape.rank) - 1) & ~((1u << kept) - 1);
		shape = graph_shape_of(build, x);
	}
	while (!(axes >> first & 1))
		first++;
	for (end = first; end < shape.rank && (axes >> end & 1);)
		end++;
	node.line = line_of(shape, first, end);
	type      = op == GRAPH_ARG_MAX ? GRAPH_WHOLE : graph_tensor(build, x)->type;
	if (node.line.length == 1 && op != GRAPH_ARG_MAX)
		return graph_add_view(build, x, out);
	return graph_append(build, node, &x, 1, out, type);
}

uint32_t graph_add_line(struct graph_builder *build, enum graph_op op, uint32_t x, uint32_t first,
			uint32_t end)
{
	struct graph_node node = { .op = (uint8_t)op };

	assert(op >= GRAPH_SOFTMAX && op <= GRAPH_NORM_MAX);
	if (build->failed || x == GRAPH_NONE)
		return GRAPH_NONE;
	node.line = line_of(graph_shape_of(build, x), first, end);
	return graph_append(build, node, &x, 1, graph_shape_of(build, x), GRAPH_FLOAT);
}

uint32_t graph_add_layer_norm(struct graph_builder *build, uint32_t x, uint32_t scale,
			      uint32_t bias, uint32_t first, float epsilon)
{
	struct graph_node node      = { .op = GRAPH_LAYER_NORM };
	uint32_t          inputs[3] = { x, scale, bias };

	if (build->failed || x == GRAPH_NONE || scale == GRAPH_NONE)
		return GRAPH_NONE;
	node.line         = line_of(graph_shape_of(build, x), first, graph_shape_of(build, x).rank);
	node.line.epsilon = epsilon;
	for (uint32_t i = 1; i < 3; i++)
		if (inputs[i] != GRAPH_NONE &&
		    graph_tensor(build, inputs[i])->count != node.line.length)
			return graph_refuse(build,
					    "scale and bias must have %u numbers, as the "
					    "axes that are normalized; found %u",
					    node.line.length,
					    graph_tensor(build, inputs[i])->count);
	return graph_append(build, node, inputs, bias == GRAPH_NONE ? 2 : 3,
			    graph_shape_of(build, x), GRAPH_FLOAT);
}

uint32_t graph_add_look_up(struct graph_builder *build, uint32_t x, uint32_t keys, uint32_t values,
			   float missing)
{
	struct graph_node node      = { .op = GRAPH_LOOK_UP, .table = { .missing = missing } };
	uint32_t          inputs[3] = { x, keys, values };

	if (build->failed || x == GRAPH_NONE || keys == GRAPH_NONE || values == GRAPH_NONE)
		return GRAPH_NONE;
	assert(graph_tensor(build, keys)->count == graph_tensor(build, values)->count);
	return graph_append(build, node, inputs, 3, graph_shape_of(build, x),
			    graph_tensor(build, values)->type);
}

uint32_t graph_add_one_hot(struct graph_builder *build, uint32_t x, uint32_t categories,
			   float missing)
{
	struct graph_node  node      = { .op = GRAPH_ONE_HOT, .table = { .missing = missing } };
	uint32_t           inputs[2] = { x, categories };
	struct graph_shape out;

	if (build->failed || x == GRAPH_NONE || categories == GRAPH_NONE)
		return GRAPH_NONE;
	out = graph_shape_of(build, x);
	if (out.rank == GRAPH_RANK_MAX)
		return graph_refuse(build, "the result has more than %u axes", GRAPH_RANK_MAX);
	out.dims[out.rank++] = graph_tensor(build, categories)->count;
	return graph_append(build, node, inputs, 2, out, GRAPH_FLOAT);
}

uint32_t graph_add_impute(struct graph_builder *build, uint32_t x, uint32_t values, float missing)
{
	struct graph_node  node      = { .op = GRAPH_IMPUTE };
	uint32_t           inputs[2] = { x, values }, columns;
	struct graph_shape shape;

	if (build->failed || x == GRAPH_NONE || values == GRAPH_NONE)
		return GRAPH_NONE;
	shape   = graph_shape_of(build, x);
	columns = graph_tensor(build, values)->count;
	if (columns != 1 && (shape.rank == 0 || columns != shape.dims[shape.rank - 1]))
		return graph_refuse(build, "%u values for an input of %u columns", columns,
				    shape.rank ? shape.dims[shape.rank - 1] : 1);
	node.table.columns = columns;
	node.table.missing = missing;
	return graph_append(build, node, inputs, 2, shape, graph_tensor(build, x)->type);
}
