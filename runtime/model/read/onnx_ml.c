/* ai.onnx.ml: what comes before a model (scaling, encoding, imputing) and after it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/model/read/onnx_node.h"

/* One number, or one for each column. */
static bool fits_columns(struct onnx *o, const char *name, uint32_t count, uint32_t x)
{
	const struct graph_tensor *in      = graph_tensor(&o->build, x);
	uint32_t                   columns = in->rank ? in->dims[in->rank - 1] : 1;

	if (count == 1 || count == columns)
		return true;
	graph_refuse(&o->build, "%s has %u numbers for an input of %u columns", name, count,
		     columns);
	return false;
}

/* (x - offset) * scale */
bool onnx_scaler(struct onnx *o, const struct onnx_operator *row)
{
	uint32_t     x      = onnx_input(o, 0), offsets, scales;
	const float *offset = onnx_floats(o, "offset", &offsets);
	const float *scale  = onnx_floats(o, "scale", &scales);

	(void)row;
	if (x == GRAPH_NONE || (offset && !fits_columns(o, "offset", offsets, x)) ||
	    (scale && !fits_columns(o, "scale", scales, x)))
		return false;
	if (offset)
		x = graph_add_walk(&o->build, GRAPH_SUB, x,
				   graph_add_numbers(&o->build, offset, offsets));
	if (scale)
		x = graph_add_walk(&o->build, GRAPH_MUL, x,
				   graph_add_numbers(&o->build, scale, scales));
	return onnx_output(o, 0, graph_add_retyped(&o->build, x, GRAPH_FLOAT));
}

/* The probabilities of two classes add to 1 already: dividing by their sum is left out of
 * the second's. */
bool onnx_normalizer(struct onnx *o, const struct onnx_operator *row)
{
	static const char *const   norms[] = { "MAX", "L1", "L2", NULL };
	static const enum graph_op ops[]   = { GRAPH_NORM_MAX, GRAPH_NORM_L1, GRAPH_NORM_L2 };
	uint32_t                   x       = onnx_input(o, 0), rank;
	int                        norm    = onnx_choice(o, "norm", "MAX", norms);
	const struct onnx_value   *value;

	(void)row;
	if (x == GRAPH_NONE || norm < 0)
		return false;
	rank = graph_tensor(&o->build, x)->rank;
	if (rank < 1 || rank > 2) {
		graph_refuse(&o->build, "the input must have one or two axes");
		return false;
	}
	if (!onnx_output(o, 0, graph_add_line(&o->build, ops[norm], x, rank - 1, rank)))
		return false;
	value = onnx_value(o, o->node->input[0]);
	if (norm == 1 && value->sums_to_one && onnx_has_output(o, 0)) {
		struct onnx_value *out = onnx_value(o, o->node->output[0]);

		out->second      = value->second;
		out->sums_to_one = true;
	}
	return true;
}

/* The numbers of a list of whole numbers, as constants hold them; NULL and a refusal. */
static float *wholes(struct onnx *o, const int64_t *ints, uint32_t count)
{
	float *out = malloc((count + 1) * sizeof(*out));

	if (!out)
		graph_refuse(&o->build, "no memory to load the model");
	for (uint32_t i = 0; out && i < count; i++) {
		if (onnx_whole(o, ints[i], &out[i]))
			continue;
		free(out);
		return NULL;
	}
	return out;
}

bool onnx_one_hot(struct onnx *o, const struct onnx_operator *row)
{
	uint32_t       x = onnx_input(o, 0), count, categories = GRAPH_NONE;
	const int64_t *ints  = onnx_int_list(o, "cats_int64s", &count);
	bool           zeros = onnx_int(o, "zeros", 1) != 0;
	float         *values;

	(void)row;
	if (onnx_attribute(o, "cats_strings")) {
		graph_refuse(&o->build, "categories of text are not supported");
		return false;
	}
	if (count == 0) {
		graph_refuse(&o->build, "there are no categories");
		return false;
	}
	values = wholes(o, ints, count);
	if (values)
		categories = graph_add_numbers(&o->build, values, count);
	free(values);
	/* Without `zeros`, an unknown category is an error: it answers NaN. */
	return onnx_output(o, 0, graph_add_one_hot(&o->build, x, categories, zeros ? 0.0f : NAN));
}

struct pair {
	float key, value;
};

