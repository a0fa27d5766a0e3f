/* Nodes that work number by number, and nodes that only move numbers. */
#include <string.h>

#include "runtime/model/graph/append.h"

uint32_t graph_add_scalar(struct graph_builder *build, enum graph_op op, uint32_t x, float a,
			  float b)
{
	struct graph_node node = { .op = (uint8_t)op, .scalar = { a, b } };
	enum graph_type   type;

	assert(op >= GRAPH_NEG && op <= GRAPH_CLIP);
	if (build->failed || x == GRAPH_NONE)
		return GRAPH_NONE;
	type = graph_tensor(build, x)->type;
	if (op == GRAPH_TRUNCATE)
		type = GRAPH_WHOLE;
	else if (op == GRAPH_NOT || op == GRAPH_IS_NAN || op == GRAPH_TRUTH)
		type = GRAPH_BOOL;
	else if (op > GRAPH_TRUTH || (op >= GRAPH_SQRT && op <= GRAPH_ERF))
		type = type == GRAPH_WHOLE && op >= GRAPH_RELU ? GRAPH_WHOLE : GRAPH_FLOAT;
	return graph_append(build, node, &x, 1, graph_shape_of(build, x), type);
}

/* The output's shape of broadcasting a and b, aligned at their last axes. */
static bool broadcast(struct graph_shape a, struct graph_shape b, struct graph_shape *out)
{
	out->rank = a.rank > b.rank ? a.rank : b.rank;
	for (uint32_t d = 0; d < out->rank; d++) {
		uint32_t of_a = d + a.rank < out->rank ? 1 : a.dims[d + a.rank - out->rank];
		uint32_t of_b = d + b.rank < out->rank ? 1 : b.dims[d + b.rank - out->rank];

		if (of_a != of_b && of_a != 1 && of_b != 1)
			return false;
		out->dims[d] = of_a == 1 ? of_b : of_a;
	}
	return true;
}

/* Steps of an input through the output's axes; 0 along those that it repeats. */
static void steps_of(struct graph_shape x, struct graph_shape out, int32_t step[GRAPH_RANK_MAX])
{
	uint32_t stride = 1;

	memset(step, 0, GRAPH_RANK_MAX * sizeof(*step));
	for (uint32_t d = x.rank; d-- > 0;) {
		step[d + out.rank - x.rank] = x.dims[d] == 1 ? 0 : (int32_t)stride;
		stride *= x.dims[d];
	}
}

static uint32_t add_broadcast(struct graph_builder *build, enum graph_op op, const uint32_t *inputs,
			      uint32_t count, enum graph_type type)
{
	struct graph_node  node = { .op = (uint8_t)op };
	struct graph_shape out  = graph_shape_of(build, inputs[0]);
	char               one[80], other[80];

	for (uint32_t i = 1; i < count; i++) {
		struct graph_shape before = out;

		if (!broadcast(before, graph_shape_of(build, inputs[i]), &out))
			return graph_refuse(build, "shapes %s and %s do not go together",
					    graph_shape_words(before, one),
					    graph_shape_words(graph_shape_of(build, inputs[i]),
							      other));
	}
	for (uint32_t i = 0; i < count; i++)
		steps_of(graph_shape_of(build, inputs[i]), out, node.walk.step[i]);
	return graph_append(build, node, inputs, count, out, type);
}

uint32_t graph_add_walk(struct graph_builder *build, enum graph_op op, uint32_t x, uint32_t y)
{
	uint32_t        inputs[2] = { x, y };
	enum graph_type type;

	assert(op >= GRAPH_ADD && op <= GRAPH_XOR);
	if (build->failed || x == GRAPH_NONE || y == GRAPH_NONE)
		return GRAPH_NONE;
	type = graph_tensor(build, x)->type;
	if (op >= GRAPH_EQUAL)
		type = GRAPH_BOOL;
	return add_broadcast(build, op, inputs, 2, type);
}

uint32_t graph_add_where(struct graph_builder *build, uint32_t condition, uint32_t x, uint32_t y)
{
	uint32_t inputs[3] = { condition, x, y };

	if (build->failed || condition == GRAPH_NONE || x == GRAPH_NONE || y == GRAPH_NONE)
		return GRAPH_NONE;
	return add_broadcast(build, GRAPH_WHERE, inputs, 3, graph_tensor(build, x)->type);
}

