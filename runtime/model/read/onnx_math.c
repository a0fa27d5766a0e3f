/* Operators that work number by number. */
#include <math.h>

#include "runtime/model/read/onnx_node.h"

bool onnx_scalar(struct onnx *o, const struct onnx_operator *row)
{
	return onnx_output(o, 0,
			   graph_add_scalar(&o->build, (enum graph_op)row->param, onnx_input(o, 0),
					    0.0f, 0.0f));
}

/* Activations with parameters, and their defaults. */
bool onnx_scalar_alpha(struct onnx *o, const struct onnx_operator *row)
{
	float a = 0.0f, b = 0.0f;

	switch (row->param) {
	case GRAPH_LEAKY_RELU: a = onnx_float(o, "alpha", 0.01f); break;
	case GRAPH_ELU: a = onnx_float(o, "alpha", 1.0f); break;
	case GRAPH_SELU:
		a = onnx_float(o, "alpha", 1.67326319217681884765625f);
		b = onnx_float(o, "gamma", 1.05070102214813232421875f);
		break;
	default: /* HARD_SIGMOID */
		a = onnx_float(o, "alpha", 0.2f);
		b = onnx_float(o, "beta", 0.5f);
		break;
	}
	return onnx_output(o, 0,
			   graph_add_scalar(&o->build, (enum graph_op)row->param, onnx_input(o, 0),
					    a, b));
}

bool onnx_binary(struct onnx *o, const struct onnx_operator *row)
{
	return onnx_output(o, 0,
			   graph_add_walk(&o->build, (enum graph_op)row->param, onnx_input(o, 0),
					  onnx_input(o, 1)));
}

/* Greater is Less with its sides swapped. */
bool onnx_swapped(struct onnx *o, const struct onnx_operator *row)
{
	return onnx_output(o, 0,
			   graph_add_walk(&o->build, (enum graph_op)row->param, onnx_input(o, 1),
					  onnx_input(o, 0)));
}

/* Whole numbers are divided towards zero. */
bool onnx_div(struct onnx *o, const struct onnx_operator *row)
{
	uint32_t      x = onnx_input(o, 0), y = onnx_input(o, 1);
	enum graph_op op = GRAPH_DIV;

	(void)row;
	if (x != GRAPH_NONE && graph_tensor(&o->build, x)->type == GRAPH_WHOLE)
		op = GRAPH_DIV_WHOLE;
	return onnx_output(o, 0, graph_add_walk(&o->build, op, x, y));
}

/* Of whole numbers, with the divisor's sign. */
bool onnx_mod(struct onnx *o, const struct onnx_operator *row)
{
	uint32_t x = onnx_input(o, 0), y = onnx_input(o, 1);

	(void)row;
	if (x == GRAPH_NONE || y == GRAPH_NONE)
		return false;
	if (onnx_int(o, "fmod", 0) || graph_tensor(&o->build, x)->type != GRAPH_WHOLE) {
		graph_refuse(&o->build,
			     "fmod, and the remainder of numbers that are not whole, are "
			     "not supported");
		return false;
	}
	return onnx_output(o, 0, graph_add_walk(&o->build, GRAPH_MOD_WHOLE, x, y));
}

/* Sum, Min, Max of any number: one after the other, in the file's order. */
bool onnx_variadic(struct onnx *o, const struct onnx_operator *row)
{
	uint32_t x = onnx_input(o, 0);

	for (uint32_t i = 1; i < o->node->n_input && x != GRAPH_NONE; i++)
		x = graph_add_walk(&o->build, (enum graph_op)row->param, x, onnx_input(o, i));
	return onnx_output(o, 0, x);
}

static bool limit_of(struct onnx *o, uint32_t input, float *limit)
{
	const float *values;
	uint32_t     tensor;

	if (!onnx_has_input(o, input))
		return true;
	tensor = onnx_input(o, input);
	values = tensor == GRAPH_NONE ? NULL : graph_constant_values(&o->build, tensor);
	if (!values || graph_tensor(&o->build, tensor)->count != 1) {
		graph_refuse(&o->build, "input %u must be one number known at load", input);
		return false;
	}
	*limit = values[0];
	return true;
}