static int by_key(const void *one, const void *other)
{
	float a = ((const struct pair *)one)->key, b = ((const struct pair *)other)->key;

	if (isnan(a) || isnan(b))
		return isnan(a) - isnan(b);
	return (a > b) - (a < b);
}

/* Keys must be told apart: the first of two equal ones would win in one program, the last
 * in another. */
static uint32_t look_up(struct onnx *o, uint32_t x, struct pair *pairs, uint32_t count,
			float missing)
{
	float   *flat = malloc((2ull * count + 1) * sizeof(*flat));
	uint32_t keys, values;

	if (!flat)
		return graph_refuse(&o->build, "no memory to load the model");
	qsort(pairs, count, sizeof(*pairs), by_key);
	for (uint32_t i = 0; i < count; i++) {
		flat[i]         = pairs[i].key;
		flat[count + i] = pairs[i].value;
		if (i > 0 && by_key(&pairs[i - 1], &pairs[i]) == 0) {
			free(flat);
			return graph_refuse(&o->build, "a key is given twice");
		}
	}
	keys   = graph_add_numbers(&o->build, flat, count);
	values = graph_add_numbers(&o->build, flat + count, count);
	free(flat);
	return graph_add_look_up(&o->build, x, keys, values, missing);
}

/* keys_* and values_* of opset 2; since 4 also as tensors. */
struct mapping {
	const float   *floats;
	const int64_t *ints;
	uint32_t       tensor;
	uint32_t       count;
};

static bool read_mapping(struct onnx *o, const char *side, struct mapping *mapping)
{
	const Onnx__AttributeProto *attribute;
	char                        name[32];
	bool                        empty;

	*mapping = (struct mapping){ .tensor = GRAPH_NONE };
	snprintf(name, sizeof(name), "%s_strings", side);
	attribute = onnx_attribute(o, name);
	if (attribute) {
		graph_refuse(&o->build, "%s of text are not supported", side);
		return false;
	}
	snprintf(name, sizeof(name), "%s_floats", side);
	mapping->floats = onnx_floats(o, name, &mapping->count);
	snprintf(name, sizeof(name), "%s_int64s", side);
	if (!mapping->floats)
		mapping->ints = onnx_int_list(o, name, &mapping->count);
	snprintf(name, sizeof(name), "%s_tensor", side);
	attribute = onnx_attribute(o, name);
	if (attribute && attribute->t) {
		mapping->tensor = onnx_constant(o, attribute->t, &empty);
		if (mapping->tensor != GRAPH_NONE)
			mapping->count = graph_tensor(&o->build, mapping->tensor)->count;
	}
	if (!o->build.failed && mapping->count == 0)
		graph_refuse(&o->build, "there are no %s of numbers", side);
	return !o->build.failed;
}

static bool mapped(struct onnx *o, const struct mapping *mapping, uint32_t i, float *out)
{
	if (mapping->ints)
		return onnx_whole(o, mapping->ints[i], out);
	*out = mapping->floats ? mapping->floats[i]
			       : graph_constant_values(&o->build, mapping->tensor)[i];
	return true;
}

/* What an unknown key gives. */
static bool default_of(struct onnx *o, const struct mapping *values, float *missing)
{
	const Onnx__AttributeProto *attribute = onnx_attribute(o, "default_tensor");
	bool                        empty;
	uint32_t                    tensor;

	onnx_ignore(o, "default_string");
	if (attribute && attribute->t) {
		tensor = onnx_constant(o, attribute->t, &empty);
		if (tensor == GRAPH_NONE)
			return false;
		*missing = graph_constant_values(&o->build, tensor)[0];
	} else if (values->ints) {
		onnx_ignore(o, "default_float");
		return onnx_whole(o, onnx_int(o, "default_int64", -1), missing);
	} else {
		onnx_ignore(o, "default_int64");
		*missing = onnx_float(o, "default_float", -0.0f);
	}
	return !o->build.failed;
}

