/* The graph's inputs: one row of features, a column each, or the steps of a sequence. */
#include <stdio.h>
#include <string.h>

#include "runtime/model/read/onnx_node.h"

struct input {
	const char        *name;
	struct graph_shape shape;
	bool               is_free[GRAPH_RANK_MAX];
	enum graph_type    type;
};

static bool read_input(struct onnx *o, const Onnx__ValueInfoProto *info, struct input *input)
{
	const Onnx__TypeProto__Tensor *tensor;
	char                           place[80], name[64];

	onnx_printable(name, sizeof(name), info->name);
	snprintf(place, sizeof(place), "input '%s'", name);
	*input = (struct input){ .name = info->name };
	if (!info->type || info->type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
		return onnx_refuse_at(o, place, "is not a tensor");
	tensor = info->type->tensor_type;
	switch (tensor->elem_type) {
	case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT:
	case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE: input->type = GRAPH_FLOAT; break;
	case ONNX__TENSOR_PROTO__DATA_TYPE__INT32:
	case ONNX__TENSOR_PROTO__DATA_TYPE__INT64: input->type = GRAPH_WHOLE; break;
	case ONNX__TENSOR_PROTO__DATA_TYPE__BOOL: input->type = GRAPH_BOOL; break;
	default:
		return onnx_refuse_at(o, place,
				      "is of type %d, which is not supported; features are "
				      "numbers",
				      tensor->elem_type);
	}
	if (!tensor->shape || tensor->shape->n_dim < 1 || tensor->shape->n_dim > 3)
		return onnx_refuse_at(o, place, "has %zu axes; allowed are 1 to 3",
				      tensor->shape ? tensor->shape->n_dim : 0);
	input->shape.rank = (uint8_t)tensor->shape->n_dim;
	for (uint32_t d = 0; d < input->shape.rank; d++) {
		const Onnx__TensorShapeProto__Dimension *dim   = tensor->shape->dim[d];
		bool                                     fixed = dim->value_case ==
			     ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;

		/* Some exporters write a free dimension as 0 or -1. */
		input->is_free[d] = !fixed || dim->dim_value <= 0;
		if (!input->is_free[d] && dim->dim_value > GRAPH_FLOATS_MAX)
			return onnx_refuse_at(o, place, "has a dimension of %lld",
					      (long long)dim->dim_value);
		input->shape.dims[d] = input->is_free[d] ? 1 : (uint32_t)dim->dim_value;
	}
	return true;
}

/* Is the value read by a GRU or LSTM, whose batch is axis 1?  Through casts and the like is
 * not looked. */
static bool feeds_recurrence(const struct onnx *o, const char *name)
{
	const Onnx__GraphProto *graph = o->file->graph;

	for (size_t n = 0; n < graph->n_node; n++) {
		const Onnx__NodeProto *node = graph->node[n];

		if (node->n_input > 0 && strcmp(node->input[0], name) == 0 &&
		    (strcmp(node->op_type, "GRU") == 0 || strcmp(node->op_type, "LSTM") == 0))
			return true;
	}
	return false;
}

/* The batch becomes 1: the free dimension, or in a file made for a fixed batch the first,
 * in a recurrence's input the second. */
static bool take_batch(struct onnx *o, struct input *input)
{
	struct graph_shape *shape = &input->shape;
	uint32_t            frees = 0, batch_axis;
	char                place[80], name[64];

	onnx_printable(name, sizeof(name), input->name);
	snprintf(place, sizeof(place), "input '%s'", name);
	for (uint32_t d = 0; d < shape->rank; d++)
		frees += input->is_free[d];
	if (frees > 1 || (shape->rank > 1 && input->is_free[shape->rank - 1]))
		return onnx_refuse_at(
			o, place,
			"has free dimensions beside the batch; the number of "
			"features and of steps must be fixed when the model is saved");
	if (frees == 1 || shape->rank == 1)
		return true;
	if (shape->rank == 3 && (shape->dims[0] == 1 || shape->dims[1] == 1))
		return true;
	batch_axis = shape->rank == 3 && feeds_recurrence(o, input->name) ? 1 : 0;
	if (shape->dims[batch_axis] > 1)
		o->batch = shape->dims[batch_axis];
	shape->dims[batch_axis] = 1;
	return true;
}

static bool set_name(struct onnx *o, uint32_t feature, const char *text, size_t length)
{
	struct model_facts *facts = o->facts;

	if (length < 1 || length > MODEL_NAME_BYTES_MAX)
		return onnx_refuse_at(o, "feature names",
				      "a name has %zu bytes; allowed are 1 to %u", length,
				      MODEL_NAME_BYTES_MAX);
	memcpy(facts->names[feature], text, length);
	facts->names[feature][length] = '\0';
	for (uint32_t i = 0; i < feature; i++)
		if (strcmp(facts->names[i], facts->names[feature]) == 0)
			return onnx_refuse_at(o, "feature names",
					      "two features have the same name");
	return true;
}

static bool add_input(struct onnx *o, const struct input *input, uint32_t offset)
{
	struct onnx_value *value = onnx_name(o, input->name);

	if (!value)
		return false;
	if (value->made)
		return onnx_refuse_at(o, "graph", "two inputs have the same name");
	value->made   = true;
	value->tensor = graph_add_input(&o->build, input->type, input->shape, offset);
	return value->tensor != GRAPH_NONE;
}

/* The one input: [features], [1, features], or a sequence of steps. */
static bool one_input(struct onnx *o, struct input *input)
{
	struct graph_plan *plan = o->build.plan;
	uint32_t           last;

	if (!take_batch(o, input))
		return false;
	last           = input->shape.rank - 1u;
	plan->features = input->shape.dims[last];
	plan->steps    = 1;
	for (uint32_t d = 0; d < last; d++)
		plan->steps *= input->shape.dims[d];
	if (plan->features > MODEL_FEATURES_MAX || plan->steps > MODEL_STEPS_MAX)
		return onnx_refuse_at(o, "graph",
				      "%u steps of %u features; allowed are %u steps of %u",
				      plan->steps, plan->features, MODEL_STEPS_MAX,
				      MODEL_FEATURES_MAX);
	return add_input(o, input, 0);
}

/* Columns of a data frame: an input each. */
static bool many_inputs(struct onnx *o, struct input *inputs, uint32_t count)
{
	struct graph_plan *plan = o->build.plan;

	plan->steps    = 1;
	plan->features = count;
	for (uint32_t i = 0; i < count; i++) {
		if (!take_batch(o, &inputs[i]))
			return false;
		if (graph_shape_count(inputs[i].shape, 1) != 1)
			return onnx_refuse_at(o, "graph",
					      "of several inputs, each must be one feature "
					      "([batch, 1]); input %u is not",
					      i);
		if (!set_name(o, i, inputs[i].name, strlen(inputs[i].name)) ||
		    !add_input(o, &inputs[i], i))
			return false;
	}
	o->facts->named = true;
	return true;
}

/* Older files list initializers among the inputs. */
bool onnx_inputs(struct onnx *o)
{
	const Onnx__GraphProto *graph = o->file->graph;
	struct input            inputs[MODEL_FEATURES_MAX];
	uint32_t                count = 0;

	for (size_t i = 0; i < graph->n_input; i++) {
		const struct onnx_value *value = onnx_value(o, graph->input[i]->name);

		if (value && value->made)
			continue;
		if (count == MODEL_FEATURES_MAX)
			return onnx_refuse_at(o, "graph", "more than %u inputs",
					      MODEL_FEATURES_MAX);
		if (!read_input(o, graph->input[i], &inputs[count++]))
			return false;
	}
	if (count == 0)
		return onnx_refuse_at(o, "graph", "there are no inputs");
	return count == 1 ? one_input(o, inputs) : many_inputs(o, inputs, count);
}

/* metadata "feature_names": names between commas, or as a JSON list of plain strings. */
bool onnx_feature_names(struct onnx *o)
{
	const char *text  = NULL;
	uint32_t    count = 0;

	for (size_t i = 0; i < o->file->n_metadata_props; i++) {
		const Onnx__StringStringEntryProto *entry = o->file->metadata_props[i];

		if (entry->key && entry->value && strcmp(entry->key, "feature_names") == 0)
			text = entry->value;
	}
	if (!text || o->facts->named)
		return true;
	while (*text) {
		size_t skip = strspn(text, " \t\r\n[]\",");
		size_t length;

		text += skip;
		length = strcspn(text, skip && text[-1] == '"' ? "\"" : ",]\"");
		if (length == 0)
			break;
		if (count == o->facts->feature_count)
			return onnx_refuse_at(o, "feature names", "there are more than %u features",
					      o->facts->feature_count);
		if (!set_name(o, count++, text, length))
			return false;
		text += length;
	}
	if (count != o->facts->feature_count)
		return onnx_refuse_at(o, "feature names", "%u names for %u features", count,
				      o->facts->feature_count);
	o->facts->named = true;
	return true;
}