uint32_t graph_add_expand(struct graph_builder *build, uint32_t x, struct graph_shape shape)
{
	struct graph_node  node = { .op = GRAPH_COPY };
	struct graph_shape from, out;
	char               one[80], other[80];

	if (build->failed || x == GRAPH_NONE)
		return GRAPH_NONE;
	from = graph_shape_of(build, x);
	if (!broadcast(from, shape, &out))
		return graph_refuse(build, "shape %s cannot be expanded to %s",
				    graph_shape_words(from, one), graph_shape_words(shape, other));
	if (graph_shape_count(out, GRAPH_WEIGHTS_MAX) == graph_tensor(build, x)->count)
		return graph_add_view(build, x, out);
	steps_of(from, out, node.walk.step[0]);
	return graph_append(build, node, &x, 1, out, graph_tensor(build, x)->type);
}

/* A copy by steps; only a view when the numbers are neighbours in the right order. */
static uint32_t add_copy(struct graph_builder *build, uint32_t x, struct graph_node node,
			 struct graph_shape out)
{
	uint32_t stride = 1;
	bool     plain  = true;

	for (uint32_t d = out.rank; d-- > 0;) {
		if (out.dims[d] > 1 && node.walk.step[0][d] != (int32_t)stride)
			plain = false;
		stride *= out.dims[d];
	}
	if (plain)
		return graph_view_at(build, x, out, node.walk.start);
	return graph_append(build, node, &x, 1, out, graph_tensor(build, x)->type);
}

uint32_t graph_add_transpose(struct graph_builder *build, uint32_t x, const uint8_t *axes)
{
	struct graph_node  node = { .op = GRAPH_COPY };
	struct graph_shape from, out;
	int32_t            step[GRAPH_RANK_MAX];

	if (build->failed || x == GRAPH_NONE)
		return GRAPH_NONE;
	from = graph_shape_of(build, x);
	out  = from;
	steps_of(from, from, step);
	for (uint32_t d = 0; d < from.rank; d++) {
		out.dims[d]          = from.dims[axes[d]];
		node.walk.step[0][d] = step[axes[d]];
	}
	return add_copy(build, x, node, out);
}

uint32_t graph_add_slice(struct graph_builder *build, uint32_t x, const uint32_t *first,
			 const int32_t *step, struct graph_shape shape)
{
	struct graph_node  node = { .op = GRAPH_COPY };
	struct graph_shape from;
	int32_t            stride = 1;

	if (build->failed || x == GRAPH_NONE)
		return GRAPH_NONE;
	from = graph_shape_of(build, x);
	assert(from.rank == shape.rank);
	for (uint32_t d = from.rank; d-- > 0;) {
		node.walk.start += first[d] * (uint32_t)stride;
		node.walk.step[0][d] = shape.dims[d] == 1 ? 0 : step[d] * stride;
		stride *= (int32_t)from.dims[d];
	}
	return add_copy(build, x, node, shape);
}

/* Product of the dims from `first` to before `end`. */
static uint32_t dims_product(struct graph_shape shape, uint32_t first, uint32_t end)
{
	uint32_t product = 1;

	for (uint32_t d = first; d < end; d++)
		product *= shape.dims[d];
	return product;
}

