/* From an ONNX file to a plan: the wire format is walked (onnx_scan.c), libprotobuf-c
 * unpacks it, the answer is chosen among the graph's outputs, and the nodes it depends on
 * are read one by one into a network (graph/build.h).  An ensemble of trees that has the
 * row itself as its input, and whose sums are the answer, becomes a plain forest. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/model/forest/forest.h"
#include "runtime/model/read/onnx_node.h"
#include "runtime/model/read/onnx_scan.h"
#include "runtime/model/read/read.h"

#define OPSET_MIN    9
#define OPSET_MAX    21
#define OPSET_ML_MAX 5

static int refuse(struct failure *failure, const char *place, const char *words)
{
	*failure = (struct failure){ .reason = REASON_model_missing };
	snprintf(failure->place, sizeof(failure->place), "%s", place);
	snprintf(failure->detail, sizeof(failure->detail), "%s", words);
	return -1;
}

/* A refusal that belongs to no node: `place` and words with one number. */
__attribute__((format(printf, 3, 4))) static bool refuse_at(struct onnx *o, const char *place,
							    const char *words, ...)
{
	va_list arguments;

	if (o->build.failed)
		return false;
	o->build.failed   = true;
	*o->build.failure = (struct failure){ .reason = REASON_model_missing };
	snprintf(o->build.failure->place, sizeof(o->build.failure->place), "%s", place);
	va_start(arguments, words);
	vsnprintf(o->build.failure->detail, sizeof(o->build.failure->detail), words, arguments);
	va_end(arguments);
	return false;
}

