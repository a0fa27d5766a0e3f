/* Nodes that multiply and add: dense layers, matrix products, windows, recurrences. */
#include <string.h>

#include "runtime/model/graph/append.h"

uint32_t graph_add_dense(struct graph_builder *build, uint32_t x, uint32_t weights, uint32_t bias)
{
	struct graph_node  node      = { .op = GRAPH_DENSE };
	uint32_t           inputs[3] = { x, weights, bias };
	struct graph_shape out, of_weights;
	char               one[80], other[80];

	if (build->failed || x == GRAPH_NONE || weights == GRAPH_NONE)
		return GRAPH_NONE;
	out        = graph_shape_of(build, x);
	of_weights = graph_shape_of(build, weights);
	assert(of_weights.rank == 2);
	if (out.rank == 0 || out.dims[out.rank - 1] != of_weights.dims[1])
		return graph_refuse(build,
				    "an input of shape %s does not go with weights for %u "
				    "numbers (%s)",
				    graph_shape_words(out, one), of_weights.dims[1],
				    graph_shape_words(of_weights, other));
	node.product.inner   = of_weights.dims[1];
	node.product.columns = of_weights.dims[0];
	node.product.rows    = graph_tensor(build, x)->count / node.product.inner;
	node.product.batches = 1;
	if (bias != GRAPH_NONE && graph_tensor(build, bias)->count != node.product.columns)
		return graph_refuse(build, "a bias of %u numbers for %u outputs",
				    graph_tensor(build, bias)->count, node.product.columns);
	out.dims[out.rank - 1] = node.product.columns;
	return graph_append(build, node, inputs, bias == GRAPH_NONE ? 2 : 3, out, GRAPH_FLOAT);
}

/* Dims before the last two, as one; and x, expanded where the other side has more. */
static uint32_t batches_of(struct graph_shape shape)
{
	uint32_t batches = 1;

	for (uint32_t d = 0; d + 2 < shape.rank; d++)
		batches *= shape.dims[d];
	return batches;
}

/* Both sides' leading axes broadcast: a side of one batch is used for each of the other's;
 * otherwise they must be the same. */
static bool lead_of(struct graph_shape x, struct graph_shape y, struct graph_shape *out)
{
	uint32_t batches_x = batches_of(x), batches_y = batches_of(y);

	*out = batches_y > batches_x || (batches_y == batches_x && y.rank > x.rank) ? y : x;
	if (batches_x == 1 || batches_y == 1)
		return true;
	return x.rank == y.rank && memcmp(x.dims, y.dims, (x.rank - 2u) * sizeof(*x.dims)) == 0;
}

/* x and y of rank 2 and more. */
static uint32_t add_product(struct graph_builder *build, uint32_t x, uint32_t y)
{
	struct graph_node  node = { .op = GRAPH_MATMUL };
	struct graph_shape a = graph_shape_of(build, x), b = graph_shape_of(build, y), out;
	uint32_t           inputs[2] = { x, y };
	char               one[80], other[80];

	if (a.dims[a.rank - 1] != b.dims[b.rank - 2] || !lead_of(a, b, &out))
		return graph_refuse(build, "shapes %s and %s cannot be multiplied",
				    graph_shape_words(a, one), graph_shape_words(b, other));
	node.product.rows      = a.dims[a.rank - 2];
	node.product.inner     = a.dims[a.rank - 1];
	node.product.columns   = b.dims[b.rank - 1];
	node.product.batches   = batches_of(out);
	node.product.x_step    = batches_of(a) > 1 ? node.product.rows * node.product.inner : 0;
	node.product.y_step    = batches_of(b) > 1 ? node.product.inner * node.product.columns : 0;
	out.dims[out.rank - 2] = node.product.rows;
	out.dims[out.rank - 1] = node.product.columns;
	return graph_append(build, node, inputs, 2, out, GRAPH_FLOAT);
}

uint32_t graph_add_matmul(struct graph_builder *build, uint32_t x, uint32_t y)
{
	static const uint8_t turned[2] = { 1, 0 };
	struct graph_shape   a, b, out;
	uint32_t             product;
	bool                 row, column;

	if (build->failed || x == GRAPH_NONE || y == GRAPH_NONE)
		return GRAPH_NONE;
	a = graph_shape_of(build, x);
	b = graph_shape_of(build, y);
	if (a.rank == 0 || b.rank == 0)
		return graph_refuse(build, "a single number cannot be multiplied as a matrix");
	row    = a.rank == 1;
	column = b.rank == 1;
	if (row)
		a = (struct graph_shape){ .rank = 2, .dims = { 1, a.dims[0] } };
	if (column)
		b = (struct graph_shape){ .rank = 2, .dims = { b.dims[0], 1 } };
	x = graph_add_view(build, x, a);
	y = graph_add_view(build, y, b);
	if (x == GRAPH_NONE || y == GRAPH_NONE)
		return GRAPH_NONE;
	if (b.rank == 2 && graph_is_constant(build, y))
		product = graph_add_dense(build, x, graph_add_transpose(build, y, turned),
					  GRAPH_NONE);
	else
		product = add_product(build, x, y);
	if (product == GRAPH_NONE || !(row || column))
		return product;
	out = graph_shape_of(build, product);
	if (column)
		out.rank--;
	if (row) {
		out.dims[out.rank - (column ? 1 : 2)] = out.dims[out.rank - 1];
		out.rank--;
	}
	return graph_add_view(build, product, out);
}

uint32_t graph_add_window(struct graph_builder *build, enum graph_op op, uint32_t x,
			  uint32_t weights, uint32_t bias, struct graph_window window)
{
	struct graph_node  node      = { .op = (uint8_t)op };
	uint32_t           inputs[3] = { x, weights, bias };
	uint32_t           count     = weights == GRAPH_NONE ? 1 : bias == GRAPH_NONE ? 2 : 3;
	struct graph_shape out;

	if (build->failed || x == GRAPH_NONE)
		return GRAPH_NONE;
	out = graph_shape_of(build, x);
	assert(out.rank == 3 && out.dims[0] == 1);
	window.channels_in = out.dims[1];
	window.length_in   = out.dims[2];
	node.window        = window;
	out.dims[1]        = window.channels_out;
	out.dims[2]        = window.length_out;
	return graph_append(build, node, inputs, count, out, GRAPH_FLOAT);
}

uint32_t graph_add_recurrent(struct graph_builder *build, enum graph_op op, const uint32_t *inputs,
			     uint32_t count, struct graph_recurrent recurrent)
{
	struct graph_node  node = { .op = (uint8_t)op, .recurrent = recurrent };
	struct graph_shape out  = { .rank = 2, .dims = { recurrent.steps, recurrent.hidden } };

	if (build->failed)
		return GRAPH_NONE;
	for (uint32_t i = 0; i < count; i++)
		if (inputs[i] == GRAPH_NONE)
			return GRAPH_NONE;
	/* The gates of one step, twice, and the two states. */
	node.work = (op == GRAPH_GRU ? 6 : 8) * recurrent.hidden + 2 * recurrent.hidden;
	return graph_append(build, node, inputs, count, out, GRAPH_FLOAT);
}