/* Attributes up to opset 10, inputs since. */
bool onnx_clip(struct onnx *o, const struct onnx_operator *row)
{
	float low = -INFINITY, high = INFINITY;

	(void)row;
	if (o->opset < 11) {
		low  = onnx_float(o, "min", low);
		high = onnx_float(o, "max", high);
	} else if (!limit_of(o, 1, &low) || !limit_of(o, 2, &high)) {
		return false;
	}
	return onnx_output(o, 0,
			   graph_add_scalar(&o->build, GRAPH_CLIP, onnx_input(o, 0), low, high));
}

bool onnx_where(struct onnx *o, const struct onnx_operator *row)
{
	(void)row;
	return onnx_output(o, 0,
			   graph_add_where(&o->build, onnx_input(o, 0), onnx_input(o, 1),
					   onnx_input(o, 2)));
}

static uint32_t cast_to(struct onnx *o, uint32_t x, int64_t type)
{
	if (x == GRAPH_NONE)
		return x;
	switch (type) {
	case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT:
	case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE:
		return graph_add_retyped(&o->build, x, GRAPH_FLOAT);
	case ONNX__TENSOR_PROTO__DATA_TYPE__INT64:
	case ONNX__TENSOR_PROTO__DATA_TYPE__INT32:
		if (graph_tensor(&o->build, x)->type != GRAPH_FLOAT)
			return graph_add_retyped(&o->build, x, GRAPH_WHOLE);
		return graph_add_scalar(&o->build, GRAPH_TRUNCATE, x, 0.0f, 0.0f);
	case ONNX__TENSOR_PROTO__DATA_TYPE__BOOL:
		return graph_add_scalar(&o->build, GRAPH_TRUTH, x, 0.0f, 0.0f);
	default:
		return graph_refuse(&o->build,
				    "a cast to type %lld is not supported; allowed are "
				    "float, double, int32, int64 and bool",
				    (long long)type);
	}
}

bool onnx_cast(struct onnx *o, const struct onnx_operator *row)
{
	(void)row;
	onnx_ignore(o, "saturate");
	return onnx_output(o, 0, cast_to(o, onnx_input(o, 0), onnx_int(o, "to", 0)));
}

bool onnx_identity(struct onnx *o, const struct onnx_operator *row)
{
	const struct onnx_value *value;

	(void)row;
	if (!onnx_output(o, 0, onnx_input(o, 0)))
		return false;
	value = onnx_value(o, o->node->input[0]);
	if (onnx_has_output(o, 0)) {
		struct onnx_value *out = onnx_value(o, o->node->output[0]);

		out->second      = value->second;
		out->sums_to_one = value->sums_to_one;
	}
	return true;
}

/* When it answers, a dropout does nothing. */
bool onnx_dropout(struct onnx *o, const struct onnx_operator *row)
{
	const float *training;
	uint32_t     mode;

	(void)row;
	onnx_ignore(o, "ratio");
	onnx_ignore(o, "seed");
	if (onnx_has_input(o, 2)) {
		mode     = onnx_input(o, 2);
		training = mode == GRAPH_NONE ? NULL : graph_constant_values(&o->build, mode);
		if (!training || training[0] != 0.0f) {
			graph_refuse(&o->build, "training mode is not supported");
			return false;
		}
	}
	onnx_output_why_not(o, 1, "is the mask of a Dropout");
	return onnx_output(o, 0, onnx_input(o, 0));
}

bool onnx_gelu(struct onnx *o, const struct onnx_operator *row)
{
	static const char *const forms[] = { "none", "tanh", NULL };
	int                      form    = onnx_choice(o, "approximate", "none", forms);

	(void)row;
	if (form < 0)
		return false;
	return onnx_output(o, 0,
			   graph_add_scalar(&o->build, form ? GRAPH_GELU_TANH : GRAPH_GELU,
					    onnx_input(o, 0), 0.0f, 0.0f));
}
