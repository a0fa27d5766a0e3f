/* Operators that bring numbers of their own, and those that tell or take a shape as numbers. */
#include "runtime/model/read/onnx_node.h"

/* The number, or numbers, of a Constant's other attributes. */
static uint32_t plain_constant(struct onnx *o, const Onnx__AttributeProto *attribute)
{
	struct graph_shape shape = { 0 };
	float              values[64];

	if (attribute->has_f)
		return graph_add_number(&o->build, attribute->f);
	if (attribute->n_floats > 0 && attribute->n_floats <= UINT32_MAX)
		return graph_add_numbers(&o->build, attribute->floats,
					 (uint32_t)attribute->n_floats);
	if (attribute->n_ints > 64)
		return graph_refuse(&o->build, "more than 64 whole numbers in an attribute");
	if (!attribute->has_i && attribute->n_ints == 0)
		return graph_refuse(&o->build, "the constant is of a kind that is not supported");
	shape.rank    = attribute->has_i ? 0 : 1;
	shape.dims[0] = (uint32_t)attribute->n_ints;
	for (uint32_t i = 0; i < (attribute->has_i ? 1 : attribute->n_ints); i++)
		if (!onnx_whole(o, attribute->has_i ? attribute->i : attribute->ints[i],
				&values[i]))
			return GRAPH_NONE;
	return graph_add_constant(&o->build, GRAPH_WHOLE, shape, values);
}

bool onnx_constant_node(struct onnx *o, const struct onnx_operator *row)
{
	static const char *const    names[] = { "value",     "value_float", "value_floats",
						"value_int", "value_ints",  NULL };
	const Onnx__AttributeProto *found   = NULL;
	uint32_t                    tensor;
	bool                        empty = false;

	(void)row;
	for (uint32_t i = 0; names[i] && !found; i++)
		found = onnx_attribute(o, names[i]);
	if (!found) {
		graph_refuse(&o->build, "the constant is of a kind that is not supported");
		return false;
	}
	tensor = found->t ? onnx_constant(o, found->t, &empty) : plain_constant(o, found);
	if (!empty)
		return onnx_output(o, 0, tensor);
	return onnx_nothing(o, "is an empty constant");
}

static bool shape_from(struct onnx *o, const int64_t *dims, uint32_t rank,
		       struct graph_shape *shape)
{
	shape->rank = (uint8_t)rank;
	for (uint32_t d = 0; d < rank; d++) {
		if (dims[d] < 1 || dims[d] > GRAPH_FLOATS_MAX) {
			graph_refuse(&o->build, "a shape cannot have the dimension %lld",
				     (long long)dims[d]);
			return false;
		}
		shape->dims[d] = (uint32_t)dims[d];
	}
	return true;
}

bool onnx_constant_of_shape(struct onnx *o, const struct onnx_operator *row)
{
	const Onnx__AttributeProto *value = onnx_attribute(o, "value");
	struct graph_shape          shape, one = { 0 };
	int64_t                     dims[GRAPH_RANK_MAX];
	uint32_t                    rank, number;
	bool                        empty = false;

	(void)row;
	if (!onnx_input_ints(o, 0, dims, GRAPH_RANK_MAX, &rank) ||
	    !shape_from(o, dims, rank, &shape))
		return false;
	number = value && value->t ? onnx_constant(o, value->t, &empty)
				   : graph_add_number(&o->build, 0.0f);
	if (empty || number == GRAPH_NONE || graph_tensor(&o->build, number)->count != 1) {
		graph_refuse(&o->build, "the value must be one number");
		return false;
	}
	return onnx_output(
		o, 0, graph_add_expand(&o->build, graph_add_view(&o->build, number, one), shape));
}

bool onnx_shape_node(struct onnx *o, const struct onnx_operator *row)
{
	uint32_t           x = onnx_input(o, 0), start = 0, end;
	struct graph_shape shape, out                  = { .rank = 1 };
	int64_t            from, to;
	float              values[GRAPH_RANK_MAX];

	(void)row;
	if (x == GRAPH_NONE)
		return false;
	shape = graph_shape_of(&o->build, x);
	from  = onnx_int(o, "start", 0);
	to    = onnx_int(o, "end", shape.rank);
	start = (uint32_t)onnx_limited(from < 0 ? from + shape.rank : from, 0, shape.rank);
	end   = (uint32_t)onnx_limited(to < 0 ? to + shape.rank : to, start, shape.rank);
	if (end == start)
		return onnx_nothing(o, "is an empty shape");
	for (uint32_t d = start; d < end; d++)
		values[d - start] = (float)shape.dims[d];
	out.dims[0] = end - start;
	return onnx_output(o, 0, graph_add_constant(&o->build, GRAPH_WHOLE, out, values));
}

bool onnx_expand(struct onnx *o, const struct onnx_operator *row)
{
	struct graph_shape shape;
	int64_t            dims[GRAPH_RANK_MAX];
	uint32_t           x = onnx_input(o, 0), rank;

	(void)row;
	if (x == GRAPH_NONE || !onnx_input_ints(o, 1, dims, GRAPH_RANK_MAX, &rank) ||
	    !shape_from(o, dims, rank, &shape))
		return false;
	return onnx_output(o, 0, graph_add_expand(&o->build, x, shape));
}