static void printable(char *out, size_t out_bytes, const char *text)
{
	size_t i = 0;

	for (; text && text[i] && i + 1 < out_bytes; i++)
		out[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	out[i] = '\0';
}

/* ---- the file as a whole */

static bool read_opsets(struct onnx *o)
{
	for (size_t i = 0; i < o->file->n_opset_import; i++) {
		const Onnx__OperatorSetIdProto *set = o->file->opset_import[i];

		if (!set->domain || !set->domain[0] || strcmp(set->domain, "ai.onnx") == 0)
			o->opset = set->version;
		else if (strcmp(set->domain, "ai.onnx.ml") == 0)
			o->opset_ml = set->version;
	}
	if (o->opset != 0 && (o->opset < OPSET_MIN || o->opset > OPSET_MAX))
		return refuse_at(o, "opset_import",
				 "operator set %lld is not supported; allowed are "
				 "%d to %d",
				 (long long)o->opset, OPSET_MIN, OPSET_MAX);
	if (o->opset_ml < 0 || o->opset_ml > OPSET_ML_MAX)
		return refuse_at(o, "opset_import",
				 "operator set %lld of ai.onnx.ml is not "
				 "supported; allowed are 1 to %d",
				 (long long)o->opset_ml, OPSET_ML_MAX);
	if (o->opset == 0 && o->opset_ml == 0)
		return refuse_at(o, "opset_import", "the file names no operator set");
	/* Models of trees alone need only ai.onnx.ml's. */
	if (o->opset == 0)
		o->opset = OPSET_MIN;
	return true;
}

/* protobuf-c leaves what the file does not give as NULL. */
static bool whole_graph(struct onnx *o)
{
	const Onnx__GraphProto *graph = o->file->graph;

	if (!graph)
		return refuse_at(o, "graph", "the file holds no graph");
	if (graph->n_sparse_initializer > 0)
		return refuse_at(o, "graph", "sparse initializers are not supported");
	for (size_t n = 0; n < graph->n_node; n++)
		if (!graph->node[n]->op_type || !graph->node[n]->op_type[0])
			return refuse_at(o, "graph", "node %zu has no operator", n);
	for (size_t i = 0; i < graph->n_initializer; i++)
		if (!graph->initializer[i]->name)
			return refuse_at(o, "graph", "initializer %zu has no name", i);
	for (size_t i = 0; i < graph->n_input; i++)
		if (!graph->input[i]->name)
			return refuse_at(o, "graph", "input %zu has no name", i);
	for (size_t i = 0; i < graph->n_output; i++)
		if (!graph->output[i]->name)
			return refuse_at(o, "graph", "output %zu has no name", i);
	return true;
}

/* ---- the answer, and what it depends on */

/* Does this output hold numbers that a model answers with?  Labels (text, whole numbers) do
 * not; a map from class to probability does. */
static bool is_answer(const Onnx__ValueInfoProto *output)
{
	const Onnx__TypeProto *type = output->type;

	if (!type || type->value_case == ONNX__TYPE_PROTO__VALUE__NOT_SET)
		return true;
	if (type->value_case == ONNX__TYPE_PROTO__VALUE_SEQUENCE_TYPE ||
	    type->value_case == ONNX__TYPE_PROTO__VALUE_MAP_TYPE)
		return true;
	if (type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
		return false;
	return type->tensor_type->elem_type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT ||
	       type->tensor_type->elem_type == ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE;
}

static const Onnx__ValueInfoProto *choose_answer(struct onnx *o)
{
	const Onnx__GraphProto *graph = o->file->graph;

	for (size_t i = 0; i < graph->n_output; i++)
		if (is_answer(graph->output[i]))
			return graph->output[i];
	refuse_at(o, "graph", "no output holds numbers (float or double)");
	return NULL;
}

/* Nodes come in order, so one pass backwards finds all that the answer needs. */
static bool mark_needed(struct onnx *o, const char *answer)
{
	const Onnx__GraphProto *graph = o->file->graph;
	struct onnx_value      *value = onnx_name(o, answer);

	if (!value)
		return false;
	value->needed = true;
	for (size_t n = graph->n_node; n-- > 0;) {
		const Onnx__NodeProto *node   = graph->node[n];
		bool                   needed = false;

		for (size_t i = 0; i < node->n_output && !needed; i++) {
			value  = onnx_value(o, node->output[i]);
			needed = node->output[i][0] && value && value->needed;
		}
		for (size_t i = 0; i < node->n_input && needed; i++) {
			value = node->input[i][0] ? onnx_name(o, node->input[i]) : NULL;
			if (value)
				value->needed = true;
		}
		if (o->build.failed)
			return false;
	}
	return true;
}

static bool read_initializers(struct onnx *o)
{
	const Onnx__GraphProto *graph = o->file->graph;

	for (size_t i = 0; i < graph->n_initializer; i++) {
		struct onnx_value *value = onnx_name(o, graph->initializer[i]->name);
		char               place[80], name[64];

		if (!value)
			return false;
		printable(name, sizeof(name), value->name);
		snprintf(place, sizeof(place), "initializer '%s'", name);
		if (value->made)
			return refuse_at(o, place, "is given twice");
		value->made = true;
		if (!value->needed)
			continue;
		value->tensor = onnx_constant(o, graph->initializer[i], &value->empty);
		if (value->empty)
			value->why_not = "is an empty constant";
		if (o->build.failed) {
			snprintf(o->build.failure->place, sizeof(o->build.failure->place), "%s",
				 place);
			return false;
		}
	}
	return true;
}

/* ---- inputs: the row */

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

	printable(name, sizeof(name), info->name);
	snprintf(place, sizeof(place), "input '%s'", name);
	*input = (struct input){ .name = info->name };
	if (!info->type || info->type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
		return refuse_at(o, place, "is not a tensor");
	tensor = info->type->tensor_type;
	switch (tensor->elem_type) {
	case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT:
	case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE: input->type = GRAPH_FLOAT; break;
	case ONNX__TENSOR_PROTO__DATA_TYPE__INT32:
	case ONNX__TENSOR_PROTO__DATA_TYPE__INT64: input->type = GRAPH_WHOLE; break;
	case ONNX__TENSOR_PROTO__DATA_TYPE__BOOL: input->type = GRAPH_BOOL; break;
	default:
		return refuse_at(o, place,
				 "is of type %d, which is not supported; features are "
				 "numbers",
				 tensor->elem_type);
	}
	if (!tensor->shape || tensor->shape->n_dim < 1 || tensor->shape->n_dim > 3)
		return refuse_at(o, place, "has %zu axes; allowed are 1 to 3",
				 tensor->shape ? tensor->shape->n_dim : 0);
	input->shape.rank = (uint8_t)tensor->shape->n_dim;
	for (uint32_t d = 0; d < input->shape.rank; d++) {
		const Onnx__TensorShapeProto__Dimension *dim   = tensor->shape->dim[d];
		bool                                     fixed = dim->value_case ==
			     ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;

		/* Some exporters write a free dimension as 0 or -1. */
		input->is_free[d] = !fixed || dim->dim_value <= 0;
		if (!input->is_free[d] && dim->dim_value > GRAPH_FLOATS_MAX)
			return refuse_at(o, place, "has a dimension of %lld",
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

	printable(name, sizeof(name), input->name);
	snprintf(place, sizeof(place), "input '%s'", name);
	for (uint32_t d = 0; d < shape->rank; d++)
		frees += input->is_free[d];
	if (frees > 1 || (shape->rank > 1 && input->is_free[shape->rank - 1]))
		return refuse_at(o, place,
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
		return refuse_at(o, "feature names", "a name has %zu bytes; allowed are 1 to %u",
				 length, MODEL_NAME_BYTES_MAX);
	memcpy(facts->names[feature], text, length);
	facts->names[feature][length] = '\0';
	for (uint32_t i = 0; i < feature; i++)
		if (strcmp(facts->names[i], facts->names[feature]) == 0)
			return refuse_at(o, "feature names", "two features have the same name");
	return true;
}

static bool add_input(struct onnx *o, const struct input *input, uint32_t offset)
{
	struct onnx_value *value = onnx_name(o, input->name);

	if (!value)
		return false;
	if (value->made)
		return refuse_at(o, "graph", "two inputs have the same name");
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
		return refuse_at(o, "graph", "%u steps of %u features; allowed are %u steps of %u",
				 plan->steps, plan->features, MODEL_STEPS_MAX, MODEL_FEATURES_MAX);
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
			return refuse_at(o, "graph",
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
static bool read_inputs(struct onnx *o)
{
	const Onnx__GraphProto *graph = o->file->graph;
	struct input            inputs[MODEL_FEATURES_MAX];
	uint32_t                count = 0;

	for (size_t i = 0; i < graph->n_input; i++) {
		const struct onnx_value *value = onnx_value(o, graph->input[i]->name);

		if (value && value->made)
			continue;
		if (count == MODEL_FEATURES_MAX)
			return refuse_at(o, "graph", "more than %u inputs", MODEL_FEATURES_MAX);
		if (!read_input(o, graph->input[i], &inputs[count++]))
			return false;
	}
	if (count == 0)
		return refuse_at(o, "graph", "there are no inputs");
	return count == 1 ? one_input(o, inputs) : many_inputs(o, inputs, count);
}

/* metadata "feature_names": names between commas, or as a JSON list of plain strings. */
static bool read_names(struct onnx *o)
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
			return refuse_at(o, "feature names", "there are more than %u features",
					 o->facts->feature_count);
		if (!set_name(o, count++, text, length))
			return false;
		text += length;
	}
	if (count != o->facts->feature_count)
		return refuse_at(o, "feature names", "%u names for %u features", count,
				 o->facts->feature_count);
	o->facts->named = true;
	return true;
}

/* ---- nodes */

static bool read_node(struct onnx *o, const Onnx__NodeProto *node)
{
	const char                 *domain = node->domain ? node->domain : "";
	const struct onnx_operator *row    = onnx_operator(domain, node->op_type);
	int64_t                     opset;
	char                        shown[40];

	o->node            = node;
	o->attributes_read = 0;
	if (!graph_begin(&o->build, node->name, node->op_type))
		return false;
	printable(shown, sizeof(shown), domain);
	if (!row) {
		graph_refuse(&o->build, "the operator is not supported%s%s",
			     shown[0] ? "; its domain is " : "", shown);
		return false;
	}
	opset = row->domain[0] ? (o->opset_ml ? o->opset_ml : 1) : o->opset;
	if (opset < row->since || opset > row->until) {
		graph_refuse(&o->build,
			     "the operator is supported from operator set %d to %d; the "
			     "file uses %lld",
			     row->since, row->until, (long long)opset);
		return false;
	}
	if (node->n_input < row->inputs_min || node->n_input > row->inputs_max) {
		graph_refuse(&o->build, "%zu inputs; allowed are %u to %u", node->n_input,
			     row->inputs_min, row->inputs_max);
		return false;
	}
	return row->read(o, row) && onnx_attributes_done(o);
}

/* What only wraps a model's answer does not name it. */
static bool names_model(const char *op)
{
	static const char *const wraps[] = { "ZipMap",  "Identity",   "Cast",  "Reshape",
					     "Squeeze", "Normalizer", "Concat" };

	for (size_t i = 0; i < sizeof(wraps) / sizeof(*wraps); i++)
		if (strcmp(op, wraps[i]) == 0)
			return false;
	return true;
}

static bool read_nodes(struct onnx *o)
{
	const Onnx__GraphProto *graph = o->file->graph;

	for (size_t n = 0; n < graph->n_node; n++) {
		const Onnx__NodeProto *node   = graph->node[n];
		bool                   needed = false;

		for (size_t i = 0; i < node->n_output && !needed; i++) {
			const struct onnx_value *value = onnx_value(o, node->output[i]);

			needed = node->output[i][0] && value && value->needed;
		}
		if (needed && !read_node(o, node))
			return false;
		if (needed && names_model(node->op_type))
			o->objective = node->op_type;
	}
	return true;
}

/* ---- the end: which numbers, through which link */

/* Probabilities of two classes: the second's alone. */
static uint32_t second_of_two(struct onnx *o, const struct onnx_value *value)
{
	struct graph_shape shape                 = graph_shape_of(&o->build, value->tensor);
	uint32_t           first[GRAPH_RANK_MAX] = { 0, 1 };
	int32_t            step[GRAPH_RANK_MAX]  = { 1, 1, 1, 1, 1, 1 };

	if (value->second != GRAPH_NONE)
		return value->second;
	shape.dims[1] = 1;
	return graph_add_slice(&o->build, value->tensor, first, step, shape);
}

/* Is the answer a classifier's?  It is when the graph also gives a label. */
static bool gives_label(const struct onnx *o, const Onnx__ValueInfoProto *answer)
{
	const Onnx__GraphProto *graph = o->file->graph;

	for (size_t i = 0; i < graph->n_output; i++)
		if (graph->output[i] != answer && !is_answer(graph->output[i]))
			return true;
	return false;
}

/* Does a fixed output shape agree with what was made of a fixed batch? */
static bool check_batch(struct onnx *o, const Onnx__ValueInfoProto *answer, uint32_t count)
{
	uint64_t declared = 1;

	if (o->batch == 1 || !answer->type ||
	    answer->type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE ||
	    !answer->type->tensor_type->shape)
		return true;
	for (size_t d = 0; d < answer->type->tensor_type->shape->n_dim; d++) {
		int64_t dim = answer->type->tensor_type->shape->dim[d]->dim_value;

		if (dim < 1 || dim > GRAPH_FLOATS_MAX || declared > GRAPH_FLOATS_MAX)
			return true;
		declared *= (uint64_t)dim;
	}
	if (declared == (uint64_t)count * o->batch)
		return true;
	return refuse_at(o, "graph",
			 "the model is made for a batch of %u and does not answer each "
			 "row by itself; save it with a free batch",
			 o->batch);
}

static bool take_answer(struct onnx *o, const Onnx__ValueInfoProto *answer)
{
	const struct onnx_value   *value = onnx_value(o, answer->name);
	uint32_t                   output;
	const struct graph_tensor *tensor;
	enum model_link            link;

	if (!value || !value->made || value->tensor == GRAPH_NONE)
		return refuse_at(o, "graph", "the output is made by no node");
	output = value->tensor;
	tensor = graph_tensor(&o->build, output);
	if (!check_batch(o, answer, tensor->count))
		return false;
	if (tensor->count == 2 && tensor->rank == 2 && tensor->dims[1] == 2 &&
	    gives_label(o, answer))
		output = second_of_two(o, value);
	if (graph_finish(&o->build, output, &link))
		return false;
	output = o->build.plan->output;
	tensor = graph_tensor(&o->build, output);
	if (tensor->count > MODEL_OUTPUTS_MAX)
		return refuse_at(o, "graph", "%u outputs; allowed are 1 to %u", tensor->count,
				 MODEL_OUTPUTS_MAX);
	o->facts->link         = (uint8_t)link;
	o->facts->link_scale   = 1.0f;
	o->facts->output_count = (uint16_t)tensor->count;
	return true;
}

static bool read_graph(struct onnx *o)
{
	const Onnx__ValueInfoProto *answer;

	if (!read_opsets(o) || !whole_graph(o) || !onnx_values_make(o))
		return false;
	answer = choose_answer(o);
	if (!answer || !mark_needed(o, answer->name) || !read_initializers(o) || !read_inputs(o))
		return false;
	o->facts->feature_count = (uint16_t)o->build.plan->features;
	o->facts->steps         = (uint16_t)o->build.plan->steps;
	if (!read_names(o) || !read_nodes(o) || !take_answer(o, answer))
		return false;
	printable(o->facts->objective, sizeof(o->facts->objective),
		  o->objective ? o->objective : "Identity");
	return true;
}

/* A graph of one node, trees that read the row itself: the forest alone is the model. */
static struct forest_plan *lone_forest(struct graph_plan *plan)
{
	const struct graph_node   *node = &plan->nodes[0];
	const struct graph_tensor *in, *out;
	struct forest_plan        *forest;

	if (plan->node_count != 1 || node->op != GRAPH_FOREST || node->activation != GRAPH_NO_OP ||
	    plan->steps != 1)
		return NULL;
	in  = &plan->tensors[plan->inputs[node->first_input]];
	out = &plan->tensors[plan->output];
	if (plan->tensors[in->root].home != GRAPH_ROW || in->offset != 0 ||
	    in->count != plan->features || out->root != node->output ||
	    out->count != plan->tensors[node->output].count)
		return NULL;
	forest                      = plan->forests[node->forest];
	plan->forests[node->forest] = NULL;
	return forest;
}

static int read_model(struct bytes file, const Onnx__ModelProto *model, struct model_plan *plan,
		      struct failure *failure)
{
	struct onnx o = { .file = model, .facts = &plan->facts, .batch = 1 };

	o.build.failure = failure;
	o.build.origin  = GRAPH_NONE;
	o.build.plan    = graph_plan_new(file.size_bytes);
	if (!o.build.plan)
		return refuse(failure, "graph", "no memory to load the model");
	if (!read_graph(&o)) {
		free(o.values);
		graph_plan_free(o.build.plan);
		return -1;
	}
	free(o.values);
	plan->forest = lone_forest(o.build.plan);
	if (plan->forest) {
		graph_plan_free(o.build.plan);
		return 0;
	}
	plan->graph = o.build.plan;
	for (uint32_t i = 0; i < plan->graph->forest_count; i++)
		if (!forest_plan_close(plan->graph->forests[i]))
			return refuse(failure, "graph", "no memory to load the model");
	return 0;
}

bool onnx_is(struct bytes file)
{
	return file.size_bytes > 0 && file.data[0] == 0x08;
}

int onnx_read(struct bytes file, struct model_plan *plan, struct failure *failure)
{
	Onnx__ModelProto *model;
	int               result;

	if (onnx_scan(file, &onnx__model_proto__descriptor, failure))
		return -1;
	model = onnx__model_proto__unpack(NULL, file.size_bytes, file.data);
	if (!model)
		return refuse(failure, "byte 0",
			      "the file is not an ONNX model, or there is no memory "
			      "to load it");
	plan->facts.format = MODEL_ONNX;
	result             = read_model(file, model, plan, failure);
	onnx__model_proto__free_unpacked(model, NULL);
	return result;
}