bool onnx_label_encoder(struct onnx *o, const struct onnx_operator *row)
{
	uint32_t       x = onnx_input(o, 0), out = GRAPH_NONE;
	struct mapping keys, values;
	struct pair   *pairs;
	float          missing;
	bool           fine;

	(void)row;
	if (x == GRAPH_NONE || !read_mapping(o, "keys", &keys) ||
	    !read_mapping(o, "values", &values) || !default_of(o, &values, &missing))
		return false;
	if (keys.count != values.count) {
		graph_refuse(&o->build, "%u keys and %u values", keys.count, values.count);
		return false;
	}
	pairs = malloc(keys.count * sizeof(*pairs));
	fine  = pairs != NULL;
	if (!fine)
		graph_refuse(&o->build, "no memory to load the model");
	for (uint32_t i = 0; i < keys.count && fine; i++)
		fine = mapped(o, &keys, i, &pairs[i].key) && mapped(o, &values, i, &pairs[i].value);
	if (fine)
		out = look_up(o, x, pairs, keys.count, missing);
	free(pairs);
	if (values.ints)
		out = graph_add_retyped(&o->build, out, GRAPH_WHOLE);
	return onnx_output(o, 0, out);
}

bool onnx_imputer(struct onnx *o, const struct onnx_operator *row)
{
	uint32_t       x = onnx_input(o, 0), count, ints, tensor = GRAPH_NONE;
	const float   *values  = onnx_floats(o, "imputed_value_floats", &count);
	const int64_t *numbers = onnx_int_list(o, "imputed_value_int64s", &ints);
	float          missing = onnx_float(o, "replaced_value_float", 0.0f);
	int64_t        whole   = onnx_int(o, "replaced_value_int64", 0);
	float         *held;

	(void)row;
	if (values) {
		tensor = graph_add_numbers(&o->build, values, count);
	} else if (numbers) {
		held = wholes(o, numbers, ints);
		if (held && onnx_whole(o, whole, &missing))
			tensor = graph_add_numbers(&o->build, held, ints);
		free(held);
	} else {
		graph_refuse(&o->build, "there are no values to impute");
	}
	return onnx_output(o, 0, graph_add_impute(&o->build, x, tensor, missing));
}

/* A map from class to probability: the probabilities themselves. */
bool onnx_zip_map(struct onnx *o, const struct onnx_operator *row)
{
	onnx_ignore(o, "classlabels_strings");
	onnx_ignore(o, "classlabels_int64s");
	return onnx_identity(o, row);
}

/* Columns of the last axis. */
bool onnx_array_feature(struct onnx *o, const struct onnx_operator *row)
{
	uint32_t           x = onnx_input(o, 0), which = onnx_input(o, 1), rank;
	struct graph_shape flat = { .rank = 1 };

	(void)row;
	if (x == GRAPH_NONE || which == GRAPH_NONE)
		return false;
	if (graph_tensor(&o->build, x)->rank == 1) {
		struct graph_shape line = { .rank = 2,
					    .dims = { 1, graph_tensor(&o->build, x)->count } };

		x = graph_add_view(&o->build, x, line);
	}
	rank         = graph_tensor(&o->build, x)->rank;
	flat.dims[0] = graph_tensor(&o->build, which)->count;
	if (rank == 0) {
		graph_refuse(&o->build, "the input must have one axis or more");
		return false;
	}
	return onnx_output(o, 0,
			   graph_add_gather(&o->build, x, graph_add_view(&o->build, which, flat),
					    rank - 1));
}

bool onnx_binarizer(struct onnx *o, const struct onnx_operator *row)
{
	float threshold = onnx_float(o, "threshold", 0.0f);

	(void)row;
	return onnx_output(o, 0,
			   graph_add_scalar(&o->build, GRAPH_BINARIZE, onnx_input(o, 0), threshold,
					    0.0f));
}

/* Columns side by side. */
bool onnx_vectorizer(struct onnx *o, const struct onnx_operator *row)
{
	uint32_t inputs[GRAPH_INPUTS_MAX];

	(void)row;
	onnx_ignore(o, "inputdimensions");
	if (o->node->n_input > GRAPH_INPUTS_MAX) {
		graph_refuse(&o->build, "%zu inputs; allowed are %u", o->node->n_input,
			     GRAPH_INPUTS_MAX);
		return false;
	}
	for (uint32_t i = 0; i < o->node->n_input; i++) {
		struct graph_shape line = { .rank = 2, .dims = { 1, 0 } };

		inputs[i] = onnx_input(o, i);
		if (inputs[i] == GRAPH_NONE)
			return false;
		line.dims[1] = graph_tensor(&o->build, inputs[i])->count;
		inputs[i]    = graph_add_view(&o->build, inputs[i], line);
		inputs[i]    = graph_add_retyped(&o->build, inputs[i], GRAPH_FLOAT);
	}
	return onnx_output(o, 0,
			   graph_add_concat(&o->build, inputs, (uint32_t)o->node->n_input, 1));
}