uint32_t graph_add_concat(struct graph_builder *build, const uint32_t *inputs, uint32_t count,
			  uint32_t axis)
{
	struct graph_node  node = { .op = GRAPH_CONCAT };
	struct graph_shape out, next;
	uint64_t           length = 0;
	char               one[80], other[80];

	if (build->failed)
		return GRAPH_NONE;
	if (count == 0 || count > GRAPH_INPUTS_MAX)
		return graph_refuse(build, "%u inputs; allowed are 1 to %u", count,
				    GRAPH_INPUTS_MAX);
	for (uint32_t i = 0; i < count; i++)
		if (inputs[i] == GRAPH_NONE)
			return GRAPH_NONE;
	out = graph_shape_of(build, inputs[0]);
	assert(axis < out.rank);
	for (uint32_t i = 0; i < count; i++) {
		next = graph_shape_of(build, inputs[i]);
		length += next.rank > axis ? next.dims[axis] : 0;
		if (next.rank == out.rank)
			next.dims[axis] = out.dims[axis];
		if (next.rank != out.rank ||
		    memcmp(next.dims, out.dims, out.rank * sizeof(*out.dims)) != 0)
			return graph_refuse(
				build, "shapes %s and %s cannot be joined at axis %u",
				graph_shape_words(out, one),
				graph_shape_words(graph_shape_of(build, inputs[i]), other), axis);
	}
	if (count == 1)
		return inputs[0];
	if (length > GRAPH_FLOATS_MAX)
		return graph_refuse(build, "the result must have 1 to %u numbers",
				    GRAPH_FLOATS_MAX);
	out.dims[axis]   = (uint32_t)length;
	node.line.outer  = dims_product(out, 0, axis);
	node.line.length = (uint32_t)length;
	node.line.inner  = dims_product(out, axis + 1, out.rank);
	return graph_append(build, node, inputs, count, out, graph_tensor(build, inputs[0])->type);
}

/* Constant indices that are neighbours make a slice; one index, a view when it is whole. */
static bool run_of_indices(const float *values, uint32_t count, uint32_t length, uint32_t *first)
{
	float start = values[0] < 0.0f ? values[0] + (float)length : values[0];

	for (uint32_t i = 0; i < count; i++) {
		float value = values[i] < 0.0f ? values[i] + (float)length : values[i];

		if (value != start + (float)i || !(value >= 0.0f && value < (float)length))
			return false;
	}
	*first = (uint32_t)start;
	return true;
}

/* The result's shape: the indices' in place of the axis. */
static bool gathered_shape(struct graph_shape x, struct graph_shape indices, uint32_t axis,
			   struct graph_shape *out)
{
	out->rank = 0;
	if (x.rank - 1u + indices.rank > GRAPH_RANK_MAX)
		return false;
	for (uint32_t d = 0; d < axis; d++)
		out->dims[out->rank++] = x.dims[d];
	for (uint32_t d = 0; d < indices.rank; d++)
		out->dims[out->rank++] = indices.dims[d];
	for (uint32_t d = axis + 1; d < x.rank; d++)
		out->dims[out->rank++] = x.dims[d];
	return true;
}

static bool indices_in_range(const float *values, uint32_t count, uint32_t length)
{
	for (uint32_t i = 0; i < count; i++)
		if (!(values[i] >= -(float)length && values[i] < (float)length))
			return false;
	return true;
}

uint32_t graph_add_gather(struct graph_builder *build, uint32_t x, uint32_t indices, uint32_t axis)
{
	struct graph_node  node = { .op = GRAPH_GATHER };
	struct graph_shape from, of_indices, out;
	const float       *values;
	uint32_t           inputs[2] = { x, indices }, first[GRAPH_RANK_MAX] = { 0 };
	int32_t            step[GRAPH_RANK_MAX] = { 1, 1, 1, 1, 1, 1 };
	uint32_t           count;

	if (build->failed || x == GRAPH_NONE || indices == GRAPH_NONE)
		return GRAPH_NONE;
	from       = graph_shape_of(build, x);
	of_indices = graph_shape_of(build, indices);
	assert(axis < from.rank);
	if (!gathered_shape(from, of_indices, axis, &out))
		return graph_refuse(build, "the result has more than %u axes", GRAPH_RANK_MAX);
	values = graph_constant_values(build, indices);
	count  = graph_tensor(build, indices)->count;
	if (values && !indices_in_range(values, count, from.dims[axis]))
		return graph_refuse(build, "an index is outside the axis' %u", from.dims[axis]);
	if (values && run_of_indices(values, count, from.dims[axis], &first[axis])) {
		struct graph_shape cut = from;

		cut.dims[axis] = count;
		return graph_add_view(build, graph_add_slice(build, x, first, step, cut), out);
	}
	node.line.outer  = dims_product(from, 0, axis);
	node.line.length = from.dims[axis];
	node.line.inner  = dims_product(from, axis + 1, from.rank);
	return graph_append(build, node, inputs, 2, out, graph_tensor(build, x)->type);
}
