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
		return onnx_refuse_at(o, "opset_import",
				      "operator set %lld is not supported; allowed are "
				      "%d to %d",
				      (long long)o->opset, OPSET_MIN, OPSET_MAX);
	if (o->opset_ml < 0 || o->opset_ml > OPSET_ML_MAX)
		return onnx_refuse_at(o, "opset_import",
				      "operator set %lld of ai.onnx.ml is not "
				      "supported; allowed are 1 to %d",
				      (long long)o->opset_ml, OPSET_ML_MAX);
	if (o->opset == 0 && o->opset_ml == 0)
		return onnx_refuse_at(o, "opset_import", "the file names no operator set");
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
		return onnx_refuse_at(o, "graph", "the file holds no graph");
	if (graph->n_sparse_initializer > 0)
		return onnx_refuse_at(o, "graph", "sparse initializers are not supported");
	for (size_t n = 0; n < graph->n_node; n++)
		if (!graph->node[n]->op_type || !graph->node[n]->op_type[0])
			return onnx_refuse_at(o, "graph", "node %zu has no operator", n);
	for (size_t i = 0; i < graph->n_initializer; i++)
		if (!graph->initializer[i]->name)
			return onnx_refuse_at(o, "graph", "initializer %zu has no name", i);
	for (size_t i = 0; i < graph->n_input; i++)
		if (!graph->input[i]->name)
			return onnx_refuse_at(o, "graph", "input %zu has no name", i);
	for (size_t i = 0; i < graph->n_output; i++)
		if (!graph->output[i]->name)
			return onnx_refuse_at(o, "graph", "output %zu has no name", i);
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
	onnx_refuse_at(o, "graph", "no output holds numbers (float or double)");
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
		onnx_printable(name, sizeof(name), value->name);
		snprintf(place, sizeof(place), "initializer '%s'", name);
		if (value->made)
			return onnx_refuse_at(o, place, "is given twice");
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
	onnx_printable(shown, sizeof(shown), domain);
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

/* The logistic of the difference is the softmax of two; GRAPH_NONE when it is none. */
static uint32_t of_softmax(struct onnx *o, uint32_t tensor)
{
	struct graph_plan *plan = o->build.plan;
	struct graph_shape one  = { .rank = 2, .dims = { 1, 1 } },
			   two  = { .rank = 2, .dims = { 1, 2 } };
	uint32_t side[2], x = GRAPH_NONE;
	int32_t  step[GRAPH_RANK_MAX] = { 1, 1, 1, 1, 1, 1 };

	for (uint32_t n = 0; n < plan->node_count; n++)
		if (plan->nodes[n].output == plan->tensors[tensor].root &&
		    plan->nodes[n].op == GRAPH_SOFTMAX && plan->nodes[n].line.length == 2)
			x = plan->inputs[plan->nodes[n].first_input];
	if (x == GRAPH_NONE || graph_tensor(&o->build, x)->count != 2)
		return GRAPH_NONE;
	x = graph_add_view(&o->build, x, two);
	for (uint32_t i = 0; i < 2; i++) {
		uint32_t first[GRAPH_RANK_MAX] = { 0, i };

		side[i] = graph_add_slice(&o->build, x, first, step, one);
	}
	x = graph_add_walk(&o->build, GRAPH_SUB, side[1], side[0]);
	return graph_add_scalar(&o->build, GRAPH_SIGMOID, x, 0.0f, 0.0f);
}

/* Probabilities of two classes: the second's alone. */
static uint32_t second_of_two(struct onnx *o, const struct onnx_value *value)
{
	struct graph_shape shape                 = graph_shape_of(&o->build, value->tensor);
	uint32_t           first[GRAPH_RANK_MAX] = { 0, 1 };
	int32_t            step[GRAPH_RANK_MAX]  = { 1, 1, 1, 1, 1, 1 };
	uint32_t           logistic;

	if (value->second != GRAPH_NONE)
		return value->second;
	logistic = of_softmax(o, value->tensor);
	if (logistic != GRAPH_NONE)
		return logistic;
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
	return onnx_refuse_at(o, "graph",
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
		return onnx_refuse_at(o, "graph", "the output is made by no node");
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
		return onnx_refuse_at(o, "graph", "%u outputs; allowed are 1 to %u", tensor->count,
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
	if (!answer || !mark_needed(o, answer->name) || !read_initializers(o) || !onnx_inputs(o))
		return false;
	o->facts->feature_count = (uint16_t)o->build.plan->features;
	o->facts->steps         = (uint16_t)o->build.plan->steps;
	if (!onnx_feature_names(o) || !read_nodes(o) || !take_answer(o, answer))
		return false;
	onnx_printable(o->facts->objective, sizeof(o->facts->objective),
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
